import { assertEquals } from "@std/assert/equals";
import { poolJson, poolRows } from "../../../lib/app/cli/pool_table.ts";
import type { PoolCounters } from "../../../lib/decision/alloc/alloc_request.ts";

const pool = (name: string, more: Partial<PoolCounters> = {}): PoolCounters => ({
  name,
  ...{ assignedIPv4: 0n, assignedIPv6: 0n, availableIPv4: 0n, availableIPv6: 0n },
  ...{ restingIPv4: 0n, restingIPv6: 0n, skippedIPv4: 0n },
  ...more,
});

Deno.test("Pool table: what nobody gets is a column only where there is such an address", () => {
  const plain = pool("plain", { assignedIPv4: 1n, availableIPv4: 3n });
  assertEquals(poolRows([plain]), [["POOL", "IPV4 USED/FREE", "IPV6 USED/FREE"], ["plain", "1/3", "-"]]);
  // The guides' pool of 16 addresses, of which 15 can be had.
  const careful = pool("careful", { availableIPv4: 15n, skippedIPv4: 1n, restingIPv6: 2n, availableIPv6: 1n });
  assertEquals(poolRows([plain, careful]), [
    ["POOL", "IPV4 USED/FREE", "IPV6 USED/FREE", "NOT GIVEN"],
    ["plain", "1/3", "-", ""],
    ["careful", "0/15", "0/1", "1 skipped (avoidBuggyIPs), 2 resting (reuse-after)"],
  ]);
});

Deno.test("Pool table: a counter that a JSON number cannot hold is a text", () => {
  assertEquals(poolJson(pool("huge", { availableIPv6: (1n << 63n) - 1n, skippedIPv4: 2n })), {
    name: "huge",
    ...{ assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 0, availableIPv6: "9223372036854775807" },
    ...{ restingIPv4: 0, restingIPv6: 0, skippedIPv4: 2 },
  });
});
