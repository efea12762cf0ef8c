/**
 * Answers neighbour solicitations for the addresses that this node owns now (RFC 4861 §7.2; wire-facts §5.4).
 *
 * It decides nothing: it is told what to answer for and what only to listen for, and tells when somebody else claims such
 * an address. A solicitation costs one look-up, for its target; that its source is nobody of interest costs none
 * (`RareMap`). Every solicitation is answered: for resolution (to the group), for reachability (to us alone, often
 * without a source address option), and the probe for duplicates, whose answer goes to all nodes.
 *
 * An answer overrides what the neighbour knew, but not while the address is being handed over: of two answers the last
 * one wins in neighbour discovery, and it shall be the successor's.
 */
import type { ClaimForm } from "../../base/conflict.ts";
import type { Ipv6 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, type Mac } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { ICMPV6_NEIGHBOR_ADVERTISEMENT, NDP_FLAG_SOLICITED } from "../../wire/iana.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { isDuplicateProbe, neighborAdvertisement } from "../../wire/ndp_frames.ts";
import { type ForeignClaim, HeldAddresses, type HeldInput } from "./held_addresses.ts";
import { allowsInterface, hasNeighbourDiscovery } from "./interface.ts";

export type NdpResponderInput =
  | HeldInput<Ipv6>
  /** Go on answering what one owns, but override nobody; until it is announced again. */
  | { readonly kind: "hush"; readonly ip: Ipv6 }
  | { readonly kind: "announce"; readonly ip: Ipv6 }
  | { readonly kind: "ndp"; readonly ifindex: number; readonly record: NdpRecord };

export type NdpResponderEffect =
  | { readonly kind: "answer"; readonly address: string; readonly ifindex: number; readonly record: NdpRecord }
  | ForeignClaim<Ipv6>;

export class NdpResponder implements Machine<NdpResponderInput, NdpResponderEffect> {
  readonly #held = new HeldAddresses<Ipv6>();
  /** Held addresses whose answers override nobody. */
  readonly #hushed = new Set<Ipv6>();
  readonly #effects = new Queue<NdpResponderEffect>();

  handle(input: NdpResponderInput | Tick, _now: number): void {
    switch (input.kind) {
      case "tick":
        return;
      case "ndp":
        return this.#receive(input.ifindex, input.record);
      case "hush":
        if (this.#held.get(input.ip) !== undefined) this.#hushed.add(input.ip);
        return;
      case "announce":
        this.#hushed.delete(input.ip);
        return;
      case "disown":
        this.#hushed.delete(input.ip);
        return this.#held.handle(input);
      default:
        return this.#held.handle(input);
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
      interfaces: [...this.#held.interfaces()].filter(hasNeighbourDiscovery)
        .map(({ ifindex, name, mac }) => ({ ifindex, name, mac: formatMac(mac) })),
      answersFor: this.#held.picture(true, (ip) => ({ override: !this.#hushed.has(ip) })),
      listensFor: this.#held.picture(false, (ip) => ({ override: !this.#hushed.has(ip) })),
    };
  }

  #receive(ifindex: number, record: NdpRecord): void {
    const { etherSource, linkLayerAddress, source, target } = record;
    const isAdvertised = record.type === ICMPV6_NEIGHBOR_ADVERTISEMENT;
    const asking = isAdvertised ? undefined : this.#held.get(source);
    const held = this.#held.get(target);
    if (asking === undefined && held === undefined) return;
    const on = this.#held.interfaceOf(ifindex);
    if (on === undefined || !hasNeighbourDiscovery(on)) return;
    const mac = linkLayerAddress ?? etherSource;
    // Who speaks says the message. The frame around it may bear our address and still be a stranger's.
    if (this.#held.isOwnMac(mac)) return;
    if (asking !== undefined && allowsInterface(asking.interfaces, on.name)) {
      return this.#claim(source, "request", { mac, ifindex });
    }
    if (held === undefined || !allowsInterface(held.interfaces, on.name)) return;
    if (isAdvertised) {
      const isAnswer = (record.flags & NDP_FLAG_SOLICITED) !== 0;
      return this.#claim(target, isAnswer ? "reply" : "gratuitous", { mac, ifindex });
    }
    if (record.etherDestination !== on.mac && !isGroupMac(record.etherDestination)) return;
    // An answer to a group address would reach stations that never asked.
    if (isGroupMac(mac)) return;
    if (isDuplicateProbe(record)) this.#claim(target, "probe", { mac, ifindex });
    if (!held.answered) return;
    const override = this.#hushed.size === 0 || !this.#hushed.has(target);
    const answer = neighborAdvertisement({ solicitation: record, mac: on.mac, override });
    this.#effects.push({ kind: "answer", address: held.address, ifindex, record: answer });
  }

  /** Also by an address that no station has: Linux believes that as well. */
  #claim(ip: Ipv6, form: ClaimForm, { mac, ifindex }: { mac: Mac; ifindex: number }): void {
    this.#effects.push({ kind: "foreignClaim", ip, ifindex, mac, form });
  }
}
