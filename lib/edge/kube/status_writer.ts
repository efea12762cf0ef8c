/**
 * Writes of status, one at a time per object and a few at a time altogether.
 *
 * Whoever decides asks for a write and is told how it went; only the newest write of a key matters, so one that waits is
 * replaced by the next. What may succeed later is tried again here; a conflict, a refusal or an object that is gone is
 * an answer, and only the decider knows what it means.
 */
import type { Rng } from "../../base/rng.ts";
import { type ApiError, type ApiResult, isRetryable } from "./api_error.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { type Schedule, systemSchedule } from "./schedule.ts";

export interface KeyedWrite<T> {
  readonly key: string;
  /** Sends the request. Called again if its error may pass. */
  readonly run: () => Promise<ApiResult<T>>;
}

/** `superseded`: a newer write of the same key took its place before it was sent (or sent again). */
export type WriteOutcome<T> =
  | { readonly kind: "written"; readonly value: T }
  | { readonly kind: "failed"; readonly error: ApiError }
  | { readonly kind: "superseded" };

export interface StatusWriterOptions {
  /** Requests under way at once. Default 16. */
  readonly parallelMax?: number;
  /** Attempts of one write, the first included. Default 8, some 20 s with the default back-off. */
  readonly attemptsMax?: number;
  readonly backoff?: BackoffOptions;
}

interface Lane<W> {
  readonly write: W;
  attempts: number;
}

/** `W` may carry more than the key, e.g. what the decider needs to recognise the write in `onOutcome`. */
export class StatusWriter<T, W extends KeyedWrite<T> = KeyedWrite<T>> {
  readonly #parallelMax: number;
  readonly #attemptsMax: number;
  readonly #backoff: BackoffOptions;
  readonly #rng: Rng;
  readonly #schedule: Schedule;
  readonly #onOutcome: (write: W, outcome: WriteOutcome<T>) => void;
  /** Writes that wait for a free place, oldest key first. */
  readonly #waiting = new Map<string, Lane<W>>();
  readonly #running = new Set<string>();
  /** Writes that failed and wait for their time. */
  readonly #delayed = new Map<string, { readonly lane: Lane<W>; readonly cancel: () => void }>();
  readonly #idleListeners: (() => void)[] = [];
  #stopped = false;

  constructor(
    options: StatusWriterOptions,
    deps: {
      readonly rng: Rng;
      readonly onOutcome: (write: W, outcome: WriteOutcome<T>) => void;
      readonly schedule?: Schedule;
    },
  ) {
    this.#parallelMax = options.parallelMax ?? 16;
    this.#attemptsMax = options.attemptsMax ?? 8;
    this.#backoff = options.backoff ?? { baseMs: 200, capMs: 5_000 };
    this.#rng = deps.rng;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#onOutcome = deps.onOutcome;
  }

  /** Writes that are not done: running, waiting or waiting to be tried again. */
  get pending(): number {
    return this.#running.size + this.#waiting.size + this.#delayed.size;
  }

  write(write: W): void {
    if (this.#stopped) return;
    const replaced = this.#take(write.key);
    this.#waiting.set(write.key, { write, attempts: 0 });
    if (replaced !== undefined) this.#onOutcome(replaced.write, { kind: "superseded" });
    this.#pump();
  }

  /** Takes back a write that has not been sent yet; its outcome is not reported. */
  forget(key: string): void {
    this.#take(key);
    this.#reportIdle();
  }

  /** True when nothing was pending within the time. */
  async flush(limitMs: number): Promise<boolean> {
    if (this.pending === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#schedule(() => resolve(false), limitMs);
    this.#idleListeners.push(() => resolve(true));
    const flushed = await promise;
    cancel();
    return flushed;
  }

  /** Nothing is sent or reported any more; requests that run end by themselves. */
  stop(): void {
    this.#stopped = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#reportIdle();
  }

  #take(key: string): Lane<W> | undefined {
    const delayed = this.#delayed.get(key);
    delayed?.cancel();
    this.#delayed.delete(key);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    return waiting ?? delayed?.lane;
  }

  #pump(): void {
    for (const [key, lane] of this.#waiting) {
      if (this.#running.size >= this.#parallelMax) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#run(key, lane);
    }
  }

  async #run(key: string, lane: Lane<W>): Promise<void> {
    lane.attempts++;
    const result = await lane.write.run();
    this.#running.delete(key);
    if (this.#stopped) return this.#reportIdle();
    this.#settle(key, lane, result);
    this.#pump();
    this.#reportIdle();
  }

  #settle(key: string, lane: Lane<W>, result: ApiResult<T>): void {
    if (result.ok) return this.#onOutcome(lane.write, { kind: "written", value: result.value });
    const { error } = result;
    if (!isRetryable(error) || lane.attempts >= this.#attemptsMax) {
      return this.#onOutcome(lane.write, { kind: "failed", error });
    }
    if (this.#waiting.has(key)) return this.#onOutcome(lane.write, { kind: "superseded" });
    const delay = backoffMs(lane.attempts, { backoff: this.#backoff, rng: this.#rng, atLeastMs: error.retryAfterMs });
    const cancel = this.#schedule(() => {
      this.#delayed.delete(key);
      this.#waiting.set(key, lane);
      this.#pump();
    }, delay);
    this.#delayed.set(key, { lane, cancel });
  }

  #reportIdle(): void {
    if (this.pending > 0) return;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }
}
