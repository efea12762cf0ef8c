/**
 * The BGP plan of one Service: for every node and peer the prefixes that the node announces there, or why none
 * (reference §7.2, §7.3, §11.9, §13). It knows nothing of other Services, of sessions and of who lives.
 *
 * The reasons of a node are tried in MetalLB's order and the first one tells. That a node has no session with a peer,
 * because the peer's nodeSelectors leave it out, comes before all of them.
 */
import { familyBits, formatIp, type Ip, type IpFamily } from "../../base/ip.ts";
import { compareCommunities } from "../config/community.ts";
import { type BgpAdvertisement, type BgpPeer, compareText, type Config } from "../config/config.ts";
import type { EndpointView } from "../config/endpoint_view.ts";
import type { LoadBalancerClasses } from "../config/load_balancer_class.ts";
import { peersMeet } from "../config/local_pref_conflicts.ts";
import type { NodeView } from "../config/node_view.ts";
import { PoolIndex } from "../config/pool_index.ts";
import { anySelectorMatches } from "../config/selector.ts";
import type { ServiceView } from "../config/service_view.ts";
import { advertisementsByPool } from "./advertisements_by_pool.ts";
import { type NoAddressReason, serviceAddresses } from "./service_addresses.ts";

/** Closed set: why a node does not announce a Service to a peer. MetalLB's words where it has one. */
export type BgpReason =
  | NoAddressReason
  /** No BGPAdvertisement of the pool includes the node. */
  | "notOwner"
  /** Some do, but their `serviceSelectors` leave the Service out. */
  | "noMatchingAdvertisement"
  /** Two of them give one prefix two local preferences. */
  | "conflictingAdvertisements"
  | "nodeNetworkUnavailable"
  | "nodeLabeledExcludeBalancers"
  | "noLocalEndpoints"
  | "noEndpoints"
  /** The peer's `nodeSelectors` leave the node out: there is no session. */
  | "peerNodeSelectors"
  /** The advertisements list peers, and this one is not among them. */
  | "peerNotListed"
  /** The session does not carry prefixes of the address's family. */
  | "addressFamily";

export interface BgpExclusion {
  readonly reason: BgpReason;
  readonly message: string;
}

export interface BgpRoute {
  readonly prefix: string;
  readonly localPref: number;
  /** In numeric order, each once. */
  readonly communities: readonly string[];
}

/** One node and one peer. */
export interface BgpAnnouncement {
  readonly node: string;
  readonly peer: string;
  /** By prefix. */
  readonly announced: readonly BgpRoute[];
  /** Why nothing, or why not all of it. */
  readonly excluded: readonly BgpExclusion[];
}

export interface ServiceBgpPlan {
  readonly key: string;
  readonly pool: string | undefined;
  /** By node, then by peer; one for each pair, so none where there are no nodes or no peers. */
  readonly announcements: readonly BgpAnnouncement[];
}

export interface BgpPlanOptions {
  /** MetalLB's `--ignore-exclude-lb`. */
  readonly ignoreExcludeLb?: boolean | undefined;
  /** MetalLB's `--lb-class`; absent means Services without a class. */
  readonly lbClasses?: LoadBalancerClasses;
}

/** Everything but the Service itself, prepared once for all Services. */
export class BgpContext {
  readonly config: Config;
  readonly options: BgpPlanOptions;
  /** By name. */
  readonly nodes: readonly NodeView[];
  readonly #index: PoolIndex;
  readonly #families = new Map<string, ReadonlySet<IpFamily>>();
  readonly #advertisements: ReadonlyMap<string, readonly BgpAdvertisement[]>;
  /** Nodes that an advertisement or a peer selects. */
  readonly #selected = new Map<BgpAdvertisement | BgpPeer, ReadonlySet<string>>();

  constructor(options: BgpPlanOptions, deps: { config: Config; nodes: Iterable<NodeView> }) {
    this.options = options;
    this.config = deps.config;
    this.nodes = [...deps.nodes].sort((a, b) => compareText(a.name, b.name));
    this.#index = new PoolIndex(deps.config.pools);
    for (const { name, ranges } of deps.config.pools) {
      this.#families.set(name, new Set(ranges.map(({ family }) => family)));
    }
    this.#advertisements = advertisementsByPool(deps.config.bgpAdvertisements);
  }

  /** Name of the pool that all addresses are in. */
  poolOf(ips: readonly Ip[]): string | undefined {
    return this.#index.poolOf(ips)?.name;
  }

  /** Families that a pool has addresses of; `undefined` for one that is disabled. */
  familiesOf(pool: string): ReadonlySet<IpFamily> | undefined {
    return this.#families.get(pool);
  }

  advertisementsOf(pool: string): readonly BgpAdvertisement[] {
    return this.#advertisements.get(pool) ?? [];
  }

  selects(one: BgpAdvertisement | BgpPeer, node: string): boolean {
    let selected = this.#selected.get(one);
    if (selected === undefined) {
      const { nodeSelectors } = one;
      const nodes = nodeSelectors.length === 0
        ? this.nodes
        : this.nodes.filter(({ labels }) => anySelectorMatches(nodeSelectors, labels));
      this.#selected.set(one, selected = new Set(nodes.map(({ name }) => name)));
    }
    return selected.has(node);
  }
}

interface Announceable {
  readonly service: ServiceView;
  readonly ips: readonly Ip[];
  readonly pool: string;
  readonly endpoints: readonly EndpointView[];
}

export function planServiceBgp(
  service: ServiceView,
  options: { endpoints: readonly EndpointView[]; context: BgpContext },
): ServiceBgpPlan {
  const { endpoints, context } = options;
  const found = serviceAddresses(service, {
    config: context.config,
    lbClasses: context.options.lbClasses,
    poolOf: (ips) => context.poolOf(ips),
  });
  const announcements: BgpAnnouncement[] = [];
  for (const node of context.nodes) {
    const onNode = found.ok ? planNode(node, { what: { service, ...found, endpoints }, context }) : found;
    for (const peer of context.config.bgpPeers) {
      const pair = { node: node.name, peer: peer.name };
      if (!context.selects(peer, node.name)) {
        const message = `the nodeSelectors of BGPPeer ${JSON.stringify(peer.name)} do not select the node`;
        announcements.push({ ...pair, announced: [], excluded: [{ reason: "peerNodeSelectors", message }] });
      } else if ("reason" in onNode) {
        const { reason, message } = onNode;
        announcements.push({ ...pair, announced: [], excluded: [{ reason, message }] });
      } else {
        announcements.push({ ...pair, ...routesTo(peer, { ips: found.ok ? found.ips : [], ...onNode }) });
      }
    }
  }
  return { key: service.key, pool: found.ok ? found.pool : undefined, announcements };
}

/** The advertisements by which a node announces the Service, or why it does not. */
function planNode(
  node: NodeView,
  { what, context }: { what: Announceable; context: BgpContext },
): { readonly advertisements: readonly BgpAdvertisement[] } | BgpExclusion {
  const { service, pool, endpoints } = what;
  const including = context.advertisementsOf(pool).filter((one) => context.selects(one, node.name));
  if (including.length === 0) {
    const message = `no BGPAdvertisement announces pool ${JSON.stringify(pool)} from the node`;
    return { reason: "notOwner", message };
  }
  const advertisements = including.filter(({ serviceSelectors }) =>
    serviceSelectors.length === 0 || anySelectorMatches(serviceSelectors, service.labels)
  );
  if (advertisements.length === 0) {
    const message = `the serviceSelectors of ${namesOf(including)} do not select the Service`;
    return { reason: "noMatchingAdvertisement", message };
  }
  const families = context.familiesOf(pool) ?? new Set(what.ips.map(({ family }) => family));
  const conflict = findConflict(advertisements, families);
  if (conflict !== undefined) {
    const message = `BGPAdvertisements ${namesOf(conflict)} announce the same prefixes to the same peers with the ` +
      `local preferences ${conflict.map(({ localPref }) => localPref).join(" and ")}`;
    return { reason: "conflictingAdvertisements", message };
  }
  if (node.networkUnavailable) {
    return { reason: "nodeNetworkUnavailable", message: "the node's condition NetworkUnavailable is True" };
  }
  if (node.excluded && context.options.ignoreExcludeLb !== true) {
    const message = "the node has the label node.kubernetes.io/exclude-from-external-load-balancers";
    return { reason: "nodeLabeledExcludeBalancers", message };
  }
  const isLocal = service.externalTrafficPolicy === "Local";
  if (isLocal && !endpoints.some(({ servingNodes }) => servingNodes.includes(node.name))) {
    const message = "externalTrafficPolicy is Local and no endpoint on the node can serve";
    return { reason: "noLocalEndpoints", message };
  }
  if (!endpoints.some(({ canServe }) => canServe)) {
    return { reason: "noEndpoints", message: "no endpoint of the Service can serve" };
  }
  return { advertisements };
}

function routesTo(
  peer: BgpPeer,
  options: { ips: readonly Ip[]; advertisements: readonly BgpAdvertisement[] },
): Pick<BgpAnnouncement, "announced" | "excluded"> {
  const listing = options.advertisements.filter(({ peers }) => peers === "all" || peers.has(peer.name));
  if (listing.length === 0) {
    const message = `the peers of ${namesOf(options.advertisements)} do not name ${JSON.stringify(peer.name)}`;
    return { announced: [], excluded: [{ reason: "peerNotListed", message }] };
  }
  const routes = new Map<string, BgpRoute>();
  const excluded: BgpExclusion[] = [];
  for (const ip of options.ips) {
    if (!carries(peer, ip.family)) {
      const message =
        `${formatIp(ip)}: the session with ${peer.peerAddress} carries IPv${ip.family === 4 ? 6 : 4} only; ` +
        "dualStackAddressFamily: true on the BGPPeer makes it carry both";
      excluded.push({ reason: "addressFamily", message });
      continue;
    }
    for (const advertisement of listing) {
      const prefix = aggregate(ip, advertisement);
      const { localPref, communities } = advertisement;
      const known = routes.get(prefix);
      routes.set(prefix, known === undefined ? { prefix, localPref, communities } : joinRoutes(known, communities));
    }
  }
  return { announced: [...routes.values()].sort((a, b) => compareText(a.prefix, b.prefix)), excluded };
}

/** The communities of two routes to one prefix are united, as MetalLB does; the local preference is the first one's. */
export function joinRoutes<Route extends BgpRoute>(route: Route, communities: readonly string[]): Route {
  if (communities.length === 0) return route;
  return { ...route, communities: [...new Set([...route.communities, ...communities])].sort(compareCommunities) };
}

/** A session carries its own family, and both where that is asked for or where it has no address of its own (§7.8). */
function carries(peer: BgpPeer, family: IpFamily): boolean {
  if (peer.dualStackAddressFamily || peer.peerAddress === undefined) return true;
  return peer.peerAddress.includes(":") === (family === 6);
}

/** The address with all bits beyond the aggregation length cleared. */
function aggregate(ip: Ip, { aggregationLength, aggregationLengthV6 }: BgpAdvertisement): string {
  const length = ip.family === 4 ? aggregationLength : aggregationLengthV6;
  const hostBits = BigInt(familyBits(ip.family) - length);
  return `${formatIp({ family: ip.family, value: ip.value >> hostBits << hostBits })}/${length}`;
}

/** The first two that contradict each other (reference §2.6, §11.3); all of them include one and the same node. */
function findConflict(
  advertisements: readonly BgpAdvertisement[],
  families: ReadonlySet<IpFamily>,
): readonly [BgpAdvertisement, BgpAdvertisement] | undefined {
  for (const [i, a] of advertisements.entries()) {
    for (const b of advertisements.slice(i + 1)) {
      if (a.localPref === b.localPref || !peersMeet(a, b)) continue;
      const same4 = families.has(4) && a.aggregationLength === b.aggregationLength;
      const same6 = families.has(6) && a.aggregationLengthV6 === b.aggregationLengthV6;
      if (same4 || same6) return [a, b];
    }
  }
  return undefined;
}

function namesOf(advertisements: readonly BgpAdvertisement[]): string {
  return advertisements.map(({ name }) => JSON.stringify(name)).join(", ");
}
