/**
 * Time as the pure rooms know it: a number that somebody hands in.
 *
 * `Millis` is monotonic and has no epoch; it may have a fraction. Wall time enters only where people or the Kubernetes
 * API read it, and is never used to compute a delay.
 */

/** Monotonic milliseconds since an arbitrary start. */
export type Millis = number;

/** The clocks an edge provides. */
export interface Clock {
  /** Monotonic time. */
  now(): Millis;
  /** Milliseconds since the Unix epoch, for timestamps that people read. */
  wallMs(): number;
}

/** RFC 3339 text with millisecond precision, e.g. for `lastTransitionTime`. */
export function formatWallTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
