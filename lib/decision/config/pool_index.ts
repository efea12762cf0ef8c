/** Which pool an address is in; pools are disjoint, so it is at most one. */
import type { Ip } from "../../base/ip.ts";
import type { Pool } from "./config.ts";
import { compareRanges, type RangeEntry, RangeSet } from "./range_set.ts";

export class PoolIndex {
  readonly #ranges: RangeSet<Pool>;

  constructor(pools: readonly Pool[]) {
    const entries: RangeEntry<Pool>[] = pools.flatMap((pool) => pool.ranges.map((range) => ({ range, value: pool })));
    this.#ranges = new RangeSet(entries.sort((a, b) => compareRanges(a.range, b.range)));
  }

  /** The one pool that all addresses are in; one that `avoidBuggyIPs` leaves out is in none (reference §5.3). */
  poolOf(ips: readonly Ip[]): Pool | undefined {
    let common: Pool | undefined;
    for (const ip of ips) {
      const pool = this.#ranges.find(ip);
      if (pool === undefined || (common !== undefined && pool !== common) || isLeftOut(pool, ip)) return undefined;
      common = pool;
    }
    return common;
  }
}

/** True when the pool avoids IPv4 addresses that end in .0 or .255 and `ip` is one (reference §5.5). */
export function isLeftOut(pool: Pool, ip: Ip): boolean {
  return pool.avoidBuggyIps && ip.family === 4 && isBuggyIpv4(ip.value);
}

/** Last octet 0 or 255. */
export function isBuggyIpv4(address: bigint): boolean {
  const octet = address & 0xffn;
  return octet === 0n || octet === 0xffn;
}
