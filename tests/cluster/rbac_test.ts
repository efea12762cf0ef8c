// needs: kube-apiserver etcd kubectl curl namespaces
// permissions: --allow-all
/**
 * The install file on a real API server, and both programs with the rights that it gives them, by tokens of its
 * ServiceAccounts: nothing they ask for is refused, and no right is left over that they never use. The audit log is the
 * witness.
 *
 * All of it runs in a network namespace of its own, where the speaker has a cable to announce on, and nobody listens.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { parse } from "@std/yaml/parse";
import { RESOURCES } from "../../lib/base/kube.ts";
import { Lab } from "../../lib/edge/lab/lab.ts";
import { enter } from "../edge/app/inside.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { RealKubectl } from "../support/kubectl.ts";
import { type AuditedRequest, RealApiServer } from "../support/real_api_server.ts";
import { addressesIn, loadBalancer, must, NAMESPACE } from "../support/real_cluster.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/until.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const INSTALL = `${ROOT}manifests/herald.yaml`;
const PROGRAMS = ["controller", "speaker"] as const;
type Program = typeof PROGRAMS[number];

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

class Stage {
  readonly api: RealApiServer;
  readonly kubectl: RealKubectl;
  readonly folder: string;
  readonly webhookPort = freePort();
  readonly programs: ProgramProcess[] = [];
  readonly #lab: Lab;
  readonly #leave: () => void;

  private constructor(api: RealApiServer, { folder, lab, leave }: { folder: string; lab: Lab; leave: () => void }) {
    this.api = api;
    this.folder = folder;
    this.#lab = lab;
    this.#leave = leave;
    this.kubectl = new RealKubectl({ kubeconfig: `${folder}/admin`, home: folder });
  }

  static async start(): Promise<Stage> {
    const folder = await Deno.makeTempDir({ prefix: "herald-rbac-" });
    const lab = await Lab.create({ hosts: [{ name: "n1", address: "192.0.2.254/24" }] });
    // kube-apiserver looks for the interface of the default route, though it is to listen on loopback.
    await lab.host("n1").run("ip", ["route", "add", "default", "dev", "eth0"]);
    // What this thread starts from here on is there, too.
    const leave = enter(lab.host("n1").namespacePath);
    const api = await RealApiServer.start({ audit: true });
    await Deno.writeTextFile(`${folder}/admin`, api.kubeconfig({ server: api.url, credentials: "good" }));
    return new Stage(api, { folder, lab, leave });
  }

  async stop(): Promise<void> {
    for (const program of this.programs) await program.end("SIGKILL");
    await this.api.stop();
    this.#leave();
    await this.#lab.close();
    await Deno.remove(this.folder, { recursive: true });
  }

  /** On one machine nobody routes a ClusterIP, so the API server finds the webhooks on loopback. */
  async callLoopback(): Promise<void> {
    const name = "metallb-webhook-configuration";
    const shown = await this.kubectl.ok(`get validatingwebhookconfiguration ${name} -o json`);
    const object = JSON.parse(shown) as { webhooks: { clientConfig: { service: { path: string }; url?: string } }[] };
    const patch = object.webhooks.map(({ clientConfig: { service } }, index) => ({
      op: "replace",
      path: `/webhooks/${index}/clientConfig`,
      value: { url: `https://127.0.0.1:${this.webhookPort}${service.path}` },
    }));
    await this.kubectl.run([
      "patch",
      "validatingwebhookconfiguration",
      name,
      "--type=json",
      `--patch=${JSON.stringify(patch)}`,
    ]);
  }

  /** A kubeconfig of a ServiceAccount; in JSON, which is YAML too. */
  async account(program: Program): Promise<string> {
    const token = await this.kubectl.ok(`create token -n ${NAMESPACE} ${program}`);
    const config = JSON.parse(await Deno.readTextFile(`${this.folder}/admin`)) as { users: { user: unknown }[] };
    for (const each of config.users) each.user = { token };
    const path = `${this.folder}/${program}`;
    await Deno.writeTextFile(path, JSON.stringify(config));
    return path;
  }

  async create(text: string): Promise<void> {
    await this.kubectl.ok("create -f -", text);
  }

  /** What an account asked for, but for the pages that everybody may read. */
  async asked(program: Program): Promise<AuditedRequest[]> {
    const user = `system:serviceaccount:${NAMESPACE}:${program}`;
    return (await this.api.audited()).filter(({ user: { username }, objectRef }) =>
      username === user && objectRef !== undefined
    );
  }
}

Deno.test("the install file, and the rights of the programs", async (test) => {
  const stage = await Stage.start();
  const { kubectl } = stage;
  try {
    await test.step("kubectl applies it as a whole, without a warning, and finds nothing to change after it", async () => {
      const first = await kubectl.succeeds(`apply -f ${INSTALL}`);
      assertEquals(first.stderr, "");
      const again = await kubectl.ok(`apply -f ${INSTALL}`);
      const changed = again.split("\n").filter((line) => !line.endsWith(" unchanged"));
      assertEquals(changed, []);
    });

    await test.step("pods carry both sets of labels, and Services get an address with the programs' own rights", async () => {
      await exercise(stage);
    });

    for (const program of PROGRAMS) {
      await test.step(`the ${program} is refused nothing`, async () => {
        const refused = (await stage.asked(program)).filter(({ responseStatus }) => responseStatus?.code === 403);
        assertEquals(refused.map(textOf), []);
      });
      await test.step(`the ${program} has no right that it does not use`, async () => {
        const asked = await stage.asked(program);
        assert(asked.length > 10, "the audit log has requests of the account");
        assertEquals(surplus(await rulesOf(program), asked), []);
      });
    }
  } finally {
    await stage.stop();
  }
});

/** Everything that makes the programs use their rights, and waits until it was done. */
async function exercise(stage: Stage): Promise<void> {
  const { kubectl, api } = stage;
  const deployment = JSON.parse(await kubectl.ok(`get deployment -n ${NAMESPACE} controller -o json`));
  const { labels } = deployment.spec.template.metadata as { labels: Record<string, string> };
  assertEquals(labels["component"], "controller");
  assertEquals(labels["app.kubernetes.io/component"], "controller");
  await stage.callLoopback();
  const node = { metadata: { name: "n1" } };
  await must(api.admin.create(RESOURCES.nodes, { body: node }));
  for (const program of PROGRAMS) {
    const spec = { nodeName: "n1", containers: [{ name: program, image: "herald" }] };
    const metadata = { name: `${program}-1`, namespace: NAMESPACE, labels: { app: "metallb", component: program } };
    await must(api.admin.create(RESOURCES.pods, { namespace: NAMESPACE, body: { metadata, spec } }));
  }
  // Alone there, the ConfigMap of an old MetalLB is looked at.
  api.authorizationMode = "RBAC";
  await api.restart();
  const metricsPort = freePort();
  const controller = new ProgramProcess({
    kubeconfig: await stage.account("controller"),
    api: `127.0.0.1:${api.port}`,
    namespace: NAMESPACE,
    flags: [
      "--pod-name=controller-1",
      "--ml-secret-name=memberlist",
      "--deployment=controller",
      `--port=${metricsPort}`,
      "--webhook-mode=enabled",
      `--webhook-port=${stage.webhookPort}`,
    ],
  });
  stage.programs.push(controller);
  await controller.logged("leaderElected");
  await until("the webhooks answer", async () => {
    const made = await kubectl.run(["create", "-f", "-"], pool("first", "192.0.2.0/24"));
    return made.code === 0;
  }, 60_000);
  await stage.create(
    `{"apiVersion":"metallb.io/v1beta1","kind":"L2Advertisement","metadata":{"name":"l2","namespace":"${NAMESPACE}"}}`,
  );
  await leaveStatusBehind(stage);
  const speakerPort = freePort();
  const speaker = await startSpeaker(stage, speakerPort);
  await stage.create(JSON.stringify({ apiVersion: "v1", kind: "Service", ...loadBalancer("web", "default") }));
  const addresses = () => addressesIn(api, "default");
  await until("the Service has an address", async () => (await addresses()).get("web")?.[0] === "192.0.2.0");
  await must(api.admin.create(RESOURCES.endpointSlices, { namespace: "default", body: slice() }));
  await speaker.logged("serviceAnnounced");
  await until("the status of before is this speaker's now", async () => {
    const { items } = await must(api.admin.list(RESOURCES.serviceL2Statuses, { namespace: NAMESPACE }));
    return items.map(({ metadata }) => `${metadata.name} ${metadata.ownerReferences?.[0]?.name}`).join() ===
        "l2-before speaker-1" && (items[0]!["status"] as { node?: string } | undefined)?.node === "n1";
  });
  await bringEventsAgain(stage);
  for (const [program, port] of [["controller", metricsPort], ["speaker", speakerPort]] as const) {
    await scrape(stage, { program, port });
  }
  await until("both have reported on the configuration", async () => {
    const { items } = await must(api.admin.list(RESOURCES.configurationStates, { namespace: NAMESPACE }));
    return items.map(({ metadata }) => metadata.name).sort().join() === "controller,speaker-n1" &&
      items.every((item) => item["status"] !== undefined && item.metadata.ownerReferences?.[0]?.kind === "Pod");
  });
  await until("the counters are in the pool's status", async () => {
    const shown = await must(api.admin.get(RESOURCES.ipAddressPools, { namespace: NAMESPACE, name: "first" }));
    return (shown["status"] as { assignedIPv4?: number } | undefined)?.assignedIPv4 === 1;
  });
  const secret = await must(api.admin.get(RESOURCES.secrets, { namespace: NAMESPACE, name: "memberlist" }));
  assertEquals(secret.metadata.ownerReferences?.map(({ kind, name }) => `${kind}/${name}`), ["Deployment/controller"]);
  for (const program of stage.programs) assertEquals(await program.end("SIGTERM"), 0);
}

async function startSpeaker(stage: Stage, metricsPort: number): Promise<ProgramProcess> {
  const speaker = new ProgramProcess({
    program: "speaker",
    kubeconfig: await stage.account("speaker"),
    api: `127.0.0.1:${stage.api.port}`,
    namespace: NAMESPACE,
    flags: [
      "--node-name=n1",
      `--port=${metricsPort}`,
      "--pod-name=speaker-1",
      "--ml-bindaddr=127.0.0.1",
      `--ml-bindport=${freePort()}`,
      "--ml-labels=app=metallb,component=speaker",
    ],
  });
  stage.programs.push(speaker);
  return speaker;
}

/** As an earlier life of the speaker would: it is adopted. */
async function leaveStatusBehind({ api }: Stage): Promise<void> {
  const labels = {
    "metallb.io/node": "n1",
    "metallb.io/service-name": "web",
    "metallb.io/service-namespace": "default",
  };
  const metadata = { name: "l2-before", namespace: NAMESPACE, labels };
  await must(api.admin.create(RESOURCES.serviceL2Statuses, { namespace: NAMESPACE, body: { metadata, spec: {} } }));
}

/** The same event once more raises the count of the one that is there. */
async function bringEventsAgain({ kubectl, api }: Stage): Promise<void> {
  for (const type of ["ClusterIP", "LoadBalancer"]) {
    await kubectl.ok(`patch service web -p {"spec":{"type":"${type}"}}`);
    await until(`the address follows the type ${type}`, async () => {
      return ((await addressesIn(api, "default")).get("web")?.length ?? 0) === (type === "ClusterIP" ? 0 : 1);
    });
  }
  for (const component of ["metallb-controller", "metallb-speaker"]) {
    await until(`an event of ${component} is counted twice`, async () => {
      const { items } = await must(api.admin.list(RESOURCES.events, { namespace: "default" }));
      return items.some((item) =>
        (item["source"] as { component?: string }).component === component && Number(item["count"]) > 1
      );
    });
  }
}

async function scrape({ kubectl }: Stage, { program, port }: { program: Program; port: number }): Promise<void> {
  const scraper = `scraper-${program}`;
  await kubectl.ok(`create serviceaccount -n default ${scraper}`);
  await kubectl.ok(`create clusterrole ${scraper} --verb=get --non-resource-url=/metrics`);
  await kubectl.ok(`create clusterrolebinding ${scraper} --clusterrole=${scraper} --serviceaccount=default:${scraper}`);
  const token = await kubectl.ok(`create token ${scraper}`);
  const { code, stdout } = await new Deno.Command("curl", {
    args: [
      "-sk",
      "--retry",
      "30",
      "--retry-connrefused",
      "-H",
      `Authorization: Bearer ${token}`,
      `https://127.0.0.1:${port}/metrics`,
    ],
  }).output();
  assertEquals(code, 0);
  assert(new TextDecoder().decode(stdout).includes("metallb_k8s_client_config_loaded_bool 1"));
}

function pool(name: string, range: string): string {
  const metadata = { name, namespace: NAMESPACE };
  return JSON.stringify({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata,
    spec: { addresses: [range] },
  });
}

function slice(): Record<string, unknown> {
  return {
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ port: 80, protocol: "TCP" }],
    endpoints: [{ addresses: ["10.1.2.3"], nodeName: "n1", conditions: { ready: true } }],
  };
}

async function rulesOf(program: Program): Promise<Rule[]> {
  const text = await Deno.readTextFile(`${ROOT}manifests/install/10-rbac.yaml`);
  const objects = text.split(/^---$/m).map((part) =>
    parse(part) as { kind: string; metadata: { name: string }; rules?: Rule[] }
  );
  return objects.filter(({ kind, metadata: { name } }) =>
    /Role$/.test(kind) && (name === program || name === `metallb-system:${program}`)
  ).flatMap(({ rules }) => rules ?? []);
}

/** Each right, one by one, that no request used. */
function surplus(rules: readonly Rule[], asked: readonly AuditedRequest[]): string[] {
  const used = new Set(asked.flatMap(({ verb, objectRef }) => {
    const { apiGroup = "", resource, subresource, name = "" } = objectRef!;
    const full = subresource === undefined ? resource : `${resource}/${subresource}`;
    const right = `${apiGroup} ${full}`;
    // What an apply creates needs the right to create.
    const verbs = verb === "patch" && resource === "configurationstates" ? ["patch", "create"] : [verb];
    return verbs.flatMap((each) => [`${each} ${right} *`, `${each} ${right} ${name}`]);
  }));
  return rules.flatMap(({ apiGroups = [], resources = [], verbs, resourceNames = ["*"] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => `${verb} ${group} ${resource} ${name}`))
      )
    )
  ).filter((right) => !used.has(right));
}

function textOf({ verb, requestURI }: AuditedRequest): string {
  return `${verb} ${requestURI}`;
}
