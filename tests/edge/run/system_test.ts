import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { BootClock } from "../../../lib/edge/net/boot_clock.ts";
import { readProcFile } from "../../../lib/edge/net/namespace.ts";
import { systemClock } from "../../../lib/edge/run/clock.ts";
import { systemRng } from "../../../lib/edge/run/random.ts";
import { onTermination } from "../../../lib/edge/run/signals.ts";

Deno.test("systemClock: the monotonic clock does not go back, wall time is Unix time", () => {
  let last = systemClock.now();
  for (let i = 0; i < 10_000; i++) {
    const now = systemClock.now();
    assert(now >= last);
    last = now;
  }
  assert(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
});

Deno.test("BootClock: it is the time since the machine was started, and goes on with that of every other thread", () => {
  const clock = new BootClock();
  const before = clock.now();
  const uptimeMs = Number(readProcFile("/proc/uptime").split(" ")[0]) * 1000;
  const after = clock.now();
  // The kernel rounds down to hundredths of a second.
  assert(before - 10 <= uptimeMs && uptimeMs <= after, `${before} <= ${uptimeMs} <= ${after}`);
  assert(Math.abs(clock.wallMs() - Date.now()) < 1000);
});

Deno.test("systemRng: whole words of all 32 bits, not the same twice", () => {
  const rng = systemRng();
  const words = Array.from({ length: 2000 }, () => rng.u32());
  assert(words.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32));
  assert(new Set(words).size > 1990);
  assertEquals(words.reduce((all, word) => (all | word) >>> 0, 0), 0xffff_ffff);
});

Deno.test("onTermination: a real signal arrives", async () => {
  const arrived = Promise.withResolvers<string>();
  const stop = onTermination((signal) => arrived.resolve(signal));
  // A listener alone does not keep the process alive.
  const timeout = setTimeout(() => arrived.resolve("nothing came in ten seconds"), 10_000);
  Deno.kill(Deno.pid, "SIGTERM");
  assertEquals(await arrived.promise, "SIGTERM");
  clearTimeout(timeout);
  stop();
});
