/**
 * A token bucket: so many at once after a rest, then so many a millisecond. It paces requests to the API server, and frames
 * that nobody waits for: bursts of announcements and probes of many addresses must flood neither the switches' control
 * planes nor our own queue.
 *
 * What belongs together (one frame or two per interface) is never cut: `spend` may run the bucket into debt, which is
 * paid before anything else is let through.
 */
import { invariant } from "./assert.ts";
import type { Millis } from "./time.ts";

export interface TokenBucketOptions {
  readonly perMs: number;
  /** How many at once after a rest. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #burst: number;
  #perMs: number;
  #tokens: number;
  #filledAt: Millis = -Infinity;

  constructor(options: TokenBucketOptions) {
    invariant(options.perMs > 0 && options.burst >= 1, "A token bucket lets at least one through");
    this.#burst = options.burst;
    this.#perMs = options.perMs;
    this.#tokens = options.burst;
  }

  /** From now on. */
  setRate(perMs: number, now: Millis): void {
    this.#fill(now);
    this.#perMs = perMs;
  }

  /** True when there is a token now. */
  isOpen(now: Millis): boolean {
    this.#fill(now);
    return this.#tokens >= 1;
  }

  spend(tokens: number, now: Millis): void {
    this.#fill(now);
    this.#tokens -= tokens;
  }

  /** 0 when a token was taken, else the milliseconds after which to ask again. */
  take(now: Millis): Millis {
    if (!this.isOpen(now)) return this.opensAt() - now;
    this.spend(1, now);
    return 0;
  }

  /** When there is a token; in the past if there is one already. */
  opensAt(): Millis {
    if (this.#tokens >= 1) return this.#filledAt;
    // Whole milliseconds: no loop can sleep for less, and none must be woken for half a token.
    return this.#filledAt + Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs));
  }

  #fill(now: Millis): void {
    if (now <= this.#filledAt) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
