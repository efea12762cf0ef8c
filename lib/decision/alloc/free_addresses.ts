/**
 * The lowest free address of one family in one pool. Who has which address is known elsewhere; this asks.
 *
 * The cost does not grow with the number of used addresses. A cursor stands on the lowest address that was never
 * passed; every free address below it is in a heap. An address above the cursor that is taken out of turn (adopted)
 * is only remembered as used, and the cursor steps over it once when it gets there. So the lowest free address is the
 * lesser of the heap's top and the cursor, exactly, whatever was adopted and freed before.
 */
import { type IpRange, rangeSize } from "../../base/cidr.ts";
import type { IpFamily } from "../../base/ip.ts";
import { isBuggyIpv4 } from "../config/pool_index.ts";
import { MinHeap } from "./min_heap.ts";

export class FreeAddresses {
  readonly #ranges: readonly IpRange[];
  readonly #avoidBuggy: boolean;
  readonly #isUsed: (address: bigint) => boolean;
  /** Free and below the cursor. May also hold used ones: they were taken out of turn and are skipped when popped. */
  readonly #freed = new MinHeap<bigint>((a, b) => a < b ? -1 : a > b ? 1 : 0);
  readonly #inFreed = new Set<bigint>();
  #rangeIndex = 0;
  /** The lowest address never passed; beyond the last range there is none. */
  #cursor: bigint | undefined;

  /** `ranges` are those of one family, disjoint and ascending. */
  constructor(
    options: { ranges: readonly IpRange[]; avoidBuggyIps: boolean },
    deps: { isUsed: (address: bigint) => boolean },
  ) {
    this.#isUsed = deps.isUsed;
    this.#ranges = options.ranges;
    this.#avoidBuggy = options.avoidBuggyIps && options.ranges[0]?.family === 4;
    this.#cursor = options.ranges[0]?.first;
  }

  /** The lowest free address, which stays free. */
  lowest(): bigint | undefined {
    for (let top = this.#freed.peek(); top !== undefined; top = this.#freed.peek()) {
      if (!this.#isUsed(top)) return top;
      this.#freed.pop();
      this.#inFreed.delete(top);
    }
    while (this.#cursor !== undefined && (this.#isUsed(this.#cursor) || this.isBuggy(this.#cursor))) this.#advance();
    return this.#cursor;
  }

  /** Says that an address is free again. */
  released(address: bigint): void {
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

/** How many addresses `ranges` of one family have, and how many of them are given to nobody; exact at any size. */
export function countAddresses(
  ranges: readonly IpRange[],
  options: { family: IpFamily; avoidBuggyIps: boolean },
): { readonly usable: bigint; readonly skipped: bigint } {
  let total = 0n;
  let skipped = 0n;
  for (const range of ranges) {
    total += rangeSize(range);
    if (!options.avoidBuggyIps || options.family !== 4) continue;
    for (const octet of [0n, 255n]) skipped += upTo(range.last, octet) - upTo(range.first - 1n, octet);
  }
  return { usable: total - skipped, skipped };
}

/** How many addresses in [0, `last`] end in `octet`. */
function upTo(last: bigint, octet: bigint): bigint {
  return last < octet ? 0n : (last - octet) / 256n + 1n;
}
