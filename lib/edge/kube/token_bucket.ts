/** Paces requests: a burst at once, then so many a second. */
import type { Clock } from "../../base/time.ts";

export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(options: { readonly burst: number; readonly perSecond: number }, deps: { readonly clock: Clock }) {
    this.#burst = options.burst;
    this.#perSecond = options.perSecond;
    this.#clock = deps.clock;
    this.#tokens = options.burst;
    this.#filledAt = deps.clock.now();
  }

  /** 0 when a token was taken, else the milliseconds after which to ask again. */
  take(): number {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, ((1 - this.#tokens) / this.#perSecond) * 1000);
  }
}
