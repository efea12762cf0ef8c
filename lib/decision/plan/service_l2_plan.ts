/**
 * The layer-2 plan of one Service: where each of its addresses may be announced, or why nowhere (reference §6.4,
 * §11.9). It knows nothing of other Services and nothing of who lives.
 */
import type { WantedAddress } from "../../base/wanted.ts";
import { formatIp, type Ip } from "../../base/ip.ts";
import type { Config, L2Advertisement } from "../config/config.ts";
import type { EndpointView } from "../config/endpoint_view.ts";
import type { LoadBalancerClasses } from "../config/load_balancer_class.ts";
import { PoolIndex } from "../config/pool_index.ts";
import { anySelectorMatches } from "../config/selector.ts";
import type { ServiceView } from "../config/service_view.ts";
import { type DecidedPolicy, decidePolicy, DEFAULT_DECIDED_POLICY, plainPolicy } from "./address_policy.ts";
import { advertisementsByPool } from "./advertisements_by_pool.ts";
import { type Candidates, type Exclusion, findCandidates, HashOrder, NodeTable } from "./candidates.ts";
import { type InterfacesByNode, interfacesByNode as interfacesOfNodes } from "./interfaces_by_node.ts";
import type { NodeView } from "../config/node_view.ts";
import { type NoAddressReason, serviceAddresses } from "./service_addresses.ts";

/** Closed set: why a Service is announced nowhere. MetalLB's words where it has one. */
export type L2Reason =
  | NoAddressReason
  | "noMatchingAdvertisement"
  | "noReadyEndpoint"
  | "sharedIPWithServiceSelector"
  /** Every node is excluded. */
  | "notOwner";

export interface ServiceL2Plan {
  readonly key: string;
  /** Empty exactly when `reason` is set. */
  readonly addresses: readonly WantedAddress[];
  /** By node name. */
  readonly excluded: readonly Exclusion[];
  readonly reason: L2Reason | undefined;
  /** A sentence to `reason`; empty without one. */
  readonly message: string;
  readonly pool: string | undefined;
  /** Of candidates that match preferences: the sum of their weights. */
  readonly preferences: Candidates["preferences"];
  /** What the annotations of its advertisements say together. */
  readonly policy: DecidedPolicy;
}

export interface L2PlanOptions {
  /** MetalLB's `--ignore-exclude-lb`. */
  readonly ignoreExcludeLb?: boolean | undefined;
  /** MetalLB's `--lb-class`; absent means Services without a class. */
  readonly lbClasses?: LoadBalancerClasses;
  /** Whose interfaces to name where advertisements differ by node; absent means those of all advertisements. */
  readonly node?: string | undefined;
}

/** Everything but the Service itself, prepared once for all Services. */
export class L2Context {
  readonly config: Config;
  readonly table: NodeTable;
  readonly hashOrder: HashOrder;
  readonly options: L2PlanOptions;
  readonly #index: PoolIndex;
  readonly #advertisements: ReadonlyMap<string, readonly L2Advertisement[]>;
  /** By the keys of the advertisements. */
  readonly #interfaces = new Map<string, InterfacesByNode>();

  constructor(
    options: L2PlanOptions,
    deps: { config: Config; nodes: Iterable<NodeView>; hashOrder?: HashOrder },
  ) {
    this.options = options;
    this.config = deps.config;
    this.table = new NodeTable(deps.nodes);
    this.hashOrder = deps.hashOrder ?? new HashOrder();
    this.#index = new PoolIndex(deps.config.pools);
    this.#advertisements = advertisementsByPool(deps.config.l2Advertisements);
  }

  /** Name of the pool that all addresses are in. */
  poolOf(ips: readonly Ip[]): string | undefined {
    return this.#index.poolOf(ips)?.name;
  }

  advertisementsOf(pool: string): readonly L2Advertisement[] {
    return this.#advertisements.get(pool) ?? [];
  }

  /** Many Services have the same advertisements. */
  interfacesOf(advertisements: readonly L2Advertisement[]): InterfacesByNode {
    const key = advertisements.map(({ namespace, name }) => `${namespace}/${name}`).join("\n");
    let interfaces = this.#interfaces.get(key);
    if (interfaces === undefined) {
      interfaces = interfacesOfNodes(advertisements, { table: this.table, node: this.options.node });
      this.#interfaces.set(key, interfaces);
    }
    return interfaces;
  }
}

export function planService(
  service: ServiceView,
  options: { endpoints: readonly EndpointView[]; context: L2Context },
): ServiceL2Plan {
  const { endpoints, context } = options;
  const found = serviceAddresses(service, {
    config: context.config,
    lbClasses: context.options.lbClasses,
    poolOf: (ips) => context.poolOf(ips),
  });
  if (!found.ok) return silent(service, found);
  const { ips, pool } = found;
  if (!endpoints.some(({ canServe }) => canServe)) {
    return silent(service, { pool, reason: "noReadyEndpoint", message: "no endpoint of the Service can serve" });
  }
  return planAnnounced(service, { ips, pool, endpoints, context });
}

function planAnnounced(
  service: ServiceView,
  options: { ips: readonly Ip[]; pool: string; endpoints: readonly EndpointView[]; context: L2Context },
): ServiceL2Plan {
  const { ips, pool, context } = options;
  const advertisements = context.advertisementsOf(pool).filter(({ serviceSelectors }) =>
    serviceSelectors.length === 0 || anySelectorMatches(serviceSelectors, service.labels)
  );
  if (advertisements.length === 0) {
    const message = `no L2Advertisement announces pool ${JSON.stringify(pool)} for this Service`;
    return silent(service, { pool, reason: "noMatchingAdvertisement", message });
  }
  // Present is enough, even with an empty value, as in MetalLB.
  if (service.sharingKey !== undefined && advertisements.some(({ serviceSelectors }) => serviceSelectors.length > 0)) {
    const message = "an address that may be shared cannot be announced by an L2Advertisement with serviceSelectors";
    return silent(service, { pool, reason: "sharedIPWithServiceSelector", message });
  }
  const localNodes = service.externalTrafficPolicy === "Local"
    ? new Set(options.endpoints.flatMap(({ servingNodes }) => servingNodes))
    : undefined;
  const { candidates, excluded, preferences } = findCandidates(formatIp(ips[0]!), {
    table: context.table,
    hashOrder: context.hashOrder,
    advertisements,
    localNodes,
    ignoreExcludeLabel: context.options.ignoreExcludeLb ?? false,
  });
  if (candidates.length === 0) {
    const message = "no node may announce it; each exclusion says why";
    return silent(service, { pool, excluded, reason: "notOwner", message });
  }
  const { interfaces, byNode } = context.interfacesOf(advertisements);
  const interfacesByNode = entriesOf(byNode, candidates);
  const decided = decidePolicy(advertisements);
  const policy = plainPolicy(decided);
  const addresses = [...new Set(ips.map(formatIp))].map((address): WantedAddress => ({
    address,
    candidates,
    interfaces,
    services: [service.key],
    ...(interfacesByNode === undefined ? {} : { interfacesByNode }),
    ...(policy === undefined ? {} : { policy }),
  }));
  return { key: service.key, addresses, excluded, reason: undefined, message: "", pool, preferences, policy: decided };
}

function entriesOf(
  byNode: InterfacesByNode["byNode"],
  candidates: readonly string[],
): WantedAddress["interfacesByNode"] {
  if (byNode.size === 0) return undefined;
  const entries = candidates.filter((node) => byNode.has(node)).map((node) => [node, byNode.get(node)!] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function silent(
  service: ServiceView,
  why: { reason: L2Reason; message: string; pool?: string; excluded?: readonly Exclusion[] },
): ServiceL2Plan {
  const { reason, message, pool, excluded = [] } = why;
  const policy = DEFAULT_DECIDED_POLICY;
  return { key: service.key, addresses: [], excluded, reason, message, pool, preferences: new Map(), policy };
}
