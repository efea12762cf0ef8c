/**
 * What the network should see, from the Kubernetes API: a speaker's caches, its plan, and the deltas that follow from it.
 *
 *     Services, EndpointSlices, Nodes ──┐
 *     IPAddressPools, L2Advertisements ─┴─> Layer2Planner ─> WantedDiff ─> onDelta
 *     speaker Pods ───────────────────────────────────────────^
 *
 * It knows nothing of what the network does see: that is between the packet thread and `Speaker`.
 */
import type { Json } from "../base/json.ts";
import { type KubeObject, objectReference, type Resource, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { WantedAddress, WantedDelta, WantedPeer } from "../base/wanted.ts";
import type { Decoded } from "../decision/config/decode.ts";
import { decodeEndpointSlice } from "../decision/config/endpoint_view.ts";
import type { LoadBalancerClasses } from "../decision/config/load_balancer_class.ts";
import { decodeNode } from "../decision/config/node_view.ts";
import { problemsOfNode } from "../decision/config/node_problems.ts";
import { addressReachedFrom, decodePod } from "../decision/config/pod_view.ts";
import type { Problem } from "../decision/config/problem.ts";
import { resolveConfig } from "../decision/config/resolve.ts";
import { decodeService } from "../decision/config/service_view.ts";
import type { L2Plan } from "../decision/plan/l2_plan.ts";
import { Layer2Planner } from "../decision/plan/layer2_planner.ts";
import type { ServiceL2Plan } from "../decision/plan/service_l2_plan.ts";
import { WantedDiff } from "../decision/plan/wanted_diff.ts";
import type { KubeClientFacts, ProblemCount } from "../edge/http/metallb_metrics.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import type { Reflector } from "../edge/kube/reflector.ts";
import type { Schedule } from "../edge/kube/schedule.ts";
import type { StoreChange } from "../edge/kube/store.ts";
import { Caches } from "./caches.ts";
import { type ConfigKind, ConfigKinds, sameConfiguration } from "./config_kinds.ts";
import { coalesced } from "./coalesced.ts";
import { type LastHolders, LastHoldersWait, withLastHolders } from "./last_holders.ts";
import { OwnObjects } from "./own_objects.ts";
import { ProblemLog } from "./problem_log.ts";

export interface WantedSourceOptions {
  readonly node: string;
  /** Namespace of the metallb.io objects and of the speaker pods. */
  readonly namespace: string;
  /** Serve only these classes; `undefined`: only Services without a class. */
  readonly lbClasses: LoadBalancerClasses;
  readonly ignoreExcludeLb: boolean;
  /** Where the other speakers are found; `undefined`: nowhere. */
  readonly peers: PeerSource | undefined;
}

export interface PeerSource {
  readonly labels: string;
  /** Of every speaker's watch. */
  readonly port: number;
  /** Where this speaker is reached itself: the others are called at an address of the same family, else at their first. */
  readonly address?: string;
}

export interface WantedSourceDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
  /** In order, and none before all caches are filled or a snapshot was brought back. */
  readonly onDelta: (delta: WantedDelta) => void;
  /** What is told from now on is from a snapshot, or, after the deltas that took its place, is not. */
  readonly onRestored?: (restored: boolean) => void;
  /** Everything that is wrong with the configuration as this node sees it, each time it was looked at. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Services whose plan may have changed, after the deltas that follow from it. */
  readonly onPlanned?: (services: ReadonlySet<string>) => void;
  /** Who announced what before this speaker started; without it nothing is known of that. */
  readonly lastHolders?: LastHolders;
}

/** What is wanted by the last snapshot of the speaker that ran here before. */
export interface RestoredWanted {
  readonly addresses: readonly WantedAddress[];
  readonly peers: readonly WantedPeer[];
}

/** Beside pools and layer-2 advertisements, which nothing is announced without. */
const OPTIONAL_KINDS: readonly ConfigKind[] = [
  "bgpAdvertisements",
  "bgpPeers",
  "bfdProfiles",
  "communities",
  "secrets",
];

export class WantedSource {
  readonly #options: WantedSourceOptions;
  readonly #deps: WantedSourceDeps;
  readonly #caches: Caches;
  readonly #planner: Layer2Planner;
  readonly #diff = new WantedDiff();
  readonly #problemLog: ProblemLog;
  readonly #peers = new Map<string, WantedPeer>();
  readonly #services: Reflector;
  readonly #pools: Reflector;
  readonly #l2Advertisements: Reflector;
  readonly #nodes: Reflector;
  readonly #optional: ConfigKinds;
  readonly #lastHoldersWait: LastHoldersWait;
  readonly #ownObjects: OwnObjects;
  #configChanged = false;
  #stopped = false;
  /** The first snapshot was made. */
  #begun = false;
  /** Some advertisement leaves addresses where they are. */
  #hasFailbackPolicy = false;
  /** What stands in for the plan until the caches are filled: from a snapshot. */
  #restored: ReadonlyMap<string, WantedAddress> | undefined;
  readonly #flushSoon = coalesced(() => this.#flush());

  constructor(options: WantedSourceOptions, deps: WantedSourceDeps) {
    this.#options = options;
    this.#deps = deps;
    const { ignoreExcludeLb, lbClasses, node } = options;
    this.#planner = new Layer2Planner({ ignoreExcludeLb, lbClasses, node });
    this.#problemLog = new ProblemLog(deps);
    this.#caches = new Caches({ ...deps, onSynced: () => this.#scheduleFlush() });
    this.#services = this.#follow(RESOURCES.services, decodeService, {
      upsert: (service) => this.#planner.upsertService(service),
      remove: (key) => this.#planner.removeService(key),
      keep: objectReference,
    });
    this.#pools = this.#followConfig(RESOURCES.ipAddressPools);
    this.#l2Advertisements = this.#followConfig(RESOURCES.l2Advertisements);
    this.#nodes = this.#follow(RESOURCES.nodes, decodeNode, {
      upsert: (node) => this.#planner.upsertNode(node),
      remove: (key) => this.#planner.removeNode(key),
    });
    this.#lastHoldersWait = new LastHoldersWait({ holders: deps.lastHolders }, {
      schedule: deps.schedule,
      onLate: () => this.#scheduleFlush(),
    });
    const onChange = () => this.#changeConfig();
    const { namespace, peers } = options;
    this.#ownObjects = new OwnObjects({ node, namespace, labels: peers?.labels }, { ...deps, onChange });
    this.#addCaches();
    this.#optional = new ConfigKinds({ namespace: options.namespace, kinds: OPTIONAL_KINDS }, { ...deps, onChange });
  }

  start(): void {
    this.#caches.start();
    this.#optional.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lastHoldersWait.stop();
    this.#ownObjects.stop();
    await Promise.all([this.#caches.stop(), this.#optional.stop()]);
  }

  get synced(): boolean {
    return this.#caches.synced;
  }

  /** Something was heard of the API server since the start, though perhaps not everything. */
  get heard(): boolean {
    return this.#caches.heard;
  }

  /** The API server is heard now. */
  get connected(): boolean {
    return this.#caches.connected;
  }

  /** The API has been read, and the first deltas made of it are out. */
  get begun(): boolean {
    return this.#begun;
  }

  get plan(): L2Plan {
    const { plan } = this.#planner;
    return this.#restored === undefined ? plan : { services: plan.services, addresses: this.#restored };
  }

  get peers(): readonly WantedPeer[] {
    return [...peersByNode(this.#peers.values())];
  }

  /**
   * Goes on from what was wanted before the start, until the API has said what is wanted now: then only the difference
   * is told, so that what stays is not touched.
   */
  restore({ addresses, peers }: RestoredWanted): void {
    if (this.#stopped || this.#begun || this.synced) return;
    this.#begun = true;
    this.#restored = new Map(addresses.map((wanted) => [wanted.address, wanted]));
    this.#deps.onRestored?.(true);
    for (const delta of this.#diff.next({ addresses: this.#restored, peers })) this.#deps.onDelta(delta);
  }

  /** Nodes that have a speaker, this one included. */
  get speakers(): readonly string[] {
    return [this.#options.node, ...[...this.#peers.values()].map(({ node }) => node)];
  }

  /** The Service as far as events need it that refer to it. */
  service(key: string): KubeObject | undefined {
    return this.#services.store.get(key);
  }

  facts(): KubeClientFacts {
    const isRestored = this.#restored !== undefined;
    return {
      ...this.#caches.facts(),
      configLoaded: this.synced || isRestored,
      configStale: this.#problemLog.hasErrors || isRestored,
    };
  }

  problemCounts(): ProblemCount[] {
    return this.#problemLog.counts();
  }

  inspect(): { readonly problems: Json; readonly plan: Json; readonly caches: Json } {
    return {
      problems: this.#problemLog.inspect(),
      plan: [...this.#planner.plan.services.values()].map(planPicture),
      caches: [...this.#caches.inspect() as readonly Json[], ...this.#optional.inspect()],
    };
  }

  #addCaches(): void {
    const { namespace, peers } = this.#options;
    const planner = this.#planner;
    this.#follow(RESOURCES.endpointSlices, decodeEndpointSlice, {
      upsert: (slice) => planner.upsertSlice(slice),
      remove: (key) => planner.removeSlice(key),
      keep: objectReference,
    });
    if (peers !== undefined) {
      this.#caches.add({ resource: RESOURCES.pods, namespace, labelSelector: peers.labels }, (change) => {
        this.#changePeer(change.key, change.kind === "upsert" ? change.object : undefined, peers);
        this.#scheduleFlush();
      });
    }
  }

  /** A kind of configuration. A pool's status changes with every address, which is no change of configuration. */
  #followConfig(resource: Resource): Reflector {
    return this.#caches.add({ resource, namespace: this.#options.namespace }, (change) => {
      if (change.kind === "upsert" && sameConfiguration(change.object, change.previous)) return;
      this.#changeConfig();
    });
  }

  #changeConfig(): void {
    this.#configChanged = true;
    this.#scheduleFlush();
  }

  /**
   * Keeps what `decode` makes of a kind's objects; one that cannot be decoded is logged and counts as absent. `keep` says
   * what the cache keeps of them beside it.
   */
  #follow<T>(
    resource: Resource,
    decode: (object: KubeObject) => Decoded<T>,
    into: {
      readonly upsert: (value: T) => void;
      readonly remove: (key: string) => void;
      readonly keep?: (object: KubeObject) => KubeObject;
    },
  ): Reflector {
    const options = { resource, ...(into.keep === undefined ? {} : { keep: into.keep }) };
    return this.#caches.add(options, (change) => {
      const decoded = change.kind === "upsert" ? decode(change.object) : undefined;
      if (decoded?.ok) into.upsert(decoded.value);
      else into.remove(change.key);
      if (decoded?.ok === false) this.#refuse(decoded.problem);
      // Peers and advertisements may meet on a node by its labels.
      if (resource === RESOURCES.nodes && !isSameNode(change)) this.#changeConfig();
      this.#scheduleFlush();
    });
  }

  #refuse(problem: Problem): void {
    this.#caches.countError();
    this.#problemLog.tell("objectNotUnderstood", problem);
  }

  /** Peers are the speaker pods with a node and an address; a pod that is going stays a peer until it is gone. */
  #changePeer(
    key: string,
    object: KubeObject | undefined,
    { port, address: ownAddress }: PeerSource,
  ): void {
    this.#peers.delete(key);
    if (object === undefined) return this.#ownObjects.setPod(key, undefined);
    const pod = decodePod(object);
    if (!pod.ok) return this.#refuse(pod.problem);
    const { nodeName, ips, phase } = pod.value;
    this.#ownObjects.setPod(key, nodeName);
    const address = addressReachedFrom(ownAddress, ips);
    const isOver = phase === "Succeeded" || phase === "Failed";
    if (nodeName === undefined || address === undefined || isOver || nodeName === this.#options.node) return;
    this.#peers.set(key, { node: nodeName, address, port });
  }

  #scheduleFlush(): void {
    if (this.#caches.synced) this.#flushSoon();
  }

  #flush(): void {
    if (this.#stopped) return;
    this.#ownObjects.begin();
    if (this.#configChanged) this.#resolveConfig();
    // Who announced before decides only where addresses stay where they are.
    if (!this.#begun && this.#hasFailbackPolicy && this.#lastHoldersWait.waits()) return;
    const { addresses, services } = this.#planner.refresh();
    const all = this.#planner.plan.addresses;
    const { lastHolders } = this.#deps;
    const isFirst = !this.#begun && this.#hasFailbackPolicy && lastHolders !== undefined;
    const planned = isFirst ? withLastHolders(all, lastHolders) : all;
    this.#begun = true;
    const wanted = { addresses: planned, peers: peersByNode(this.#peers.values()) };
    // After a snapshot anything may have changed.
    const wasRestored = this.#restored !== undefined;
    this.#restored = undefined;
    for (const delta of this.#diff.next(wanted, wasRestored ? {} : { changed: addresses })) this.#deps.onDelta(delta);
    if (wasRestored) this.#deps.onRestored?.(false);
    this.#deps.onPlanned?.(services);
  }

  /** The holders of before are known now: nothing has to wait for them any more. */
  lastHoldersKnown(): void {
    this.#scheduleFlush();
  }

  #resolveConfig(): void {
    this.#configChanged = false;
    const optional = this.#optional.objects();
    const resolved = resolveConfig({
      ipAddressPools: [...this.#pools.store.values()],
      l2Advertisements: [...this.#l2Advertisements.store.values()],
      nodes: [...this.#nodes.store.values()],
      ...optional,
    });
    const { config } = resolved;
    const problems = [
      ...problemsOfNode(resolved.problems, {
        bgpPeers: optional.bgpPeers ?? [],
        bgpAdvertisements: optional.bgpAdvertisements ?? [],
        labels: this.#nodes.store.get(this.#options.node)?.metadata.labels,
      }),
      ...this.#ownObjects.problems([...this.#nodes.store.keys()]),
    ];
    this.#planner.setConfig(config);
    this.#hasFailbackPolicy = config.l2Advertisements.some(({ policy }) => policy.failback !== "immediate");
    this.#problemLog.replace(problems);
    this.#deps.onProblems(problems);
    // MetalLB's word for it (reference §13).
    this.#deps.log({ level: "info", event: "config reloaded", pools: config.pools.length, problems: problems.length });
  }
}

function planPicture({ key, pool, addresses, reason, message, excluded }: ServiceL2Plan): Json {
  return {
    service: key,
    pool: pool ?? null,
    addresses: addresses.map(({ address, candidates, interfaces, interfacesByNode = {}, policy }) => ({
      address,
      candidates,
      interfaces,
      interfacesByNode,
      policy: policy === undefined ? null : { ...policy },
    })),
    reason: reason ?? null,
    message,
    excluded: excluded.map(({ node, reason, message }) => ({ node, reason, message })),
  };
}

/** As far as the configuration goes: it was there before, with these labels. */
function isSameNode({ previous, ...change }: Exclude<StoreChange<KubeObject>, { kind: "synced" }>): boolean {
  if (change.kind !== "upsert" || previous === undefined) return false;
  return JSON.stringify(change.object.metadata.labels) === JSON.stringify(previous.metadata.labels);
}

/** One peer per node: of two pods on a node (a rolling update), the one whose key sorts last is the newer guess. */
function peersByNode(peers: Iterable<WantedPeer>): Iterable<WantedPeer> {
  return new Map([...peers].map((peer) => [peer.node, peer])).values();
}
