/** One pool as the allocator uses it: its free addresses per family and its counters. */
import { type Ip, type IpFamily } from "../../base/ip.ts";
import type { IpRange } from "../../base/cidr.ts";
import type { Pool } from "../config/config.ts";
import type { PoolCounters } from "./alloc_request.ts";
import { FreeAddresses, usableAddresses } from "./free_addresses.ts";

const INT64_MAX = (1n << 63n) - 1n;

/** Whether a Service has an address, in this pool or not. */
export type IsUsed = (ip: Ip) => boolean;

/** What is kept as long as the addresses of the pool stay the same. */
interface FamilyState {
  readonly free: FreeAddresses;
  readonly usable: bigint;
  used: number;
}

export class AllocPool {
  readonly pool: Pool;
  readonly #families: Readonly<Record<IpFamily, FamilyState>>;

  /** Takes over the state of `previous`, which must hold the very same addresses. */
  constructor(pool: Pool, deps: { isUsed: IsUsed; previous?: AllocPool | undefined }) {
    this.pool = pool;
    const { isUsed, previous } = deps;
    this.#families = previous === undefined
      ? { 4: familyState(pool, { family: 4, isUsed }), 6: familyState(pool, { family: 6, isUsed }) }
      : previous.#families;
  }

  /** True when the pool can give and hold exactly the same addresses as `pool`. */
  sameAddresses(pool: Pool): boolean {
    const mine = this.pool.ranges;
    return this.pool.avoidBuggyIps === pool.avoidBuggyIps && mine.length === pool.ranges.length &&
      mine.every((range, i) => sameRange(range, pool.ranges[i]!));
  }

  /** The lowest free address of a family; it stays free. */
  lowest(family: IpFamily): Ip | undefined {
    const value = this.#families[family].free.lowest();
    return value === undefined ? undefined : { family, value };
  }

  /** An address of the pool is used from now on. */
  taken(ip: Ip): void {
    this.#families[ip.family].used++;
  }

  /** An address of the pool is free from now on. */
  released(ip: Ip): void {
    const state = this.#families[ip.family];
    state.used--;
    state.free.released(ip.value);
  }

  counters(): PoolCounters {
    const [four, six] = [this.#families[4], this.#families[6]];
    return {
      name: this.pool.name,
      assignedIPv4: BigInt(four.used),
      assignedIPv6: BigInt(six.used),
      availableIPv4: saturated(four.usable - BigInt(four.used)),
      availableIPv6: saturated(six.usable - BigInt(six.used)),
    };
  }
}

function familyState(pool: Pool, options: { family: IpFamily; isUsed: IsUsed }): FamilyState {
  const { family, isUsed } = options;
  const { avoidBuggyIps } = pool;
  const ranges = familyRanges(pool, family);
  return {
    free: new FreeAddresses({ ranges, avoidBuggyIps }, { isUsed: (value) => isUsed({ family, value }) }),
    usable: usableAddresses(ranges, { family, avoidBuggyIps }),
    used: 0,
  };
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
