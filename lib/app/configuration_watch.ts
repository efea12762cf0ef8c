/**
 * The controller's whole view of the configuration, for people: every problem of every kind, from the objects, from what
 * the speakers report and from the Services, told in the ConfigurationState, in events, in the log and in metrics.
 *
 * Nothing is decided by it: addresses are given by what `ConvergeMachine` makes of the pools.
 */
import { type KubeObject, objectKey } from "../base/kube.ts";
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import { nodeNetworksOf } from "../decision/config/node_networks.ts";
import { decodeNode, type NodeView } from "../decision/config/node_view.ts";
import type { Problem } from "../decision/config/problem.ts";
import { type ConfigObjects, resolveConfig, type ResolvedConfig } from "../decision/config/resolve.ts";
import { reachabilityProblems } from "../decision/plan/reachability.ts";
import { unannouncedServices } from "../decision/plan/unannounced_services.ts";
import type { ProblemCount } from "../edge/http/metallb_metrics.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import type { EventToRecord } from "../edge/kube/events.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";
import type { Store, StoreChange } from "../edge/kube/store.ts";
import { type ConfigKind, ConfigKinds, sameConfiguration, sameJson } from "./config_kinds.ts";
import { ConfigurationReporter } from "./configuration_reporter.ts";
import { ProblemEvents } from "./problem_events.ts";
import { ProblemLog } from "./problem_log.ts";

export interface ConfigurationWatchOptions {
  readonly namespace: string;
  /** Own pod; empty outside of one. */
  readonly podName: string;
}

export interface ConfigurationWatchDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
  readonly pools: Store<KubeObject>;
  readonly namespaces: Store<KubeObject>;
  readonly services: Store<KubeObject>;
  readonly record: (event: EventToRecord) => void;
  /** Services with an address that no advertisement covers, each time this was looked at. */
  readonly onUnannounced: (problems: readonly Problem[]) => void;
}

const KINDS: readonly ConfigKind[] = [
  "l2Advertisements",
  "bgpAdvertisements",
  "bgpPeers",
  "bfdProfiles",
  "communities",
  "secrets",
  "nodes",
  "configurationStates",
];
const KIND_NAMES: Readonly<Record<string, ConfigKind>> = {
  L2Advertisement: "l2Advertisements",
  BGPAdvertisement: "bgpAdvertisements",
  BGPPeer: "bgpPeers",
  BFDProfile: "bfdProfiles",
  Community: "communities",
};

type Change = Exclude<StoreChange<KubeObject>, { kind: "synced" }>;

/** Objects are applied one after the other; what comes within this time is looked at together. */
const CONFIG_DELAY_MS = 200;
/** Services come and go all the time, and a look costs all of them. */
const SERVICES_DELAY_MS = 2_000;

export class ConfigurationWatch {
  readonly #deps: ConfigurationWatchDeps;
  readonly #kinds: ConfigKinds;
  readonly #reporter: ConfigurationReporter;
  readonly #problemLog: ProblemLog;
  readonly #events: ProblemEvents;
  readonly #schedule: Schedule;
  /** Of Services that cannot be read, and of other things that are found elsewhere, by who found them. */
  readonly #others = new Map<string, readonly Problem[]>();
  #pending: { readonly cancel: () => void; readonly delayMs: number } | undefined;
  #active = false;
  /** `undefined` after a change: a pool with a hundred thousand lines takes a second, and Services change all the time. */
  #resolved: ResolvedConfig | undefined;

  constructor(options: ConfigurationWatchOptions, deps: ConfigurationWatchDeps) {
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#problemLog = new ProblemLog(deps);
    const { namespace, podName } = options;
    this.#reporter = new ConfigurationReporter({ namespace, component: "controller", podName }, deps);
    this.#reporter.setActive(false);
    this.#events = new ProblemEvents({ find: (problem) => this.#find(problem), record: deps.record });
    this.#kinds = new ConfigKinds({ namespace, kinds: KINDS }, { ...deps, onChange: () => this.configChanged() });
  }

  start(): void {
    this.#kinds.start();
    this.#reporter.start();
  }

  async stop(): Promise<void> {
    this.#pending?.cancel();
    await Promise.all([this.#kinds.stop(), this.#reporter.stop()]);
  }

  /** Only one controller of several tells what is wrong: the one that leads. */
  setActive(active: boolean): void {
    this.#active = active;
    this.#reporter.setActive(active);
    if (active) {
      this.configChanged();
      return;
    }
    this.#pending?.cancel();
    this.#pending = undefined;
    this.#resolved = undefined;
    this.#problemLog.replace([]);
    this.#events.replace([]);
  }

  configChanged(): void {
    this.#resolved = undefined;
    this.#lookWithin(CONFIG_DELAY_MS);
  }

  /** Its status changes with every address. */
  poolChanged(change: Change): void {
    if (change.kind === "upsert" && sameConfiguration(change.object, change.previous)) return;
    this.configChanged();
  }

  namespaceChanged(change: Change): void {
    const previous = change.kind === "upsert" ? change.previous : undefined;
    if (previous !== undefined && change.kind === "upsert") {
      if (sameJson(change.object.metadata.labels, previous.metadata.labels)) return;
    }
    this.configChanged();
  }

  servicesChanged(): void {
    this.#lookWithin(SERVICES_DELAY_MS);
  }

  /** All problems that `source` knows of now. */
  setOthers(source: string, problems: readonly Problem[]): void {
    this.#others.set(source, problems);
    this.#lookWithin(CONFIG_DELAY_MS);
  }

  get hasErrors(): boolean {
    return this.#problemLog.hasErrors;
  }

  problemCounts(): ProblemCount[] {
    return this.#problemLog.counts();
  }

  /** The lists that are known. */
  objects(): Partial<ConfigObjects> {
    return this.#kinds.objects();
  }

  /** The problems as they stand. */
  inspect(): Json {
    return this.#problemLog.inspect();
  }

  inspectCaches(): readonly Json[] {
    return this.#kinds.inspect();
  }

  #lookWithin(delayMs: number): void {
    if (!this.#active || (this.#pending !== undefined && this.#pending.delayMs <= delayMs)) return;
    this.#pending?.cancel();
    const cancel = this.#schedule(() => {
      this.#pending = undefined;
      this.#look();
    }, delayMs);
    this.#pending = { cancel, delayMs };
  }

  #look(): void {
    this.#resolved ??= this.#resolve();
    const { config, problems } = this.#resolved;
    const found = [...problems];
    // What is not known yet cannot be missing.
    const areKnown = this.#kinds.list("l2Advertisements") !== undefined &&
      this.#kinds.list("bgpAdvertisements") !== undefined;
    const unannounced = areKnown ? unannouncedServices(this.#deps.services.values(), config) : [];
    found.push(...unannounced);
    for (const others of this.#others.values()) found.push(...others);
    this.#problemLog.replace(found);
    this.#events.replace(found);
    this.#reporter.report(found);
    this.#deps.onUnannounced(unannounced);
  }

  #resolve(): ResolvedConfig {
    const { config, problems } = resolveConfig({
      ipAddressPools: [...this.#deps.pools.values()],
      namespaces: [...this.#deps.namespaces.values()],
      ...this.#kinds.objects(),
    });
    const networks = nodeNetworksOf(this.#kinds.list("configurationStates") ?? []);
    return { config, problems: [...problems, ...reachabilityProblems({ config, nodes: this.#nodes(), networks })] };
  }

  #nodes(): NodeView[] {
    return (this.#kinds.list("nodes") ?? []).map(decodeNode).flatMap((decoded) => decoded.ok ? decoded.value : []);
  }

  #find({ kind, namespace, name }: Problem): KubeObject | undefined {
    const key = objectKey({ metadata: { namespace, name } });
    if (kind === "IPAddressPool") return this.#deps.pools.get(key);
    if (kind === "Service") return this.#deps.services.get(key);
    const kinds = KIND_NAMES[kind];
    return kinds === undefined ? undefined : this.#kinds.find(kinds, key);
  }
}
