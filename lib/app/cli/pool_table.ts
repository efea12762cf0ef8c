/** Pools as `herald explain` and `herald status` show them: one table for people, the same members in the JSON. */
import type { JsonObject } from "../../base/json.ts";
import type { PoolCounters } from "../../decision/alloc/alloc_request.ts";

/** Rows with their head. What nobody gets is a column only where there is such an address. */
export function poolRows(pools: readonly PoolCounters[]): string[][] {
  const count = (used: bigint, free: bigint) => used + free === 0n ? "-" : `${used}/${free}`;
  const notGiven = pools.map(notGivenText);
  const hasMore = notGiven.some((text) => text !== "");
  return [
    ["POOL", "IPV4 USED/FREE", "IPV6 USED/FREE", ...hasMore ? ["NOT GIVEN"] : []],
    ...pools.map((pool, index) => [
      pool.name,
      count(pool.assignedIPv4, pool.availableIPv4),
      count(pool.assignedIPv6, pool.availableIPv6),
      ...hasMore ? [notGiven[index]!] : [],
    ]),
  ];
}

/** A counter is a number, and a text of digits where a JSON number could not hold it exactly (beyond 2^53 - 1). */
export function poolJson({ name, ...counters }: PoolCounters): JsonObject {
  return {
    name,
    ...Object.fromEntries(Object.entries(counters).map(([key, count]) => [key, counterJson(count)])),
  };
}

function notGivenText({ skippedIPv4, restingIPv4, restingIPv6 }: PoolCounters): string {
  const resting = restingIPv4 + restingIPv6;
  return [
    ...skippedIPv4 === 0n ? [] : [`${skippedIPv4} skipped (avoidBuggyIPs)`],
    ...resting === 0n ? [] : [`${resting} resting (reuse-after)`],
  ].join(", ");
}

function counterJson(count: bigint): number | string {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count.toString();
}
