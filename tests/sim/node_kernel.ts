/**
 * What a node's kernel does on the segment by itself, whether a speaker runs or not: it answers for the node's own
 * address, and it asks for the address of another node before it sends there.
 */
import { formatIpv4, type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import { MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { arpReply } from "../../lib/wire/arp_frames.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

const REACHABLE_MS = 30_000;
const RETRANSMIT_MS = 1000;

export class NodeKernel {
  readonly #station: Station;
  readonly #ip: Ipv4;
  readonly #deps: { time: VirtualTime; network: Network };
  /** When to ask next, by the text of the address. */
  readonly #neighbours = new Map<string, Millis>();

  /** `station` is where its frames come and go, `address` its own. */
  constructor(station: Station, deps: { time: VirtualTime; network: Network; address: string }) {
    this.#station = station;
    this.#ip = parseIpv4(deps.address)!;
    this.#deps = deps;
  }

  onArp(record: ArpRecord): void {
    if (record.operation === 1 && record.targetIp === this.#ip) {
      this.#deps.network.carryArp(this.#station, arpReply({ request: record, mac: this.#station.mac }));
    } else if (record.operation === 2 && record.targetIp === this.#ip) {
      this.#neighbours.set(formatIpv4(record.senderIp), this.#deps.time.now + REACHABLE_MS);
    }
  }

  /** Something is sent to a node with this address. */
  resolve(address: string): void {
    const { now } = this.#deps.time;
    if ((this.#neighbours.get(address) ?? 0) > now) return;
    this.#neighbours.set(address, now + RETRANSMIT_MS);
    this.#deps.network.carryArp(this.#station, {
      etherDestination: MAC_BROADCAST,
      etherSource: this.#station.mac,
      operation: 1,
      senderMac: this.#station.mac,
      senderIp: this.#ip,
      targetMac: MAC_ZERO,
      targetIp: parseIpv4(address)!,
    });
  }
}
