/**
 * The addresses of one family in one pool: which are used, and which free one is the lowest.
 *
 * The cost does not grow with the number of used addresses. A cursor stands on the lowest address that was never
 * passed; every free address below it is in a heap. An address above the cursor that is taken out of turn (adopted)
 * is only remembered as used, and the cursor steps over it once when it gets there. So the lowest free address is the
 * lesser of the heap's top and the cursor, exactly, whatever was adopted and freed before.
 */
import { type IpRange, rangeSize } from "../../base/cidr.ts";
import { invariant } from "../../base/assert.ts";
import type { IpFamily } from "../../base/ip.ts";
import { isBuggyIpv4 } from "../config/pool_index.ts";
import { MinHeap } from "./min_heap.ts";

export class FreeAddresses {
  readonly #ranges: readonly IpRange[];
  readonly #avoidBuggy: boolean;
  readonly #used = new Set<bigint>();
  /** Free and below the cursor. May also hold used ones: they were taken out of turn and are skipped when popped. */
  readonly #freed = new MinHeap<bigint>((a, b) => a < b ? -1 : a > b ? 1 : 0);
  readonly #inFreed = new Set<bigint>();
  #rangeIndex = 0;
  /** The lowest address never passed; beyond the last range there is none. */
  #cursor: bigint | undefined;

  /** `ranges` are those of one family, disjoint and ascending. */
  constructor(options: { ranges: readonly IpRange[]; avoidBuggyIps: boolean }) {
    this.#ranges = options.ranges;
    this.#avoidBuggy = options.avoidBuggyIps && options.ranges[0]?.family === 4;
    this.#cursor = options.ranges[0]?.first;
  }

  /** Addresses in use. */
  get used(): number {
    return this.#used.size;
  }

  /** The lowest free address, which stays free. */
  lowest(): bigint | undefined {
    for (let top = this.#freed.peek(); top !== undefined; top = this.#freed.peek()) {
      if (!this.#used.has(top)) return top;
      this.#freed.pop();
      this.#inFreed.delete(top);
    }
    while (this.#cursor !== undefined && (this.#used.has(this.#cursor) || this.isBuggy(this.#cursor))) this.#advance();
    return this.#cursor;
  }

  /** Marks an address as used; it must be free. */
  take(address: bigint): void {
    invariant(!this.#used.has(address), `Address ${address} is taken twice`);
    this.#used.add(address);
  }

  /** Marks an address as free; it must be in use. */
  release(address: bigint): void {
    invariant(this.#used.delete(address), `Address ${address} is released but not in use`);
    const passed = this.#cursor === undefined || address < this.#cursor;
    // One that was held when `avoidBuggyIPs` was turned on must not come back.
    if (!passed || this.#inFreed.has(address) || this.isBuggy(address)) return;
    this.#freed.push(address);
    this.#inFreed.add(address);
  }

  /** True for an address that a pool with `avoidBuggyIPs` leaves out. */
  isBuggy(address: bigint): boolean {
    return this.#avoidBuggy && isBuggyIpv4(address);
  }

  #advance(): void {
    const next = this.#cursor! + 1n;
    if (next <= this.#ranges[this.#rangeIndex]!.last) {
      this.#cursor = next;
      return;
    }
    this.#rangeIndex++;
    this.#cursor = this.#ranges[this.#rangeIndex]?.first;
  }
}

/** How many addresses can be given from `ranges` of one family; exact at any size. */
export function usableAddresses(
  ranges: readonly IpRange[],
  options: { family: IpFamily; avoidBuggyIps: boolean },
): bigint {
  let total = 0n;
  for (const range of ranges) {
    total += rangeSize(range);
    if (options.avoidBuggyIps && options.family === 4) {
      total -= upTo(range.last, 0n) - upTo(range.first - 1n, 0n) + upTo(range.last, 255n) -
        upTo(range.first - 1n, 255n);
    }
  }
  return total;
}

/** How many addresses in [0, `last`] end in `octet`. */
function upTo(last: bigint, octet: bigint): bigint {
  return last < octet ? 0n : (last - octet) / 256n + 1n;
}
