import { assertEquals } from "@std/assert/equals";
import { median, percentile, sum, worst } from "./stats.ts";

Deno.test("percentile: of nothing is not a number", () => {
  assertEquals(percentile([], 50), NaN);
  assertEquals(worst([]), NaN);
});

for (
  const [percent, expected] of [[-5, 15], [0, 15], [5, 15], [30, 20], [40, 20], [50, 35], [99, 50], [100, 50], [
    120,
    50,
  ]] as const
) {
  Deno.test(`percentile: nearest rank of ${percent} % in five samples`, () => {
    assertEquals(percentile([50, 20, 15, 40, 35], percent), expected);
  });
}

Deno.test("percentile: the samples stay in their order", () => {
  const samples = [3, 1, 2];
  percentile(samples, 50);
  assertEquals(samples, [3, 1, 2]);
});

Deno.test("median: of an even number is the lower one, which was measured", () => {
  assertEquals(median(Float64Array.of(4, 1, 3, 2)), 2);
});

Deno.test("sum: of nothing is zero", () => {
  assertEquals(sum([]), 0);
  assertEquals(sum([1, 2, 3]), 6);
});
