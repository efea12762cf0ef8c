/**
 * A map that is mostly asked for what it does not have: of all addresses that frames speak of, few mean anything to us.
 *
 * In front of the hash table stands a row of counters, one for many possible keys (a counting Bloom filter with one
 * function). A key whose counter is zero is not there, and that is all that has to be known of nearly every one; the
 * table is asked for the others, about one in sixteen at worst. Keys are numbers or bigints, of which the last 32 bits
 * count here.
 */

/** Counters per key: fewer, and the table is asked in vain more often. */
const CELLS_PER_KEY = 16;
const CELL_BITS_MIN = 8;
/** A counter that came to its end stays there, because nobody knows any more for how many keys it stands. */
const CELL_MAX = 255;
/** 2^32 divided by the golden ratio: neighbours come to lie far from each other (Knuth, volume 3, 6.4). */
const GOLDEN = 0x9e37_79b1;

export class RareMap<Key extends number | bigint, Value> {
  readonly #values = new Map<Key, Value>();
  #bits = CELL_BITS_MIN;
  #cells = new Uint8Array(2 ** CELL_BITS_MIN);

  get size(): number {
    return this.#values.size;
  }

  get(key: Key): Value | undefined {
    return this.#cells[this.#cellOf(key)] === 0 ? undefined : this.#values.get(key);
  }

  has(key: Key): boolean {
    return this.#cells[this.#cellOf(key)] !== 0 && this.#values.has(key);
  }

  set(key: Key, value: Value): void {
    const isNew = !this.has(key);
    this.#values.set(key, value);
    if (isNew) this.#count(key);
  }

  /** True when it was there. */
  delete(key: Key): boolean {
    if (!this.#values.delete(key)) return false;
    const cell = this.#cellOf(key);
    if (this.#cells[cell]! < CELL_MAX) this.#cells[cell]!--;
    return true;
  }

  clear(): void {
    this.#values.clear();
    this.#cells.fill(0);
  }

  values(): MapIterator<Value> {
    return this.#values.values();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#values[Symbol.iterator]();
  }

  #count(key: Key): void {
    if (this.#values.size * CELLS_PER_KEY > this.#cells.length) return this.#grow();
    const cell = this.#cellOf(key);
    if (this.#cells[cell]! < CELL_MAX) this.#cells[cell]!++;
  }

  #grow(): void {
    this.#bits++;
    this.#cells = new Uint8Array(2 ** this.#bits);
    for (const key of this.#values.keys()) this.#count(key);
  }

  #cellOf(key: Key): number {
    const low = typeof key === "bigint" ? Number(BigInt.asUintN(32, key)) : key as number;
    return Math.imul(low, GOLDEN) >>> (32 - this.#bits);
  }
}
