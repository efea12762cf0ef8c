/** A binary heap: the least item in constant time, adding and taking in logarithmic time. */

export class MinHeap<T> {
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** `compare` is negative when its first argument comes first. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let hole = this.#items.length;
    this.#items.push(item);
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      if (this.#compare(item, this.#items[parent]!) >= 0) break;
      this.#items[hole] = this.#items[parent]!;
      hole = parent;
    }
    this.#items[hole] = item;
  }

  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return top;
    const size = this.#items.length;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#compare(this.#items[child + 1]!, this.#items[child]!) < 0) child++;
      if (this.#compare(last, this.#items[child]!) <= 0) break;
      this.#items[hole] = this.#items[child]!;
      hole = child;
    }
    this.#items[hole] = last;
    return top;
  }
}
