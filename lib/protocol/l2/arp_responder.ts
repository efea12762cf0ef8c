/**
 * Answers ARP requests for the addresses that this node owns now (RFC 826; reference §6.2; wire-facts §5.1).
 *
 * It decides nothing: it is told what to answer for and what only to listen for, and tells when somebody else claims such
 * an address. One look-up per frame; a frame that is none of our business produces nothing.
 */
import type { ClaimForm } from "../../base/conflict.ts";
import { formatIpv4, type Ipv4 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, type Mac, MAC_BROADCAST, MAC_ZERO } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { arpReply, isAddressProbe, isGratuitous } from "../../wire/arp_frames.ts";
import { ARP_OPERATION_REPLY, ARP_OPERATION_REQUEST } from "../../wire/iana.ts";
import { allowsInterface, type L2Interface } from "./interface.ts";

export type ArpResponderInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  | { readonly kind: "own"; readonly ip: Ipv4; readonly interfaces: "all" | readonly string[] }
  /** Answer nothing, but tell who claims it. */
  | { readonly kind: "listen"; readonly ip: Ipv4; readonly interfaces: "all" | readonly string[] }
  | { readonly kind: "disown"; readonly ip: Ipv4 }
  | { readonly kind: "frame"; readonly ifindex: number; readonly record: ArpRecord };

export type ArpResponderEffect =
  | { readonly kind: "send"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "requestAccepted"; readonly ip: Ipv4 }
  /** Another station says that it has an address of ours, or that it is about to take it. */
  | {
    readonly kind: "foreignClaim";
    readonly ip: Ipv4;
    readonly ifindex: number;
    readonly mac: Mac;
    readonly form: ClaimForm;
  };

interface Held {
  readonly interfaces: "all" | readonly string[];
  /** False: we only listen. */
  readonly answered: boolean;
}

export class ArpResponder implements Machine<ArpResponderInput, ArpResponderEffect> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #ownMacs = new Set<Mac>();
  readonly #held = new Map<Ipv4, Held>();
  readonly #effects = new Queue<ArpResponderEffect>();

  handle(input: ArpResponderInput | Tick, _now: number): void {
    switch (input.kind) {
      case "frame":
        return this.#receive(input.ifindex, input.record);
      case "own":
      case "listen":
        this.#held.set(input.ip, { interfaces: input.interfaces, answered: input.kind === "own" });
        return;
      case "disown":
        this.#held.delete(input.ip);
        return;
      case "interface":
        this.#interfaces.set(input.interface.ifindex, input.interface);
        return this.#learnOwnMacs();
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return this.#learnOwnMacs();
      case "tick":
        return;
    }
  }

  poll(): ArpResponderEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return undefined;
  }

  inspect(): Json {
    return {
      interfaces: [...this.#interfaces.values()].map(({ ifindex, name, mac }) => ({
        ifindex,
        name,
        mac: formatMac(mac),
      })),
      answersFor: this.#picture(true),
      listensFor: this.#picture(false),
    };
  }

  #receive(ifindex: number, record: ArpRecord): void {
    // A bridge may bring our own frames back.
    if (this.#ownMacs.has(record.senderMac) || this.#ownMacs.has(record.etherSource)) return;
    const on = this.#interfaces.get(ifindex);
    if (on === undefined) return;
    const { senderIp, targetIp, senderMac } = record;
    if (this.#heldOn(senderIp, on) !== undefined) return this.#claim(senderIp, claimForm(record), { record, ifindex });
    if (record.operation !== ARP_OPERATION_REQUEST) return;
    const held = this.#heldOn(targetIp, on);
    if (held === undefined) return;
    const isBroadcast = record.etherDestination === MAC_BROADCAST;
    if (!isBroadcast && record.etherDestination !== on.mac) return;
    // An answer to a group address would reach stations that never asked (RFC 1812 §3.3.2 says the same of its cache).
    if (isGroupMac(senderMac) || isGroupMac(record.etherSource)) return;
    // A probe to us alone asks whether we live: switches that track their hosts send those.
    if (isBroadcast && isAddressProbe(record)) this.#claim(targetIp, "probe", { record, ifindex });
    if (!held.answered) return;
    this.#effects.push({ kind: "requestAccepted", ip: targetIp });
    this.#effects.push({ kind: "send", ifindex, record: arpReply({ request: record, mac: on.mac }) });
  }

  #claim(ip: Ipv4, form: ClaimForm, { record, ifindex }: { record: ArpRecord; ifindex: number }): void {
    const mac = record.senderMac;
    // No station has such an address: damage, or somebody who wants to be told about as nobody.
    if (isGroupMac(mac) || mac === MAC_ZERO) return;
    this.#effects.push({ kind: "foreignClaim", ip, ifindex, mac, form });
  }

  /** An address that is not announced on an interface may mean something else in the network behind it. */
  #heldOn(ip: Ipv4, on: L2Interface): Held | undefined {
    const held = this.#held.get(ip);
    return held !== undefined && allowsInterface(held.interfaces, on.name) ? held : undefined;
  }

  #picture(answered: boolean): Json {
    return [...this.#held].filter(([, held]) => held.answered === answered)
      .map(([ip, { interfaces }]) => ({ address: formatIpv4(ip), interfaces }));
  }

  #learnOwnMacs(): void {
    this.#ownMacs.clear();
    for (const { mac } of this.#interfaces.values()) this.#ownMacs.add(mac);
  }
}

/** Of a frame whose sender address is ours. */
function claimForm(record: ArpRecord): ClaimForm {
  if (isGratuitous(record)) return "gratuitous";
  return record.operation === ARP_OPERATION_REPLY ? "reply" : "request";
}
