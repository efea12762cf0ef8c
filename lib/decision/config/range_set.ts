/**
 * Disjoint address ranges, sorted, each with a value: finds in logarithmic time what covers an address or overlaps a
 * range. `RangeSet` is immutable.
 */
import { type IpRange, rangeHas, rangeOverlap } from "../../base/cidr.ts";
import type { Ip } from "../../base/ip.ts";

export interface RangeEntry<T> {
  readonly range: IpRange;
  readonly value: T;
}

export class RangeSet<T> {
  readonly #entries: readonly RangeEntry<T>[];

  /** `entries` must be disjoint and in the order of {@linkcode compareRanges}. */
  constructor(entries: readonly RangeEntry<T>[] = []) {
    this.#entries = entries;
  }

  find(ip: Ip): T | undefined {
    const entry = this.#entries[this.#firstEndingAtOrAfter(ip)];
    return entry !== undefined && rangeHas(entry.range, ip) ? entry.value : undefined;
  }

  /** Entries that share an address with `range`, ascending, at most `limit`. */
  overlapping(range: IpRange, limit: number): RangeEntry<T>[] {
    const found: RangeEntry<T>[] = [];
    for (let i = this.#firstEndingAtOrAfter({ family: range.family, value: range.first }); found.length < limit; i++) {
      const entry = this.#entries[i];
      if (entry === undefined || rangeOverlap(entry.range, range) === undefined) break;
      found.push(entry);
    }
    return found;
  }

  #firstEndingAtOrAfter(ip: Ip): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { family, last } = this.#entries[middle]!.range;
      if (family < ip.family || (family === ip.family && last < ip.value)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * A range set that many small batches are added to: sets of doubling size, so that ten thousand pools do not copy all
 * of what is there ten thousand times.
 */
export class GrowingRangeSet<T> {
  readonly #sets: { readonly size: number; readonly entries: readonly RangeEntry<T>[]; readonly set: RangeSet<T> }[] =
    [];

  /** `entries` must be sorted and must not overlap what is there. */
  add(entries: readonly RangeEntry<T>[]): void {
    let added = entries;
    for (let last = this.#sets.at(-1); last !== undefined && last.size <= added.length; last = this.#sets.at(-1)) {
      this.#sets.pop();
      added = mergeEntries(last.entries, added);
    }
    this.#sets.push({ size: added.length, entries: added, set: new RangeSet(added) });
  }

  /** Entries that share an address with `range`, at most `limit`. */
  overlapping(range: IpRange, limit: number): RangeEntry<T>[] {
    const found: RangeEntry<T>[] = [];
    for (const { set } of this.#sets) found.push(...set.overlapping(range, limit - found.length));
    return found.sort((a, b) => compareRanges(a.range, b.range));
  }
}

function mergeEntries<T>(a: readonly RangeEntry<T>[], b: readonly RangeEntry<T>[]): RangeEntry<T>[] {
  const merged: RangeEntry<T>[] = [];
  let i = 0;
  for (const entry of b) {
    while (i < a.length && compareRanges(a[i]!.range, entry.range) < 0) merged.push(a[i++]!);
    merged.push(entry);
  }
  while (i < a.length) merged.push(a[i++]!);
  return merged;
}

/** IPv4 before IPv6, then by first address. */
export function compareRanges(a: IpRange, b: IpRange): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}
