/** One interface of a node, and its port of a segment. Frames for an interface of its own hardware address come here. */
import type { Mac } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { L2Interface } from "../../lib/protocol/l2/interface.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import type { Network, Station } from "./network.ts";

export const FIRST_IFINDEX = 2;

interface Node extends Station {
  receive(ifindex: number, frame: { readonly arp: ArpRecord } | { readonly ndp: NdpRecord }): void;
}

export class NodeLink implements Station {
  /** Of the node: what weather and stories go by. */
  readonly name: string;
  readonly node: Node;
  readonly mac: Mac;
  readonly address: string;
  readonly groups = new Set<Mac>();
  readonly network: Network;
  readonly ifindex: number;
  hasCarrier = true;
  /** Since when it has it. */
  carrierSince: Millis = 0;
  /** Its link-local address is there and unique. */
  hasIpv6 = true;
  /** Since when. */
  ipv6Since: Millis = 0;

  constructor(node: Node, { index, network }: { readonly index: number; readonly network: Network }) {
    this.node = node;
    this.name = node.name;
    this.mac = (node.mac + index * 0x1_0000) as Mac;
    // Datagrams are for the node.
    this.address = `${node.name}/eth${index}`;
    this.network = network;
    this.ifindex = FIRST_IFINDEX + index;
  }

  /** `eth0`, `eth1`. */
  get interfaceName(): string {
    return `eth${this.ifindex - FIRST_IFINDEX}`;
  }

  get interface(): L2Interface {
    const { ifindex, interfaceName: name, mac } = this;
    return { ifindex, name, mac, ...(this.hasIpv6 ? { linkLocal: `fe80::${(mac % 0x1_0000).toString(16)}` } : {}) };
  }

  onArp(arp: ArpRecord): void {
    this.node.receive(this.ifindex, { arp });
  }

  onNdp(ndp: NdpRecord): void {
    this.node.receive(this.ifindex, { ndp });
  }
}
