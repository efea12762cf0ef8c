import { assertEquals } from "@std/assert/equals";
import { TtlCache } from "../../lib/edge/http/ttl_cache.ts";

Deno.test("TtlCache: an entry is gone at the end of its time, not before", () => {
  let now = 0;
  const cache = new TtlCache<string>({ entriesMax: 2 }, { clock: { now: () => now } });
  assertEquals(cache.get("a"), undefined);
  cache.set("a", { value: "x", ttlMs: 10 });
  now = 9.9;
  assertEquals(cache.get("a"), "x");
  now = 10;
  assertEquals([cache.get("a"), cache.size], [undefined, 0]);
});

Deno.test("TtlCache: a full cache loses its oldest entry; setting anew makes it young again", () => {
  const cache = new TtlCache<number>({ entriesMax: 2 }, { clock: { now: () => 0 } });
  cache.set("a", { value: 1, ttlMs: 10 });
  cache.set("b", { value: 2, ttlMs: 10 });
  cache.set("a", { value: 3, ttlMs: 10 });
  cache.set("c", { value: 4, ttlMs: 10 });
  assertEquals([cache.get("a"), cache.get("b"), cache.get("c"), cache.size], [3, undefined, 4, 2]);
});
