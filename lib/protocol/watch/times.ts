/**
 * The times of the watch, all of them from one interval.
 *
 * A probe that is not answered is repeated at twice the rate, so a verdict needs several losses and still comes soon.
 * `detectionMs` is also how long a process may stand still without losing anything: it is given up no sooner, and
 * whoever stood still for longer takes its own ownership for lost (DESIGN §2).
 */

export interface WatchTimes {
  /** Between two probes of a peer that lives. */
  readonly intervalMs: number;
  /** Between two probes while the last one is not answered. */
  readonly retryMs: number;
  /** How long the last allowed probe may take; the ones before it had longer. */
  readonly answerTimeoutMs: number;
  /** From the first unanswered probe to the verdict. */
  readonly detectionMs: number;
}

export const WATCH_INTERVAL_MS = { min: 20, default: 100, max: 1000 } as const;

/** Below it a pause of the scheduler would look like a death. */
const DETECTION_MS_MIN = 60;

export function watchTimes(intervalMs: number = WATCH_INTERVAL_MS.default): WatchTimes {
  const retryMs = Math.max(10, Math.round(intervalMs / 2));
  const answerTimeoutMs = Math.max(15, Math.round(intervalMs / 4));
  return {
    intervalMs,
    retryMs,
    answerTimeoutMs,
    detectionMs: Math.max(DETECTION_MS_MIN, 4 * retryMs + answerTimeoutMs),
  };
}
