/**
 * L2Advertisements: which pools each selects, with its selectors compiled (reference §2.5).
 *
 * An advertisement that names a pool nobody has is served for the rest of what it names, and warned about: MetalLB
 * keeps silent there.
 */
import { compareText, type DisabledPools, type L2Advertisement, type Pool, type PreferredNodes } from "./config.ts";
import { decodeObject, formatPath } from "./decode.ts";
import { identityOf } from "./identity.ts";
import { nearestName } from "./nearest_name.ts";
import type { NodeView } from "./node_view.ts";
import { type Problem, ProblemList } from "./problem.ts";
import { type L2AdvertisementObject, l2AdvertisementSchema } from "./schema/l2_advertisement.ts";
import { anySelectorMatches, compileSelector, compileSelectors } from "./selector.ts";

export interface ResolvedL2Advertisements {
  /** By name. */
  readonly advertisements: readonly L2Advertisement[];
  readonly problems: readonly Problem[];
}

interface Options {
  readonly pools: readonly Pool[];
  readonly disabledPools: DisabledPools;
  readonly nodes?: readonly NodeView[] | undefined;
}

type Spec = NonNullable<L2AdvertisementObject["spec"]>;

const KIND = "L2Advertisement";

const EMPTY_SPEC: Spec = {
  ipAddressPools: [],
  ipAddressPoolSelectors: [],
  nodeSelectors: [],
  interfaces: [],
  serviceSelectors: [],
  preferredNodeSelectors: [],
};

export function resolveL2Advertisements(objects: readonly unknown[], options: Options): ResolvedL2Advertisements {
  const problems: Problem[] = [];
  const advertisements: L2Advertisement[] = [];
  const seen = new Set<string>();
  for (const object of objects) {
    const decoded = decodeObject(object, { schema: l2AdvertisementSchema, kind: KIND });
    if (!decoded.ok) {
      problems.push(...decoded.problems);
      continue;
    }
    const list = new ProblemList(identityOf(object, KIND));
    const { name, namespace = "" } = decoded.value.metadata;
    const key = `${namespace}/${name}`;
    if (seen.has(key)) {
      const message = `another L2Advertisement is named ${JSON.stringify(name)}; that one is used, rename this one`;
      list.error({ path: "metadata.name", reason: "duplicateName", message });
    }
    const advertisement = advertisementOf(decoded.value, { ...options, problems: list });
    if (list.errors === 0) {
      advertisements.push(advertisement);
      seen.add(key);
    }
    problems.push(...list.all());
  }
  advertisements.sort((a, b) => compareText(a.name, b.name) || compareText(a.namespace, b.namespace));
  return { advertisements, problems };
}

function advertisementOf(
  object: L2AdvertisementObject,
  options: Options & { problems: ProblemList },
): L2Advertisement {
  const { problems } = options;
  const spec = object.spec ?? EMPTY_SPEC;
  const nodeSelectors = compileSelectors(spec.nodeSelectors, { path: ["spec", "nodeSelectors"], problems });
  const { nodes } = options;
  if (nodes !== undefined && nodeSelectors.length > 0) {
    if (!nodes.some(({ labels }) => anySelectorMatches(nodeSelectors, labels))) {
      const message = "no node has these labels at present, so nothing is announced";
      problems.warning({ path: "spec.nodeSelectors", reason: "matchesNothing", message });
    }
  }
  const interfaces = distinct(spec.interfaces, { path: ["spec", "interfaces"], problems, severity: "warning" });
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? "",
    pools: selectPools(spec, options),
    nodeSelectors,
    interfaces: interfaces.length === 0 ? "all" : interfaces.sort(compareText),
    serviceSelectors: compileSelectors(spec.serviceSelectors, { path: ["spec", "serviceSelectors"], problems }),
    preferredNodes: preferredNodesOf(spec, problems),
  };
}

/**
 * Names and labels select together; neither given means every pool. A disabled pool is selected too: what it gave before
 * it was broken goes on being announced.
 */
function selectPools(spec: Spec, options: Options & { problems: ProblemList }): ReadonlySet<string> {
  const { pools, disabledPools, problems } = options;
  const selectorPath = ["spec", "ipAddressPoolSelectors"];
  const selectors = compileSelectors(spec.ipAddressPoolSelectors, { path: selectorPath, problems });
  if (spec.ipAddressPools.length === 0 && spec.ipAddressPoolSelectors.length === 0) {
    return new Set([...pools.map(({ name }) => name), ...disabledPools.keys()]);
  }
  const selected = new Set<string>();
  const existing = new Set(pools.map(({ name }) => name));
  const named = distinct(spec.ipAddressPools, { path: ["spec", "ipAddressPools"], problems, severity: "error" });
  for (const [index, name] of spec.ipAddressPools.entries()) {
    if (existing.has(name) || disabledPools.has(name)) selected.add(name);
    if (!existing.has(name) && named.includes(name)) {
      warnMissingPool({ name, index, existing, disabledPools, problems });
    }
  }
  let matched = false;
  for (const [name, labels] of [...pools.map((pool) => [pool.name, pool.labels] as const), ...disabledPools]) {
    if (!anySelectorMatches(selectors, labels)) continue;
    selected.add(name);
    matched = true;
  }
  if (selectors.length > 0 && !matched) {
    const message = "no IPAddressPool has these labels at present";
    problems.warning({ path: formatPath(selectorPath), reason: "matchesNothing", message });
  }
  return selected;
}

function warnMissingPool(options: {
  name: string;
  index: number;
  existing: ReadonlySet<string>;
  disabledPools: DisabledPools;
  problems: ProblemList;
}): void {
  const { name, existing, disabledPools, problems } = options;
  const path = formatPath(["spec", "ipAddressPools", options.index]);
  const quoted = JSON.stringify(name.slice(0, 253));
  if (disabledPools.has(name)) {
    const message = `pool ${quoted} has errors: it gives nothing new until they are corrected`;
    problems.warning({ path, reason: "disabledPool", message });
    return;
  }
  const nearest = nearestName(name, [...existing, ...disabledPools.keys()]);
  const hint = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
  problems.warning({ path, reason: "unknownPool", message: `there is no IPAddressPool named ${quoted}${hint}` });
}

function preferredNodesOf(spec: Spec, problems: ProblemList): PreferredNodes[] {
  const preferred: PreferredNodes[] = [];
  for (const [index, { weight, preference }] of spec.preferredNodeSelectors.entries()) {
    const path = ["spec", "preferredNodeSelectors", index, "preference"];
    const selector = compileSelector(preference, { path, problems });
    if (selector !== undefined) preferred.push({ weight, preference: selector });
  }
  return preferred;
}

function distinct(
  texts: readonly string[],
  options: { path: readonly PropertyKey[]; problems: ProblemList; severity: "error" | "warning" },
): string[] {
  const seen = new Set<string>();
  for (const [index, text] of texts.entries()) {
    if (seen.has(text)) {
      const path = formatPath([...options.path, index]);
      const message = `${JSON.stringify(text.slice(0, 253))} is listed twice; remove one of the two`;
      options.problems[options.severity]({ path, reason: "duplicateEntry", message });
    }
    seen.add(text);
  }
  return [...seen];
}
