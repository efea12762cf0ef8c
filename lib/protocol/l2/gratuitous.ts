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
  /** Starts the bursts anew, or a single one, also for an address that is announced already. */
  | {
    readonly kind: "announce";
    readonly ip: Ipv4;
    readonly interfaces: "all" | readonly string[];
    readonly once: boolean;
  }
  /** The whole schedule again, but no sooner than one interval after the last burst: whatever asks for it, and however
   * often, there is no storm. */
  | { readonly kind: "repeat"; readonly ip: Ipv4 }
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
  /** Addresses served per millisecond; what is left waits, so that packets and other deadlines get their turn. */
  readonly addressesPerMs?: number;
}

interface Announced {
  readonly interfaces: "all" | readonly string[];
  burstsLeft: number;
  nextAt: Millis;
}

export class Gratuitous implements Machine<GratuitousInput, GratuitousEffect> {
  readonly #options: Required<GratuitousOptions>;
  readonly #interfaces = new Map<number, L2Interface>();
  /** What neighbours on a new interface must hear of; a single announcement is made and forgotten. */
  readonly #announced = new Map<Ipv4, Announced>();
  /** Addresses whose first burst waits for its turn. */
  readonly #first = new Map<Ipv4, Announced>();
  /** Addresses whose last burst is less than one interval ago, the oldest first: the interval is the same for all. */
  readonly #repeating = new Map<Ipv4, Announced>();
  readonly #effects = new Queue<GratuitousEffect>();
  #turnAt: Millis = -Infinity;
  #turnLeft = 0;

  constructor(options: GratuitousOptions = {}) {
    this.#options = { intervalMs: 1100, bursts: 5, addressesPerMs: 128, ...options };
  }

  handle(input: GratuitousInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "announce":
        this.#start(input.ip, input.interfaces, { once: input.once });
        break;
      case "repeat":
        this.#repeat(input.ip);
        break;
      case "withdraw":
        this.#announced.delete(input.ip);
        this.#first.delete(input.ip);
        this.#repeating.delete(input.ip);
        return;
      case "interface":
        this.#changeInterface(input.interface);
        break;
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return;
      case "tick":
        break;
    }
    this.#serve(now);
  }

  poll(): GratuitousEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    const nextTurnAt = this.#turnLeft > 0 ? -Infinity : this.#turnAt + 1;
    for (const due of [this.#first, this.#repeating]) {
      for (const [ip, { nextAt }] of due) {
        return { at: Math.max(nextAt, nextTurnAt), why: `gratuitous ARP for ${formatIpv4(ip)}` };
      }
    }
    return undefined;
  }

  inspect(): Json {
    return [...this.#first, ...this.#repeating].map(([ip, { burstsLeft, nextAt }]) => ({
      address: formatIpv4(ip),
      burstsLeft,
      nextAt: burstsLeft > 0 && nextAt !== -Infinity ? nextAt : null,
    }));
  }

  #start(ip: Ipv4, interfaces: "all" | readonly string[], { once }: { once: boolean }): void {
    const announced = { interfaces, burstsLeft: once ? 1 : this.#options.bursts, nextAt: -Infinity };
    if (!once) this.#announced.set(ip, announced);
    this.#repeating.delete(ip);
    this.#first.set(ip, announced);
  }

  #repeat(ip: Ipv4): void {
    const announced = this.#announced.get(ip);
    if (announced === undefined) return;
    announced.burstsLeft = this.#options.bursts;
    if (!this.#repeating.has(ip)) this.#first.set(ip, announced);
  }

  /** As many bursts as are due and allowed in this millisecond. */
  #serve(now: Millis): void {
    if (now - this.#turnAt >= 1) {
      this.#turnAt = now;
      this.#turnLeft = this.#options.addressesPerMs;
    }
    for (const due of [this.#first, this.#repeating]) {
      for (const [ip, announced] of due) {
        // A burst puts its address at the end again, so the loop ends there at the latest.
        if (announced.nextAt > now || this.#turnLeft === 0) break;
        this.#turnLeft--;
        due.delete(ip);
        if (announced.burstsLeft > 0) this.#burst(ip, announced, now);
      }
    }
  }

  #burst(ip: Ipv4, announced: Announced, now: Millis): void {
    announced.burstsLeft--;
    announced.nextAt = now + this.#options.intervalMs;
    this.#repeating.set(ip, announced);
    for (const on of this.#interfaces.values()) this.#sendPair(ip, announced, on);
  }

  #sendPair(ip: Ipv4, announced: Announced, on: L2Interface): void {
    if (!allowsInterface(announced.interfaces, on.name)) return;
    this.#effects.push({ kind: "send", ip, ifindex: on.ifindex, record: gratuitousRequest(on.mac, ip) });
    this.#effects.push({ kind: "send", ip, ifindex: on.ifindex, record: gratuitousReply(on.mac, ip) });
  }

  /** An interface that appears, or gets another MAC, has neighbours that know nothing of us: begin anew. */
  #changeInterface(on: L2Interface): void {
    const known = this.#interfaces.get(on.ifindex);
    this.#interfaces.set(on.ifindex, on);
    if (known !== undefined && known.mac === on.mac && known.name === on.name) return;
    for (const [ip, { interfaces }] of this.#announced) {
      if (allowsInterface(interfaces, on.name)) this.#start(ip, interfaces, { once: false });
    }
  }
}
