/** Time that passes only when nothing is left to do at the present instant. Events at one instant run as they came. */
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

  /** Runs everything that happens within the next `durationMs`. */
  pass(durationMs: number): void {
    const until = this.#now + durationMs;
    let atThisInstant = 0;
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until) {
      const { at, run } = this.#take();
      atThisInstant = at === this.#now ? atThisInstant + 1 : 0;
      if (atThisInstant > EVENTS_PER_INSTANT_MAX) throw new Error(`Time stands still at ${at}: somebody never rests`);
      this.#now = at;
      run();
    }
    this.#now = until;
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

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
