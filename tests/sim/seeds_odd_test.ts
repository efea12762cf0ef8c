/** The other half of the 1,000 seeds of the simulation. */
import { testSeeds } from "./seed_tests.ts";

testSeeds("odd");
