/** The seeds in two halves that cost about the same: a test process runs files side by side, not tests. */
import { runSeed, SEEDS } from "./run_seed.ts";

const SEEDS_PER_GROUP = 25;

export interface SeedGroup {
  readonly title: string;
  readonly seeds: readonly number[];
}

export function seedGroups(half: "even" | "odd"): SeedGroup[] {
  const groups: SeedGroup[] = [];
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_GROUP) {
    const seeds = Array.from({ length: SEEDS_PER_GROUP }, (_, i) => first + i)
      .filter((seed) => (Math.floor((seed - 1) / 2) % 2 === 0) === (half === "even"));
    groups.push({ title: `half of the seeds ${first} to ${first + SEEDS_PER_GROUP - 1}`, seeds });
  }
  return groups;
}

/** Throws with the stories of all that failed. */
export async function runSeeds(seeds: readonly number[]): Promise<void> {
  const failures: string[] = [];
  for (const seed of seeds) {
    try {
      await runSeed(seed);
    } catch (error) {
      failures.push(`${error instanceof Error ? error.message : error}\n  again: deno task sim --seed ${seed}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}
