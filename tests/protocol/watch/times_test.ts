import { assertEquals } from "@std/assert/equals";
import { WATCH_INTERVAL_MS, watchTimes } from "../../../lib/protocol/watch/times.ts";

Deno.test("watchTimes: the default gives a peer up 225 ms after the first probe that it does not answer", () => {
  assertEquals(watchTimes(), { intervalMs: 75, retryMs: 50, answerTimeoutMs: 25, detectionMs: 225 });
});

Deno.test("watchTimes: at every interval four probes are lost before a verdict, and it takes three intervals", () => {
  const { min, max } = WATCH_INTERVAL_MS;
  for (let intervalMs = min; intervalMs <= max; intervalMs++) {
    const { retryMs, answerTimeoutMs, detectionMs } = watchTimes(intervalMs);
    assertEquals(3 * retryMs + answerTimeoutMs <= detectionMs, true, `${intervalMs}`);
    assertEquals(detectionMs, 3 * intervalMs);
  }
});

Deno.test("watchTimes: a fault at the median moment of the default interval is known after 262.5 ms, at the worst one after 300", () => {
  const { intervalMs, detectionMs } = watchTimes();
  assertEquals([intervalMs / 2 + detectionMs, intervalMs + detectionMs], [262.5, 300]);
});
