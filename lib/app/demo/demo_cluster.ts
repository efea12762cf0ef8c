/**
 * A whole cluster in one process: three nodes and a client on one Ethernet segment, the embedded Kubernetes API, the
 * real controller and a real speaker per node. Stage of `herald demo`, of tests and of benches.
 *
 * Hosts are Workers in network namespaces of their own; everything else runs on the main thread and talks to the API in
 * process. Nothing is created or named in the namespace that the process was started in.
 */
import { type KubeObject, type Resource, RESOURCES } from "../../base/kube.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { Log } from "../../base/log.ts";
import type { Mac } from "../../base/mac.ts";
import type { Rng } from "../../base/rng.ts";
import { type Clock, formatWallTime } from "../../base/time.ts";
import { EmbeddedApi } from "../../edge/embedded/embedded_api.ts";
import { KubeClient } from "../../edge/kube/client.ts";
import { Lab } from "../../edge/lab/lab.ts";
import type { LabHost } from "../../edge/lab/lab_host.ts";
import { Caches } from "../caches.ts";
import { Controller } from "../controller.ts";
import { LAN_SETTINGS } from "../memberlist_settings.ts";
import { Speaker } from "../speaker.ts";
import { Kubelet } from "./kubelet.ts";
import { ServiceProxy } from "./service_proxy.ts";

export const NAMESPACE = "metallb-system";
export const NODES = [
  { name: "node-a", address: "192.168.1.11", mac: 0x02_00_00_00_00_0a as Mac },
  { name: "node-b", address: "192.168.1.12", mac: 0x02_00_00_00_00_0b as Mac },
  { name: "node-c", address: "192.168.1.13", mac: 0x02_00_00_00_00_0c as Mac },
] as const;
export const CLIENT = { name: "client", address: "192.168.1.100", mac: 0x02_00_00_00_00_64 as Mac } as const;

const GOSSIP_PORT = 7946;
const WATCH_PORT = GOSSIP_PORT + 1;
const SPEAKER_LABELS = { app: "metallb", component: "speaker" };
const POLL_MS = 5;
/** How long a step of the demonstration may take before it counts as failed. */
const WAIT_LIMIT_MS = 10_000;

export interface DemoClusterOptions {
  readonly crds: readonly JsonObject[];
  /** Bearer token of the API over HTTPS. */
  readonly token: string;
}

export interface DemoClusterDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

export class DemoCluster {
  readonly lab: Lab;
  readonly api: EmbeddedApi;
  readonly client: KubeClient;
  readonly controller: Controller;
  readonly speakers = new Map<string, Speaker>();
  readonly #deps: DemoClusterDeps;
  readonly #secret: Uint8Array;
  readonly #caches: Caches;
  readonly #proxy: ServiceProxy;

  private constructor(parts: { lab: Lab; api: EmbeddedApi; client: KubeClient; deps: DemoClusterDeps }) {
    const { lab, api, client, deps } = parts;
    this.lab = lab;
    this.api = api;
    this.client = client;
    this.#deps = deps;
    this.#secret = new Uint8Array(16).map(() => deps.rng.u32() & 0xff);
    this.controller = new Controller({ namespace: NAMESPACE, lbClasses: undefined }, { ...deps, client });
    this.#caches = new Caches({ ...deps, client, onSynced: () => {} });
    new Kubelet({ nodes: NODES }, { ...deps, client, caches: this.#caches });
    this.#proxy = new ServiceProxy({ hosts: NODES.map(({ name }) => lab.host(name)) }, {
      caches: this.#caches,
      log: deps.log,
    });
  }

  /** Builds everything and starts it. Throws when the system refuses; nothing is left behind then. */
  static async create(options: DemoClusterOptions, deps: DemoClusterDeps): Promise<DemoCluster> {
    const hosts = [...NODES, CLIENT].map(({ name, address, mac }) => ({ name, mac, address: `${address}/24` }));
    const lab = await Lab.create({ hosts });
    const api = new EmbeddedApi({ crds: options.crds, token: options.token, serviceIpv6: true }, deps);
    const client = new KubeClient({ baseUrl: "http://api" }, { fetch: api.fetch });
    const cluster = new DemoCluster({ lab, api, client, deps });
    try {
      await Promise.all(NODES.map(({ name }) => silenceKernel(lab.host(name))));
      await cluster.#createObjects();
      cluster.#caches.start();
      cluster.controller.start();
      for (const { name } of NODES) await cluster.startSpeaker(name);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Starts the speaker of a node: its pod in the API and its threads here. */
  async startSpeaker(node: string): Promise<void> {
    const { address } = NODES.find(({ name }) => name === node)!;
    const speaker = new Speaker({
      node,
      namespace: NAMESPACE,
      lbClasses: undefined,
      ignoreExcludeLb: false,
      watch: { address, port: WATCH_PORT, labels: labelSelector(SPEAKER_LABELS), secret: this.#secret },
      membership: { port: GOSSIP_PORT, settings: LAN_SETTINGS },
      podName: `speaker-${node}`,
      exclusions: ["^lo$"],
      namespacePath: this.lab.host(node).namespacePath,
    }, {
      ...this.#deps,
      client: this.client,
      onFailure: (message) => this.#deps.log({ level: "error", event: "speakerFailed", node, error: message }),
    });
    this.speakers.set(node, speaker);
    speaker.start();
    await this.apply([speakerPod(node)]);
    await this.waitUntil(() => speaker.conditions.every(({ ready }) => ready()), `the speaker of ${node} is ready`);
  }

  /** Power cut: the node's speaker says nothing any more and its cable is dead. */
  async killNode(node: string): Promise<void> {
    const speaker = this.speakers.get(node);
    this.speakers.delete(node);
    await this.lab.host(node).cutCable();
    await speaker?.cut();
  }

  /** SIGTERM of a node's speaker. */
  async stopSpeaker(node: string): Promise<void> {
    const speaker = this.speakers.get(node);
    this.speakers.delete(node);
    await speaker?.stop();
    await this.client.remove(RESOURCES.pods, { namespace: NAMESPACE, name: `speaker-${node}` });
  }

  /** Creates objects or, where they exist, puts these over them; returns what `kubectl apply` would print. */
  async apply(objects: readonly KubeObject[]): Promise<string[]> {
    const lines: string[] = [];
    for (const object of objects) {
      const resource = resourceOf(object);
      const namespace = resource.namespaced ? object.metadata.namespace ?? "default" : undefined;
      const body = object as unknown as Record<string, unknown>;
      const created = await this.client.create(resource, { ...namespace === undefined ? {} : { namespace }, body });
      const { name } = object.metadata;
      const result = created.ok || created.error.reason !== "alreadyExists"
        ? created
        : await this.client.patch(resource, { namespace, name }, { type: "merge", body });
      if (!result.ok) throw new Error(`${resource.kind} ${name}: ${result.error.message}`);
      const group = resource.group === "" ? "" : `.${resource.group}`;
      lines.push(`${resource.kind.toLowerCase()}${group}/${name} ${created.ok ? "created" : "configured"}`);
    }
    return lines;
  }

  /** Addresses in the status of a Service. */
  async addressesOf(namespace: string, name: string): Promise<string[]> {
    const service = await this.client.get(RESOURCES.services, { namespace, name });
    if (!service.ok) return [];
    const status = service.value["status"] as { loadBalancer?: { ingress?: { ip?: string }[] } } | undefined;
    return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  }

  /** Name of the node whose speaker announces `address` now. */
  announcerOf(address: string): string | undefined {
    for (const [node, speaker] of this.speakers) {
      if (speaker.announced().some((announced) => announced.address === address)) return node;
    }
    return undefined;
  }

  /** Resolves when `condition` holds; throws with `what` in words after ten seconds. */
  async waitUntil(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const until = this.#deps.clock.now() + WAIT_LIMIT_MS;
    while (!await condition()) {
      if (this.#deps.clock.now() > until) {
        throw new Error(`it did not come about within ${WAIT_LIMIT_MS} ms that ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** The nodes hold every address that the Services have, and answer on it. */
  async proxySettled(): Promise<void> {
    await this.#proxy.settled();
  }

  async close(): Promise<void> {
    await Promise.all([...this.speakers.values()].map((speaker) => speaker.cut()));
    await this.controller.stop();
    await this.#caches.stop();
    await this.lab.close();
  }

  async #createObjects(): Promise<void> {
    const now = formatWallTime(this.#deps.clock.wallMs());
    await this.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }]);
    for (const node of NODES) {
      await this.apply([nodeObject(node.name)]);
      const body = { status: nodeStatus(node, now) };
      await this.client.patch(RESOURCES.nodes, { name: node.name, subresource: "status" }, { type: "merge", body });
    }
  }
}

/** Only Herald may answer ARP for addresses on `lo` (Linux ip-sysctl: arp_ignore, arp_announce). */
async function silenceKernel(host: LabHost): Promise<void> {
  for (const scope of ["all", "default", host.interface]) {
    await host.setSysctl(`net/ipv4/conf/${scope}/arp_ignore`, 1);
    await host.setSysctl(`net/ipv4/conf/${scope}/arp_announce`, 2);
  }
}

function nodeObject(name: string): KubeObject {
  const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
}

function nodeStatus({ name, address }: typeof NODES[number], now: string): Json {
  return {
    addresses: [{ type: "InternalIP", address }, { type: "Hostname", address: name }],
    conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", lastTransitionTime: now }],
    nodeInfo: { kubeletVersion: "v1.34.2" },
  };
}

function speakerPod(node: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `speaker-${node}`, namespace: NAMESPACE, labels: SPEAKER_LABELS },
    spec: { nodeName: node, hostNetwork: true, containers: [{ name: "speaker", image: "herald" }] },
  };
}

function labelSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
}

function resourceOf(object: KubeObject): Resource {
  const found = Object.values(RESOURCES).find(({ group, version, kind }) =>
    object.kind === kind && object.apiVersion === (group === "" ? version : `${group}/${version}`)
  );
  if (found === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not a kind that Herald knows`);
  return found;
}
