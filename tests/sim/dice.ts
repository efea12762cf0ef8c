/** Random choices for stories. */
import { below, type Rng } from "../../lib/base/rng.ts";

export class Dice {
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return below(this.#rng, bound);
  }

  between(least: number, most: number): number {
    return least + below(this.#rng, most - least + 1);
  }

  /** True once in `times`. */
  onceIn(times: number): boolean {
    return below(this.#rng, times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[below(this.#rng, items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = below(this.#rng, i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** Any number of them, at least `least`. */
  some<T>(items: readonly T[], least = 0): T[] {
    return this.shuffled(items).slice(0, this.between(Math.min(least, items.length), items.length));
  }
}
