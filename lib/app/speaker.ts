/**
 * A speaker's control thread: follows the Kubernetes API, plans, tells the packet thread what is wanted, and reports.
 *
 *     Services, EndpointSlices, Nodes ──┐
 *     IPAddressPools, L2Advertisements ─┴─> Layer2Planner ─> WantedDiff ─> deltas ─> packet thread
 *     speaker Pods ───────────────────────────────────────────^                        │
 *     events, log, metrics, /status <─────────────────────────── who owns what, peers ─┘
 *
 * It decides nothing that has a deadline on the network. Several speakers may live in one process.
 */
import type { Json } from "../base/json.ts";
import { type KubeObject, type Resource, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { FromPacketThread, PeerState, WantedPeer } from "../base/wanted.ts";
import type { Decoded } from "../decision/config/decode.ts";
import { decodeEndpointSlice } from "../decision/config/endpoint_view.ts";
import type { LoadBalancerClasses } from "../decision/config/load_balancer_class.ts";
import { decodeNode } from "../decision/config/node_view.ts";
import { decodePod } from "../decision/config/pod_view.ts";
import type { Problem } from "../decision/config/problem.ts";
import { resolveConfig } from "../decision/config/resolve.ts";
import { decodeService } from "../decision/config/service_view.ts";
import { Layer2Planner } from "../decision/plan/layer2_planner.ts";
import type { ServiceL2Plan } from "../decision/plan/service_l2_plan.ts";
import { WantedDiff } from "../decision/plan/wanted_diff.ts";
import type { KubeClientFacts, Layer2Counts } from "../edge/http/metallb_metrics.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { EventRecorder } from "../edge/kube/events.ts";
import type { Reflector } from "../edge/kube/reflector.ts";
import { Caches } from "./caches.ts";
import { PacketPort } from "./packet_port.ts";

export interface SpeakerOptions {
  readonly node: string;
  /** Namespace of the metallb.io objects and of the speaker pods. */
  readonly namespace: string;
  /** Serve only these classes; `undefined`: only Services without a class. */
  readonly lbClasses: LoadBalancerClasses;
  readonly ignoreExcludeLb: boolean;
  /** `undefined`: speakers do not watch each other, every candidate counts as living. */
  readonly watch: SpeakerWatch | undefined;
  /** Patterns of interface names that are not used, as regular expression sources. */
  readonly exclusions: readonly string[];
  /** Network namespace of the packet thread; `undefined` for the process's own. */
  readonly namespacePath: string | undefined;
}

export interface SpeakerWatch {
  readonly address: string;
  /** The same on every speaker. */
  readonly port: number;
  /** Label selector of the speaker pods. */
  readonly labels: string;
  readonly secret: Uint8Array | undefined;
}

export interface SpeakerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** The packet thread ended on its own: the process cannot go on. */
  readonly onFailure: (message: string) => void;
}

interface Announcement {
  readonly owned: boolean;
  readonly reason: string;
  readonly elected: string | null;
}

export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #deps: SpeakerDeps;
  readonly #caches: Caches;
  readonly #services: Reflector;
  readonly #planner: Layer2Planner;
  readonly #diff = new WantedDiff();
  readonly #events: EventRecorder;
  readonly #packets: PacketPort;
  readonly #peers = new Map<string, WantedPeer>();
  readonly #peerStates = new Map<string, PeerState>();
  readonly #announcements = new Map<string, Announcement>();
  readonly #counterSlots = new Map<string, number>();
  readonly #pools = new Map<string, KubeObject>();
  readonly #l2Advertisements = new Map<string, KubeObject>();
  #problems: readonly Problem[] = [];
  #configChanged = false;
  #flushScheduled = false;
  #packetsReady = false;
  #stopping = false;

  /** Starts the packet thread; nothing is announced before `start` has filled the caches. */
  constructor(options: SpeakerOptions, deps: SpeakerDeps) {
    this.#options = options;
    this.#deps = deps;
    const { client, clock, rng, log } = deps;
    this.#planner = new Layer2Planner({
      ignoreExcludeLb: options.ignoreExcludeLb,
      lbClasses: options.lbClasses,
      node: options.node,
    });
    this.#events = new EventRecorder({ component: "metallb-speaker", host: options.node }, { client, clock, rng, log });
    this.#caches = new Caches({ ...deps, onSynced: () => this.#scheduleFlush() });
    this.#services = this.#addCaches();
    this.#packets = new PacketPort({
      node: options.node,
      generation: Math.trunc(clock.wallMs()),
      watch: options.watch,
      exclusions: options.exclusions,
      namespacePath: options.namespacePath,
    }, { onEvent: (event) => this.#receive(event) });
  }

  start(): void {
    this.#caches.start();
  }

  /** Hands every address over and ends; resolves when nothing is answered any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#packets.stop();
    await this.#caches.stop();
    await this.#events.flush(EVENT_FLUSH_MS);
    this.#events.stop();
  }

  /** Ends without a word to anybody, as a power cut would. */
  async cut(): Promise<void> {
    this.#stopping = true;
    await this.#packets.cut();
    await this.#caches.stop();
    this.#events.stop();
  }

  /** What `/readyz` asks. */
  get conditions(): readonly { readonly name: string; readonly ready: () => boolean }[] {
    return [
      { name: "caches", ready: () => this.#caches.synced },
      {
        name: "packetThread",
        // Asked first, so that it is always asked: what it remembers is when it was last asked.
        ready: () => this.#packets.isBeating(this.#deps.clock.now()) && this.#packetsReady,
      },
    ];
  }

  /** Addresses that this speaker announces now, with the Services that hold them. */
  announced(): { readonly address: string; readonly services: readonly string[] }[] {
    const wanted = this.#planner.plan.addresses;
    return [...this.#announcements].filter(([, { owned }]) => owned)
      .map(([address]) => ({ address, services: wanted.get(address)?.services ?? [] }));
  }

  /** All nodes that may announce an address, the preferred one first; empty when nobody may. */
  candidatesOf(address: string): readonly string[] {
    return this.#planner.plan.addresses.get(address)?.candidates ?? [];
  }

  /** Counters of the packet thread by address. */
  layer2Counters(): Layer2Counts[] {
    const { counters } = this.#packets;
    return [...this.#counterSlots].map(([ip, slot]) => ({
      ip,
      requestsReceived: counters.readAddress(slot, "requestsReceived"),
      responsesSent: counters.readAddress(slot, "responsesSent"),
      gratuitousSent: counters.readAddress(slot, "gratuitousSent"),
    }));
  }

  facts(): KubeClientFacts {
    const isStale = this.#problems.some(({ severity }) => severity === "error");
    return { ...this.#caches.facts(), configLoaded: this.#caches.synced, configStale: isStale };
  }

  async inspect(): Promise<Json> {
    return {
      program: "speaker",
      node: this.#options.node,
      ready: this.conditions.every(({ ready }) => ready()),
      announcements: Object.fromEntries([...this.#announcements].map(([address, state]) => [address, { ...state }])),
      peers: Object.fromEntries(this.#peerStates),
      problems: this.#problems as unknown as Json,
      plan: [...this.#planner.plan.services.values()].map(planPicture),
      caches: this.#caches.inspect(),
      packetThread: await this.#packets.inspect() ?? null,
    };
  }

  /** Returns the cache of the Services: events refer to its objects. */
  #addCaches(): Reflector {
    const { namespace, watch } = this.#options;
    const planner = this.#planner;
    const services = this.#follow(RESOURCES.services, decodeService, {
      upsert: (service) => planner.upsertService(service),
      remove: (key) => planner.removeService(key),
    });
    this.#follow(RESOURCES.endpointSlices, decodeEndpointSlice, {
      upsert: (slice) => planner.upsertSlice(slice),
      remove: (key) => planner.removeSlice(key),
    });
    this.#follow(RESOURCES.nodes, decodeNode, {
      upsert: (node) => planner.upsertNode(node),
      remove: (key) => planner.removeNode(key),
    });
    const configKinds = [
      { resource: RESOURCES.ipAddressPools, objects: this.#pools },
      { resource: RESOURCES.l2Advertisements, objects: this.#l2Advertisements },
    ];
    for (const { resource, objects } of configKinds) {
      this.#caches.add({ resource, namespace }, (change) => {
        if (change.kind === "upsert") objects.set(change.key, change.object);
        else objects.delete(change.key);
        this.#configChanged = true;
        this.#scheduleFlush();
      });
    }
    if (watch !== undefined) {
      this.#caches.add({ resource: RESOURCES.pods, namespace, labelSelector: watch.labels }, (change) => {
        this.#changePeer(change.key, change.kind === "upsert" ? change.object : undefined, watch.port);
        this.#scheduleFlush();
      });
    }
    return services;
  }

  /** Keeps what `decode` makes of a kind's objects; one that cannot be decoded is logged and counts as absent. */
  #follow<T>(
    resource: Resource,
    decode: (object: KubeObject) => Decoded<T>,
    into: { readonly upsert: (value: T) => void; readonly remove: (key: string) => void },
  ): Reflector {
    return this.#caches.add({ resource }, (change) => {
      const decoded = change.kind === "upsert" ? decode(change.object) : undefined;
      if (decoded?.ok) into.upsert(decoded.value);
      else into.remove(change.key);
      if (decoded?.ok === false) {
        this.#caches.countError();
        this.#logProblem("objectNotUnderstood", decoded.problem);
      }
      this.#scheduleFlush();
    });
  }

  /** Peers are the speaker pods with a node and an address; a pod that is going stays a peer until it is gone. */
  #changePeer(key: string, object: KubeObject | undefined, port: number): void {
    this.#peers.delete(key);
    if (object === undefined) return;
    const pod = decodePod(object);
    if (!pod.ok) {
      return this.#deps.log({ level: "warn", event: "podNotUnderstood", pod: key, error: pod.problem.message });
    }
    const { nodeName, ips, phase } = pod.value;
    const address = ips[0];
    const isOver = phase === "Succeeded" || phase === "Failed";
    if (nodeName === undefined || address === undefined || isOver || nodeName === this.#options.node) return;
    this.#peers.set(key, { node: nodeName, address, port });
  }

  /** One flush for all changes that come in one go. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || !this.#caches.synced || this.#stopping) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      if (!this.#stopping) this.#flush();
    });
  }

  #flush(): void {
    if (this.#configChanged) this.#resolveConfig();
    const { addresses } = this.#planner.refresh();
    const wanted = { addresses: this.#planner.plan.addresses, peers: peersByNode(this.#peers.values()) };
    for (const delta of this.#diff.next(wanted, { changed: addresses })) this.#packets.send(delta);
  }

  #resolveConfig(): void {
    this.#configChanged = false;
    const { config, problems } = resolveConfig({
      ipAddressPools: [...this.#pools.values()],
      l2Advertisements: [...this.#l2Advertisements.values()],
    });
    this.#planner.setConfig(config);
    this.#problems = problems;
    for (const { severity, kind, name, path, reason, message } of problems) {
      this.#deps.log({
        level: "warn",
        event: "configurationProblem",
        severity,
        kind,
        name,
        path,
        reason,
        error: message,
      });
    }
    this.#deps.log({ level: "info", event: "config reloaded", pools: config.pools.length, problems: problems.length });
  }

  #logProblem(event: string, problem: Problem): void {
    const { severity, kind, namespace, name, path, reason, message } = problem;
    this.#deps.log({ level: "warn", event, severity, kind, namespace, name, path, reason, error: message });
  }

  #receive(event: FromPacketThread): void {
    switch (event.kind) {
      case "ready":
        this.#packetsReady = true;
        return;
      case "ownership":
        return this.#changeOwnership(event);
      case "peer":
        this.#peerStates.set(event.node, event.state);
        this.#deps.log({
          level: "info",
          event: "peerChanged",
          node: this.#options.node,
          peer: event.node,
          state: event.state,
        });
        return;
      case "counterSlot":
        this.#counterSlots.set(event.address, event.slot);
        return;
      case "log":
        return this.#deps.log({ ...event.event, node: this.#options.node });
      case "failed":
        this.#packetsReady = false;
        if (!this.#stopping) this.#deps.onFailure(`the packet thread of ${this.#options.node} ended: ${event.message}`);
        return;
      case "stopped":
      case "inspected":
        return;
    }
  }

  #changeOwnership(event: FromPacketThread & { kind: "ownership" }): void {
    const { address, owned, reason, elected } = event;
    const before = this.#announcements.get(address);
    const wanted = this.#planner.plan.addresses.get(address);
    if (wanted === undefined && !owned) this.#announcements.delete(address);
    else this.#announcements.set(address, { owned, reason, elected });
    const services = wanted?.services ?? [];
    const { node } = this.#options;
    if (before?.owned !== true && owned) {
      this.#deps.log({
        level: "info",
        event: "serviceAnnounced",
        node,
        ips: [address],
        services,
        reason,
        protocol: "layer2",
      });
      for (const service of services) this.#recordAssigned(service);
    } else if (before?.owned === true && !owned) {
      this.#deps.log({ level: "info", event: "serviceWithdrawn", node, ips: [address], services, reason, elected });
    } else {
      this.#deps.log({ level: "debug", event: "ownershipChanged", node, ips: [address], owned, reason, elected });
    }
  }

  #recordAssigned(service: string): void {
    const object = this.#services.store.get(service);
    if (object === undefined) return;
    this.#events.record({
      object,
      type: "Normal",
      reason: "nodeAssigned",
      message: `announcing from node "${this.#options.node}" with protocol "layer2"`,
    });
  }
}

const EVENT_FLUSH_MS = 1000;

function planPicture({ key, pool, addresses, reason, message, excluded }: ServiceL2Plan): Json {
  return {
    service: key,
    pool: pool ?? null,
    addresses: addresses.map(({ address, candidates, interfaces }) => ({ address, candidates, interfaces })),
    reason: reason ?? null,
    message,
    excluded: excluded.map(({ node, reason, message }) => ({ node, reason, message })),
  };
}

/** One peer per node: of two pods on a node (a rolling update), the one whose key sorts last is the newer guess. */
function peersByNode(peers: Iterable<WantedPeer>): Iterable<WantedPeer> {
  return new Map([...peers].map((peer) => [peer.node, peer])).values();
}
