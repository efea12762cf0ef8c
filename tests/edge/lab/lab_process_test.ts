// needs: namespaces setpriv unshare sleep
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { readProcFile } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { until } from "../../support/until.ts";

/** What a program with a laboratory is allowed, and no more. */
const DENO = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--no-check",
  "--allow-read=.",
  "--allow-net",
  "--allow-run=setpriv,sleep",
  `--allow-ffi=${LIBC_PATHS.join(",")}`,
  "tests/edge/lab/lab_child.ts",
];
const ROOT = new URL("../../../", import.meta.url).pathname;

Deno.test("labRequirements: without rights it says what is missing and the line to run", async () => {
  const { line, process } = await startChild(["setpriv", "--bounding-set=-all", "--inh-caps=-all", ...DENO]);
  await process.status;
  assertEquals(line, {
    ok: false,
    isPrivilege: true,
    missing: "Network namespaces need root or a user namespace: unshare the network namespace was " +
      "refused (EPERM). Run: unshare -Ur herald demo",
  });
});

for (const [how, prefix] of [["root", []], ["user namespace", ["unshare", "-Ur"]]] as const) {
  Deno.test(`Lab: as ${how} it works, shows nothing outside, and kill -9 of its process leaves nothing`, async () => {
    const before = linksHere();
    const { line, process } = await startChild([...prefix, ...DENO]);
    assertEquals([line.ok, line.how, line.body], [true, how, "from n1"]);
    assertEquals(linksHere(), before);
    assert(isAlive(line.pid));
    process.kill("SIGKILL");
    await process.status;
    await until("the program inside the host is gone", () => !isAlive(line.pid));
    assertEquals(linksHere(), before);
  });
}

async function startChild(
  command: readonly string[],
): Promise<{ line: Record<string, unknown> & { pid: number }; process: Deno.ChildProcess }> {
  const [program, ...args] = command;
  const process = new Deno.Command(program!, { args, cwd: ROOT, stdout: "piped", stderr: "piped", stdin: "null" })
    .spawn();
  const stderr = new Response(process.stderr).text();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The child ended: ${await stderr}`);
    text += value;
  }
  await reader.cancel();
  return { line: JSON.parse(text), process };
}

function linksHere(): string[] {
  const netlink = Netlink.open();
  const names = netlink.listLinks().map(({ ifindex, name }) => `${ifindex} ${name}`);
  netlink.close();
  return names;
}

/** Alive and no zombie. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readProcFile(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
