/**
 * Which Services are to be written, in what order, and when again after a failure. One write in flight per Service, a
 * limited number in all; every retry waits longer, up to a cap.
 *
 * Delays are not random: one controller writes at a time, and the number in flight is limited anyway.
 */
import { MinHeap } from "../alloc/min_heap.ts";
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";

/** Closed set: why a write failed. */
export type WriteFailure =
  /** The object changed meanwhile: its newer version is on the way. */
  | "conflict"
  /** The server was not there or not well; the write may have happened. */
  | "retryable"
  | "notFound"
  /** The server understood and refused. */
  | "rejected";

/** A write that went well, but somebody else undoes it again and again. */
type Wait = WriteFailure | "contested";

const BACKOFF: Readonly<Record<Wait, { readonly firstMs: number; readonly lastMs: number }>> = {
  // Normally the watch brings the newer object at once; this is for a watch that does not.
  conflict: { firstMs: 1000, lastMs: 30_000 },
  notFound: { firstMs: 1000, lastMs: 30_000 },
  retryable: { firstMs: 250, lastMs: 30_000 },
  rejected: { firstMs: 5000, lastMs: 300_000 },
  contested: { firstMs: 1000, lastMs: 60_000 },
};

interface Failed {
  readonly reason: Wait;
  readonly attempts: number;
  readonly at: Millis;
  /** The wait is over; the attempts still count. */
  isOver: boolean;
}

export class WriteQueue {
  readonly #inFlightMax: number;
  readonly #ready = new Set<string>();
  readonly #inFlight = new Set<string>();
  readonly #failed = new Map<string, Failed>();
  /** Retries by instant; entries that no longer match `#failed` are skipped. */
  readonly #retries = new MinHeap<{ readonly at: Millis; readonly key: string }>((a, b) => a.at - b.at);
  /** Keys that want a write but wait for their retry. */
  readonly #waiting = new Set<string>();

  constructor(options: { inFlightMax: number }) {
    this.#inFlightMax = options.inFlightMax;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Keys that want a write and are not in flight. */
  get queued(): number {
    return this.#ready.size + this.#waiting.size;
  }

  /** `newer`: a newer version of the object was seen, so that a conflict or a refusal need not be waited out. */
  want(key: string, options: { newer: boolean }): void {
    if (this.#ready.has(key)) return;
    const failed = this.#failed.get(key);
    const endsEarly = options.newer && failed?.reason !== "retryable" && failed?.reason !== "contested";
    const mustWait = failed !== undefined && !failed.isOver && !endsEarly;
    if (mustWait) {
      this.#waiting.add(key);
      return;
    }
    this.#waiting.delete(key);
    this.#ready.add(key);
  }

  /** Nothing is to be written for `key` any more. A write in flight stays in flight. */
  drop(key: string): void {
    this.#ready.delete(key);
    this.#waiting.delete(key);
  }

  /** Forgets a Service that is gone. */
  forget(key: string): void {
    this.drop(key);
    this.#failed.delete(key);
  }

  /** The next key to write now, which is in flight from here on; `undefined` when there is none or too many are. */
  take(): string | undefined {
    if (this.#inFlight.size >= this.#inFlightMax) return undefined;
    for (const key of this.#ready) {
      this.#ready.delete(key);
      this.#inFlight.add(key);
      return key;
    }
    return undefined;
  }

  /** Puts back a key that turned out to need no write. */
  untake(key: string): void {
    this.#inFlight.delete(key);
  }

  succeeded(key: string): void {
    this.#inFlight.delete(key);
    this.#failed.delete(key);
  }

  failed(key: string, options: { reason: WriteFailure; now: Millis }): void {
    this.#inFlight.delete(key);
    const { reason, now } = options;
    const previous = this.#failed.get(key);
    const attempts = (previous?.reason === reason ? previous.attempts : 0) + 1;
    this.#wait(key, { reason, attempts, now });
  }

  /** The write before went well; the next one of the same key is not to follow at once. `times` counts from 1. */
  contested(key: string, options: { times: number; now: Millis }): void {
    this.#wait(key, { reason: "contested", attempts: options.times, now: options.now });
  }

  #wait(key: string, { reason, attempts, now }: { reason: Wait; attempts: number; now: Millis }): void {
    const { firstMs, lastMs } = BACKOFF[reason];
    const at = now + Math.min(lastMs, firstMs * 2 ** Math.min(attempts - 1, 20));
    this.#failed.set(key, { reason, attempts, at, isOver: false });
    this.#retries.push({ at, key });
  }

  /** Moves what has waited long enough to the ready ones. */
  wake(now: Millis): void {
    for (let top = this.#nextRetry(); top !== undefined && top.at <= now; top = this.#nextRetry()) {
      this.#retries.pop();
      this.#failed.get(top.key)!.isOver = true;
      if (this.#waiting.delete(top.key)) this.#ready.add(top.key);
    }
  }

  deadline(): Deadline | undefined {
    const next = this.#nextRetry();
    return next === undefined ? undefined : { at: next.at, why: "retryWrite" };
  }

  #nextRetry(): { readonly at: Millis; readonly key: string } | undefined {
    for (let top = this.#retries.peek(); top !== undefined; top = this.#retries.peek()) {
      const failed = this.#failed.get(top.key);
      if (failed?.at === top.at && !failed.isOver) return top;
      this.#retries.pop();
    }
    return undefined;
  }
}
