import { assertEquals } from "@std/assert/equals";
import { type IpRange, rangeOverlap } from "../../../lib/base/cidr.ts";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { compareRanges, GrowingRangeSet, type RangeEntry } from "../../../lib/decision/config/range_set.ts";

Deno.test("GrowingRangeSet: it finds what a plain list finds, whatever the sizes of the batches", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const rng = new SeededRng(seed);
    const set = new GrowingRangeSet<number>();
    const naive: RangeEntry<number>[] = [];
    for (let batch = 0; batch < 12; batch++) {
      const entries: RangeEntry<number>[] = [];
      for (let i = below(rng, 6); i >= 0; i--) {
        const range = rangeOf(rng);
        if ([...naive, ...entries].some((entry) => rangeOverlap(entry.range, range) !== undefined)) continue;
        entries.push({ range, value: batch });
      }
      entries.sort((a, b) => compareRanges(a.range, b.range));
      naive.push(...entries);
      set.add(entries);
      const wanted = rangeOf(rng);
      const expected = naive.filter(({ range }) => rangeOverlap(range, wanted) !== undefined);
      assertEquals(
        set.overlapping(wanted, 100),
        expected.sort((a, b) => compareRanges(a.range, b.range)),
        `seed ${seed}`,
      );
      assertEquals(set.overlapping(wanted, 2).length, Math.min(2, expected.length));
    }
  }
});

function rangeOf(rng: SeededRng): IpRange {
  const first = BigInt(below(rng, 200));
  return { family: below(rng, 4) === 0 ? 6 : 4, first, last: first + BigInt(below(rng, 12)) };
}
