// needs: kubectl nsenter curl
/** `herald demo --keep`: the user's own kubectl, curl and nsenter with what it prints. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { findTool } from "../support/kube_tools.ts";
import { DemoProcess, outside } from "./demo_process.ts";
import { until } from "../support/until.ts";

const MANIFEST = `
apiVersion: v1
kind: Service
metadata: {name: mine}
spec:
  type: LoadBalancer
  selector: {app: mine}
  ports: [{port: 8000}]
---
apiVersion: v1
kind: Pod
metadata: {name: mine-1, labels: {app: mine}}
spec:
  containers: [{name: server, image: nginx}]
`;

Deno.test("herald demo --keep: kubectl makes a Service that gets an address and answers, until Ctrl-C", async () => {
  const before = outside();
  const demo = new DemoProcess(["demo", "--keep"]);
  try {
    const kubeconfig = (await demo.said(/export KUBECONFIG=(\S+)/))[1]!;
    const shell = (await demo.said(/a shell in client: +nsenter (--net=\S+)\n/))[1]!;
    const statusUrls = [...(await demo.said(/(status of the [^]*\/status\n)/))[0].matchAll(/http:\S+\/status/g)];
    assertEquals(statusUrls.length, 4);
    for (const [url] of statusUrls) {
      const status = JSON.parse(await run("curl", ["-sS", url]));
      assertEquals(status.ready, true);
    }

    const kubectl = (args: readonly string[], stdin?: string) =>
      run(findTool("kubectl")!, [`--kubeconfig=${kubeconfig}`, ...args], stdin);
    assertStringIncludes(await kubectl(["apply", "-f", "-"], MANIFEST), "service/mine created");
    const address = await until("the Service has an address", async () => {
      const path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
      return await kubectl(["get", "service", "mine", "-o", path]) || undefined;
    });
    assertEquals(address, "192.168.1.242");
    const answer = await until("the Service answers", async () => {
      return await run("nsenter", [shell, "curl", "-sS", "-m", "2", `http://${address}:8000/`]).catch(() => undefined);
    });
    assert(/^node-[abc] for pod mine-1\n$/.test(answer), answer);
    assertStringIncludes(await kubectl(["get", "pods", "-A", "-o", "wide"]), "mine-1");
    const described = await until("the events are there", async () => {
      const text = await kubectl(["describe", "service", "mine"]);
      return text.includes("nodeAssigned") && text;
    });
    assertStringIncludes(described, "IPAllocated");

    // A second apply changes nothing, and what is deleted is free again.
    assertStringIncludes(await kubectl(["apply", "-f", "-"], MANIFEST), "service/mine unchanged");
    await kubectl(["delete", "service", "mine"]);
    await until("nobody answers any more", async () => {
      return await run("nsenter", [shell, "curl", "-sS", "-m", "1", `http://${address}:8000/`]).then(
        () => false,
        () => true,
      );
    });
  } finally {
    demo.signal("SIGINT");
  }
  assertEquals(await demo.end(15_000), 130);
  assertEquals(outside(), before);
});

async function run(command: string, args: readonly string[], stdin?: string): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
