/**
 * Tells the segment that an address is here now: bursts of gratuitous ARP after a take-over.
 *
 * The schedule is MetalLB's (reference §6.5): one burst at once and four more, 1.1 s apart, within 5 s. A burst is two
 * frames per interface, the request and the reply form: Linux takes the first for an existing entry and the second only
 * when its target hardware address is the sender's (wire-facts §5.2). The 1.1 s lie above Linux's `locktime` of one
 * second, in which it refuses to change an entry, so that the repeat reaches who refused the first.
 *
 * It does not withdraw anything: there is no "address gone" in ARP.
 */
import { formatIpv4, type Ipv4 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { gratuitousReply, gratuitousRequest } from "../../wire/arp_frames.ts";
import { allowsInterface, type L2Interface } from "./interface.ts";

export type GratuitousInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  /** Starts the bursts anew, also for an address that is announced already. */
  | { readonly kind: "announce"; readonly ip: Ipv4; readonly interfaces: "all" | readonly string[] }
  | { readonly kind: "withdraw"; readonly ip: Ipv4 };

export type GratuitousEffect = {
  readonly kind: "send";
  readonly ip: Ipv4;
  readonly ifindex: number;
  readonly record: ArpRecord;
};

export interface GratuitousOptions {
  readonly intervalMs?: number;
  /** How many bursts follow a take-over, the first one included. */
  readonly bursts?: number;
  /** Addresses served per tick; what is left stays due, so that other deadlines and packets get their turn. */
  readonly addressesPerTick?: number;
}

interface Announced {
  readonly interfaces: "all" | readonly string[];
  burstsLeft: number;
  nextAt: Millis;
}

export class Gratuitous implements Machine<GratuitousInput, GratuitousEffect> {
  readonly #options: Required<GratuitousOptions>;
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #announced = new Map<Ipv4, Announced>();
  /** Addresses with bursts left, the next due first: all repeat at one interval, so insertion order is due order. */
  readonly #pending = new Map<Ipv4, Announced>();
  readonly #effects = new Queue<GratuitousEffect>();

  constructor(options: GratuitousOptions = {}) {
    this.#options = { intervalMs: 1100, bursts: 5, addressesPerTick: 128, ...options };
  }

  handle(input: GratuitousInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "announce":
        return this.#start(input.ip, input.interfaces, now);
      case "withdraw":
        this.#announced.delete(input.ip);
        this.#pending.delete(input.ip);
        return;
      case "interface":
        return this.#changeInterface(input.interface, now);
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return;
      case "tick":
        return this.#tick(now);
    }
  }

  poll(): GratuitousEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    for (const [ip, { nextAt }] of this.#pending) return { at: nextAt, why: `gratuitous ARP for ${formatIpv4(ip)}` };
    return undefined;
  }

  inspect(): Json {
    return [...this.#pending].map(([ip, { burstsLeft, nextAt }]) => ({ address: formatIpv4(ip), burstsLeft, nextAt }));
  }

  #start(ip: Ipv4, interfaces: "all" | readonly string[], now: Millis): void {
    const announced = { interfaces, burstsLeft: this.#options.bursts, nextAt: now };
    this.#announced.set(ip, announced);
    this.#burst(ip, announced, now);
  }

  #tick(now: Millis): void {
    for (const [ip, announced] of [...this.#pending.entries().take(this.#options.addressesPerTick)]) {
      if (announced.nextAt > now) return;
      this.#burst(ip, announced, now);
    }
  }

  #burst(ip: Ipv4, announced: Announced, now: Millis): void {
    this.#pending.delete(ip);
    announced.burstsLeft--;
    announced.nextAt = now + this.#options.intervalMs;
    if (announced.burstsLeft > 0) this.#pending.set(ip, announced);
    for (const on of this.#interfaces.values()) this.#sendPair(ip, announced, on);
  }

  #sendPair(ip: Ipv4, announced: Announced, on: L2Interface): void {
    if (!allowsInterface(announced.interfaces, on.name)) return;
    this.#effects.push({ kind: "send", ip, ifindex: on.ifindex, record: gratuitousRequest(on.mac, ip) });
    this.#effects.push({ kind: "send", ip, ifindex: on.ifindex, record: gratuitousReply(on.mac, ip) });
  }

  /** An interface that appears, or gets another MAC, has neighbours that know nothing of us: begin anew. */
  #changeInterface(on: L2Interface, now: Millis): void {
    const known = this.#interfaces.get(on.ifindex);
    this.#interfaces.set(on.ifindex, on);
    if (known !== undefined && known.mac === on.mac && known.name === on.name) return;
    for (const [ip, { interfaces }] of [...this.#announced]) {
      if (allowsInterface(interfaces, on.name)) this.#start(ip, interfaces, now);
    }
  }
}
