/**
 * The networks that a node's used interfaces are in, for people: no decision about an address depends on them.
 *
 * What is no subnet to look for a neighbour in is left out: link-local networks and addresses that stand alone (/32,
 * /128), such as those of Services on a node.
 */
import { parseRange, rangeToPrefixes } from "../../base/cidr.ts";
import type { NodeNetwork } from "../../base/wanted.ts";
import type { LinkAddressFacts } from "./interface.ts";

/** rtnetlink(7). */
const SCOPE_GLOBAL = 0;

/** More networks than a node has for people to read; the rest is not told. */
const NETWORKS_MAX = 64;

/** All networks, sorted. `names` are the used interfaces. */
export function nodeNetworks(
  addresses: Iterable<LinkAddressFacts>,
  names: ReadonlyMap<number, string>,
): readonly NodeNetwork[] {
  const found = new Map<string, NodeNetwork>();
  for (const { ifindex, ip, prefixLength, scope } of addresses) {
    const interfaceName = names.get(ifindex);
    const isAlone = prefixLength === (ip.includes(":") ? 128 : 32);
    if (interfaceName === undefined || isAlone || scope !== SCOPE_GLOBAL) continue;
    const parsed = parseRange(`${ip}/${prefixLength}`);
    if (!parsed.ok) continue;
    const prefix = rangeToPrefixes(parsed.range)[0]!;
    found.set(`${interfaceName} ${prefix}`, { interfaceName, prefix });
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1).slice(0, NETWORKS_MAX).map(([, network]) => network);
}
