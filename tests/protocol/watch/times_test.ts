import { assertEquals } from "@std/assert/equals";
import { WATCH_INTERVAL_MS, watchTimes } from "../../../lib/protocol/watch/times.ts";

Deno.test("watchTimes: the default gives a peer up 225 ms after the first probe that it does not answer", () => {
  assertEquals(watchTimes(), { intervalMs: 100, retryMs: 50, answerTimeoutMs: 25, detectionMs: 225 });
});

Deno.test("watchTimes: at every interval four probes are lost before a verdict, and it takes less than three intervals more", () => {
  const { min, max } = WATCH_INTERVAL_MS;
  for (let intervalMs = min; intervalMs <= max; intervalMs++) {
    const { retryMs, answerTimeoutMs, detectionMs } = watchTimes(intervalMs);
    assertEquals(3 * retryMs + answerTimeoutMs <= detectionMs, true, `${intervalMs}`);
    assertEquals(detectionMs <= Math.max(60, 3 * intervalMs), true, `${intervalMs}`);
  }
});
