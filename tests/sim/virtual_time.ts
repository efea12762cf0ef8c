/**
 * Time that passes only when nothing is left to do at the present instant. Events at one instant run as they came.
 *
 * What hangs on promises (everything that talks to the API) is a part of the instant too: whoever starts such a thing
 * calls `stir`, and `passSettled` lets all promises come to rest before it goes on. As nothing in a simulation waits for
 * the machine it runs on, they come to rest in the same order each time.
 */
import { setImmediate } from "node:timers";
import type { Millis } from "../../lib/base/time.ts";

interface Event {
  readonly at: Millis;
  readonly order: number;
  readonly run: () => void;
}

const EVENTS_PER_INSTANT_MAX = 100_000;

export class VirtualTime {
  /** A binary heap: the earliest event first. */
  readonly #heap: Event[] = [];
  #now: Millis = 1000;
  #order = 0;
  #atThisInstant = 0;
  #isStirred = false;

  get now(): Millis {
    return this.#now;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + delayMs, run);
  }

  at(at: Millis, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(at, this.#now), order: this.#order++, run });
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  /** As `after`, for a timer that may be taken back. What it does may hang on promises. */
  readonly schedule = (run: () => void, delayMs: number): () => void => {
    let isLive = true;
    this.after(delayMs, () => {
      if (!isLive) return;
      this.stir();
      run();
    });
    return () => {
      isLive = false;
    };
  };

  /** Promises may have something to do in this instant. */
  stir(): void {
    this.#isStirred = true;
  }

  /** Runs everything that happens within the next `durationMs`. */
  pass(durationMs: number): void {
    const until = this.#now + durationMs;
    while (this.#runNext(until));
    this.#now = until;
  }

  /** As `pass`, and every promise that was stirred comes to rest before the next event. */
  async passSettled(durationMs: number): Promise<void> {
    const until = this.#now + durationMs;
    do {
      while (this.#isStirred) {
        this.#isStirred = false;
        await promisesAtRest();
      }
    } while (this.#runNext(until));
    this.#now = until;
  }

  #runNext(until: Millis): boolean {
    if (this.#heap.length === 0 || this.#heap[0]!.at > until) return false;
    const { at, run } = this.#take();
    this.#atThisInstant = at === this.#now ? this.#atThisInstant + 1 : 0;
    if (this.#atThisInstant > EVENTS_PER_INSTANT_MAX) {
      throw new Error(`Time stands still at ${at}: somebody never rests`);
    }
    this.#now = at;
    run();
    return true;
  }

  #take(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return first;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

/** One turn of the event loop: it comes after all promises that wait for nothing but each other. */
function promisesAtRest(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
