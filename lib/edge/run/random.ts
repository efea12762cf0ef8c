/** The system's randomness behind the `Rng` port: good enough for keys, drawn in blocks because each draw costs a call. */
import type { Rng } from "../../base/rng.ts";

const BLOCK_WORDS = 256;

class SystemRng implements Rng {
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #next = BLOCK_WORDS;

  u32(): number {
    if (this.#next === BLOCK_WORDS) {
      crypto.getRandomValues(this.#block);
      this.#next = 0;
    }
    const word = this.#block[this.#next]!;
    this.#block[this.#next++] = 0;
    return word;
  }
}

/** One per thread or per part; they share nothing. */
export function systemRng(): Rng {
  return new SystemRng();
}
