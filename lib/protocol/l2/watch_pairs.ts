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
