/** A router on the segment, which every node should reach: it answers for its own addresses, and does nothing else. */
import { parseIpv4, parseIpv6, solicitedNodeGroup } from "../../lib/base/ip.ts";
import { ipv6MulticastMac, type Mac } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { arpReply } from "../../lib/wire/arp_frames.ts";
import { ICMPV6_NEIGHBOR_SOLICITATION } from "../../lib/wire/iana.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import { neighborAdvertisement } from "../../lib/wire/ndp_frames.ts";
import type { Network, Station } from "./network.ts";
import type { SimNode } from "./sim_node.ts";
import type { VirtualTime } from "./virtual_time.ts";

export const ROUTER_ADDRESSES = ["192.0.2.249", "2001:db8:2::249"] as const;
const IP = parseIpv4(ROUTER_ADDRESSES[0])!;
const IPV6 = parseIpv6(ROUTER_ADDRESSES[1])!;

export class Router implements Station {
  readonly name = "router";
  readonly mac = 0x02_00_00_00_0e_01 as Mac;
  readonly address = ROUTER_ADDRESSES[0];
  readonly groups: ReadonlySet<Mac> = new Set([ipv6MulticastMac(solicitedNodeGroup(IPV6))]);
  /** Hardware addresses of those whose frames do not come here, nor back. */
  readonly #hidden = new Set<Mac>();
  readonly #seenSince = new Map<string, Millis>();
  readonly #deps: { readonly time: VirtualTime; readonly network: Network };

  constructor(deps: { readonly time: VirtualTime; readonly network: Network }) {
    this.#deps = deps;
  }

  /** A switch between the node and the router is cut off, or the node's port is in another VLAN. */
  hide({ links, name }: SimNode, hidden: boolean): void {
    if (!hidden && this.#hidden.has(links[0]!.mac)) this.#seenSince.set(name, this.#deps.time.now);
    for (const { mac } of links) {
      if (hidden) this.#hidden.add(mac);
      else this.#hidden.delete(mac);
    }
  }

  answers({ links }: SimNode): boolean {
    return !this.#hidden.has(links[0]!.mac);
  }

  answersSince({ name }: SimNode): Millis {
    return this.#seenSince.get(name) ?? -Infinity;
  }

  onArp(record: ArpRecord): void {
    if (record.operation !== 1 || record.targetIp !== IP || this.#hidden.has(record.etherSource)) return;
    this.#deps.network.sendArp(this, arpReply({ request: record, mac: this.mac }));
  }

  onNdp(record: NdpRecord): void {
    const { type, target, etherSource } = record;
    if (type !== ICMPV6_NEIGHBOR_SOLICITATION || target !== IPV6 || this.#hidden.has(etherSource)) return;
    this.#deps.network.sendNdp(this, neighborAdvertisement({ solicitation: record, mac: this.mac, override: true }));
  }
}
