/**
 * The problems that concern one node: of BGPPeers and BGPAdvertisements only those whose `nodeSelectors` select it, so
 * that a bad peer of one node does not make the others look broken (reference §2.1).
 */
import { isRecord } from "../../base/json.ts";
import { identityOf } from "./identity.ts";
import { type Problem, ProblemList } from "./problem.ts";
import { labelSelectorSchema } from "./schema/common.ts";
import { anySelectorMatches, compileSelectors } from "./selector.ts";
import type { Labels } from "./service_view.ts";

const NODE_KINDS = ["BGPPeer", "BGPAdvertisement"] as const;

export interface NodeProblemsOptions {
  readonly bgpPeers: readonly unknown[];
  readonly bgpAdvertisements: readonly unknown[];
  /** Of the node; `undefined` while it is not known: then everything concerns it. */
  readonly labels: Labels | undefined;
}

export function problemsOfNode(problems: readonly Problem[], options: NodeProblemsOptions): Problem[] {
  const { labels } = options;
  if (labels === undefined) return [...problems];
  const others = new Set<string>();
  for (
    const [kind, objects] of [[NODE_KINDS[0], options.bgpPeers], [NODE_KINDS[1], options.bgpAdvertisements]] as const
  ) {
    for (const object of objects) {
      const { namespace, name } = identityOf(object, kind);
      if (!selects(object, labels)) others.add(`${kind} ${namespace}/${name}`);
    }
  }
  return problems.filter(({ kind, namespace, name }) => !others.has(`${kind} ${namespace}/${name}`));
}

/** What cannot be read selects every node: better told once too often than nowhere. */
function selects(object: unknown, labels: Labels): boolean {
  const spec = isRecord(object) && isRecord(object["spec"]) ? object["spec"] : {};
  const parsed = labelSelectorSchema.array().safeParse(spec["nodeSelectors"] ?? []);
  if (!parsed.success || parsed.data.length === 0) return true;
  const list = new ProblemList(identityOf(object, ""));
  const selectors = compileSelectors(parsed.data, { path: ["spec", "nodeSelectors"], problems: list });
  return list.errors > 0 || anySelectorMatches(selectors, labels);
}
