/**
 * The system's clocks.
 *
 * The monotonic one counts from the start of the calling thread, so instants of two threads must not be compared; what
 * crosses a thread carries wall time or a duration.
 */
import type { Clock } from "../../base/time.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
};
