/**
 * The times of the watch, all of them from one interval.
 *
 * A probe that is not answered is repeated sooner than the next one is due, so a verdict needs several losses.
 * `detectionMs` is also how long a process may stand still without losing anything: it is given up no sooner, and
 * whoever stood still for longer takes its own ownership for lost (DESIGN §2).
 *
 * A fault comes half an interval before the first probe that it leaves unanswered, on average: fail-over takes
 * `intervalMs / 2 + detectionMs` at the median. The second part is the patience that a starved peer needs; the first one
 * buys nothing but fewer probes, so it is kept small against the second.
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

export const WATCH_INTERVAL_MS = { min: 20, default: 75, max: 1000 } as const;

export function watchTimes(intervalMs: number = WATCH_INTERVAL_MS.default): WatchTimes {
  const retryMs = Math.max(10, Math.round(2 * intervalMs / 3));
  const answerTimeoutMs = Math.max(15, Math.round(intervalMs / 3));
  return {
    intervalMs,
    retryMs,
    answerTimeoutMs,
    detectionMs: 3 * intervalMs,
  };
}
