/**
 * A first-in first-out queue with a limit. Machines keep their undrained effects in one; a queue that overflows means
 * that the driver broke the drain rule, which is a broken invariant and not an operating error.
 */
import { invariant } from "./assert.ts";

export class Queue<T> {
  readonly #items: T[] = [];
  #head = 0;
  readonly #sizeMax: number;

  constructor(options: { sizeMax: number } = { sizeMax: 1 << 20 }) {
    this.#sizeMax = options.sizeMax;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    invariant(this.size < this.#sizeMax, () => `Queue is full: it holds its maximum of ${this.#sizeMax} items`);
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > this.#items.length / 2) {
      // A queue that is never quite empty would otherwise keep every item that ever went through it. Dropping them
      // when they outnumber those that wait moves each item once at most, on average.
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }
}
