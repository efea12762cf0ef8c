/**
 * A speaker's control thread: tells the packet thread what the API wants, and tells people what the packet thread does.
 *
 *     Kubernetes API ──> WantedSource ── deltas ──> packet thread
 *     events, log, metrics, /status <── who owns what ──┘
 *
 * It decides nothing that has a deadline on the network. Several speakers may live in one process.
 */
import type { Json } from "../base/json.ts";
import type { Log, LogEvent } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { FromPacketThread, InterfaceReport } from "../base/wanted.ts";
import type { MemberCounts } from "../edge/http/member_metrics.ts";
import type { KubeClientFacts, Layer2Counts, ProblemCount } from "../edge/http/metallb_metrics.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import type { StateFile } from "../edge/run/state_file.ts";
import { EventRecorder } from "../edge/kube/events.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { GratuitousSchedule } from "../protocol/l2/gratuitous.ts";
import { ClusterReporter } from "./cluster_reporter.ts";
import { ApiReachability } from "./api_reachability.ts";
import { ConfigurationReporter } from "./configuration_reporter.ts";
import { ConflictReporter } from "./conflict_reporter.ts";
import { Layer2Reporter } from "./layer2_reporter.ts";
import type { MemberlistSettings } from "./memberlist_settings.ts";
import type { MembershipInit } from "./membership.ts";
import { PacketPort } from "./packet_port.ts";
import { SnapshotKeeper, type SnapshotKeeperOptions } from "./snapshot_keeper.ts";
import { SpeakerReporter } from "./speaker_reporter.ts";
import { VERSION } from "./version.ts";
import { WantedSource, type WantedSourceOptions } from "./wanted_source.ts";

export interface SpeakerOptions extends Omit<WantedSourceOptions, "peers"> {
  /** `undefined`: speakers do not watch each other, every candidate counts as living. */
  readonly watch: SpeakerWatch | undefined;
  /** `undefined`: no gossip. It needs the watch, beside which it runs. */
  readonly membership?: SpeakerMembership | undefined;
  /** Answer nothing while neither the API nor a majority of the peers is seen. */
  readonly safe?: boolean;
  /** How take-overs are told, where it is not to be as usual. */
  readonly gratuitous?: GratuitousSchedule;
  /** Own pod, which owns what this speaker reports; empty outside of a pod. */
  readonly podName: string;
  /** Patterns of interface names that are not used, as regular expression sources. */
  readonly exclusions: readonly string[];
  /** Network namespace of the packet thread; `undefined` for the process's own. */
  readonly namespacePath: string | undefined;
  /** Where the last wanted state is kept; absent: nowhere, a start without an API server announces nothing. */
  readonly snapshot?: SnapshotKeeperOptions & { readonly file: StateFile };
}

/** How the speakers' gossip runs; its address, port and secret are those of the watch. */
export interface SpeakerMembership {
  readonly port: number;
  readonly settings: MemberlistSettings;
}

export interface SpeakerWatch {
  readonly address: string;
  /** The same on every speaker. */
  readonly port: number;
  /** Label selector of the speaker pods. */
  readonly labels: string;
  readonly secret: Uint8Array | undefined;
  /** Between two probes. */
  readonly intervalMs?: number;
}

export interface SpeakerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** The packet thread ended on its own: the process cannot go on. */
  readonly onFailure: (message: string) => void;
}

const EVENT_FLUSH_MS = 1000;

/** Who leaves removes its statuses for so long at most; what is left of them the successors remove. */
const STATUS_REMOVAL_MS = 1000;

export class Speaker {
  readonly conflicts: ConflictReporter;
  readonly cluster: ClusterReporter;
  readonly #options: SpeakerOptions;
  readonly #deps: SpeakerDeps;
  readonly #source: WantedSource;
  readonly #events: EventRecorder;
  readonly #packets: PacketPort;
  readonly #apiReachability: ApiReachability | undefined;
  readonly #reporter: ConfigurationReporter;
  readonly #view: SpeakerReporter;
  readonly #layer2: Layer2Reporter;
  readonly #snapshots: SnapshotKeeper | undefined;
  readonly #counterSlots = new Map<string, number>();
  /** `undefined` until the packet thread has listed them. */
  #interfaces: InterfaceReport | undefined;
  #problems: readonly Problem[] | undefined;
  #packetsReady = false;
  #stopping = false;

  /** Starts the packet thread; nothing is announced before `start` has filled the caches. */
  constructor(options: SpeakerOptions, deps: SpeakerDeps) {
    this.#options = options;
    this.#deps = deps;
    const { client, clock, rng, log } = deps;
    this.#events = new EventRecorder({ component: "metallb-speaker", host: options.node }, { client, clock, rng, log });
    const { namespace, node, podName } = options;
    this.#reporter = new ConfigurationReporter({ namespace, component: "speaker", node, podName }, deps);
    this.#view = new SpeakerReporter({ version: VERSION }, {
      ...deps,
      annotate: (annotations) => this.#reporter.annotate(annotations),
    });
    this.#layer2 = new Layer2Reporter({ namespace, node, podName }, {
      ...deps,
      log: (event) => this.#log(event),
      source: () => this.#source,
      record: (event) => this.#events.record(event),
      onStatusesSynced: () => this.#source.lastHoldersKnown(),
    });
    this.#source = new WantedSource({ ...options, peers: options.watch }, {
      ...deps,
      onRestored: (restored) => this.#packets.tellRestored(restored),
      onDelta: (delta) => {
        this.#packets.send(delta);
        this.#snapshots?.changed();
      },
      onPlanned: (services) => this.#layer2.takePlan(services),
      lastHolders: this.#layer2.statuses,
      onProblems: (problems) => {
        this.#problems = problems;
        this.#reportProblems();
      },
    });
    this.#snapshots = this.#snapshotKeeper();
    this.cluster = new ClusterReporter({ node }, {
      log: (event) => this.#log(event),
      warn: (address, event) => this.#layer2.recordAll(address, { type: "Warning", ...event }),
      onChange: () => this.#reportProblems(),
    });
    this.conflicts = new ConflictReporter({ node }, {
      log: (event) => this.#log(event),
      servicesOf: (address) => this.#layer2.servicesOf(address),
      service: (key) => this.#source.service(key),
      record: (event) => this.#events.record(event),
      onChange: () => this.#reportProblems(),
    });
    this.#packets = new PacketPort({
      node: options.node,
      generation: Math.trunc(clock.wallMs()),
      watch: options.watch,
      membership: membershipInit(options),
      safe: options.safe ?? false,
      gratuitous: options.gratuitous ?? {},
      exclusions: options.exclusions,
      namespacePath: options.namespacePath,
    }, { onEvent: (event) => this.#receive(event) });
    this.#apiReachability = !options.safe ? undefined : new ApiReachability({ namespace }, {
      client,
      tell: (reachable) => this.#packets.tellApi(reachable),
    });
  }

  start(): void {
    this.#source.start();
    this.#apiReachability?.start();
    this.#snapshots?.start();
    this.#reporter.start();
    this.#layer2.statuses.start();
  }

  /** The secret that the speakers share is another one from now on. */
  changeSecret(secret: Uint8Array): void {
    this.#packets.changeSecret(secret);
  }

  /** Hands every address over and ends; resolves when nothing is answered any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#view.stop();
    this.#apiReachability?.stop();
    await this.#packets.stop();
    await Promise.all([this.#source.stop(), this.#reporter.stop(), this.#snapshots?.stop()]);
    await Promise.all([this.#events.flush(EVENT_FLUSH_MS), this.#layer2.statuses.stop(STATUS_REMOVAL_MS)]);
    this.#events.stop();
  }

  /** Ends without a word to anybody, as a power cut would. */
  async cut(): Promise<void> {
    this.#stopping = true;
    this.#view.stop();
    this.#apiReachability?.stop();
    await this.#packets.cut();
    await Promise.all([
      this.#source.stop(),
      this.#reporter.stop(),
      this.#layer2.statuses.stop(),
      this.#snapshots?.stop(),
    ]);
    this.#events.stop();
  }

  /** What `/readyz` asks. */
  get conditions(): readonly { readonly name: string; readonly ready: () => boolean }[] {
    return [
      { name: "caches", ready: () => this.#source.synced },
      { name: "packetThread", ready: () => this.#packetsReady },
    ];
  }

  /** Addresses that this speaker announces now, with the Services that hold them. */
  announced(): { readonly address: string; readonly services: readonly string[] }[] {
    return this.#layer2.announcements.announced();
  }

  /** All nodes that may announce an address, the preferred one first; empty when nobody may. */
  candidatesOf(address: string): readonly string[] {
    return this.#source.plan.addresses.get(address)?.candidates ?? [];
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

  memberCounts(): MemberCounts {
    const { gossipReceived, gossipRefused, gossipStreamsFailed } = this.#packets.counters.inspect();
    return { states: this.#view.memberStates(), gossipReceived, gossipRefused, gossipStreamsFailed };
  }

  facts(): KubeClientFacts {
    return this.#source.facts();
  }

  problemCounts(): ProblemCount[] {
    return this.#source.problemCounts();
  }

  async inspect(): Promise<Json> {
    return {
      program: "speaker",
      node: this.#options.node,
      ready: this.conditions.every(({ ready }) => ready()),
      announcements: this.#layer2.announcements.inspect(),
      statusObjects: this.#layer2.statuses.inspect(),
      interfaces: this.#interfaces === undefined ? null : {
        usable: [...this.#interfaces.usable],
        ipv4Only: [...this.#interfaces.ipv4Only],
        refused: this.#interfaces.refused.map((refused) => ({ ...refused })),
      },
      conflicts: this.conflicts.inspect(),
      snapshot: this.#snapshots?.inspect() ?? null,
      cluster: this.cluster.inspect(),
      ...this.#source.inspect(),
      packetThread: await this.#packets.inspect() ?? null,
    };
  }

  #snapshotKeeper(): SnapshotKeeper | undefined {
    const { snapshot } = this.#options;
    if (snapshot === undefined) return undefined;
    const source = this.#source;
    return new SnapshotKeeper(snapshot, {
      ...this.#deps,
      log: (event) => this.#log(event),
      file: snapshot.file,
      source: {
        synced: () => source.synced,
        heard: () => source.heard,
        connected: () => source.connected,
        wanted: () => ({
          peers: source.peers,
          addresses: this.#layer2.announcements.withHolders(source.plan.addresses),
        }),
        restore: (wanted) => source.restore(wanted),
      },
    });
  }

  #receive(event: FromPacketThread): void {
    switch (event.kind) {
      case "ready":
        this.#packetsReady = true;
        return;
      case "ownership":
        return this.#layer2.takeOwnership(event);
      case "peer":
        this.#view.takePeer(event.node, event.state);
        return this.#log({ level: "info", event: "peerChanged", peer: event.node, state: event.state });
      case "counterSlot":
        this.#counterSlots.set(event.address, event.slot);
        return;
      case "networks":
        return this.#view.takeNetworks(event.networks);
      case "interfaces":
        this.#interfaces = event.report;
        this.#view.takeInterfaces(event.report);
        return this.#layer2.takeInterfaces(event.report);
      case "member":
        return this.#view.takeMember(event.change);
      case "serving":
        return this.#view.takeServing(event.serving);
      case "splitHealed":
      case "foreignMembers":
      case "sharedMac":
      case "cutOff":
        return this.cluster.take(event);
      case "conflict":
        return this.conflicts.take(event);
      case "doubleAnswer":
        return this.conflicts.takeDoubleAnswer(event);
      case "log":
        return this.#log(event.event);
      case "failed":
        this.#packetsReady = false;
        if (!this.#stopping) this.#deps.onFailure(`the packet thread of ${this.#options.node} ended: ${event.message}`);
        return;
      case "stopped":
      case "inspected":
        return;
    }
  }

  #reportProblems(): void {
    if (this.#problems === undefined) return;
    this.#reporter.report([...this.#problems, ...this.cluster.problems(), ...this.conflicts.problems()]);
  }

  #log(event: LogEvent): void {
    this.#deps.log({ ...event, node: this.#options.node });
  }
}

function membershipInit({ watch, membership }: SpeakerOptions): MembershipInit | undefined {
  if (watch === undefined || membership === undefined) return undefined;
  const { address, secret } = watch;
  return { address, secret, ...membership };
}
