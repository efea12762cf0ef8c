/**
 * Distinct numbers in ascending order. Finding costs the logarithm of their count; adding and taking away also move the
 * numbers behind, which is a block copy: sharing keys with a hundred thousand addresses are still fast.
 */
export class SortedValues {
  readonly #values: bigint[] = [];

  get size(): number {
    return this.#values.length;
  }

  at(index: number): bigint | undefined {
    return this.#values[index];
  }

  /** Index of the first number that is not below `value`. */
  lowerBound(value: bigint): number {
    let low = 0;
    let high = this.#values.length;
    // The usual case: addresses are given in ascending order.
    if (high > 0 && this.#values[high - 1]! < value) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#values[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(value: bigint): void {
    const index = this.lowerBound(value);
    if (this.#values[index] === value) return;
    if (index === this.#values.length) this.#values.push(value);
    else this.#values.splice(index, 0, value);
  }

  delete(value: bigint): void {
    const index = this.lowerBound(value);
    if (this.#values[index] === value) this.#values.splice(index, 1);
  }
}
