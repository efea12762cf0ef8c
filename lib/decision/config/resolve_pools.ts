/**
 * IPAddressPools: from objects to pools that are valid one by one and disjoint together (reference §2.3, §2.4).
 *
 * Pools are taken in the order of their names. When two overlap, the one that comes first is kept and the later one is
 * disabled whole: which of its addresses were meant cannot be guessed.
 */
import { formatRange, type IpRange, parseRange, rangeOverlap, rangeToPrefixes } from "../../base/cidr.ts";
import { type DisabledPools, type Pool, type PoolAllocation } from "./config.ts";
import { formatPath } from "./decode.ts";
import { decodeList, type Draft as DecodedDraft, refuseDuplicateName } from "./decoded_list.ts";
import { quoteName } from "./distinct_texts.ts";
import { NameHints } from "./name_hints.ts";
import { type PoolAnnotations, readPoolAnnotations } from "./pool_annotations.ts";
import type { Problem, ProblemList } from "./problem.ts";
import { compareRanges, GrowingRangeSet, type RangeEntry } from "./range_set.ts";
import { type IpAddressPoolObject, ipAddressPoolSchema } from "./schema/ip_address_pool.ts";
import { anySelectorMatches, compileSelectors } from "./selector.ts";
import type { Labels } from "./service_view.ts";

export interface ResolvedPools {
  /** By name. */
  readonly pools: readonly Pool[];
  readonly disabled: DisabledPools;
  /** Of each pool, its lines as they were written. */
  readonly lines: ReadonlyMap<string, readonly AddressLine[]>;
  readonly problems: readonly Problem[];
}

export interface AddressLine {
  readonly range: IpRange;
  readonly text: string;
}

export interface NamespaceLabels {
  readonly name: string;
  readonly labels: Labels;
}

interface KnownNamespaces {
  readonly list: readonly NamespaceLabels[];
  readonly existing: ReadonlySet<string>;
  readonly hints: NameHints;
}

const KIND = "IPAddressPool";
/** Overlaps that one address line may report: the first ones tell what is wrong. */
const OVERLAPS_PER_RANGE_MAX = 3;

/** A valid range and the line of `spec.addresses` it was written on. */
interface Line extends AddressLine {
  readonly index: number;
}

interface Draft {
  readonly object: IpAddressPoolObject;
  readonly problems: ProblemList;
  readonly lines: Line[];
  readonly allocation: PoolAllocation | undefined;
  readonly annotations: PoolAnnotations;
}

export function resolvePools(
  objects: readonly unknown[],
  options: { namespaces?: readonly NamespaceLabels[] | undefined } = {},
): ResolvedPools {
  const namespaces = options.namespaces === undefined ? undefined : knownNamespaces(options.namespaces);
  const list = decodeList(objects, { schema: ipAddressPoolSchema, kind: KIND });
  const problems = [...list.problems];
  const disabled = new Map<string, Labels>(list.broken.map(({ name, labels }) => [name, labels]));
  const drafts = list.drafts.map((decoded) => draftOf(decoded, namespaces));
  const pools: Pool[] = [];
  const names = new Set<string>();
  const lines = new Map<string, readonly AddressLine[]>();
  const taken = new GrowingRangeSet<string>();
  for (const draft of drafts) {
    const { object, problems: found } = draft;
    const name = object.metadata.name;
    if (names.has(name)) refuseDuplicateName(found, { kind: KIND, name });
    checkOwnOverlaps(found, { lines: draft.lines, name });
    checkForeignOverlaps(found, { lines: draft.lines, taken, name });
    if (found.errors === 0) {
      const pool = poolOf(draft);
      pools.push(pool);
      names.add(name);
      lines.set(name, [...draft.lines].sort((a, b) => a.index - b.index));
      taken.add(pool.ranges.map((range): RangeEntry<string> => ({ range, value: name })));
    } else {
      disabled.set(name, object.metadata.labels);
    }
    problems.push(...found.all());
  }
  // A second object of the same name is disabled alone: the name goes on being served by the first.
  for (const name of names) disabled.delete(name);
  return { pools, disabled, lines, problems };
}

function knownNamespaces(list: readonly NamespaceLabels[]): KnownNamespaces {
  const existing = new Set(list.map(({ name }) => name));
  return { list, existing, hints: new NameHints(existing) };
}

function draftOf(decoded: DecodedDraft<IpAddressPoolObject>, namespaces: KnownNamespaces | undefined): Draft {
  const { object, problems } = decoded;
  const { addresses, serviceAllocation } = object.spec;
  const lines: Line[] = [];
  if (addresses.length === 0) {
    const message = 'a pool needs at least one range, such as "192.0.2.0/24" or "192.0.2.10-192.0.2.20"';
    problems.error({ path: "spec.addresses", reason: "emptyAddresses", message });
  }
  for (const [index, text] of addresses.entries()) {
    // What is too long stays wrong when it is cut, because the mark stands at its end.
    const result = parseRange(text.length > RANGE_TEXT_MAX ? `${text.slice(0, RANGE_TEXT_MAX)}…` : text);
    if (result.ok) lines.push({ range: result.range, text, index });
    else problems.error({ path: linePath(index), reason: "invalidAddress", message: result.message });
  }
  lines.sort((a, b) => compareRanges(a.range, b.range) || a.index - b.index);
  const allocation = serviceAllocation === undefined
    ? undefined
    : allocationOf(serviceAllocation, { problems, namespaces });
  const annotations = readPoolAnnotations(object.metadata.annotations, problems);
  return { object, problems, lines, allocation, annotations };
}

/** Longer than any range can be written; what is longer is wrong anyway and must not fill the message. */
const RANGE_TEXT_MAX = 200;

function allocationOf(
  object: NonNullable<IpAddressPoolObject["spec"]["serviceAllocation"]>,
  options: { problems: ProblemList; namespaces: KnownNamespaces | undefined },
): PoolAllocation {
  const { problems } = options;
  const path = ["spec", "serviceAllocation"];
  const names = new Set<string>();
  for (const [index, name] of object.namespaces.entries()) {
    if (names.has(name)) {
      const message = `namespace ${quoteName(name)} is listed twice; remove one of the two`;
      problems.error({ path: formatPath([...path, "namespaces", index]), reason: "duplicateEntry", message });
    }
    names.add(name);
  }
  const namespaceSelectors = compileSelectors(object.namespaceSelectors, {
    path: [...path, "namespaceSelectors"],
    problems,
  });
  const serviceSelectors = compileSelectors(object.serviceSelectors, { path: [...path, "serviceSelectors"], problems });
  if (options.namespaces !== undefined) {
    const known = options.namespaces;
    warnOfUnknownNamespaces(object.namespaces, { known, problems });
    const matching = namespaceSelectors.length === 0
      ? []
      : known.list.filter(({ labels }) => anySelectorMatches(namespaceSelectors, labels));
    for (const { name } of matching) names.add(name);
    if (namespaceSelectors.length > 0 && matching.length === 0) {
      const message = "no namespace has these labels at present" +
        (names.size === 0 ? ", so no Service gets an address from this pool" : "");
      problems.warning({
        path: formatPath([...path, "namespaceSelectors"]),
        reason: "matchesNothing",
        message,
      });
    }
  }
  const unrestricted = object.namespaces.length === 0 && object.namespaceSelectors.length === 0;
  return { priority: object.priority ?? 0, namespaces: unrestricted ? "all" : names, serviceSelectors };
}

function warnOfUnknownNamespaces(
  names: readonly string[],
  { known: { existing, hints }, problems }: { known: KnownNamespaces; problems: ProblemList },
): void {
  for (const [index, name] of names.entries()) {
    if (existing.has(name)) continue;
    problems.warning(() => ({
      path: `spec.serviceAllocation.namespaces[${index}]`,
      reason: "unknownNamespace",
      message: `there is no namespace ${quoteName(name)} at present${hints.hint(name)}`,
    }));
  }
}

function poolOf({ object, lines, allocation, annotations }: Draft): Pool {
  const { metadata, spec } = object;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    labels: metadata.labels,
    ranges: lines.map(({ range }) => range),
    autoAssign: spec.autoAssign ?? true,
    avoidBuggyIps: spec.avoidBuggyIPs ?? false,
    allocation,
    ...annotations,
  };
}

/** `lines` are sorted by first address, so each only has to be held against the one that reaches furthest so far. */
function checkOwnOverlaps(problems: ProblemList, options: { lines: readonly Line[]; name: string }): void {
  let furthest: Line | undefined;
  for (const line of options.lines) {
    const overlap = furthest === undefined ? undefined : rangeOverlap(furthest.range, line.range);
    if (overlap !== undefined) {
      const [earlier, later] = furthest!.index < line.index ? [furthest!, line] : [line, furthest!];
      problems.error(() => ({
        path: linePath(later.index),
        reason: "overlappingAddresses",
        message: `it overlaps ${linePath(earlier.index)} of the same pool by ${formatRange(overlap)}`,
        metallbText: overlapText({ ...later, pool: options.name, other: earlier.range }),
      }));
    }
    if (overlap === undefined || line.range.last > furthest!.range.last) furthest = line;
  }
}

function checkForeignOverlaps(
  problems: ProblemList,
  options: { lines: readonly Line[]; taken: GrowingRangeSet<string>; name: string },
): void {
  for (const { range, index } of options.lines) {
    for (const { range: other, value: pool } of options.taken.overlapping(range, OVERLAPS_PER_RANGE_MAX)) {
      problems.error(() => ({
        path: linePath(index),
        reason: "overlappingAddresses",
        message: `pool ${JSON.stringify(options.name)} overlaps pool ${JSON.stringify(pool)} by ` +
          `${formatRange(rangeOverlap(range, other)!)}; ${JSON.stringify(pool)} is kept because its name sorts first`,
        metallbText: overlapText({ range, pool: options.name, other }),
      }));
    }
  }
}

/** MetalLB compares the aligned prefixes of the ranges, and names the first two that meet (reference §2.3, §9.3). */
function overlapText(options: { range: IpRange; pool: string; other: IpRange }): string {
  const others = rangeToPrefixes(options.other).map((prefix) => ({ prefix, range: prefixRange(prefix) }));
  for (const prefix of rangeToPrefixes(options.range)) {
    const range = prefixRange(prefix);
    const met = others.find((other) => rangeOverlap(range, other.range) !== undefined);
    if (met !== undefined) {
      return `CIDR "${prefix}" in pool ${
        JSON.stringify(options.pool)
      } overlaps with already defined CIDR "${met.prefix}"`;
    }
  }
  throw new Error("ranges that overlap have prefixes that overlap");
}

function prefixRange(prefix: string): IpRange {
  const parsed = parseRange(prefix);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.range;
}

function linePath(index: number): string {
  return `spec.addresses[${index}]`;
}
