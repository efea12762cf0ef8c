/**
 * Distinct numbers in ascending order, each with its rank. They are kept in pieces of bounded length, so that adding one
 * in the middle of a hundred thousand moves few of them.
 */

/** A piece that gets longer is cut in two. */
const PIECE_MAX = 1024;

export class SortedValues {
  /** Never empty ones, but for the first. */
  readonly #pieces: bigint[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  at(index: number): bigint | undefined {
    let rest = index;
    for (const piece of this.#pieces) {
      if (rest < piece.length) return piece[rest];
      rest -= piece.length;
    }
    return undefined;
  }

  /** Rank of the first number that is not below `value`. */
  lowerBound(value: bigint): number {
    const at = this.#pieceOf(value);
    let rank = 0;
    for (let i = 0; i < at; i++) rank += this.#pieces[i]!.length;
    return rank + lowerBound(this.#pieces[at]!, value);
  }

  /** False when it is there already. */
  insert(value: bigint): boolean {
    const at = this.#pieceOf(value);
    const piece = this.#pieces[at]!;
    const index = lowerBound(piece, value);
    if (piece[index] === value) return false;
    if (index === piece.length) piece.push(value);
    else piece.splice(index, 0, value);
    this.#size++;
    // What is added at the end fills pieces up, because addresses are given in ascending order.
    if (piece.length > PIECE_MAX) {
      const isLast = at === this.#pieces.length - 1 && index === piece.length - 1;
      this.#pieces.splice(at + 1, 0, piece.splice(isLast ? PIECE_MAX : PIECE_MAX / 2));
    }
    return true;
  }

  delete(value: bigint): void {
    const at = this.#pieceOf(value);
    const piece = this.#pieces[at]!;
    const index = lowerBound(piece, value);
    if (piece[index] !== value) return;
    piece.splice(index, 1);
    this.#size--;
    if (piece.length === 0 && this.#pieces.length > 1) this.#pieces.splice(at, 1);
  }

  /** Index of the piece where `value` is or belongs. */
  #pieceOf(value: bigint): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pieces[middle]!.at(-1)! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(values: readonly bigint[], value: bigint): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
