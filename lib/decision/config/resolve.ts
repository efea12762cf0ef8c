/**
 * From the listed objects to the configuration, with every problem found in one pass.
 *
 * A bad object disables itself and what hangs on it, never the rest (MetalLB drops the whole configuration). Nothing
 * here throws, whatever the objects are. A list that is not given is not known, and nothing is said about names in it;
 * an empty one means that there are none.
 */
import { compareText, type Config } from "./config.ts";
import { identityOf, labelsOf } from "./identity.ts";
import { warnOfNodeAddresses } from "./node_addresses.ts";
import { decodeNode, type NodeView } from "./node_view.ts";
import { NodeSets } from "./node_sets.ts";
import { PasswordSecrets } from "./peer_password.ts";
import { PoolSelection } from "./pool_selection.ts";
import type { Problem } from "./problem.ts";
import { resolveBfdProfiles } from "./resolve_bfd.ts";
import { resolveBgpAdvertisements } from "./resolve_bgp.ts";
import { resolveCommunities } from "./resolve_communities.ts";
import { resolveL2Advertisements } from "./resolve_l2.ts";
import { resolvePeers } from "./resolve_peers.ts";
import { type NamespaceLabels, resolvePools } from "./resolve_pools.ts";
import { warnOfUnadvertisedPools } from "./unadvertised_pools.ts";

export interface ConfigObjects {
  readonly ipAddressPools: readonly unknown[];
  readonly l2Advertisements?: readonly unknown[];
  readonly bgpAdvertisements?: readonly unknown[];
  readonly bgpPeers?: readonly unknown[];
  readonly bfdProfiles?: readonly unknown[];
  readonly communities?: readonly unknown[];
  /** Those of the namespace, for the passwords of peers. */
  readonly secrets?: readonly unknown[];
  /** For selectors that match no node, and for peers and advertisements that meet on one. */
  readonly nodes?: readonly unknown[];
  /** For `serviceAllocation.namespaceSelectors`; without them such a selector matches no namespace. */
  readonly namespaces?: readonly unknown[];
}

export interface ResolvedConfig {
  readonly config: Config;
  /** By kind, namespace and name; within one object in the order of its fields as far as they were checked. */
  readonly problems: readonly Problem[];
}

export function resolveConfig(objects: ConfigObjects): ResolvedConfig {
  const { pools, disabled: disabledPools, lines: poolLines, problems } = resolvePools(objects.ipAddressPools, {
    namespaces: objects.namespaces?.map(namespaceOf),
  });
  const nodes = objects.nodes === undefined ? undefined : nodesOf(objects.nodes);
  const nodeSets = new NodeSets(nodes);
  const poolSelection = new PoolSelection(pools, disabledPools);
  const l2 = resolveL2Advertisements(objects.l2Advertisements ?? [], { poolSelection, nodeSets });
  const bfd = resolveIfKnown(objects.bfdProfiles, resolveBfdProfiles);
  const communities = resolveIfKnown(objects.communities, resolveCommunities);
  const secrets = resolveIfKnown(objects.secrets, (list) => new PasswordSecrets(list));
  const peers = resolveIfKnown(objects.bgpPeers, (list) => resolvePeers(list, { bfd, secrets, nodeSets }));
  const bgp = resolveBgpAdvertisements(objects.bgpAdvertisements ?? [], {
    poolSelection,
    poolLines,
    nodeSets,
    peers,
    communities,
  });
  const config: Config = {
    pools,
    l2Advertisements: l2.advertisements,
    bgpAdvertisements: bgp.advertisements,
    bgpPeers: peers?.peers ?? [],
    bfdProfiles: bfd?.profiles ?? [],
    disabledPools,
  };
  const isTold = objects.l2Advertisements !== undefined && objects.bgpAdvertisements !== undefined;
  const unadvertised = isTold ? warnOfUnadvertisedPools(config) : [];
  const warnings = [...unadvertised, ...warnOfNodeAddresses(config, nodes ?? [])];
  const lists = [problems, warnings, l2.problems, bgp.problems, bfd?.problems, communities?.problems];
  const all = [...lists, peers?.problems].flatMap((list) => list ?? []);
  all.sort((a, b) =>
    compareText(a.kind, b.kind) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name)
  );
  return { config, problems: all };
}

function resolveIfKnown<T>(list: readonly unknown[] | undefined, resolve: (list: readonly unknown[]) => T) {
  return list === undefined ? undefined : resolve(list);
}

function nodesOf(objects: readonly unknown[]): NodeView[] {
  const nodes: NodeView[] = [];
  for (const object of objects) {
    const decoded = decodeNode(object);
    if (decoded.ok) nodes.push(decoded.value);
  }
  return nodes;
}

function namespaceOf(object: unknown): NamespaceLabels {
  return { name: identityOf(object, "Namespace").name, labels: labelsOf(object) };
}
