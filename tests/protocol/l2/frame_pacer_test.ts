import { assertEquals } from "@std/assert/equals";
import { FramePacer } from "../../../lib/protocol/l2/frame_pacer.ts";

Deno.test("FramePacer: a burst after a rest, then the rate", () => {
  const pacer = new FramePacer({ framesPerMs: 2, burst: 10 });
  const perMs = Array.from({ length: 5 }, (_, i) => {
    let sent = 0;
    for (; pacer.isOpen(1000 + i); sent += 2) pacer.spend(2, 1000 + i);
    return sent;
  });
  assertEquals(perMs, [10, 2, 2, 2, 2]);
});

Deno.test("FramePacer: what belongs together is not cut; its debt is paid before anything else", () => {
  const pacer = new FramePacer({ framesPerMs: 1, burst: 4 });
  pacer.spend(24, 0);
  assertEquals([pacer.isOpen(0), pacer.opensAt(), pacer.isOpen(20), pacer.isOpen(21)], [false, 21, false, true]);
});

Deno.test("FramePacer: less than a frame a millisecond is slow, and does not stand still", () => {
  const pacer = new FramePacer({ framesPerMs: 0.25, burst: 1 });
  pacer.spend(1, 0);
  assertEquals([pacer.opensAt(), pacer.isOpen(3), pacer.isOpen(4)], [4, false, true]);
});

Deno.test("FramePacer: a long rest saves no more than a burst, and time that stands still saves nothing", () => {
  const pacer = new FramePacer({ framesPerMs: 100, burst: 3 });
  assertEquals(pacer.isOpen(1e9), true);
  pacer.spend(3, 1e9);
  assertEquals([pacer.isOpen(1e9), pacer.isOpen(1e9 - 5)], [false, false]);
});

Deno.test("FramePacer: another rate counts from when it is set", () => {
  const pacer = new FramePacer({ framesPerMs: 1, burst: 100 });
  pacer.spend(100, 0);
  pacer.setRate(10, 5);
  pacer.spend(5, 5);
  assertEquals([pacer.isOpen(5), pacer.opensAt(), pacer.isOpen(6)], [false, 6, true]);
});
