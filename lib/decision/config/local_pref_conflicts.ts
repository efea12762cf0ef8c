/**
 * Advertisements that give one route two local preferences (reference §2.6, §11.3, §13).
 *
 * Two without serviceSelectors conflict on a pool when their preferences differ, their routes can be the same, and some
 * node announces both to some peer. MetalLB then refuses everything; here the one whose name comes later is not used
 * for that pool, and goes on for its other pools. Those with serviceSelectors are compared per Service, by the plan.
 */
import type { IpFamily } from "../../base/ip.ts";
import { shortList } from "../../base/text_list.ts";
import type { BgpAdvertisement } from "./config.ts";
import { quoteName } from "./distinct_texts.ts";
import type { NodeSets } from "./node_sets.ts";
import type { ProblemList } from "./problem.ts";

export interface AttachedAdvertisement {
  readonly advertisement: BgpAdvertisement;
  readonly problems: ProblemList;
}

interface Options {
  readonly nodeSets: NodeSets;
  /** Empty for a pool that has errors: nothing is known of it. */
  familiesOf(pool: string): ReadonlySet<IpFamily>;
}

/** Earlier ones that one is compared with, so that thousands of them cost no more than their number. */
const COMPARED_MAX = 1000;

/** By name; the result is too, without the pools on which one gives way. */
export function dropConflictingPools(sorted: readonly AttachedAdvertisement[], options: Options): BgpAdvertisement[] {
  const kept: BgpAdvertisement[] = [];
  const common = new CommonPools(options.familiesOf);
  const results: BgpAdvertisement[] = [];
  for (const { advertisement, problems } of sorted) {
    const result = advertisement.serviceSelectors.length === 0
      ? withoutConflicts(advertisement, { nodeSets: options.nodeSets, common, kept, problems })
      : advertisement;
    if (result.serviceSelectors.length === 0 && kept.length < COMPARED_MAX) kept.push(result);
    results.push(result);
  }
  return results;
}

function withoutConflicts(
  advertisement: BgpAdvertisement,
  options: {
    nodeSets: NodeSets;
    common: CommonPools;
    kept: readonly BgpAdvertisement[];
    problems: ProblemList;
  },
): BgpAdvertisement {
  let pools: ReadonlySet<string> = advertisement.pools;
  for (const other of options.kept) {
    if (pools.size === 0) break;
    if (other.localPref === advertisement.localPref || !peersMeet(advertisement, other)) continue;
    const isEqual = {
      4: advertisement.aggregationLength === other.aggregationLength,
      6: advertisement.aggregationLengthV6 === other.aggregationLengthV6,
    };
    if (!isEqual[4] && !isEqual[6]) continue;
    if (!options.nodeSets.meet(advertisement.nodeSelectors, other.nodeSelectors)) continue;
    const lost = options.common.find({ a: pools, b: other.pools, isEqual });
    if (lost.length === 0) continue;
    report(options.problems, { lost, other, localPref: advertisement.localPref });
    const gone = new Set(lost);
    pools = gone.size === pools.size ? NO_POOLS : new Set([...pools].filter((pool) => !gone.has(pool)));
  }
  return pools === advertisement.pools ? advertisement : { ...advertisement, pools };
}

const NO_POOLS: ReadonlySet<string> = new Set();

/** Pools that two sets share, where a route of them can be the same; advertisements of all pools share one set. */
class CommonPools {
  readonly #familiesOf: Options["familiesOf"];
  readonly #known = new Map<ReadonlySet<string>, Map<ReadonlySet<string>, readonly string[]>>();

  constructor(familiesOf: Options["familiesOf"]) {
    this.#familiesOf = familiesOf;
  }

  find(options: {
    a: ReadonlySet<string>;
    b: ReadonlySet<string>;
    isEqual: Readonly<Record<IpFamily, boolean>>;
  }): readonly string[] {
    const { isEqual } = options;
    const common = this.#common(options.a, options.b);
    if (isEqual[4] && isEqual[6]) return common;
    return common.filter((pool) => {
      const families = this.#familiesOf(pool);
      return (isEqual[4] && families.has(4)) || (isEqual[6] && families.has(6));
    });
  }

  /** Those of known families only: what is not known of a broken pool is not held against anybody. */
  #common(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
    let ofA = this.#known.get(a);
    if (ofA === undefined) this.#known.set(a, ofA = new Map());
    let common = ofA.get(b);
    if (common === undefined) {
      common = [...a].filter((pool) => b.has(pool) && this.#familiesOf(pool).size > 0);
      ofA.set(b, common);
    }
    return common;
  }
}

/** True when some peer hears both. */
export function peersMeet(a: BgpAdvertisement, b: BgpAdvertisement): boolean {
  if (a.peers === "all" || b.peers === "all") return true;
  for (const peer of a.peers) if (b.peers.has(peer)) return true;
  return false;
}

const POOLS_NAMED_MAX = 3;

function report(
  problems: ProblemList,
  options: { lost: readonly string[]; other: BgpAdvertisement; localPref: number },
): void {
  const { lost, other, localPref } = options;
  const named = shortList(lost, { max: POOLS_NAMED_MAX, show: quoteName });
  const message =
    `BGPAdvertisement ${quoteName(other.name)} announces the same routes of pool ${named} with localPref ` +
    `${other.localPref} instead of ${localPref}, and is used for them because its name sorts first; ` +
    "give both the same localPref, or other peers, nodes or aggregation lengths";
  problems.error({ path: "spec.localPref", reason: "conflictingLocalPref", message });
}
