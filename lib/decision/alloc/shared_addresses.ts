/**
 * Of one family in one pool: the addresses that Services with a sharing key are on, by that key and by port, so that
 * the lowest one with room for one more is found without a look at each.
 *
 * The addresses on which a port is taken are a part of the addresses of the key, and both lists are sorted. As long as
 * they run side by side the port is taken on each; where they part for the first time, it is free. That place is found
 * by halving.
 */
import type { Share } from "./share.ts";
import { SortedValues } from "./sorted_values.ts";

interface PairIndex {
  /** To how many Services of this pair are on it. */
  readonly members: Map<bigint, number>;
  readonly addresses: SortedValues;
  /** Per port, the addresses where it is taken, each by at least one Service. */
  readonly byPort: Map<string, { readonly taken: SortedValues; readonly counts: Map<bigint, number> }>;
}

export class SharedAddresses {
  readonly #pairs = new Map<string, PairIndex>();

  join(address: bigint, share: Share): void {
    let pair = this.#pairs.get(share.pair);
    if (pair === undefined) {
      pair = { members: new Map(), addresses: new SortedValues(), byPort: new Map() };
      this.#pairs.set(share.pair, pair);
    }
    increment(address, { counts: pair.members, values: pair.addresses });
    for (const port of share.ports) {
      let uses = pair.byPort.get(port);
      if (uses === undefined) {
        uses = { taken: new SortedValues(), counts: new Map() };
        pair.byPort.set(port, uses);
      }
      increment(address, { counts: uses.counts, values: uses.taken });
    }
  }

  leave(address: bigint, share: Share): void {
    const pair = this.#pairs.get(share.pair);
    if (pair === undefined) return;
    decrement(address, { counts: pair.members, values: pair.addresses });
    for (const port of share.ports) {
      const uses = pair.byPort.get(port);
      if (uses === undefined) continue;
      decrement(address, { counts: uses.counts, values: uses.taken });
      if (uses.taken.size === 0) pair.byPort.delete(port);
    }
    if (pair.addresses.size === 0) this.#pairs.delete(share.pair);
  }

  /** The lowest address not below `from` where Services of the same pair are and none of the ports is taken. */
  lowest(share: Share, from: bigint): bigint | undefined {
    const pair = this.#pairs.get(share.pair);
    if (pair === undefined) return undefined;
    const { addresses, byPort } = pair;
    let address = addresses.at(addresses.lowerBound(from));
    // Each port that is taken there moves the address on, until a round over all of them moves it no more.
    for (let start: bigint | undefined; address !== undefined && address !== start;) {
      start = address;
      for (const port of share.ports) {
        const taken = byPort.get(port)?.taken;
        if (taken !== undefined && address !== undefined) address = firstApart({ addresses, taken }, address);
      }
    }
    return address;
  }
}

/** The lowest of `addresses` not below `from` that is not in `taken`, which is a part of it. */
function firstApart(
  lists: { readonly addresses: SortedValues; readonly taken: SortedValues },
  from: bigint,
): bigint | undefined {
  const { addresses, taken } = lists;
  const start = addresses.lowerBound(from);
  const offset = taken.lowerBound(from);
  let low = 0;
  let high = taken.size - offset;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses.at(start + middle) === taken.at(offset + middle)) low = middle + 1;
    else high = middle;
  }
  return addresses.at(start + low);
}

interface Counted {
  readonly counts: Map<bigint, number>;
  readonly values: SortedValues;
}

function increment(address: bigint, { counts, values }: Counted): void {
  const count = counts.get(address) ?? 0;
  counts.set(address, count + 1);
  if (count === 0) values.add(address);
}

function decrement(address: bigint, { counts, values }: Counted): void {
  const count = counts.get(address) ?? 0;
  if (count > 1) {
    counts.set(address, count - 1);
    return;
  }
  if (counts.delete(address)) values.delete(address);
}
