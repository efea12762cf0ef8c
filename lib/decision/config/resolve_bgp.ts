/**
 * BGPAdvertisements: which pools each announces, to whom and how (reference §2.6).
 *
 * A pool that does not go with an advertisement is left out of that advertisement alone. A community that is not known
 * disables the whole advertisement: communities say how far a route may travel (`no-export`), and announcing it without
 * them could carry it where it must not go.
 */
import { compareCommunities, parseCommunity } from "./community.ts";
import { PoolMeasure } from "./aggregation.ts";
import type { BgpAdvertisement } from "./config.ts";
import { formatPath } from "./decode.ts";
import { decodeList, type Draft, refuseDuplicateName } from "./decoded_list.ts";
import { distinctTexts, quoteName } from "./distinct_texts.ts";
import { type AttachedAdvertisement, dropConflictingPools } from "./local_pref_conflicts.ts";
import { NameHints } from "./name_hints.ts";
import type { NodeSets } from "./node_sets.ts";
import type { PoolSelection } from "./pool_selection.ts";
import type { Problem, ProblemList } from "./problem.ts";
import type { ResolvedCommunities } from "./resolve_communities.ts";
import type { ResolvedPeers } from "./resolve_peers.ts";
import type { AddressLine } from "./resolve_pools.ts";
import { type BgpAdvertisementObject, bgpAdvertisementSchema } from "./schema/bgp_advertisement.ts";
import { compileSelectors } from "./selector.ts";

export interface ResolvedBgpAdvertisements {
  /** By name. */
  readonly advertisements: readonly BgpAdvertisement[];
  readonly problems: readonly Problem[];
}

interface Options {
  readonly poolSelection: PoolSelection;
  readonly poolLines: ReadonlyMap<string, readonly AddressLine[]>;
  readonly nodeSets: NodeSets;
  /** `undefined` when they are not known: then nothing is said about a name. */
  readonly peers: ResolvedPeers | undefined;
  readonly communities: ResolvedCommunities | undefined;
}

interface Context extends Options {
  readonly peerNames: ReadonlySet<string>;
  readonly peerHints: NameHints;
  readonly communityHints: NameHints;
  readonly measureOf: (pool: string) => PoolMeasure;
}

type Spec = NonNullable<BgpAdvertisementObject["spec"]>;

const KIND = "BGPAdvertisement";
/** More do not go into the message of one route beside its other attributes; MetalLB's limit too (reference §7.3). */
const COMMUNITIES_MAX = 63;

const EMPTY_SPEC: Spec = bgpAdvertisementSchema.parse({ metadata: { name: "x" }, spec: {} }).spec!;

export function resolveBgpAdvertisements(objects: readonly unknown[], options: Options): ResolvedBgpAdvertisements {
  const list = decodeList(objects, { schema: bgpAdvertisementSchema, kind: KIND });
  const context = contextOf(options);
  const attached: AttachedAdvertisement[] = [];
  const seen = new Set<string>();
  for (const draft of list.drafts) {
    const key = `${draft.namespace}/${draft.name}`;
    if (seen.has(key)) refuseDuplicateName(draft.problems, { kind: KIND, name: draft.name });
    const advertisement = advertisementOf(draft, context);
    if (draft.problems.errors > 0) continue;
    seen.add(key);
    const pools = fittingPools(advertisement, { context, problems: draft.problems });
    attached.push({ advertisement: { ...advertisement, pools }, problems: draft.problems });
  }
  const familiesOf = (pool: string): PoolMeasure["families"] => context.measureOf(pool).families;
  const advertisements = dropConflictingPools(attached, { nodeSets: options.nodeSets, familiesOf });
  const problems = [...list.problems];
  for (const draft of list.drafts) problems.push(...draft.problems.all());
  return { advertisements, problems };
}

function contextOf(options: Options): Context {
  const peerNames = new Set((options.peers?.peers ?? []).map(({ name }) => name));
  const measures = new Map<string, PoolMeasure>();
  return {
    ...options,
    peerNames,
    peerHints: new NameHints([...peerNames, ...options.peers?.disabled ?? []]),
    communityHints: new NameHints(options.communities?.aliases.keys() ?? []),
    measureOf(pool) {
      let measure = measures.get(pool);
      if (measure === undefined) measures.set(pool, measure = new PoolMeasure(options.poolLines.get(pool) ?? []));
      return measure;
    },
  };
}

function advertisementOf(draft: Draft<BgpAdvertisementObject>, context: Context): BgpAdvertisement {
  const { problems } = draft;
  const spec = draft.object.spec ?? EMPTY_SPEC;
  const nodeSelectors = compileSelectors(spec.nodeSelectors, { path: ["spec", "nodeSelectors"], problems });
  context.nodeSets.warnOfNone(nodeSelectors, { problems, consequence: "nothing is announced" });
  checkLengths(spec, problems);
  return {
    name: draft.name,
    namespace: draft.namespace,
    pools: context.poolSelection.select(spec, problems),
    aggregationLength: spec.aggregationLength,
    aggregationLengthV6: spec.aggregationLengthV6,
    localPref: spec.localPref ?? 0,
    communities: communitiesOf(spec, { context, problems }),
    nodeSelectors,
    peers: peersOf(spec, { context, problems }),
    serviceSelectors: compileSelectors(spec.serviceSelectors, { path: ["spec", "serviceSelectors"], problems }),
  };
}

/** The lower bound of the IPv6 length is in no schema. */
function checkLengths(spec: Spec, problems: ProblemList): void {
  const check = (field: "aggregationLength" | "aggregationLengthV6", max: number): void => {
    const length = spec[field];
    if (length >= 1 && length <= max) return;
    const message = `the length of a prefix must be between 1 and ${max}, but is ${length}`;
    problems.error({ path: `spec.${field}`, reason: "invalidAggregation", message });
  };
  check("aggregationLength", 32);
  check("aggregationLengthV6", 128);
}

function communitiesOf(spec: Spec, options: { context: Context; problems: ProblemList }): string[] {
  const { context: { communities, communityHints }, problems } = options;
  const path = ["spec", "communities"];
  const resolved = new Set<string>();
  for (const [text, index] of distinctTexts(spec.communities, { path, problems, severity: "error" })) {
    const alias = communities?.aliases.get(text);
    const parsed = alias === undefined ? parseCommunity(text) : { ok: true as const, community: alias };
    if (parsed.ok) {
      resolved.add(parsed.community);
      continue;
    }
    const at = formatPath([...path, index]);
    const tail = `invalid community ${JSON.stringify(text.slice(0, 253))} in BGP advertisement`;
    const metallbText = `${parsed.metallbText}\n${tail}`;
    if (text.includes(":")) {
      problems.error({ path: at, reason: "invalidCommunity", message: parsed.message, metallbText });
    } else if (communities !== undefined) {
      const message = communities.broken.has(text)
        ? `community ${quoteName(text)} has errors where it is defined`
        : `no Community object defines ${quoteName(text)}${communityHints.hint(text)}; the advertisement is not used ` +
          "without it, because communities say how far a route may go";
      problems.error({ path: at, reason: "unknownCommunity", message, metallbText });
    }
  }
  if (resolved.size > COMMUNITIES_MAX) {
    const message = `a route takes at most ${COMMUNITIES_MAX} communities, and these are ${resolved.size}`;
    problems.error({ path: formatPath(path), reason: "invalidValue", message });
  }
  return [...resolved].sort(compareCommunities);
}

function peersOf(spec: Spec, options: { context: Context; problems: ProblemList }): "all" | ReadonlySet<string> {
  const { context: { peers, peerNames, peerHints }, problems } = options;
  const path = ["spec", "peers"];
  const named = distinctTexts(spec.peers, { path, problems, severity: "error" });
  if (named.size === 0) return "all";
  for (const [name, index] of peers === undefined ? [] : named) {
    if (peerNames.has(name)) continue;
    const at = formatPath([...path, index]);
    if (peers!.disabled.has(name)) {
      const message = `BGPPeer ${quoteName(name)} has errors: nothing is announced to it until they are corrected`;
      problems.warning({ path: at, reason: "disabledPeer", message });
    } else {
      const message = `there is no BGPPeer named ${quoteName(name)}${peerHints.hint(name)}`;
      problems.warning({ path: at, reason: "unknownPeer", message });
    }
  }
  return new Set(named.keys());
}

function fittingPools(
  advertisement: BgpAdvertisement,
  { context, problems }: { context: Context; problems: ProblemList },
): ReadonlySet<string> {
  const lengths = [
    { family: 4, field: "aggregationLength", length: advertisement.aggregationLength, whole: 32 },
    { family: 6, field: "aggregationLengthV6", length: advertisement.aggregationLengthV6, whole: 128 },
  ] as const;
  const aggregating = lengths.filter(({ length, whole }) => length !== whole);
  if (aggregating.length === 0) return advertisement.pools;
  const pools = new Set(advertisement.pools);
  for (const pool of advertisement.pools) {
    const measure = context.measureOf(pool);
    for (const { family, field, length } of aggregating) {
      const line = measure.tooSmallFor(family, length);
      if (line !== undefined) {
        pools.delete(pool);
        refuseAggregate(problems, { pool, line, field, length, v4Length: advertisement.aggregationLength });
        continue;
      }
      const exceeded = measure.exceededBy(family, length);
      if (exceeded === undefined) continue;
      const message =
        `routes of /${length} cover addresses beside ${exceeded} that are not in pool ${quoteName(pool)}; ` +
        "traffic to those is attracted too";
      problems.warning({ path: `spec.${field}`, reason: "aggregateExceedsPool", message });
    }
  }
  return pools;
}

function refuseAggregate(problems: ProblemList, options: {
  pool: string;
  line: { text: string; length: number };
  field: string;
  length: number;
  v4Length: number;
}): void {
  const { pool, line, field, length } = options;
  const shown = line.text.slice(0, 100);
  problems.error({
    path: `spec.${field}`,
    reason: "invalidAggregation",
    message: `pool ${quoteName(pool)} is not announced by it: a route of /${length} is larger than ` +
      `${JSON.stringify(shown)} of the pool; give a length between ${line.length} and ${
        field === "aggregationLength" ? 32 : 128
      }`,
    // MetalLB prints the IPv4 length for both families.
    metallbText:
      `invalid aggregation length ${options.v4Length}: prefix ${line.length} in this pool is more specific ` +
      `than the aggregation length for addresses ${shown}`,
  });
}
