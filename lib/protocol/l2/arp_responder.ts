/**
 * Answers ARP requests for the addresses that this node owns now (RFC 826; reference §6.2; wire-facts §5.1).
 *
 * It decides nothing: it is told what to answer for and what only to listen for, and tells when somebody else claims such
 * an address. A question costs one look-up, for what is asked; that who asks is nobody of interest costs none
 * (`RareMap`), and a frame that is none of our business is let go before anything else is looked at.
 */
import type { ClaimForm } from "../../base/conflict.ts";
import type { Ipv4 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, MAC_BROADCAST } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { arpReply, isAddressProbe, isGratuitous } from "../../wire/arp_frames.ts";
import { ARP_OPERATION_REPLY, ARP_OPERATION_REQUEST } from "../../wire/iana.ts";
import { type ForeignClaim, HeldAddresses, type HeldInput } from "./held_addresses.ts";
import { allowsInterface } from "./interface.ts";

export type ArpResponderInput =
  | HeldInput<Ipv4>
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord };

export type ArpResponderEffect =
  | { readonly kind: "answer"; readonly address: string; readonly ifindex: number; readonly record: ArpRecord }
  | ForeignClaim<Ipv4>;

export class ArpResponder implements Machine<ArpResponderInput, ArpResponderEffect> {
  readonly #held = new HeldAddresses<Ipv4>();
  readonly #effects = new Queue<ArpResponderEffect>();

  handle(input: ArpResponderInput | Tick, _now: number): void {
    if (input.kind === "tick") return;
    if (input.kind === "arp") this.#receive(input.ifindex, input.record);
    else this.#held.handle(input);
  }

  poll(): ArpResponderEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return undefined;
  }

  inspect(): Json {
    return {
      interfaces: [...this.#held.interfaces()].map(({ ifindex, name, mac }) => ({
        ifindex,
        name,
        mac: formatMac(mac),
      })),
      answersFor: this.#held.picture(true),
      listensFor: this.#held.picture(false),
    };
  }

  #receive(ifindex: number, record: ArpRecord): void {
    const { operation, senderIp, targetIp, senderMac } = record;
    const claimed = this.#held.get(senderIp);
    const asked = operation === ARP_OPERATION_REQUEST ? this.#held.get(targetIp) : undefined;
    if (claimed === undefined && asked === undefined) return;
    const on = this.#held.interfaceOf(ifindex);
    // Who speaks says the message. The frame around it may bear our address and still be a stranger's.
    if (on === undefined || this.#held.isOwnMac(senderMac)) return;
    if (claimed !== undefined && allowsInterface(claimed.interfaces, on.name)) {
      return this.#claim(senderIp, claimForm(record), { record, ifindex });
    }
    if (asked === undefined || !allowsInterface(asked.interfaces, on.name)) return;
    const isBroadcast = record.etherDestination === MAC_BROADCAST;
    if (!isBroadcast && record.etherDestination !== on.mac) return;
    // An answer to a group address would reach stations that never asked (RFC 1812 §3.3.2 says the same of its cache).
    if (isGroupMac(senderMac) || isGroupMac(record.etherSource)) return;
    // A probe to us alone asks whether we live: switches that track their hosts send those.
    if (isBroadcast && isAddressProbe(record)) this.#claim(targetIp, "probe", { record, ifindex });
    if (!asked.answered) return;
    const reply = arpReply({ request: record, mac: on.mac });
    this.#effects.push({ kind: "answer", address: asked.address, ifindex, record: reply });
  }

  /** Also by an address that no station has: Linux believes that as well, and a cluster of Windows hosts has a group's. */
  #claim(ip: Ipv4, form: ClaimForm, { record, ifindex }: { record: ArpRecord; ifindex: number }): void {
    this.#effects.push({ kind: "foreignClaim", ip, ifindex, mac: record.senderMac, form });
  }
}

/** Of a frame whose sender address is ours. */
function claimForm(record: ArpRecord): ClaimForm {
  if (isGratuitous(record)) return "gratuitous";
  return record.operation === ARP_OPERATION_REPLY ? "reply" : "request";
}
