/**
 * What the nodes' networks say about the configuration: an address of layer 2 that is in no node's subnet, where nobody
 * asks for it, and a BGP router that no node reaches without a hop in between.
 *
 * Warnings only, and only about what is known: as long as no speaker that matters has reported its networks, nothing is
 * said. (Reader expectations 002:536 and 003:269.)
 */
import { formatRange, type IpRange, rangeHas, rangeOverlap } from "../../base/cidr.ts";
import { parseIp } from "../../base/ip.ts";
import type { BgpPeer, Config, L2Advertisement, Pool } from "../config/config.ts";
import type { KnownNetwork, NodeNetworks } from "../config/node_networks.ts";
import type { NodeView } from "../config/node_view.ts";
import { type Problem, ProblemList } from "../config/problem.ts";
import { anySelectorMatches, type Selector } from "../config/selector.ts";

export interface ReachabilityWorld {
  readonly config: Config;
  readonly nodes: readonly NodeView[];
  readonly networks: NodeNetworks;
}

export function reachabilityProblems(world: ReachabilityWorld): Problem[] {
  return [...world.config.pools.flatMap((pool) => poolProblems(pool, world)), ...peerProblems(world)];
}

function poolProblems(pool: Pool, world: ReachabilityWorld): Problem[] {
  const advertisements = world.config.l2Advertisements.filter(({ pools }) => pools.has(pool.name));
  if (advertisements.length === 0) return [];
  const networks = advertisements.map((advertisement) => networksOf(advertisement, world));
  // One speaker that has not reported may be the one whose subnet it is.
  if (networks.includes(undefined)) return [];
  const known = (networks as KnownNetwork[][]).flat();
  const list = new ProblemList({ kind: "IPAddressPool", namespace: pool.namespace, name: pool.name });
  for (const range of pool.ranges) {
    if (known.some((network) => rangeOverlap(network.range, range) !== undefined)) continue;
    list.warning({ path: "spec.addresses", reason: "notInSubnet", message: outside(range, known) });
  }
  return list.all();
}

function outside(range: IpRange, known: readonly KnownNetwork[]): string {
  const prefixes = [
    ...new Set(
      known.filter((network) => network.range.family === range.family)
        .map(({ prefix }) => prefix),
    ),
  ].sort();
  const where = prefixes.length === 0
    ? `no node that may announce it has an IPv${range.family} network`
    : `the networks of the nodes that may announce it are ${prefixes.slice(0, PREFIXES_MAX).join(", ")}`;
  return `${formatRange(range)} is in no subnet of a node, so nobody on a local network asks for it; ${where}`;
}

const PREFIXES_MAX = 5;

/** Networks of the nodes and interfaces that an advertisement allows; `undefined` while one of these nodes is unknown. */
function networksOf(advertisement: L2Advertisement, world: ReachabilityWorld): KnownNetwork[] | undefined {
  const { interfaces, nodeSelectors } = advertisement;
  const networks = networksOfNodes(nodeSelectors, world);
  if (networks === undefined || interfaces === "all") return networks;
  return networks.filter(({ interfaceName }) => interfaces.includes(interfaceName));
}

function networksOfNodes(selectors: readonly Selector[], world: ReachabilityWorld): KnownNetwork[] | undefined {
  const nodes = world.nodes.filter(({ labels }) => selectors.length === 0 || anySelectorMatches(selectors, labels));
  if (nodes.length === 0) return undefined;
  const found: KnownNetwork[] = [];
  for (const { name } of nodes) {
    const networks = world.networks.get(name);
    if (networks === undefined) return undefined;
    found.push(...networks);
  }
  return found;
}

function peerProblems(world: ReachabilityWorld): Problem[] {
  const problems: Problem[] = [];
  for (const peer of world.config.bgpPeers) {
    const ip = peer.peerAddress === undefined ? undefined : parseIp(peer.peerAddress);
    // A VRF has networks of its own, which are not reported.
    if (ip === undefined || peer.ebgpMultiHop || !isExternal(peer) || peer.vrf !== "") continue;
    const networks = networksOfNodes(peer.nodeSelectors, world);
    if (networks === undefined || networks.some(({ range }) => rangeHas(range, ip))) continue;
    const list = new ProblemList({ kind: "BGPPeer", namespace: peer.namespace, name: peer.name });
    const message = `${peer.peerAddress} is in no subnet of a node that speaks to it, and a session with another ` +
      "autonomous system crosses no router unless spec.ebgpMultiHop is true";
    list.warning({ path: "spec.ebgpMultiHop", reason: "peerNotInSubnet", message });
    problems.push(...list.all());
  }
  return problems;
}

function isExternal({ peerAsn, myAsn, localAsn }: BgpPeer): boolean {
  return typeof peerAsn === "number" ? peerAsn !== (localAsn ?? myAsn) : peerAsn === "external";
}
