/**
 * Answers neighbour solicitations for the addresses that this node owns now (RFC 4861 §7.2; wire-facts §5.4).
 *
 * It decides nothing: it is told what to answer for and what only to listen for, and tells when somebody else claims such
 * an address. One look-up per frame. Every solicitation is answered: for resolution (to the group), for reachability (to
 * us alone, often without a source address option), and the probe for duplicates, whose answer goes to all nodes.
 *
 * An answer overrides what the neighbour knew, but not while the address is being handed over: of two answers the last
 * one wins in neighbour discovery, and it shall be the successor's.
 */
import type { ClaimForm } from "../../base/conflict.ts";
import { formatIpv6, type Ipv6 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, type Mac, MAC_ZERO } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { ICMPV6_NEIGHBOR_ADVERTISEMENT, NDP_FLAG_SOLICITED } from "../../wire/iana.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { isDuplicateProbe, neighborAdvertisement } from "../../wire/ndp_frames.ts";
import { allowsInterface, hasNeighbourDiscovery, type L2Interface } from "./interface.ts";

export type NdpResponderInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  | { readonly kind: "own"; readonly ip: Ipv6; readonly interfaces: "all" | readonly string[] }
  /** Answer nothing, but tell who claims it. */
  | { readonly kind: "listen"; readonly ip: Ipv6; readonly interfaces: "all" | readonly string[] }
  /** Go on answering what one owns, but override nobody; until it is announced again. */
  | { readonly kind: "hush"; readonly ip: Ipv6 }
  | { readonly kind: "announce"; readonly ip: Ipv6 }
  | { readonly kind: "disown"; readonly ip: Ipv6 }
  | { readonly kind: "frame"; readonly ifindex: number; readonly record: NdpRecord };

export type NdpResponderEffect =
  | { readonly kind: "send"; readonly ifindex: number; readonly record: NdpRecord }
  | { readonly kind: "requestAccepted"; readonly ip: Ipv6 }
  /** Another station says that it has an address of ours, or that it is about to take it. */
  | {
    readonly kind: "foreignClaim";
    readonly ip: Ipv6;
    readonly ifindex: number;
    readonly mac: Mac;
    readonly form: ClaimForm;
  };

interface Held {
  interfaces: "all" | readonly string[];
  /** False: we only listen. */
  answered: boolean;
  override: boolean;
}

export class NdpResponder implements Machine<NdpResponderInput, NdpResponderEffect> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #ownMacs = new Set<Mac>();
  readonly #held = new Map<Ipv6, Held>();
  readonly #effects = new Queue<NdpResponderEffect>();

  handle(input: NdpResponderInput | Tick, _now: number): void {
    switch (input.kind) {
      case "frame":
        return this.#receive(input.ifindex, input.record);
      case "own":
      case "listen":
        return this.#hold(input);
      case "hush":
      case "announce": {
        const held = this.#held.get(input.ip);
        if (held !== undefined) held.override = input.kind === "announce";
        return;
      }
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

  poll(): NdpResponderEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return undefined;
  }

  inspect(): Json {
    return {
      interfaces: [...this.#interfaces.values()].filter(hasNeighbourDiscovery)
        .map(({ ifindex, name, mac }) => ({ ifindex, name, mac: formatMac(mac) })),
      answersFor: this.#picture(true),
      listensFor: this.#picture(false),
    };
  }

  #hold({ kind, ip, interfaces }: NdpResponderInput & { kind: "own" | "listen" }): void {
    const answered = kind === "own";
    const held = this.#held.get(ip);
    if (held === undefined) {
      this.#held.set(ip, { interfaces, answered, override: true });
      return;
    }
    held.interfaces = interfaces;
    held.answered = answered;
  }

  #receive(ifindex: number, record: NdpRecord): void {
    const { etherSource, linkLayerAddress, source, target } = record;
    // A bridge may bring our own frames back.
    if (this.#ownMacs.has(etherSource) || (linkLayerAddress !== undefined && this.#ownMacs.has(linkLayerAddress))) {
      return;
    }
    const on = this.#interfaces.get(ifindex);
    if (on === undefined || !hasNeighbourDiscovery(on)) return;
    if (record.type === ICMPV6_NEIGHBOR_ADVERTISEMENT) {
      if (this.#heldOn(target, on) === undefined) return;
      const isAnswer = (record.flags & NDP_FLAG_SOLICITED) !== 0;
      return this.#claim(target, isAnswer ? "reply" : "gratuitous", { record, ifindex });
    }
    if (this.#heldOn(source, on) !== undefined) return this.#claim(source, "request", { record, ifindex });
    const held = this.#heldOn(target, on);
    if (held === undefined) return;
    if (record.etherDestination !== on.mac && !isGroupMac(record.etherDestination)) return;
    // An answer to a group address would reach stations that never asked.
    if (isGroupMac(linkLayerAddress ?? etherSource)) return;
    if (isDuplicateProbe(record)) this.#claim(target, "probe", { record, ifindex });
    if (!held.answered) return;
    this.#effects.push({ kind: "requestAccepted", ip: target });
    const answer = neighborAdvertisement({ solicitation: record, mac: on.mac, override: held.override });
    this.#effects.push({ kind: "send", ifindex, record: answer });
  }

  #claim(ip: Ipv6, form: ClaimForm, { record, ifindex }: { record: NdpRecord; ifindex: number }): void {
    const mac = record.linkLayerAddress ?? record.etherSource;
    // No station has such an address: damage, or somebody who wants to be told about as nobody.
    if (isGroupMac(mac) || mac === MAC_ZERO) return;
    this.#effects.push({ kind: "foreignClaim", ip, ifindex, mac, form });
  }

  #heldOn(ip: Ipv6, on: L2Interface): Held | undefined {
    const held = this.#held.get(ip);
    return held !== undefined && allowsInterface(held.interfaces, on.name) ? held : undefined;
  }

  #picture(answered: boolean): Json {
    return [...this.#held].filter(([, held]) => held.answered === answered)
      .map(([ip, { interfaces, override }]) => ({ address: formatIpv6(ip), interfaces, override }));
  }

  #learnOwnMacs(): void {
    this.#ownMacs.clear();
    for (const { mac } of this.#interfaces.values()) this.#ownMacs.add(mac);
  }
}
