/** A process with a laboratory, for tests that end it: prints one line when everything runs, then waits. */
import { Lab } from "../../../lib/edge/lab/lab.ts";
import { labRequirements } from "../../../lib/edge/lab/requirements.ts";

const requirements = await labRequirements({ command: "herald demo" });
if (!requirements.ok) {
  say(requirements);
  Deno.exit(0);
}
const lab = await Lab.create({
  hosts: [{ name: "n1", address: "192.168.77.11/24" }, { name: "client", address: "192.168.77.50/24" }],
});
await lab.host("n1").serveHttp({ address: "0.0.0.0", port: 8080, respond: "from n1" });
const { body } = await lab.host("client").httpGet("http://192.168.77.11:8080/");
const { pid } = await lab.host("n1").spawn("sleep", ["600"]);
say({ ...requirements, body, pid, namespacePath: lab.host("n1").namespacePath });
await new Promise((resolve) => setTimeout(resolve, 60_000));

function say(line: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}
