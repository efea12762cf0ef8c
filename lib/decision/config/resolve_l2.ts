/**
 * L2Advertisements: which pools each selects, with its selectors compiled (reference §2.5).
 *
 * Two advertisements that say the same are both kept (MetalLB collapses them): the plan asks whether any matches.
 */
import { compareText, type L2Advertisement, type PreferredNodes } from "./config.ts";
import { decodeList, type Draft, refuseDuplicateName } from "./decoded_list.ts";
import { distinctTexts } from "./distinct_texts.ts";
import { readL2Annotations } from "./l2_annotations.ts";
import type { NodeSets } from "./node_sets.ts";
import type { PoolSelection } from "./pool_selection.ts";
import type { Problem, ProblemList } from "./problem.ts";
import { type L2AdvertisementObject, l2AdvertisementSchema } from "./schema/l2_advertisement.ts";
import { compileSelector, compileSelectors } from "./selector.ts";

export interface ResolvedL2Advertisements {
  /** By name. */
  readonly advertisements: readonly L2Advertisement[];
  readonly problems: readonly Problem[];
}

interface Options {
  readonly poolSelection: PoolSelection;
  readonly nodeSets: NodeSets;
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
  const list = decodeList(objects, { schema: l2AdvertisementSchema, kind: KIND });
  const problems = [...list.problems];
  const advertisements: L2Advertisement[] = [];
  const seen = new Set<string>();
  for (const draft of list.drafts) {
    const key = `${draft.namespace}/${draft.name}`;
    if (seen.has(key)) refuseDuplicateName(draft.problems, { kind: KIND, name: draft.name });
    const advertisement = advertisementOf(draft, options);
    if (draft.problems.errors === 0) {
      advertisements.push(advertisement);
      seen.add(key);
    }
    problems.push(...draft.problems.all());
  }
  return { advertisements, problems };
}

function advertisementOf(draft: Draft<L2AdvertisementObject>, options: Options): L2Advertisement {
  const { problems, object } = draft;
  const spec = object.spec ?? EMPTY_SPEC;
  const nodeSelectors = compileSelectors(spec.nodeSelectors, { path: ["spec", "nodeSelectors"], problems });
  options.nodeSets.warnOfNone(nodeSelectors, { problems, consequence: "nothing is announced" });
  const interfaces = distinctTexts(spec.interfaces, { path: ["spec", "interfaces"], problems, severity: "warning" });
  return {
    name: draft.name,
    namespace: draft.namespace,
    pools: options.poolSelection.select(spec, problems),
    nodeSelectors,
    interfaces: interfaces.size === 0 ? "all" : [...interfaces.keys()].sort(compareText),
    serviceSelectors: compileSelectors(spec.serviceSelectors, { path: ["spec", "serviceSelectors"], problems }),
    preferredNodes: preferredNodesOf(spec, problems),
    policy: readL2Annotations(object.metadata.annotations, problems),
  };
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
