/**
 * Pools that hold an address of a node. Whoever announces such an address on layer 2 tells the segment that the node is
 * somewhere else, and takes it off the network; no probe finds that out, because a node of the cluster is no stranger.
 *
 * Only warnings: a cluster of one node may well serve everything at its own address.
 */
import { formatIp, parseIp } from "../../base/ip.ts";
import { rangeHas } from "../../base/cidr.ts";
import type { Config, Pool } from "./config.ts";
import type { NodeView } from "./node_view.ts";
import type { Problem } from "./problem.ts";

/** One misplaced range may hold a whole cluster. */
const NAMED_MAX = 3;

export function warnOfNodeAddresses({ pools }: Config, nodes: readonly NodeView[]): Problem[] {
  const addresses = nodes.flatMap(({ name, internalIps }) =>
    internalIps.flatMap((text) => {
      const ip = parseIp(text);
      return ip === undefined ? [] : [{ name, ip }];
    })
  );
  return pools.flatMap((pool) => {
    const held = addresses.filter(({ ip }) => pool.ranges.some((range) => rangeHas(range, ip)));
    return held.length === 0 ? [] : [warning(pool, held.map(({ name, ip }) => `${formatIp(ip)} of ${name}`))];
  });
}

function warning({ name, namespace }: Pool, held: readonly string[]): Problem {
  const rest = held.length - NAMED_MAX;
  const named = held.slice(0, NAMED_MAX).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  return {
    severity: "warning",
    kind: "IPAddressPool",
    namespace,
    name,
    path: "spec.addresses",
    reason: "nodeAddress",
    message:
      `the pool holds addresses of nodes (${named}): announced from another node, such an address takes its own ` +
      "node off the network; leave them out of the pool",
  };
}
