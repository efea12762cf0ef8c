/**
 * How a lease is divided, in fifths of its duration D. All of it is monotonic time of whoever counts:
 *
 *     last renewal, as sent                    writes end      term ends        another writes
 *     |------------ the holder writes ---------|--- 1 fifth ---|--- 1 fifth ----|
 *     0                                       3/5             4/5               D
 *
 * A fifth is the request timeout of every write. Whoever waits counts from when it *saw* the renewal, which is later
 * than when it was sent; it takes the lease at 4/5, when the last write of the old holder has timed out, and waits one
 * more fifth before it decides anything, for what was still under way inside of the API server. So D is what users see:
 * the time after which another one works when a holder dies without a word.
 *
 * A renewal is due each fifth, so two in a row may fail.
 */
import type { Millis } from "../../base/time.ts";

const LEASE_DURATION_MS = 15_000;
/** What other holders wrote is believed within these bounds only. */
const DURATION_MIN_MS = 1_000;
const DURATION_MAX_MS = 60_000;

export interface LeaseTimes {
  readonly durationMs: Millis;
  /** Also the time between two renewals, and what a new holder waits. */
  readonly requestTimeoutMs: Millis;
  /** After the last renewal. */
  readonly writesEndMs: Millis;
  readonly termMs: Millis;
  readonly retryMs: Millis;
}

export function leaseTimes(durationMs: Millis): LeaseTimes {
  const believed = Number.isFinite(durationMs) ? durationMs : LEASE_DURATION_MS;
  const bounded = Math.min(DURATION_MAX_MS, Math.max(DURATION_MIN_MS, believed));
  const fifth = bounded / 5;
  return {
    durationMs: bounded,
    requestTimeoutMs: fifth,
    writesEndMs: 3 * fifth,
    termMs: 4 * fifth,
    retryMs: fifth / 8,
  };
}
