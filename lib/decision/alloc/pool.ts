/** One pool as the allocator uses it: its free addresses per family and its counters. */
import { type Ip, type IpFamily } from "../../base/ip.ts";
import type { IpRange } from "../../base/cidr.ts";
import type { Pool } from "../config/config.ts";
import type { PoolCounters } from "./alloc_request.ts";
import { FreeAddresses, usableAddresses } from "./free_addresses.ts";

const INT64_MAX = (1n << 63n) - 1n;

export class AllocPool {
  readonly pool: Pool;
  readonly #free: Readonly<Record<IpFamily, FreeAddresses>>;
  readonly #usable: Readonly<Record<IpFamily, bigint>>;

  /** Takes over the used addresses of `previous` when both hold the very same addresses. */
  constructor(pool: Pool, previous?: AllocPool) {
    this.pool = pool;
    this.#free = previous === undefined ? { 4: freeOf(pool, 4), 6: freeOf(pool, 6) } : previous.#free;
    this.#usable = previous === undefined ? { 4: usableOf(pool, 4), 6: usableOf(pool, 6) } : previous.#usable;
  }

  /** True when the pool can give and hold exactly the same addresses as `pool`. */
  sameAddresses(pool: Pool): boolean {
    const mine = this.pool.ranges;
    return this.pool.avoidBuggyIps === pool.avoidBuggyIps && mine.length === pool.ranges.length &&
      mine.every((range, i) => sameRange(range, pool.ranges[i]!));
  }

  /** The lowest free address of a family; it stays free. */
  lowest(family: IpFamily): Ip | undefined {
    const value = this.#free[family].lowest();
    return value === undefined ? undefined : { family, value };
  }

  take(ip: Ip): void {
    this.#free[ip.family].take(ip.value);
  }

  release(ip: Ip): void {
    this.#free[ip.family].release(ip.value);
  }

  counters(): PoolCounters {
    const [used4, used6] = [BigInt(this.#free[4].used), BigInt(this.#free[6].used)];
    return {
      name: this.pool.name,
      assignedIPv4: used4,
      assignedIPv6: used6,
      availableIPv4: saturated(this.#usable[4] - used4),
      availableIPv6: saturated(this.#usable[6] - used6),
    };
  }
}

function freeOf(pool: Pool, family: IpFamily): FreeAddresses {
  return new FreeAddresses({ ranges: familyRanges(pool, family), avoidBuggyIps: pool.avoidBuggyIps });
}

function usableOf(pool: Pool, family: IpFamily): bigint {
  return usableAddresses(familyRanges(pool, family), { family, avoidBuggyIps: pool.avoidBuggyIps });
}

function familyRanges(pool: Pool, family: IpFamily): IpRange[] {
  return pool.ranges.filter((range) => range.family === family);
}

function sameRange(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first === b.first && a.last === b.last;
}

/** Below zero it can only get while an address that `avoidBuggyIPs` newly leaves out is still held. */
function saturated(count: bigint): bigint {
  return count < 0n ? 0n : count > INT64_MAX ? INT64_MAX : count;
}
