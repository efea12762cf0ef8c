/**
 * The networks that a node's used interfaces are in, and whether they changed since they were last told.
 *
 * What is no subnet to look for a neighbour in is left out: link-local networks and addresses that stand alone (/32,
 * /128), such as those of Services on a node.
 */
import { parseRange, rangeToPrefixes } from "../base/cidr.ts";
import type { NodeNetwork } from "../base/wanted.ts";
import type { LinkAddress } from "../edge/net/netlink_codec.ts";

/** rtnetlink(7). */
const SCOPE_GLOBAL = 0;

/** More networks than a node has for people to read; the rest is not told. */
const NETWORKS_MAX = 64;

export class NetworkWatch {
  #told: string | undefined;

  /** All networks, sorted, or `undefined` when they are the same as the last time. `names` are the used interfaces. */
  changed(
    addresses: readonly LinkAddress[],
    names: ReadonlyMap<number, string>,
  ): readonly NodeNetwork[] | undefined {
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
    const networks = [...found].sort(([a], [b]) => a < b ? -1 : 1).slice(0, NETWORKS_MAX).map(([, network]) => network);
    const text = JSON.stringify(networks);
    if (text === this.#told) return undefined;
    this.#told = text;
    return networks;
  }
}
