/** The seeds as tests, in two halves that cost about the same: a test process runs files side by side, not tests. */
import { runSeed, SEEDS } from "./run_seed.ts";

const SEEDS_PER_TEST = 25;

export function testSeeds(half: "even" | "odd"): void {
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST) {
    const last = first + SEEDS_PER_TEST - 1;
    const seeds = Array.from({ length: SEEDS_PER_TEST }, (_, i) => first + i)
      .filter((seed) => (Math.floor((seed - 1) / 2) % 2 === 0) === (half === "even"));
    Deno.test(`Simulation: half of the seeds ${first} to ${last}`, async () => {
      const failures: string[] = [];
      for (const seed of seeds) {
        try {
          await runSeed(seed);
        } catch (error) {
          failures.push(`${error instanceof Error ? error.message : error}\n  again: deno task sim --seed ${seed}`);
        }
      }
      if (failures.length > 0) throw new Error(failures.join("\n\n"));
    });
  }
}
