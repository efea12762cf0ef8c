/**
 * Disjoint address ranges, sorted, each with a value: finds in logarithmic time what covers an address or overlaps a
 * range. Immutable; pools of a hundred thousand lines are merged in, one pool at a time.
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

  /** Both together; `others` must be sorted and must not overlap what is there. */
  merged(others: readonly RangeEntry<T>[]): RangeSet<T> {
    const merged: RangeEntry<T>[] = [];
    let i = 0;
    for (const other of others) {
      while (i < this.#entries.length && compareRanges(this.#entries[i]!.range, other.range) < 0) {
        merged.push(this.#entries[i++]!);
      }
      merged.push(other);
    }
    while (i < this.#entries.length) merged.push(this.#entries[i++]!);
    return new RangeSet(merged);
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

/** IPv4 before IPv6, then by first address. */
export function compareRanges(a: IpRange, b: IpRange): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}
