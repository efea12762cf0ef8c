// needs: arping curl
/** `herald up` as a process in a network namespace, seen by arping from another host, while its files change. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { formatMac, type Mac } from "../../../lib/base/mac.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { Program } from "../app/program_stage.ts";
import { answeredBy, arping, unanswered, until } from "../app/witness.ts";

const NODE_MAC = 0x02_00_5e_00_53_01 as Mac;
const MAC = formatMac(NODE_MAC);
const NAMES = { node: "machine", client: "client" } as const;

const pool = (addresses: string) => `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first}
spec: {addresses: [${addresses}]}
`;
const ADVERTISEMENT = `
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all}
`;
const service = (name: string, more = "") => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: LoadBalancer, ports: [{port: 80}]${more}}
`;

interface Stage {
  readonly client: LabHost;
  readonly up: Program;
  readonly node: LabHost;
  /** Writes a file as an editor does: another one renamed over it. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  said(text: string): Promise<unknown>;
}

async function withUp(
  files: Readonly<Record<string, string>>,
  test: (stage: Stage) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const lab = await Lab.create({
    hosts: [
      { name: NAMES.node, address: "192.168.77.11/24", mac: NODE_MAC },
      { name: NAMES.client, address: "192.168.77.100/24" },
    ],
  });
  const folder = await Deno.makeTempDir({ prefix: "herald-up-" });
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/.${name}.new`, text);
    await Deno.rename(`${folder}/.${name}.new`, `${folder}/${name}`);
  };
  try {
    for (const [name, text] of Object.entries(files)) await write(name, text);
    const node = lab.host(NAMES.node);
    const run = [Deno.execPath(), "run", "-q", "--no-prompt", "-P=up", "--allow-read", "main_cli.ts", "up"];
    const line = [...run, "-f", folder, `--node-name=${NAMES.node}`, ...flags];
    const up = await Program.start(node, `${folder}/.output`, line);
    await test({
      client: lab.host(NAMES.client),
      node,
      up,
      write,
      remove: (name) => Deno.remove(`${folder}/${name}`),
      said: (text) =>
        until(() => `it says "${text}"; it said: ${up.output()}${up.stderr()}`, () => up.output().includes(text)),
    });
  } finally {
    await lab.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("herald up: addresses are announced, and follow the files while it runs", () =>
  withUp({ "a.yaml": `${pool("192.168.77.240/32")}---${ADVERTISEMENT}`, "web.yaml": service("web") }, async (stage) => {
    const { client, up } = stage;
    await answeredBy(client, "192.168.77.240", MAC);
    assertEquals((await arping(client, "192.168.77.240", { count: 3 })).extra, 0);
    await stage.said("default/web gets 192.168.77.240 from pool first");

    // The pool moves: the old address is let go, and the new one comes.
    await stage.write("a.yaml", `${pool("192.168.77.241/32")}---${ADVERTISEMENT}`);
    await answeredBy(client, "192.168.77.241", MAC);
    await unanswered(client, "192.168.77.240");
    await stage.said("IPAddressPool metallb-system/first changed");

    // A broken file changes nothing, and is told once.
    await stage.write("web.yaml", "kind: [");
    await stage.said("web.yaml:1: is not YAML");
    await stage.write("z.yaml", service("later"));
    await stage.said("nothing is changed before the files can be read");
    await answeredBy(client, "192.168.77.241", MAC);
    assertEquals(up.output().includes("later"), false);
    assertEquals(up.output().split("is not YAML").length, 2);

    // Mended, and one more: it waits, because the pool has one address.
    await stage.write("web.yaml", service("web"));
    await stage.said("default/later gets no address");

    // The Service's file goes: its address goes to the one that waits.
    await stage.remove("web.yaml");
    await stage.said("Service default/web deleted");
    await stage.said("default/later gets 192.168.77.241 from pool first");
    await answeredBy(client, "192.168.77.241", MAC);

    await up.signal("SIGTERM");
    assertEquals(await up.ended.then(({ code }) => code), 0);
    await unanswered(client, "192.168.77.241");
    assertStringIncludes(up.output(), "192.168.77.241 is not announced any more");
    assertEquals(up.stderr(), "");
  }));

Deno.test("herald up: an object that the API refuses keeps its last state, and the others go on", () =>
  withUp({ "all.yaml": `${pool("192.168.77.240/30")}---${ADVERTISEMENT}---${service("web")}` }, async (stage) => {
    const { client } = stage;
    await answeredBy(client, "192.168.77.240", MAC);
    const bad = service("web", ", sessionAffinity: Sometimes");
    await stage.write("all.yaml", `${pool("192.168.77.240/30")}---${ADVERTISEMENT}---${bad}---${service("api")}`);
    await stage.said("Service default/web is refused:");
    await stage.said("it stays as it was");
    await answeredBy(client, "192.168.77.241", MAC);
    await answeredBy(client, "192.168.77.240", MAC);
    // A semantic mistake disables its pool for what is new, and what it gave stays.
    await stage.write(
      "all.yaml",
      `${pool("192.168.77.240/33")}---${ADVERTISEMENT}---${service("web")}---${service("api")}`,
    );
    const problem = "error: IPAddressPool metallb-system/first spec.addresses[0]";
    await stage.said(problem);
    await answeredBy(client, "192.168.77.240", MAC);
    // Both programs see it.
    await stage.write("z.yaml", service("after"));
    await stage.said("Service default/after created");
    assertEquals(stage.up.output().split(problem).length, 2, stage.up.output());
  }));

Deno.test("herald up: kubectl's API and both status pages are on the loopback, where they are asked for", () =>
  withUp(
    { "all.yaml": `${pool("192.168.77.240/32")}---${ADVERTISEMENT}---${service("web")}` },
    async ({ node, said, client }) => {
      await said("status of the controller: http://127.0.0.1:9121/status");
      await answeredBy(client, "192.168.77.240", MAC);
      const page = async (url: string) => (await node.run("curl", ["-sk", "-m", "5", url])).stdout;
      assertEquals(JSON.parse(await page("http://127.0.0.1:9120/status")).announcements["192.168.77.240"].owned, true);
      assertStringIncludes(await page("http://127.0.0.1:9120/metrics"), "metallb_speaker_announced{");
      assertEquals(JSON.parse(await page("http://127.0.0.1:9121/status")).program, "controller");
      assertEquals(await page("https://127.0.0.1:6443/readyz"), "ok");
      // Without the token nobody sees an object.
      assertStringIncludes(await page("https://127.0.0.1:6443/api/v1/secrets"), "Unauthorized");
    },
    ["--port=6443", "--status=9120"],
  ));

Deno.test("herald up: calls that are wrong end with 2", async () => {
  const lines: [string[], string][] = [
    [["up"], "-f (--filename) is required"],
    [["up", "-f", "-"], "standard input cannot be read again"],
    [["up", "-f", "manifests/nowhere"], "manifests/nowhere: "],
  ];
  for (const [args, message] of lines) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "-P=up", "--allow-read", "main_cli.ts", ...args],
      cwd: new URL("../../..", import.meta.url).pathname,
    });
    const { code, stderr } = await command.output();
    assertEquals(code, 2);
    assertStringIncludes(new TextDecoder().decode(stderr), message);
  }
});
