/**
 * Addresses that one pool has in common with others, told of that pool whatever their names are, and whether or not the
 * others are in use: what admission says. Which of two such pools goes on being served is decided in resolve_pools.ts.
 */
import { isRecord } from "../../base/json.ts";
import { formatRange, type IpRange, parseRange, rangeOverlap } from "../../base/cidr.ts";
import { identityOf } from "./identity.ts";
import type { Problem } from "./problem.ts";
import { compareRanges, RangeSet } from "./range_set.ts";

const KIND = "IPAddressPool";
/** The first ones tell what is wrong. */
const OVERLAPS_MAX = 3;

/** The ranges of a pool that other pools have too, whether or not those are in use at present. */
export function poolOverlaps(pool: unknown, others: readonly unknown[]): Problem[] {
  const lines = linesOf(pool).sort((a, b) => compareRanges(a.range, b.range));
  const disjoint: Line[] = [];
  for (const line of lines) {
    const last = disjoint.at(-1);
    if (last === undefined || rangeOverlap(last.range, line.range) === undefined) disjoint.push(line);
  }
  const ranges = new RangeSet(disjoint.map((line) => ({ range: line.range, value: line })));
  const problems: Problem[] = [];
  const name = identityOf(pool, KIND).name;
  for (const other of others) {
    for (const theirs of linesOf(other)) {
      for (const { value: ours } of ranges.overlapping(theirs.range, OVERLAPS_MAX - problems.length)) {
        const shared = formatRange(rangeOverlap(ours.range, theirs.range)!);
        const message =
          `${JSON.stringify(ours.text)} overlaps with already defined CIDR ${JSON.stringify(theirs.text)} ` +
          `of pool ${JSON.stringify(identityOf(other, KIND).name)} by ${shared}; an address can be in one pool only`;
        const path = `spec.addresses[${ours.index}]`;
        const identity = { kind: KIND, namespace: "", name } as const;
        problems.push({ severity: "error", ...identity, path, reason: "overlappingAddresses", message });
      }
      if (problems.length >= OVERLAPS_MAX) return problems;
    }
  }
  return problems;
}

interface Line {
  readonly range: IpRange;
  readonly index: number;
  readonly text: string;
}

function linesOf(pool: unknown): Line[] {
  const spec = isRecord(pool) ? pool["spec"] : undefined;
  const addresses = isRecord(spec) && Array.isArray(spec["addresses"]) ? spec["addresses"] : [];
  const lines: Line[] = [];
  for (const [index, text] of addresses.entries()) {
    const parsed = typeof text === "string" && text.length <= RANGE_TEXT_MAX ? parseRange(text) : undefined;
    if (parsed?.ok) lines.push({ range: parsed.range, index, text: text.trim() });
  }
  return lines;
}

/** Longer than any range can be written. */
const RANGE_TEXT_MAX = 200;
