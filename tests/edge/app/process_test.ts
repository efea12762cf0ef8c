// needs: arping tcpdump curl
/** `main_controller.ts` and `main_speaker.ts` as a DaemonSet or Deployment runs them: flags, ports, signals, exit codes. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../../lib/base/kube.ts";
import {
  addressOf,
  API_ADDRESS,
  GUEST_TOKEN,
  macOf,
  type Program,
  ProgramStage,
  TOKEN,
  withPrograms,
} from "./program_stage.ts";
import { settledOwner, startSpeakers } from "./speakers.ts";
import { answeredBy, arping, curlStatus, unanswered, until } from "./witness.ts";

const HEALTH = "http://127.0.0.1:17472";

Deno.test("Programs: a Service gets an address, speakers answer, and each ends with 0 after SIGTERM or SIGINT", () =>
  withPrograms({ nodes: 2 }, async (stage) => {
    const controller = await stage.startController();
    const speakers = await startSpeakers(stage, ["n1", "n2"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    assertEquals(address, "192.168.77.200");
    const owner = await settledOwner(stage, address);
    assertEquals(await arping(stage.client, address, { count: 3 }), {
      sent: 3,
      received: 3,
      extra: 0,
      macs: [macOf(owner), macOf(owner), macOf(owner)],
    });
    for (const program of [controller, ...speakers.values()]) {
      assertEquals(program.log().filter(({ level }) => level === "error"), [], program.output());
      for (const line of program.log()) assert(typeof line["ts"] === "string" && typeof line.event === "string");
    }
    // The leaver hands over before it ends.
    const successor = owner === "n1" ? "n2" : "n1";
    assertEquals(await endOf(speakers.get(owner)!, "SIGTERM"), 0);
    await answeredBy(stage.client, address, macOf(successor));
    assertEquals(await endOf(speakers.get(successor)!, "SIGINT"), 0);
    await unanswered(stage.client, address);
    assertEquals(await endOf(controller, "SIGTERM"), 0);
  }));

Deno.test("Programs: health for everybody; metrics and status only over TLS with a token that may", () =>
  withPrograms({ nodes: 1 }, async (stage) => {
    const controller = await stage.startController();
    const speaker = await stage.startSpeaker("n1");
    const [apiHost, n1] = [stage.lab.host("api"), stage.lab.host("n1")];
    const programs = [
      { program: controller, host: apiHost, address: API_ADDRESS, conditions: ["caches"] },
      { program: speaker, host: n1, address: addressOf("n1"), conditions: ["caches", "packetThread"] },
    ];
    await stage.createService("web");
    await answeredBy(stage.client, await stage.addressOfService("web"), macOf("n1"));
    for (const { program, host, address } of programs) {
      await until("it is ready", async () => (await curlStatus(host, `${HEALTH}/readyz`)).status === 200);
      assertEquals((await curlStatus(host, `${HEALTH}/healthz`)).status, 200);
      assertEquals((await curlStatus(host, `${HEALTH}/metrics`)).status, 404);
      await program.logged("listening");
      for (const path of ["/metrics", "/status"]) {
        const url = `https://${address}:9120${path}`;
        const as = (token: string) => curlStatus(stage.client, url, ["-H", `Authorization: Bearer ${token}`]);
        assertEquals((await curlStatus(stage.client, url)).status, 401);
        assertEquals((await as("nobody's")).status, 401);
        assertEquals((await as(GUEST_TOKEN)).status, 403, program.output());
        assertEquals((await as(TOKEN)).status, 200);
        assertEquals((await curlStatus(stage.client, url.replace("https", "http"))).status, 0, "no plain HTTP");
        assertEquals(
          (await curlStatus(stage.client, url, ["--tlsv1.2", "--tls-max", "1.2"])).status,
          0,
          "TLS 1.3 only",
        );
      }
    }
    // The speaker's health is for the node alone, the controller's for the cluster.
    assertEquals((await curlStatus(stage.client, `http://${addressOf("n1")}:17472/healthz`)).status, 0);
    assertEquals((await curlStatus(stage.client, `http://${API_ADDRESS}:17472/healthz`)).status, 200);
    // In a cluster of IPv6 alone the kubelet asks at an address of that.
    assertEquals((await curlStatus(stage.lab.host("api"), "http://[::1]:17472/healthz")).status, 200);

    const authorization = ["-H", `Authorization: Bearer ${TOKEN}`];
    const read = async (address: string, path: string) =>
      (await curlStatus(stage.client, `https://${address}:9120${path}`, authorization)).body;
    const ofController = await read(API_ADDRESS, "/metrics");
    assertStringIncludes(ofController, 'metallb_allocator_addresses_in_use_total{pool="first"} 1');
    assertStringIncludes(ofController, 'metallb_allocator_addresses_total{pool="first"} 10');
    const ofSpeaker = await read(addressOf("n1"), "/metrics");
    assertStringIncludes(ofSpeaker, "metallb_k8s_client_config_loaded_bool 1");
    assert(/metallb_speaker_announced\{.*service="default\/web".*\} 1/.test(ofSpeaker), ofSpeaker);
    assert(/metallb_layer2_responses_sent\{ip="192\.168\.77\.200"\} [1-9]/.test(ofSpeaker), ofSpeaker);
    const status = JSON.parse(await read(addressOf("n1"), "/status"));
    assertEquals([status.program, status.node, status.ready, status.problems], ["speaker", "n1", true, []]);
    assertEquals(status.announcements["192.168.77.200"].owned, true);
    const controllerStatus = JSON.parse(await read(API_ADDRESS, "/status"));
    assertEquals([controllerStatus.program, controllerStatus.ready], ["controller", true]);
  }));

Deno.test("Programs: without the API server they keep trying, say that the caches are missing, and go on when it comes", async () => {
  const stage = await ProgramStage.create({ nodes: 1 });
  try {
    // The kubeconfig must exist; the server behind it does not run any more.
    const first = await stage.startApi();
    await stage.createCluster(["n1"]);
    await first.kill("SIGKILL");
    const programs = [
      { host: stage.lab.host("api"), program: await stage.startController() },
      { host: stage.lab.host("n1"), program: await stage.startSpeaker("n1") },
    ];
    for (const { host, program } of programs) {
      await program.logged("listening");
      const ready = await until("readyz answers", async () => {
        const answer = await curlStatus(host, `${HEALTH}/readyz`);
        return answer.status === 503 && answer;
      });
      assertStringIncludes(ready.body, "caches");
      assertEquals((await curlStatus(host, `${HEALTH}/healthz`)).status, 200);
    }
    await stage.startApi();
    for (const { host } of programs) {
      await until("it is ready", async () => (await curlStatus(host, `${HEALTH}/readyz`)).status === 200);
    }
    for (const { program } of programs) assertEquals(await endOf(program, "SIGTERM"), 0);
  } finally {
    await stage.close();
  }
});

Deno.test("Programs: called wrongly they end with 2 and every problem on stderr, and touch nothing", async (t) => {
  const stage = await ProgramStage.create({ nodes: 1 });
  const host = stage.lab.host("n1");
  try {
    for (
      const { name, flags, problems } of [
        {
          name: "speaker",
          flags: ["--port=99999", "--nope", "--log-level=loud"],
          problems: ["--nope is not a flag", '--port: "99999"', '--log-level: "loud"', "--node-name is required"],
        },
        {
          name: "controller",
          flags: ["--port", "x", "stray", "--health-probe-port=-1"],
          problems: ['--port: "x"', '"stray" is not a flag', '--health-probe-port: "-1"'],
        },
      ] as const
    ) {
      await t.step(name, async () => {
        const program = await stage.startWith(name, { host, flags });
        assertEquals((await program.ended).code, 2);
        const lines = program.stderr().trim().split("\n");
        assertEquals(lines.length, problems.length, program.stderr());
        for (const problem of problems) assertStringIncludes(program.stderr(), `herald ${name}: ${problem}`);
        assertEquals(program.output(), "");
      });
    }
    await t.step("--help", async () => {
      const program = await stage.startWith("speaker", { host, flags: ["--help"] });
      assertEquals((await program.ended).code, 0);
      assertStringIncludes(program.output(), "usage: main_speaker.ts --node-name … [FLAG…]");
      for (const line of program.output().split("\n")) assert(line.length <= 100, line);
    });
    for (
      const { why, name, flags, message } of [
        {
          why: "a kubeconfig that is not there",
          name: "controller",
          flags: [`--kubeconfig=${stage.folder}/none`, "--namespace=x"],
          message: `${stage.folder}/none`,
        },
        {
          why: "a kubeconfig that is none",
          name: "controller",
          flags: [`--kubeconfig=${stage.folder}/secretkey`, "--namespace=x"],
          message: `${stage.folder}/secretkey`,
        },
        {
          why: "an exclusion file that is broken",
          name: "speaker",
          flags: [
            "--kubeconfig=",
            "--namespace=x",
            "--node-name=n1",
            `--exclude-interfaces-file=${stage.folder}/broken`,
          ],
          message: "must be a list of regular expressions",
        },
        {
          why: "a secret key that is not there",
          name: "speaker",
          flags: [
            "--namespace=x",
            "--node-name=n1",
            "--ml-bindaddr=192.168.77.11",
            "--ml-labels=a=b",
            `--ml-secret-key-path=${stage.folder}/none`,
          ],
          message: `${stage.folder}/none/secretkey`,
        },
        {
          why: "a snapshot folder that Deno does not give it",
          name: "speaker",
          flags: ["--namespace=x", "--node-name=n1", "--snapshot-dir=/var/lib/other"],
          message: "--snapshot-dir: Deno may not write /var/lib/other; take /var/lib/herald",
        },
        {
          why: "no namespace",
          name: "controller",
          flags: [],
          message: "--namespace is required outside of a pod",
        },
        {
          why: "a watch address that is not the node's",
          name: "speaker",
          flags: ["--namespace=x", "--node-name=n1", "--ml-bindaddr=192.0.2.9", "--ml-labels=a=b"],
          message: "192.0.2.9",
        },
        {
          why: "a watch address that is nobody's",
          name: "speaker",
          flags: ["--namespace=x", "--node-name=n1", "--ml-bindaddr=0.0.0.0", "--ml-labels=a=b"],
          message: "--ml-bindaddr: 0.0.0.0 stands for any address",
        },
      ] as const
    ) {
      await t.step(`${name}: ${why} ends it with 1 and one clear line`, async () => {
        await Deno.writeTextFile(`${stage.folder}/broken`, "announcedInterfacesToExclude: eth0\n");
        const good = `${stage.folder}/good`;
        const user = {
          clusters: [{ name: "c", cluster: { server: `https://${API_ADDRESS}:6443` } }],
          users: [{ name: "u", user: {} }],
        };
        const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
        await Deno.writeTextFile(
          good,
          JSON.stringify({ ...user, contexts, "current-context": "x", kind: "Config", apiVersion: "v1" }),
        );
        const kubeconfig = flags.some((flag) => flag.startsWith("--kubeconfig=/")) ? [] : [`--kubeconfig=${good}`];
        const program = await stage.startWith(name, { host, flags: [...flags, ...kubeconfig] });
        assertEquals((await program.ended).code, 1, program.output());
        const last = program.log().at(-1)!;
        assertEquals([last.level, last.event], ["error", "programEnds"]);
        assertStringIncludes(String(last["error"]), message);
        assertEquals(program.stderr(), "");
      });
    }
  } finally {
    await stage.close();
  }
});

Deno.test("Programs: a speaker without the right to open packet sockets says so and ends with 1", () =>
  withPrograms({ nodes: 1 }, async (stage) => {
    const program = await stage.startWith("speaker", {
      host: stage.lab.host("n1"),
      prefix: ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"],
      flags: [`--kubeconfig=${stage.kubeconfig}`, "--namespace=metallb-system", "--node-name=n1"],
    });
    assertEquals((await program.ended).code, 1);
    const last = program.log().at(-1)!;
    assertEquals(last.event, "programEnds");
    assertStringIncludes(String(last["error"]), "EPERM");
    assertStringIncludes(String(last["error"]), "CAP_NET_RAW");
  }));

Deno.test("Programs: a speaker stays silent on interfaces that its exclusion file names, and shows why", () =>
  withPrograms({ nodes: 1 }, async (stage) => {
    const file = `${stage.folder}/excludel2.yaml`;
    await Deno.writeTextFile(file, 'announcedInterfacesToExclude: ["^lo$", "^eth.*"]\n');
    await stage.startController();
    const speaker = await stage.startSpeaker("n1", [`--exclude-interfaces-file=${file}`]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    await speaker.logged("announcedNowhere");
    assertEquals((await arping(stage.client, address, { count: 3 })).macs, []);
    const url = `https://${addressOf("n1")}:9120/status`;
    const { body } = await curlStatus(stage.client, url, ["-H", `Authorization: Bearer ${TOKEN}`]);
    assertEquals(JSON.parse(body).packetThread.notUsed.eth0, "excluded");
    assertEquals(await endOf(speaker, "SIGTERM"), 0);
    await stage.startSpeaker("n1");
    await answeredBy(stage.client, address, macOf("n1"));
  }));

Deno.test("Programs: a port that is taken ends a program with a message that names it", () =>
  withPrograms({ nodes: 1 }, async (stage) => {
    const first = await stage.startSpeaker("n1");
    await first.logged("listening");
    const second = await stage.startSpeaker("n1", ["--ml-bindaddr="]);
    assertEquals((await second.ended).code, 1);
    assertStringIncludes(String(second.log().at(-1)?.["error"]), "17472");
    await stage.createService("web");
    assertEquals(first.log().some(({ level }) => level === "error"), false);
    assertEquals(await endOf(first, "SIGTERM"), 0);
    assertEquals((await (await stage.kube()).list(RESOURCES.services, {})).ok, true);
  }));

/** Exit code after the signal, or an error with the end of the log when it does not end. */
async function endOf(program: Program, signal: Deno.Signal): Promise<number> {
  let code: number | undefined;
  const ended = program.kill(signal).then((status) => code = status);
  await until(() => `it ends after ${signal}: ${program.output().slice(-500)}`, () => code !== undefined);
  return await ended;
}
