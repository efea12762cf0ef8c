/**
 * Awareness: how healthy this node itself seems to be, after Lifeguard (Dadgar et al., 2018, §IV-A).
 *
 * Whoever misses answers that others get is slow itself. The score goes up when a probe fails or when we were accused
 * wrongly, down with every probe that succeeds, and stretches how long we wait before we suspect somebody.
 */
import type { Millis } from "../../base/time.ts";

export class Awareness {
  readonly #scoreMax: number;
  #score = 0;

  /** `max` is one more than the worst score. */
  constructor(options: { readonly max: number }) {
    this.#scoreMax = Math.max(0, options.max - 1);
  }

  /** 0 is healthy. */
  get score(): number {
    return this.#score;
  }

  apply(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#scoreMax);
  }

  stretch(ms: Millis): Millis {
    return ms * (this.#score + 1);
  }
}
