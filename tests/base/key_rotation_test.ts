import { assertEquals } from "@std/assert/equals";
import { KeyRotation } from "../../lib/base/key_rotation.ts";

const OLD = new Uint8Array([1]);
const NEW = new Uint8Array([2]);
const NEWEST = new Uint8Array([3]);
const rotation = () => new KeyRotation(OLD, { acceptMs: 100, keepMs: 1000 });

Deno.test("Key rotation: a new key is understood at once, spoken after a while, and the old one forgotten in the end", () => {
  const keys = rotation();
  assertEquals([keys.install(NEW, 0), keys.install(NEW, 50)], [true, false]);
  assertEquals([keys.keys, keys.keyFor("b", 99)], [[OLD, NEW], OLD]);
  assertEquals([keys.keyFor("b", 100), keys.keys], [NEW, [OLD, NEW]]);
  assertEquals([keys.keyFor("b", 1100), keys.keys], [NEW, [NEW]]);
});

Deno.test("Key rotation: a change that is taken back before it was spoken never happens, to those who have not heard of it", () => {
  const keys = rotation();
  keys.install(NEW, 0);
  assertEquals([keys.install(OLD, 50), keys.install(OLD, 60)], [true, false]);
  for (const now of [60, 150, 10_000]) assertEquals([now, keys.keyFor("b", now)], [now, OLD]);
  keys.heard("c", NEW);
  assertEquals(keys.keyFor("c", 10_000), NEW, "who started with the new key only is still understood and answered");
  keys.install(NEW, 20_000);
  assertEquals([keys.keyFor("b", 20_099), keys.keyFor("b", 20_100)], [OLD, NEW]);
});

Deno.test("Key rotation: of three keys, back to the one that is spoken", () => {
  const keys = rotation();
  keys.install(NEW, 0);
  keys.install(NEWEST, 120);
  keys.install(NEW, 150);
  for (const now of [150, 500, 900]) assertEquals([now, keys.keyFor("b", now)], [now, NEW]);
  assertEquals([keys.keyFor("b", 1100), keys.keys], [NEW, [NEW, NEWEST]]);
});
