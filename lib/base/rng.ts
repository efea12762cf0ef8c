/**
 * Randomness as a dependency. Programs inject the system's, tests and simulations a seeded one whose seed they print.
 *
 * The seeded generator is sfc32 (Chris Doty-Humphrey's "small fast counting" generator, 128 bits of state), expanded
 * from one number by splitmix32. It is for spreading and for tests, never for keys.
 */

export interface Rng {
  /** A whole number in [0, 2^32). */
  u32(): number;
}

/** A whole number in [0, bound); `bound` must be in [1, 2^32]. The bias is below 2^-32 * bound. */
export function below(rng: Rng, bound: number): number {
  return Math.floor((rng.u32() / 0x1_0000_0000) * bound);
}

/** 16 hexadecimal digits: something that was not said before. */
export function hex64(rng: Rng): string {
  return [rng.u32(), rng.u32()].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** The same sequence for the same seed, on every machine. */
export class SeededRng implements Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    let state = seed >>> 0;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#a = splitmix();
    this.#b = splitmix();
    this.#c = splitmix();
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) >>> 0;
    this.#c = (this.#c + result) >>> 0;
    return result;
  }
}
