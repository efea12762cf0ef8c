import { assertEquals } from "@std/assert/equals";
import { RareMap } from "../../lib/base/rare_map.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";

/** How often the hash tables are asked while `use` runs. */
function lookUps(use: () => void): number {
  const { get, has } = Map.prototype;
  let count = 0;
  Map.prototype.get = function (key) {
    count++;
    return get.call(this, key);
  };
  Map.prototype.has = function (key) {
    count++;
    return has.call(this, key);
  };
  try {
    use();
  } finally {
    Object.assign(Map.prototype, { get, has });
  }
  return count;
}

for (const [what, keyOf] of [["numbers", (n: number) => n], ["bigints", BigInt]] as const) {
  Deno.test(`RareMap: with ${what} it is a Map, whatever comes and goes`, () => {
    const rng = new SeededRng(7);
    const map = new RareMap<number | bigint, number>();
    const model = new Map<number | bigint, number>();
    for (let step = 0; step < 20_000; step++) {
      // Larger than 32 bits, and meeting in the last 32.
      const key = keyOf(below(rng, 700) + below(rng, 3) * 2 ** 40);
      const change = below(rng, 3);
      if (change === 0) assertEquals(map.delete(key), model.delete(key));
      else if (change === 1) map.set(key, step), model.set(key, step);
      assertEquals([map.get(key), map.has(key), map.size], [model.get(key), model.has(key), model.size]);
    }
    assertEquals([...map], [...model]);
    assertEquals([...map.values()], [...model.values()]);
    map.clear();
    assertEquals([map.size, [...map], map.has(keyOf(5))], [0, [], false]);
  });
}

Deno.test("RareMap: keys that meet in one counter more often than it can count are still found, and gone when deleted", () => {
  const map = new RareMap<number, number>();
  const keys = Array.from({ length: 1000 }, (_, n) => n * 2 ** 32 + 5);
  for (const key of keys) map.set(key, key);
  assertEquals(keys.map((key) => map.get(key)), keys);
  for (const key of keys) map.delete(key);
  assertEquals(keys.filter((key) => map.has(key)), []);
});

Deno.test("RareMap: of what is not there, at most one in sixteen is looked up, with one key and with five thousand", () => {
  const first = 0xc612_0000;
  for (const size of [1, 5000]) {
    const map = new RareMap<number, true>();
    for (let n = 0; n < size; n++) map.set(first + n, true);
    const asked = 20_000;
    const found = lookUps(() => {
      for (let n = 0; n < asked; n++) map.get(first + size + n);
    });
    if (found > asked / 16) throw new Error(`${found} of ${asked} were looked up with ${size} keys`);
    assertEquals(lookUps(() => map.get(first)), 1);
    for (let n = 0; n < size; n++) map.delete(first + n);
    assertEquals(lookUps(() => map.get(first)), 0);
  }
});
