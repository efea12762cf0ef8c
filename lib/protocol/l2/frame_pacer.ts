/**
 * A token bucket for frames that nobody waits for: bursts of announcements and probes of many addresses must flood
 * neither the switches' control planes nor our own queue.
 *
 * What is sent for one address at a time (one frame or two per interface) is never cut: it may run the bucket into debt,
 * which is paid before anything else goes out.
 */
import { invariant } from "../../base/assert.ts";
import type { Millis } from "../../base/time.ts";

export interface FramePacerOptions {
  readonly framesPerMs: number;
  /** Frames that may go out at once after a rest. */
  readonly burst: number;
}

export class FramePacer {
  readonly #burst: number;
  #framesPerMs: number;
  #tokens: number;
  #filledAt: Millis = -Infinity;

  constructor(options: FramePacerOptions) {
    invariant(options.framesPerMs > 0 && options.burst >= 1, "A pacer lets at least one frame through");
    this.#burst = options.burst;
    this.#framesPerMs = options.framesPerMs;
    this.#tokens = options.burst;
  }

  /** From now on. */
  setRate(framesPerMs: number, now: Millis): void {
    this.#fill(now);
    this.#framesPerMs = framesPerMs;
  }

  /** True when something may be sent now. */
  isOpen(now: Millis): boolean {
    this.#fill(now);
    return this.#tokens >= 1;
  }

  spend(frames: number, now: Millis): void {
    this.#fill(now);
    this.#tokens -= frames;
  }

  /** When something may be sent; in the past if it may be already. */
  opensAt(): Millis {
    if (this.#tokens >= 1) return this.#filledAt;
    // Whole milliseconds: the loop cannot sleep for less, and must not be woken for half a frame.
    return this.#filledAt + Math.max(1, Math.ceil((1 - this.#tokens) / this.#framesPerMs));
  }

  #fill(now: Millis): void {
    if (now <= this.#filledAt) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#framesPerMs);
    this.#filledAt = now;
  }
}
