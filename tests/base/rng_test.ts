import { assertEquals } from "@std/assert/equals";
import { below, type Rng, SeededRng } from "../../lib/base/rng.ts";

const MASK = 0xffff_ffffn;

/** sfc32 in arbitrary precision, from its definition, started from the state that twelve rounds are made on. */
function* sfc32(state: readonly [bigint, bigint, bigint]): Generator<number, never> {
  let [a, b, c] = state;
  for (let counter = 1n;; counter++) {
    const result = (a + b + counter) & MASK;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & MASK;
    c = (((c << 21n) | (c >> 11n)) + result) & MASK;
    yield Number(result);
  }
}

/** The first `count` outputs of splitmix32 in arbitrary precision. */
function splitmix32(seed: number, count: number): bigint[] {
  const outputs: bigint[] = [];
  for (let i = 1; i <= count; i++) {
    let z = (BigInt(seed) + BigInt(i) * 0x9e3779b9n) & MASK;
    z = ((z ^ (z >> 16n)) * 0x21f0aaadn) & MASK;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & MASK;
    outputs.push(z ^ (z >> 15n));
  }
  return outputs;
}

Deno.test("SeededRng: is sfc32 seeded by splitmix32, computed without overflow", () => {
  for (const seed of [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const [a, b, c] = splitmix32(seed, 3);
    const expected = sfc32([a!, b!, c!]);
    for (let i = 0; i < 12; i++) expected.next();
    const rng = new SeededRng(seed);
    for (let i = 0; i < 1_000; i++) assertEquals(rng.u32(), expected.next().value, `seed ${seed}, number ${i}`);
  }
});

Deno.test("SeededRng: the same seed gives the same numbers, another seed others", () => {
  const take = (seed: number) => {
    const rng = new SeededRng(seed);
    return Array.from({ length: 100 }, () => rng.u32());
  };
  assertEquals(take(42), take(42));
  const sequences = [0, 1, 2, 3, 1 << 16, 1 << 31].map((seed) => take(seed));
  assertEquals(new Set(sequences.flat()).size, 600, "numbers of different seeds do not meet");
});

Deno.test("SeededRng: every bit is set about half the time", () => {
  const seed = 1;
  const rng = new SeededRng(seed);
  const draws = 100_000;
  const set = new Array<number>(32).fill(0);
  for (let i = 0; i < draws; i++) {
    const value = rng.u32();
    for (let bit = 0; bit < 32; bit++) set[bit] = set[bit]! + (value >>> bit & 1);
  }
  // Six standard deviations: sqrt(100000) / 2 = 158.
  for (const [bit, count] of set.entries()) {
    assertEquals(Math.abs(count - draws / 2) < 949, true, `seed ${seed}, bit ${bit}: ${count}`);
  }
});

Deno.test("below: stays in range at both ends of the generator", () => {
  const fixed = (value: number): Rng => ({ u32: () => value });
  for (const bound of [1, 2, 3, 10, 256, 1_000_000_007, 0x1_0000_0000]) {
    assertEquals(below(fixed(0), bound), 0, `${bound}`);
    assertEquals(below(fixed(0xffffffff), bound), bound - 1, `${bound}`);
  }
  assertEquals(below(fixed(0x80000000), 10), 5);
});

Deno.test("below: all numbers come up about equally often", () => {
  const seed = 2;
  const rng = new SeededRng(seed);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const value = below(rng, counts.length);
    counts[value] = counts[value]! + 1;
  }
  // Six standard deviations of a binomial with p = 0.1: sqrt(100000 * 0.1 * 0.9) = 95.
  for (const [value, count] of counts.entries()) {
    assertEquals(Math.abs(count - 10_000) < 570, true, `seed ${seed}, value ${value}: ${count}`);
  }
});
