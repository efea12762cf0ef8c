/** One pool as the allocator uses it: its free and its shared addresses per family and its counters. */
import { type Ip, type IpFamily } from "../../base/ip.ts";
import type { IpRange } from "../../base/cidr.ts";
import type { Pool } from "../config/config.ts";
import { isLeftOut } from "../config/pool_index.ts";
import type { PoolCounters } from "./alloc_request.ts";
import { countAddresses, FreeAddresses } from "./free_addresses.ts";
import type { Share } from "./share.ts";
import { SharedAddresses } from "./shared_addresses.ts";

const INT64_MAX = (1n << 63n) - 1n;

/** Whether an address cannot be given out because a Service has it or because it rests, in this pool or not. */
export type IsUsed = (ip: Ip) => boolean;

/** What is kept as long as the addresses of the pool stay the same. */
interface FamilyState {
  readonly free: FreeAddresses;
  readonly shared: SharedAddresses;
  readonly usable: bigint;
  readonly skipped: bigint;
  used: number;
  resting: number;
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

  /**
   * The lowest address that a Service with these terms can share with others, but only one below `below`. The index
   * knows those that could; `admits` also knows who stands in the way without being one of them.
   */
  lowestShared(
    family: IpFamily,
    options: { share: Share; below: bigint | undefined; admits: (ip: Ip) => boolean },
  ): Ip | undefined {
    const { share, below, admits } = options;
    const { shared } = this.#families[family];
    for (let value = shared.lowest(share, 0n); value !== undefined; value = shared.lowest(share, value + 1n)) {
      if (below !== undefined && value >= below) return undefined;
      if (admits({ family, value })) return { family, value };
    }
    return undefined;
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

  /** A Service that shares is on an address from now on. */
  joined(ip: Ip, share: Share): void {
    if (!isLeftOut(this.pool, ip)) this.#families[ip.family].shared.join(ip.value, share);
  }

  left(ip: Ip, share: Share): void {
    this.#families[ip.family].shared.leave(ip.value, share);
  }

  /** An address rests from now on; it counts neither as used nor as available. */
  rests(ip: Ip): void {
    this.#families[ip.family].resting++;
  }

  rested(ip: Ip): void {
    const state = this.#families[ip.family];
    state.resting--;
    state.free.released(ip.value);
  }

  /** True when an address of the family rests. */
  hasResting(family: IpFamily): boolean {
    return this.#families[family].resting > 0;
  }

  /** True when the pool has addresses of the family at all. */
  hasFamily(family: IpFamily): boolean {
    return this.#families[family].usable > 0n;
  }

  counters(): PoolCounters {
    const [four, six] = [this.#families[4], this.#families[6]];
    return {
      name: this.pool.name,
      assignedIPv4: BigInt(four.used),
      assignedIPv6: BigInt(six.used),
      availableIPv4: saturated(four.usable - BigInt(four.used + four.resting)),
      availableIPv6: saturated(six.usable - BigInt(six.used + six.resting)),
      restingIPv4: BigInt(four.resting),
      restingIPv6: BigInt(six.resting),
      skippedIPv4: saturated(four.skipped),
    };
  }
}

function familyState(pool: Pool, options: { family: IpFamily; isUsed: IsUsed }): FamilyState {
  const { family, isUsed } = options;
  const { avoidBuggyIps } = pool;
  const ranges = familyRanges(pool, family);
  return {
    free: new FreeAddresses({ ranges, avoidBuggyIps }, { isUsed: (value) => isUsed({ family, value }) }),
    shared: new SharedAddresses(),
    ...countAddresses(ranges, { family, avoidBuggyIps }),
    used: 0,
    resting: 0,
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
