/** Keys of objects under the words by which they are looked for: a word has many keys, a key many words. */

export class KeyIndex {
  readonly #keys = new Map<string, Set<string>>();
  readonly #words = new Map<string, readonly string[]>();

  /** Puts the key under exactly these words; without any it is gone. */
  set(key: string, words: readonly string[]): void {
    for (const word of this.#words.get(key) ?? []) {
      const keys = this.#keys.get(word);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(word);
    }
    if (words.length === 0) this.#words.delete(key);
    else this.#words.set(key, words);
    for (const word of words) {
      const keys = this.#keys.get(word);
      if (keys === undefined) this.#keys.set(word, new Set([key]));
      else keys.add(key);
    }
  }

  /** The keys under a word, sorted. */
  get(word: string): string[] {
    return [...this.#keys.get(word) ?? []].sort();
  }
}
