/**
 * Herald's programs as processes of their own: the API server, the controller and speakers, each started from its main
 * file with its own permission set, inside the hosts of a laboratory. Made to be killed.
 *
 * This thread enters the API host's namespace, so that a client in the test talks to the API over the segment.
 */
import { type KubeObject, type Resource, RESOURCES } from "../../../lib/base/kube.ts";
import { formatMac, type Mac } from "../../../lib/base/mac.ts";
import { KubeClient } from "../../../lib/edge/kube/client.ts";
import { loadTransport, type Transport } from "../../../lib/edge/kube/transport.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabChild, LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { pod, service } from "./cluster_stage.ts";
import { enter } from "./inside.ts";
import { until } from "./witness.ts";

export const NAMESPACE = "metallb-system";
export const API_ADDRESS = "192.168.77.2";
export const TOKEN = "test-token";
export const GUEST_TOKEN = "guest-token";
const API_PORT = 6443;
const LABELS = { app: "metallb", component: "speaker" };
const ROOT = new URL("../../../", import.meta.url).pathname;

export const macOf = (node: string): string => formatMac((0x02_00_5e_00_53_00 + Number(node.slice(1))) as Mac);
export const addressOf = (node: string): string => `192.168.77.1${node.slice(1)}`;

/** One line of a program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly event: string };

/** A process whose output goes to files, so that it can be read while it runs and after a kill. */
export class Program {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number }>;
  readonly #child: LabChild;
  readonly #path: string;

  private constructor(child: LabChild, path: string) {
    this.#child = child;
    this.#path = path;
    this.pid = child.pid;
    this.ended = child.result();
    // Nobody may be waiting when the laboratory closes.
    this.ended.catch(() => {});
  }

  static async start(host: LabHost, path: string, command: readonly string[]): Promise<Program> {
    const script = 'out="$1"; dir="$2"; shift 2; cd "$dir" && exec "$@" >"$out" 2>"$out.err"';
    return new Program(await host.spawn("sh", ["-c", script, "sh", path, ROOT, ...command]), path);
  }

  output(): string {
    return textOf(this.#path);
  }

  stderr(): string {
    return textOf(`${this.#path}.err`);
  }

  log(): LogLine[] {
    // The last line may be half written.
    return this.output().split("\n").slice(0, -1).filter((line) => line.startsWith("{")).map((line) =>
      JSON.parse(line)
    );
  }

  logged(event: string, limitMs?: number): Promise<LogLine> {
    return until(
      () => `"${event}" is logged; the end of the log: ${this.output().slice(-500)}${this.stderr().slice(-500)}`,
      () => this.log().find((line) => line.event === event),
      limitMs,
    );
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<number> {
    await this.signal(signal);
    return (await this.ended).code;
  }

  async signal(signal: Deno.Signal): Promise<void> {
    await this.#child.kill(signal);
  }
}

export class ProgramStage {
  readonly lab: Lab;
  readonly folder: string;
  readonly #leave: () => void;
  #runs = 0;
  #transport: Transport | undefined;

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.folder = folder;
    this.#leave = enter(lab.host("api").namespacePath);
  }

  /** Hosts `api`, `client` and `n1` … */
  static async create(options: { nodes: number }): Promise<ProgramStage> {
    const nodes = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`);
    const lab = await Lab.create({
      hosts: [
        { name: "api", address: `${API_ADDRESS}/24` },
        { name: "client", address: "192.168.77.100/24" },
        ...nodes.map((name) => ({
          name,
          address: `${addressOf(name)}/24`,
          mac: (0x02_00_5e_00_53_00 + Number(name.slice(1))) as Mac,
        })),
      ],
    });
    const folder = await Deno.makeTempDir({ prefix: "herald-programs-" });
    await Deno.writeTextFile(`${folder}/secretkey`, "a secret of the speakers, as kubectl would mount it");
    return new ProgramStage(lab, folder);
  }

  async close(): Promise<void> {
    this.#transport?.close();
    await this.lab.close();
    this.#leave();
    await Deno.remove(this.folder, { recursive: true });
  }

  get kubeconfig(): string {
    return `${this.folder}/kubeconfig`;
  }

  get client(): LabHost {
    return this.lab.host("client");
  }

  /** The same state as before when it ran already. Resolves when it serves. */
  async startApi(): Promise<Program> {
    const program = await Program.start(this.lab.host("api"), this.#logPath("api"), [
      ...deno("run", "-A", "tests/support/embedded_server.ts"),
      `--hostname=${API_ADDRESS}`,
      `--port=${API_PORT}`,
      `--data-file=${this.folder}/data`,
      `--kubeconfig-out=${this.kubeconfig}`,
      `--token=${TOKEN}`,
      `--guest-token=${GUEST_TOKEN}`,
    ]);
    await until(
      () => `the API serves; it said: ${program.stderr()}`,
      () => program.output().includes('"ready":true'),
    );
    return program;
  }

  /** As in one Pod whose container is started anew: what a killed one left is fenced for a second. */
  startController(flags: readonly string[] = []): Promise<Program> {
    const election = ["--pod-name=controller-1", "--leader-elect-lease-seconds=5"];
    // The embedded API calls nobody.
    const all = [...election, "--webhook-mode=disabled", ...flags];
    return this.#start("controller", { host: this.lab.host("api"), flags: all });
  }

  /** `permissions`: more of Deno's. */
  startSpeaker(
    node: string,
    flags: readonly string[] = [],
    permissions: readonly string[] = [],
  ): Promise<Program> {
    return this.#start("speaker", {
      host: this.lab.host(node),
      permissions,
      flags: [
        `--node-name=${node}`,
        `--ml-bindaddr=${addressOf(node)}`,
        "--ml-labels=app=metallb,component=speaker",
        `--ml-secret-key-path=${this.folder}`,
        ...flags,
      ],
    });
  }

  /** Any command line of a program, e.g. a wrong one. */
  startWith(
    name: "controller" | "speaker",
    options: {
      host: LabHost;
      flags: readonly string[];
      prefix?: readonly string[];
      permissions?: readonly string[];
    },
  ): Promise<Program> {
    return Program.start(options.host, this.#logPath(name), [
      ...options.prefix ?? [],
      // A list on the command line takes the place of the set's list of that kind, so it names everything again.
      ...deno(
        "run",
        `-P=${name}`,
        `--allow-net=${API_ADDRESS}:${API_PORT},0.0.0.0,[::],127.0.0.1`,
        `--allow-read=./lib,./wasm,/etc/metallb,${this.folder}`,
        ...options.permissions ?? [],
      ),
      `main_${name}.ts`,
      ...options.flags,
    ]);
  }

  #start(
    name: "controller" | "speaker",
    { flags, ...options }: { host: LabHost; flags: readonly string[]; permissions?: readonly string[] },
  ): Promise<Program> {
    return this.startWith(name, {
      ...options,
      flags: [`--kubeconfig=${this.kubeconfig}`, `--namespace=${NAMESPACE}`, ...flags],
    });
  }

  #logPath(name: string): string {
    return `${this.folder}/${++this.#runs}-${name}.log`;
  }

  /** A client with the rights of an administrator; survives a restart of the API. */
  async kube(): Promise<KubeClient> {
    if (this.#transport === undefined) {
      const loaded = await loadTransport({ kubeconfig: this.kubeconfig, env: {} });
      if (!loaded.ok) throw new Error(loaded.problem.message);
      this.#transport = loaded.transport;
    }
    const { baseUrl, fetch } = this.#transport;
    return new KubeClient({ baseUrl, requestTimeoutMs: 20_000 }, { fetch });
  }

  async create(resource: Resource, object: KubeObject): Promise<void> {
    const created = await (await this.kube()).create(resource, {
      ...resource.namespaced ? { namespace: object.metadata.namespace ?? "default" } : {},
      body: { ...object },
    });
    if (!created.ok) throw new Error(`${resource.kind} ${object.metadata.name}: ${created.error.message}`);
  }

  /** Namespace, nodes, speaker pods and one ready Pod behind every Service of these tests. */
  async createCluster(nodes: readonly string[]): Promise<void> {
    const { namespaces, nodes: nodeKind, pods } = RESOURCES;
    await this.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    for (const name of nodes) {
      const node = { apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } } };
      await this.create(nodeKind, node);
      await this.#writeStatus(nodeKind, node, { conditions: [{ type: "Ready", status: "True" }] });
      const metadata = { name: `speaker-${name}`, namespace: NAMESPACE, labels: LABELS };
      const spec = { nodeName: name, hostNetwork: true, containers: [{ name: "speaker", image: "herald" }] };
      const speaker = { apiVersion: "v1", kind: "Pod", metadata, spec };
      await this.create(pods, speaker);
      await this.#writeStatus(pods, speaker, running(addressOf(name)));
    }
    const backend = pod("backend");
    await this.create(pods, { ...backend, spec: { nodeName: nodes[0], containers: [{ name: "server", image: "x" }] } });
    await this.#writeStatus(pods, backend, running("10.0.0.9"));
  }

  createService(name: string, more: Record<string, unknown> = {}): Promise<void> {
    return this.create(RESOURCES.services, service(name, more));
  }

  /** Addresses by name of all Services in `default`. */
  async addresses(): Promise<Map<string, readonly string[]>> {
    const listed = await (await this.kube()).list(RESOURCES.services, { namespace: "default" });
    if (!listed.ok) throw new Error(listed.error.message);
    return new Map(listed.value.items.map((object) => {
      const { loadBalancer } = object["status"] as { loadBalancer?: { ingress?: { ip: string }[] } };
      return [object.metadata.name, (loadBalancer?.ingress ?? []).map(({ ip }) => ip)];
    }));
  }

  /** The one address of a Service, as soon as it has it. */
  addressOfService(name: string): Promise<string> {
    return until(`Service ${name} has an address`, async () => (await this.addresses()).get(name)?.[0]);
  }

  async #writeStatus(resource: Resource, object: KubeObject, status: Record<string, unknown>): Promise<void> {
    const { namespace, name } = object.metadata;
    const target = { ...namespace === undefined ? {} : { namespace }, name, subresource: "status" };
    const result = await (await this.kube()).patch(resource, target, { type: "merge", body: { status } });
    if (!result.ok) throw new Error(`${resource.kind} ${name}: ${result.error.message}`);
  }
}

/** Runs a test on a stage with API, cluster objects, a pool and an advertisement. */
export async function withPrograms(
  options: { nodes: number; addresses?: string },
  test: (stage: ProgramStage, api: Program) => Promise<void>,
): Promise<void> {
  const stage = await ProgramStage.create(options);
  try {
    const api = await stage.startApi();
    await stage.createCluster(Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`));
    const object = (kind: string, spec: Record<string, unknown>) => ({
      apiVersion: "metallb.io/v1beta1",
      kind,
      metadata: { name: "first", namespace: NAMESPACE },
      spec,
    });
    const range = options.addresses ?? "192.168.77.200-192.168.77.209";
    await stage.create(RESOURCES.ipAddressPools, object("IPAddressPool", { addresses: [range] }));
    await stage.create(RESOURCES.l2Advertisements, object("L2Advertisement", {}));
    await test(stage, api);
  } finally {
    await stage.close();
  }
}

function running(ip: string): Record<string, unknown> {
  const conditions = [{ type: "Ready", status: "True" }];
  return { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions };
}

function deno(command: string, ...args: readonly string[]): string[] {
  return [Deno.execPath(), command, "-q", "--cached-only", "--no-prompt", "--no-check", ...args];
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
