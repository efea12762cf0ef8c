import { assertEquals } from "@std/assert/equals";
import { TokenBucket } from "../../lib/base/token_bucket.ts";

Deno.test("TokenBucket: a burst after a rest, then the rate", () => {
  const bucket = new TokenBucket({ perMs: 2, burst: 10 });
  const perMs = Array.from({ length: 5 }, (_, i) => {
    let sent = 0;
    for (; bucket.isOpen(1000 + i); sent += 2) bucket.spend(2, 1000 + i);
    return sent;
  });
  assertEquals(perMs, [10, 2, 2, 2, 2]);
});

Deno.test("TokenBucket: what belongs together is not cut; its debt is paid before anything else", () => {
  const bucket = new TokenBucket({ perMs: 1, burst: 4 });
  bucket.spend(24, 0);
  assertEquals([bucket.isOpen(0), bucket.opensAt(), bucket.isOpen(20), bucket.isOpen(21)], [false, 21, false, true]);
});

Deno.test("TokenBucket: less than one a millisecond is slow, and does not stand still", () => {
  const bucket = new TokenBucket({ perMs: 0.25, burst: 1 });
  bucket.spend(1, 0);
  assertEquals([bucket.opensAt(), bucket.isOpen(3), bucket.isOpen(4)], [4, false, true]);
});

Deno.test("TokenBucket: a long rest saves no more than a burst, and time that stands still saves nothing", () => {
  const bucket = new TokenBucket({ perMs: 100, burst: 3 });
  assertEquals(bucket.isOpen(1e9), true);
  bucket.spend(3, 1e9);
  assertEquals([bucket.isOpen(1e9), bucket.isOpen(1e9 - 5)], [false, false]);
});

Deno.test("TokenBucket: another rate counts from when it is set", () => {
  const bucket = new TokenBucket({ perMs: 1, burst: 100 });
  bucket.spend(100, 0);
  bucket.setRate(10, 5);
  bucket.spend(5, 5);
  assertEquals([bucket.isOpen(5), bucket.opensAt(), bucket.isOpen(6)], [false, 6, true]);
});

Deno.test("TokenBucket: whoever takes one by one is told how long to wait, and gets it then", () => {
  const bucket = new TokenBucket({ perMs: 0.01, burst: 2 });
  assertEquals([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(60)], [0, 0, 100, 40]);
  assertEquals([bucket.take(100), bucket.take(100)], [0, 100]);
});
