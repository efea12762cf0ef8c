/** Random plain data for fuzz tests: the same from the same seed. Half of the keys are words that the reader knows. */
import { below, SeededRng } from "../../lib/base/rng.ts";

export interface RandomData {
  /** From 0 up to, not including, `limit`. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  value(options: { readonly words: readonly string[]; readonly depth: number }): unknown;
}

const SCALARS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 32,
  "",
  "x",
  "10.0.0.0/24",
  "layer2",
  "bgp",
  "\u0000\u202e",
  "é".repeat(300),
  "__proto__",
  "1234:30",
];

export function randomFrom(seed: number): RandomData {
  const rng = new SeededRng(seed);
  const data: RandomData = {
    below: (limit) => below(rng, limit),
    pick: (list) => list[below(rng, list.length)]!,
    value: ({ words, depth }) => {
      const shape = depth === 0 ? 0 : below(rng, 4);
      if (shape === 0) return data.pick(SCALARS);
      const size = below(rng, 5);
      const items = () => Array.from({ length: size }, () => data.value({ words, depth: depth - 1 }));
      if (shape === 1) return items();
      const keys = () => below(rng, 4) === 0 ? String(data.pick(SCALARS)) : data.pick(words);
      return Object.fromEntries(items().map((item) => [keys(), item]));
    },
  };
  return data;
}
