/**
 * A station that asks for every address all the time and notes who answers which request. Each request has a sender
 * address of its own, which the answer repeats: so answers are matched without knowing anything of who should give them.
 */
import type { Ipv4 } from "../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Longer than any way there and back. */
const ANSWER_MS_MAX = 12;

export interface Asked {
  readonly address: string;
  readonly ip: Ipv4;
  readonly at: Millis;
  readonly answeredBy: Mac[];
}

export class Witness implements Station {
  readonly name = "witness";
  readonly mac = 0x02_00_00_00_0d_01 as Mac;
  readonly address = "192.0.2.251";
  readonly #open = new Map<number, Asked>();
  readonly #deps: { time: VirtualTime; network: Network; onOutcome: (asked: Asked) => void };
  /** In 172.16.0.0/12, where nobody else lives. */
  #sender = 0xac10_0000;

  constructor(deps: { time: VirtualTime; network: Network; onOutcome: (asked: Asked) => void }) {
    this.#deps = deps;
  }

  ask(address: string, ip: Ipv4): void {
    const sender = ++this.#sender;
    const asked: Asked = { address, ip, at: this.#deps.time.now, answeredBy: [] };
    this.#open.set(sender, asked);
    this.#deps.network.sendArp(this, {
      etherDestination: MAC_BROADCAST,
      etherSource: this.mac,
      operation: 1,
      senderMac: this.mac,
      senderIp: sender as Ipv4,
      targetMac: MAC_ZERO,
      targetIp: ip,
    });
    this.#deps.time.after(ANSWER_MS_MAX, () => {
      this.#open.delete(sender);
      this.#deps.onOutcome(asked);
    });
  }

  onArp(record: ArpRecord): void {
    const asked = record.operation === 2 ? this.#open.get(record.targetIp) : undefined;
    if (asked?.ip === record.senderIp) asked.answeredBy.push(record.senderMac);
  }
}
