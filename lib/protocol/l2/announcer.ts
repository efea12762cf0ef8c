/**
 * Carries out on the wire what was decided about addresses: answers, announces, listens and probes, by ARP for IPv4 and
 * by neighbour discovery for IPv6. Which of the two an address takes is known here and nowhere else.
 *
 *     own, listen, announce, hush, disown … ──> ArpResponder, NdpResponder, Gratuitous, SolicitedNodeGroups ──> frames
 *     frames ──> ArpResponder, NdpResponder ──> claims
 */
import { invariant } from "../../base/assert.ts";
import { formatPacketIp, type Ipv4, type Ipv6, isIpv6, parseIp } from "../../base/ip.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { addressProbe } from "../../wire/arp_frames.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { duplicateProbe, neighborSolicitation } from "../../wire/ndp_frames.ts";
import { ArpResponder, type ArpResponderEffect } from "./arp_responder.ts";
import type { AddressClaim } from "./conflict_io.ts";
import { Gratuitous, type GratuitousEffect, type GratuitousSchedule } from "./gratuitous.ts";
import { type InterfaceChange, type L2Interface, linkLocalOf } from "./interface.ts";
import { NdpResponder, type NdpResponderEffect } from "./ndp_responder.ts";
import { type GroupChange, SolicitedNodeGroups } from "./solicited_node_groups.ts";

type Interfaces = "all" | readonly string[];

/** Addresses are canonical texts. */
export type AnnouncerInput =
  | InterfaceChange
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "ndp"; readonly ifindex: number; readonly record: NdpRecord }
  | { readonly kind: "own"; readonly address: string; readonly interfaces: Interfaces }
  | { readonly kind: "listen"; readonly address: string; readonly interfaces: Interfaces }
  | { readonly kind: "announce"; readonly address: string; readonly interfaces: Interfaces; readonly once: boolean }
  | { readonly kind: "repeat"; readonly address: string }
  | { readonly kind: "hush"; readonly address: string }
  | { readonly kind: "disown"; readonly address: string }
  /** Asks whether somebody has the address; `answered`: beside us. */
  | { readonly kind: "probe"; readonly address: string; readonly on: L2Interface; readonly answered: boolean };

export type L2Counter = "responsesSent" | "gratuitousSent";

/** In the order in which they must be applied. */
export type AnnouncerEffect =
  | SendArp
  | SendNdp
  | GroupChange
  | { readonly kind: "claim"; readonly claim: AddressClaim };

interface Counted {
  readonly ifindex: number;
  /** What to count, for which address, once the frame went out. A response has a request that came. */
  readonly counter: L2Counter | undefined;
  readonly address: string;
}

export type SendArp = Counted & { readonly kind: "sendArp"; readonly record: ArpRecord };
export type SendNdp = Counted & { readonly kind: "sendNdp"; readonly record: NdpRecord };

export class Announcer implements Machine<AnnouncerInput, AnnouncerEffect> {
  readonly #arp = new ArpResponder();
  readonly #ndp = new NdpResponder();
  readonly #gratuitous: Gratuitous;
  readonly #groups = new SolicitedNodeGroups();
  readonly #effects = new Queue<AnnouncerEffect>();

  constructor(options: { readonly gratuitous?: GratuitousSchedule } = {}) {
    this.#gratuitous = new Gratuitous(options.gratuitous);
  }

  handle(input: AnnouncerInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "arp":
        this.#arp.handle(input, now);
        break;
      case "ndp":
        this.#ndp.handle(input, now);
        break;
      case "interface":
        this.#queue(this.#groups.setInterface(input.interface));
        this.#arp.handle(input, now);
        this.#ndp.handle(input, now);
        this.#gratuitous.handle(input, now);
        break;
      case "interfaceGone":
        this.#queue(this.#groups.dropInterface(input.ifindex));
        this.#arp.handle(input, now);
        this.#ndp.handle(input, now);
        this.#gratuitous.handle(input, now);
        break;
      case "tick":
        this.#gratuitous.handle(input, now);
        break;
      default: {
        const ip = ipOf(input.address);
        if (isIpv6(ip)) this.#carryOutIpv6(input, { ip, now });
        else this.#carryOutIpv4(input, { ip, now });
      }
    }
    this.#collect();
  }

  poll(): AnnouncerEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#gratuitous.deadline();
  }

  inspect(): JsonObject {
    return {
      arpResponder: this.#arp.inspect(),
      ndpResponder: this.#ndp.inspect(),
      gratuitous: this.#gratuitous.inspect(),
    };
  }

  #carryOutIpv4(input: Decided, { ip, now }: { ip: Ipv4; now: Millis }): void {
    switch (input.kind) {
      case "own":
      case "listen":
        return this.#arp.handle({ ...input, ip }, now);
      case "announce":
      case "repeat":
        return this.#gratuitous.handle({ ...input, ip }, now);
      case "hush":
        return this.#gratuitous.handle({ kind: "withdraw", ip }, now);
      case "disown":
        this.#arp.handle({ kind: "disown", ip }, now);
        return this.#gratuitous.handle({ kind: "withdraw", ip }, now);
      case "probe": {
        const { address, on: { ifindex, mac } } = input;
        const record = addressProbe(mac, ip);
        this.#effects.push({ kind: "sendArp", ifindex, record, counter: undefined, address });
      }
    }
  }

  #carryOutIpv6(input: Decided, { ip, now }: { ip: Ipv6; now: Millis }): void {
    switch (input.kind) {
      case "own":
      case "listen":
        this.#queue(this.#groups.hold(ip, input.interfaces));
        return this.#ndp.handle({ ...input, ip }, now);
      case "announce":
        // A single one only provokes: the address is still being handed over.
        if (!input.once) this.#ndp.handle({ kind: "announce", ip }, now);
        return this.#gratuitous.handle({ ...input, ip }, now);
      case "repeat":
        return this.#gratuitous.handle({ ...input, ip }, now);
      case "hush":
        this.#ndp.handle({ kind: "hush", ip }, now);
        return this.#gratuitous.handle({ kind: "withdraw", ip }, now);
      case "disown":
        this.#queue(this.#groups.release(ip));
        this.#ndp.handle({ kind: "disown", ip }, now);
        return this.#gratuitous.handle({ kind: "withdraw", ip }, now);
      case "probe": {
        const { address, answered, on } = input;
        const { ifindex, mac } = on;
        const source = answered ? linkLocalOf(on) : undefined;
        // A probe for duplicates is answered before all nodes, and would take from us those who know us.
        const record = source === undefined
          ? duplicateProbe(mac, ip)
          : neighborSolicitation({ mac, source, target: ip });
        this.#effects.push({ kind: "sendNdp", ifindex, record, counter: undefined, address });
      }
    }
  }

  #collect(): void {
    for (let effect; (effect = this.#arp.poll()) !== undefined;) this.#fromResponder(effect);
    for (let effect; (effect = this.#ndp.poll()) !== undefined;) this.#fromResponder(effect);
    for (let effect; (effect = this.#gratuitous.poll()) !== undefined;) this.#fromGratuitous(effect);
  }

  #fromResponder(effect: ArpResponderEffect | NdpResponderEffect): void {
    switch (effect.kind) {
      case "answer": {
        const { address, ifindex, record } = effect;
        const answer = { ifindex, counter: "responsesSent", address } as const;
        if ("target" in record) this.#effects.push({ kind: "sendNdp", record, ...answer });
        else this.#effects.push({ kind: "sendArp", record, ...answer });
        return;
      }
      case "foreignClaim": {
        const { ip, ifindex, mac, form } = effect;
        this.#effects.push({ kind: "claim", claim: { address: formatPacketIp(ip), ifindex, mac, form } });
      }
    }
  }

  #fromGratuitous({ ip, ...effect }: GratuitousEffect): void {
    this.#effects.push({ ...effect, counter: "gratuitousSent", address: formatPacketIp(ip) });
  }

  #queue(changes: readonly GroupChange[]): void {
    for (const change of changes) this.#effects.push(change);
  }
}

/** What is said about one address. */
type Decided = Extract<AnnouncerInput, { readonly address: string }>;

function ipOf(address: string): Ipv4 | Ipv6 {
  const ip = parseIp(address);
  invariant(ip !== undefined, `${address} is not an IP address`);
  return ip.family === 4 ? Number(ip.value) as Ipv4 : ip.value as Ipv6;
}
