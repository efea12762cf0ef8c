/**
 * Many keyed instants, the earliest at hand: what a machine with thousands of addresses or peers sets its deadline by.
 *
 * A binary heap with an index, so that setting, moving and dropping one of n costs O(log n) and asking for the next one
 * costs nothing. Of equal instants the one that was set first comes first, so nobody starves and every run is the same.
 * For a handful of named timers `Timers` is simpler.
 */
import type { Millis } from "./time.ts";

interface Entry<Key> {
  readonly key: Key;
  readonly at: Millis;
  readonly order: number;
  index: number;
}

export class Agenda<Key> {
  readonly #heap: Entry<Key>[] = [];
  readonly #entries = new Map<Key, Entry<Key>>();
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Puts `key` at that instant, wherever it was before. */
  set(key: Key, at: Millis): void {
    this.delete(key);
    const entry: Entry<Key> = { key, at, order: this.#order++, index: this.#heap.length };
    this.#entries.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry);
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#rise(last);
    this.#sink(last);
  }

  clear(): void {
    this.#heap.length = 0;
    this.#entries.clear();
  }

  at(key: Key): Millis | undefined {
    return this.#entries.get(key)?.at;
  }

  /** The earliest, left where it is. */
  next(): { readonly key: Key; readonly at: Millis } | undefined {
    return this.#heap[0];
  }

  /** Takes the earliest out if its instant has come. */
  takeDue(now: Millis): Key | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.key);
    return first.key;
  }

  #rise(entry: Entry<Key>): void {
    while (entry.index > 0) {
      const parentIndex = (entry.index - 1) >> 1;
      const parent = this.#heap[parentIndex]!;
      if (!isBefore(entry, parent)) return;
      this.#place(parent, entry.index);
      this.#place(entry, parentIndex);
    }
  }

  #sink(entry: Entry<Key>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      if (left === undefined) return;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, entry)) return;
      const childIndex = child.index;
      this.#place(child, entry.index);
      this.#place(entry, childIndex);
    }
  }

  #place(entry: Entry<Key>, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }
}

function isBefore<Key>(a: Entry<Key>, b: Entry<Key>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
