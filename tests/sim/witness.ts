/**
 * A station that asks for every address all the time and notes who answers which request. Each request has a sender
 * address of its own, which the answer repeats: so answers are matched without knowing anything of who should give them.
 */
import type { Ip, Ipv4, Ipv6 } from "../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import { neighborSolicitation } from "../../lib/wire/ndp_frames.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Longer than any way there and back. */
const ANSWER_MS_MAX = 12;
/** 2001:db8:3::/64, where nobody else lives. */
const SENDERS_IPV6 = 0x2001_0db8_0003_0000_0000_0000_0000_0000n;

export interface Asked {
  readonly address: string;
  readonly ip: Ip;
  /** The segment on which it was asked. */
  readonly on: string;
  readonly at: Millis;
  readonly answeredBy: Mac[];
}

export class Witness implements Station {
  readonly name = "witness";
  readonly mac = 0x02_00_00_00_0d_01 as Mac;
  readonly address = "192.0.2.251";
  /** By the sender's address. */
  readonly #open = new Map<number | bigint, Asked>();
  readonly #deps: { time: VirtualTime; network: Network; on: string; onOutcome: (asked: Asked) => void };
  /** In 172.16.0.0/12, where nobody else lives. */
  #sender = 0xac10_0000;

  constructor(deps: { time: VirtualTime; network: Network; on: string; onOutcome: (asked: Asked) => void }) {
    this.#deps = deps;
  }

  ask(address: string, ip: Ip): void {
    const asked: Asked = { address, ip, on: this.#deps.on, at: this.#deps.time.now, answeredBy: [] };
    const sender = this.#send(ip, ++this.#sender);
    this.#open.set(sender, asked);
    this.#deps.time.after(ANSWER_MS_MAX, () => {
      this.#open.delete(sender);
      this.#deps.onOutcome(asked);
    });
  }

  onArp(record: ArpRecord): void {
    const asked = record.operation === 2 ? this.#open.get(record.targetIp) : undefined;
    if (asked?.ip.value === BigInt(record.senderIp)) asked.answeredBy.push(record.senderMac);
  }

  onNdp(record: NdpRecord): void {
    const asked = record.type === 136 ? this.#open.get(record.destination) : undefined;
    if (asked?.ip.value === record.target) asked.answeredBy.push(record.linkLayerAddress ?? record.etherSource);
  }

  /** Returns the sender's address. */
  #send(ip: Ip, number: number): number | bigint {
    const { network } = this.#deps;
    if (ip.family === 6) {
      const source = (SENDERS_IPV6 + BigInt(number)) as Ipv6;
      network.sendNdp(this, neighborSolicitation({ mac: this.mac, source, target: ip.value as Ipv6 }));
      return source;
    }
    network.sendArp(this, {
      etherDestination: MAC_BROADCAST,
      etherSource: this.mac,
      operation: 1,
      senderMac: this.mac,
      senderIp: number as Ipv4,
      targetMac: MAC_ZERO,
      targetIp: Number(ip.value) as Ipv4,
    });
    return number;
  }
}
