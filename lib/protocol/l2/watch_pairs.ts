/**
 * Who watches whom: for each address the next two after its owner watch all before them, three directed pairs at most.
 *
 * So two nodes may die at once and the third one still knows within the time of the watch. A node that answers although
 * another one should watches that one: it goes on if its successor dies.
 */

/** Adds those that `self` has to watch for one address whose first living candidates are `order`. */
export function addWatched(
  into: Set<string>,
  { order, self, answers }: { readonly order: readonly string[]; readonly self: string; readonly answers: boolean },
): void {
  const place = order.indexOf(self);
  if (place === 1 || place === 2) { for (const node of order.slice(0, place)) into.add(node); }
  const [owner] = order;
  if (answers && owner !== undefined && owner !== self) into.add(owner);
}

/** How many of an order {@linkcode addWatched} looks at. */
export const WATCHING_ORDER = 3;

export interface WatchedPairs {
  readonly kind: "pairs";
  readonly watch: ReadonlySet<string>;
  /** Who is a candidate of anything. */
  readonly candidates: ReadonlySet<string>;
}

/** Keeps what the pairs of all addresses follow from, and tells them when it has changed. */
export class WatchPairs {
  readonly #node: string;
  /** How many addresses a node is a candidate of. */
  readonly #candidacies = new Map<string, number>();
  #changed = true;

  constructor({ node }: { readonly node: string }) {
    this.#node = node;
  }

  /** An order, or who answers, is another one. */
  change(): void {
    this.#changed = true;
  }

  count(nodes: readonly string[], by: 1 | -1): void {
    for (const node of nodes) {
      const count = (this.#candidacies.get(node) ?? 0) + by;
      if (count === 0) this.#candidacies.delete(node);
      else this.#candidacies.set(node, count);
      if (count === (by === 1 ? 1 : 0)) this.#changed = true;
    }
  }

  /** `undefined`: nothing has changed since the last time. */
  take(addresses: Iterable<{ readonly order: readonly string[]; readonly owned: boolean }>): WatchedPairs | undefined {
    if (!this.#changed) return undefined;
    this.#changed = false;
    const watch = new Set<string>();
    for (const { order, owned } of addresses) addWatched(watch, { order, self: this.#node, answers: owned });
    return { kind: "pairs", watch, candidates: new Set(this.#candidacies.keys()) };
  }
}
