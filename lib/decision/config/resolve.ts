/**
 * From the listed objects to the configuration, with every problem found in one pass.
 *
 * A bad object disables itself and what hangs on it, never the rest (MetalLB drops the whole configuration). Nothing
 * here throws, whatever the objects are.
 */
import { compareText, type Config, EMPTY_CONFIG } from "./config.ts";
import { identityOf, labelsOf } from "./identity.ts";
import { decodeNode, type NodeView } from "./node_view.ts";
import type { Problem } from "./problem.ts";
import { resolveL2Advertisements } from "./resolve_l2.ts";
import { type NamespaceLabels, resolvePools } from "./resolve_pools.ts";

export interface ConfigObjects {
  readonly ipAddressPools: readonly unknown[];
  readonly l2Advertisements?: readonly unknown[];
  readonly bgpAdvertisements?: readonly unknown[];
  readonly bgpPeers?: readonly unknown[];
  readonly bfdProfiles?: readonly unknown[];
  readonly communities?: readonly unknown[];
  /** Those of the namespace, for the passwords of peers. */
  readonly secrets?: readonly unknown[];
  /** Only for warnings about selectors that match no node. */
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
  const { pools, disabled, problems } = resolvePools(objects.ipAddressPools, {
    namespaces: objects.namespaces?.map(namespaceOf),
  });
  const nodes = objects.nodes === undefined ? undefined : nodesOf(objects.nodes);
  const l2 = resolveL2Advertisements(objects.l2Advertisements ?? [], { pools, disabledPools: disabled, nodes });
  const all = [...problems, ...l2.problems];
  all.sort((a, b) =>
    compareText(a.kind, b.kind) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name)
  );
  return {
    config: { ...EMPTY_CONFIG, pools, l2Advertisements: l2.advertisements, disabledPools: disabled },
    problems: all,
  };
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
