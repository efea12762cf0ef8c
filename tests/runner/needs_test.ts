import { assertEquals } from "@std/assert/equals";
import { howToGet, missingNeeds } from "./needs.ts";

const machine = (commands: readonly string[], namespaces: "direct" | "unshare" | "none") => ({
  hasCommand: (name: string) => commands.includes(name),
  namespaces,
});

Deno.test("Needs: commands and namespaces that are not there are missing", () => {
  assertEquals(missingNeeds(["arping", "curl", "namespaces"], machine([], "none")), ["arping", "curl", "namespaces"]);
  assertEquals(missingNeeds(["arping", "curl", "namespaces"], machine(["curl"], "unshare")), ["arping"]);
  assertEquals(missingNeeds(["namespaces"], machine([], "direct")), []);
  assertEquals(missingNeeds([], machine([], "none")), []);
});

Deno.test("Needs: the line to type names each Debian package once", () => {
  assertEquals(howToGet([]), []);
  assertEquals(howToGet(["tcpdump", "arping", "curl", "arping"]), ["apt-get install -y arping curl tcpdump"]);
  assertEquals(howToGet(["nsenter", "unshare", "ip"]), ["apt-get install -y iproute2 util-linux"]);
});

Deno.test("Needs: kubectl is not in Debian, so the line builds it", () => {
  const [line, ...rest] = howToGet(["kubectl"]);
  assertEquals(rest, []);
  assertEquals(
    line?.includes("KUBEBUILDER_ASSETS") && line.endsWith("tests/support/kube_tools.ts kubectl"),
    true,
    line,
  );
});

Deno.test("Needs: what is made by a program of tests/support is no package, and the line runs that program", () => {
  const lines = howToGet(["linux.uml", "debian-kernel", "memberlist-peer", "qemu-system-x86_64"]);
  assertEquals(lines[0], "apt-get install -y user-mode-linux qemu-system-x86");
  assertEquals(lines.slice(1).map((line) => line.split(" ").at(-1)), [
    "tests/support/debian_kernel.ts",
    "tests/support/memberlist_peer.ts",
  ]);
});

Deno.test("Needs: without namespaces it says both ways to get them", () => {
  const [line] = howToGet(["namespaces", "curl"]);
  assertEquals(line?.startsWith("run as root, or allow user namespaces"), true, line);
});
