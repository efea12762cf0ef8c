/**
 * What only some of the stories have in them, each drawn by dice of its own: so a seed without one of them plays the
 * story that it would play if there was no such thing.
 */
import { SeededRng } from "../../lib/base/rng.ts";
import { Dice } from "./dice.ts";

export const INGREDIENTS = [
  /** A better candidate that comes back waits before it takes an address (`herald.dev/failback: after=…`). */
  "failbackAfter",
  /** Single datagrams are lost that say who answers for what, and no others. */
  "lostWords",
  /** Speakers that rather answer nothing when they are alone (`--safe`). */
  "safe",
  /** Nodes whose link leads nowhere, and a router that tells them so (`herald.dev/link-probe`). */
  "linkProbe",
  /** Speakers of MetalLB among those of Herald. */
  "metallb",
  /** Two interfaces on each node, and advertisements that name some of them. */
  "interfaces",
  /** Interfaces that have IPv4 only for a while. */
  "ipv4Only",
] as const;

export type Ingredient = typeof INGREDIENTS[number];

/** Once in so many seeds each. */
const RARITY = 8;

export function ingredientsOf(seed: number): ReadonlySet<Ingredient> {
  const dice = ingredientDice(seed);
  return new Set(INGREDIENTS.filter(() => dice.onceIn(RARITY)));
}

/** For what the ingredients of a story do. */
export function ingredientDice(seed: number): Dice {
  return new Dice(new SeededRng(seed + 0x3000_0000));
}
