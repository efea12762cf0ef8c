/**
 * A small map whose entries expire, bounded in number: when it is full, the entry that was added first goes.
 *
 * Not an LRU: for answers that are asked for again every half minute the difference is not worth the bookkeeping.
 */
import type { Clock } from "../../base/time.ts";

export class TtlCache<Value> {
  readonly #entriesMax: number;
  readonly #clock: Pick<Clock, "now">;
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(options: { readonly entriesMax: number }, deps: { readonly clock: Pick<Clock, "now"> }) {
    this.#entriesMax = options.entriesMax;
    this.#clock = deps.clock;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#clock.now() < entry.until) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, { value, ttlMs }: { readonly value: Value; readonly ttlMs: number }): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, { value, until: this.#clock.now() + ttlMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
