/** Random damage to good objects, the same for the same seed: something else in a few places, or nothing at all. */
import { below, SeededRng } from "../../lib/base/rng.ts";

/** What stands where something else should: each type, the ends of ranges, and names that objects have anyway. */
const JUNK: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  179,
  256,
  60_001,
  4_294_967_296,
  1e300,
  "",
  "x",
  "90",
  "0s",
  "-1s",
  "9999h",
  "192.0.2.1",
  "10.0.0.0/8",
  "::/0",
  "9.9.9.9-1.1.1.1",
  "64500:1",
  "large:1:2",
  "internal",
  "In",
  "Exists",
  "\u0000\ud800é",
  "a".repeat(300),
  [],
  {},
  [null],
  [[]],
  { "": null },
  { constructor: 1, toString: "x" },
  ["a", "a"],
  [{}, {}],
];

export class Damage {
  readonly #rng: SeededRng;

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
  }

  pick<T>(items: readonly T[]): T {
    return items[below(this.#rng, items.length)]!;
  }

  /** A copy with something else in a few places. */
  to(value: unknown, depth = 0): unknown {
    if (below(this.#rng, 14) === 0 && depth > 0) return structuredClone(this.pick(JUNK));
    if (Array.isArray(value)) {
      const items = value.map((item) => this.to(item, depth + 1));
      if (items.length > 0 && below(this.#rng, 20) === 0) items.push(structuredClone(this.pick(items)));
      return items;
    }
    if (typeof value !== "object" || value === null) return value;
    const kept = Object.entries(value).filter(() => below(this.#rng, 25) !== 0);
    return Object.fromEntries(kept.map(([key, member]) => [key, this.to(member, depth + 1)]));
  }
}
