/**
 * A Linux host that talks to the addresses: its neighbour cache by the measured rules (wire-facts §5.2), and one packet
 * per address every few milliseconds to wherever the cache points.
 */
import { formatIpv4, type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

const LOCKTIME_MS = 1000;
const RETRANSMIT_MS = 1000;
const DELAY_FIRST_PROBE_MS = 5000;
const REACHABLE_MS = 30_000;
const UNICAST_PROBES = 3;

interface Neighbour {
  mac: Mac;
  updatedAt: Millis;
  /** When to ask the station itself whether it still holds the address. */
  probeAt: Millis;
  probes: number;
}

export class LinuxClient implements Station {
  readonly name = "client";
  readonly mac = 0x02_00_00_00_0c_01 as Mac;
  readonly address = "192.0.2.250";
  readonly #ip = parseIpv4(this.address)!;
  readonly #neighbours = new Map<Ipv4, Neighbour>();
  /** When the last broadcast request was sent, of addresses that have no entry. */
  readonly #asked = new Map<Ipv4, Millis>();
  readonly #deps: { time: VirtualTime; network: Network };

  constructor(deps: { time: VirtualTime; network: Network }) {
    this.#deps = deps;
  }

  /** Where a packet for `ip` goes now; asks the segment when that is not known. */
  send(ip: Ipv4): Mac | undefined {
    const { now } = this.#deps.time;
    const entry = this.#neighbours.get(ip);
    if (entry === undefined) {
      if (now - (this.#asked.get(ip) ?? -Infinity) < RETRANSMIT_MS) return undefined;
      this.#asked.set(ip, now);
      this.#request(ip, MAC_BROADCAST);
      return undefined;
    }
    if (now < entry.probeAt) return entry.mac;
    if (entry.probes === UNICAST_PROBES) {
      this.#neighbours.delete(ip);
      return undefined;
    }
    entry.probes++;
    entry.probeAt = now + RETRANSMIT_MS;
    this.#request(ip, entry.mac);
    return entry.mac;
  }

  inspect(): Record<string, Mac> {
    return Object.fromEntries([...this.#neighbours].map(([ip, { mac }]) => [formatIpv4(ip), mac]));
  }

  onArp(record: ArpRecord): void {
    const { now } = this.#deps.time;
    const entry = this.#neighbours.get(record.senderIp);
    const isReply = record.operation === 2;
    const isGratuitous = record.senderIp === record.targetIp && (!isReply || record.targetMac === record.senderMac);
    const isAnswer = isReply && record.targetIp === this.#ip;
    if (entry === undefined) {
      if (isAnswer && this.#asked.delete(record.senderIp)) this.#learn(record, now + REACHABLE_MS);
      return;
    }
    if (isAnswer && entry.probes > 0 && record.senderMac === entry.mac) {
      return this.#learn(record, now + REACHABLE_MS);
    }
    if (!isReply && !isGratuitous) return;
    if (!isGratuitous && now - entry.updatedAt <= LOCKTIME_MS) return;
    this.#learn(record, now + DELAY_FIRST_PROBE_MS);
  }

  #learn(record: ArpRecord, probeAt: Millis): void {
    const { now } = this.#deps.time;
    this.#neighbours.set(record.senderIp, { mac: record.senderMac, updatedAt: now, probeAt, probes: 0 });
  }

  #request(targetIp: Ipv4, etherDestination: Mac): void {
    this.#deps.network.sendArp(this, {
      etherDestination,
      etherSource: this.mac,
      operation: 1,
      senderMac: this.mac,
      senderIp: this.#ip,
      targetMac: MAC_ZERO,
      targetIp,
    });
  }
}
