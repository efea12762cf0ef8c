/**
 * Whether routes of a given length go with a pool (reference §2.6, §11.2, §13).
 *
 * As MetalLB, a line of the pool is measured by its largest aligned block: a route must not be shorter than the prefix
 * of that block. A range may still have smaller blocks at its ends, so that the route covers addresses outside of the
 * pool: that is admitted, and said.
 */
import { formatRange, type IpRange, rangeSize } from "../../base/cidr.ts";
import { familyBits, type IpFamily } from "../../base/ip.ts";
import { compareRanges } from "./range_set.ts";
import type { AddressLine } from "./resolve_pools.ts";

interface MeasuredLine {
  readonly text: string;
  readonly family: IpFamily;
  /** Length of the prefix of the largest aligned block. */
  readonly length: number;
}

/** What a pool's lines allow, measured once for all advertisements. */
export class PoolMeasure {
  readonly families: ReadonlySet<IpFamily>;
  /** As written. */
  readonly #lines: readonly MeasuredLine[];
  /** Sorted, neighbours joined: a route over two lines without a gap stays inside of the pool. */
  readonly #joined: readonly IpRange[];
  /** The longest of the lengths, by family. */
  readonly #longest: Readonly<Record<IpFamily, number>>;

  constructor(lines: readonly AddressLine[]) {
    this.families = new Set(lines.map(({ range }) => range.family));
    this.#lines = lines.map(({ range, text }) => ({ text, family: range.family, length: shortestPrefix(range) }));
    this.#joined = joinNeighbours(lines.map(({ range }) => range).sort(compareRanges));
    const longest = { 4: 0, 6: 0 };
    for (const { family, length } of this.#lines) if (length > longest[family]) longest[family] = length;
    this.#longest = longest;
  }

  /** The first line that is smaller than a route of this length. */
  tooSmallFor(family: IpFamily, aggregationLength: number): MeasuredLine | undefined {
    if (aggregationLength >= this.#longest[family]) return undefined;
    return this.#lines.find((line) => line.family === family && aggregationLength < line.length);
  }

  /** The first stretch of addresses that begins or ends inside of a route of this length. */
  exceededBy(family: IpFamily, aggregationLength: number): string | undefined {
    const size = 1n << BigInt(familyBits(family) - aggregationLength);
    const range = this.#joined.find((one) =>
      one.family === family && (one.first % size !== 0n || (one.last + 1n) % size !== 0n)
    );
    return range === undefined ? undefined : formatRange(range);
  }
}

/** A range of 2^(k+1)-1 addresses or more has an aligned block of 2^k, so this looks at two sizes at most. */
function shortestPrefix(range: IpRange): number {
  const bits = familyBits(range.family);
  for (let hostBits = rangeSize(range).toString(2).length - 1; hostBits > 0; hostBits--) {
    const size = 1n << BigInt(hostBits);
    const start = (range.first + size - 1n) / size * size;
    if (start + size - 1n <= range.last) return bits - hostBits;
  }
  return bits;
}

function joinNeighbours(sorted: readonly IpRange[]): IpRange[] {
  const joined: IpRange[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && last.family === range.family && last.last + 1n === range.first) {
      joined[joined.length - 1] = { ...last, last: range.last };
    } else joined.push(range);
  }
  return joined;
}
