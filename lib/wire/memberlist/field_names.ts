/**
 * The names of a structure's fields, by their length. They are found among the bytes of a packet without a text being
 * made of each key: in a cluster that has just been started a node gets hundreds of messages a second, with six keys each.
 */

const NONE: readonly string[] = [];

export class FieldNames {
  readonly #byLength: (readonly string[])[] = [];

  /** ASCII. */
  constructor(names: readonly string[]) {
    const longest = Math.max(...names.map(({ length }) => length));
    for (let length = 0; length <= longest; length++) {
      this.#byLength.push(names.filter((name) => name.length === length));
    }
  }

  ofLength(length: number): readonly string[] {
    return this.#byLength[length] ?? NONE;
  }
}
