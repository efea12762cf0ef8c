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
  readonly addresses: CountedValues;
  /** Per port, the addresses where it is taken. */
  readonly byPort: Map<string, CountedValues>;
}

/** Sorted addresses, each in there as long as a Service is left that put it there. */
class CountedValues extends SortedValues {
  /** Of those that more than one put there. */
  readonly #counts = new Map<bigint, number>();

  enter(address: bigint): void {
    if (this.insert(address)) return;
    this.#counts.set(address, (this.#counts.get(address) ?? 1) + 1);
  }

  leave(address: bigint): void {
    const count = this.#counts.get(address) ?? 1;
    if (count > 2) this.#counts.set(address, count - 1);
    else if (count === 2) this.#counts.delete(address);
    else this.delete(address);
  }
}

export class SharedAddresses {
  readonly #pairs = new Map<string, PairIndex>();

  join(address: bigint, share: Share): void {
    let pair = this.#pairs.get(share.pair);
    if (pair === undefined) {
      pair = { addresses: new CountedValues(), byPort: new Map() };
      this.#pairs.set(share.pair, pair);
    }
    pair.addresses.enter(address);
    for (const port of share.ports) {
      let taken = pair.byPort.get(port);
      if (taken === undefined) {
        taken = new CountedValues();
        pair.byPort.set(port, taken);
      }
      taken.enter(address);
    }
  }

  leave(address: bigint, share: Share): void {
    const pair = this.#pairs.get(share.pair);
    if (pair === undefined) return;
    pair.addresses.leave(address);
    for (const port of share.ports) {
      const taken = pair.byPort.get(port);
      taken?.leave(address);
      if (taken?.size === 0) pair.byPort.delete(port);
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
    let before: bigint | undefined;
    while (address !== undefined && address !== before) {
      before = address;
      for (const port of share.ports) {
        const taken = byPort.get(port);
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
  // Taken on all of them: the usual answer where Services of one port come one after the other.
  if (high === addresses.size - start) return undefined;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses.at(start + middle) === taken.at(offset + middle)) low = middle + 1;
    else high = middle;
  }
  return addresses.at(start + low);
}
