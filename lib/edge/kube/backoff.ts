/**
 * How long to wait before the next attempt: doubling from a base up to a cap, the upper half of it random, so that the
 * speakers of a cluster do not all come back to a restarted API server in the same instant.
 */
import type { Rng } from "../../base/rng.ts";

export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 100, capMs: 10_000 };

/** `failures` counts from 1. `atLeastMs` is what the server asked for; the jitter then comes on top of it. */
export function backoffMs(
  failures: number,
  options: { readonly backoff: BackoffOptions; readonly rng: Rng; readonly atLeastMs?: number | undefined },
): number {
  const { baseMs, capMs } = options.backoff;
  const full = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30));
  const jittered = full / 2 + (full / 2) * (options.rng.u32() / 0x1_0000_0000);
  return options.atLeastMs === undefined ? jittered : options.atLeastMs + jittered;
}
