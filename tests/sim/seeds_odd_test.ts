/** The other half of the 1,000 seeds of the simulation. */
import { runSeeds, seedGroups } from "./seed_groups.ts";

for (const { title, seeds } of seedGroups("odd")) Deno.test(`Simulation: ${title}`, () => runSeeds(seeds));
