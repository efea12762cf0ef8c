/**
 * Answers ARP requests for the addresses that this node owns now (RFC 826; reference §6.2; wire-facts §5.1).
 *
 * It decides nothing: ownership tells it what to answer for, and it tells ownership when somebody else claims such an
 * address. One look-up per frame; a frame that is none of our business produces nothing.
 */
import { formatIpv4, type Ipv4 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, type Mac, MAC_BROADCAST } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { arpReply, isGratuitous } from "../../wire/arp_frames.ts";
import { ARP_OPERATION_REQUEST } from "../../wire/iana.ts";
import { allowsInterface, type L2Interface } from "./interface.ts";

export type ArpResponderInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  | { readonly kind: "own"; readonly ip: Ipv4; readonly interfaces: "all" | readonly string[] }
  | { readonly kind: "disown"; readonly ip: Ipv4 }
  | { readonly kind: "frame"; readonly ifindex: number; readonly record: ArpRecord };

export type ArpResponderEffect =
  | { readonly kind: "send"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "requestAccepted"; readonly ip: Ipv4 }
  /** Another station says that it has an address we own: by a gratuitous frame, or by using it as its own. */
  | { readonly kind: "foreignClaim"; readonly ip: Ipv4; readonly mac: Mac; readonly gratuitous: boolean };

export class ArpResponder implements Machine<ArpResponderInput, ArpResponderEffect> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #ownMacs = new Set<Mac>();
  readonly #owned = new Map<Ipv4, "all" | readonly string[]>();
  readonly #effects = new Queue<ArpResponderEffect>();

  handle(input: ArpResponderInput | Tick, _now: number): void {
    switch (input.kind) {
      case "frame":
        return this.#receive(input.ifindex, input.record);
      case "own":
        this.#owned.set(input.ip, input.interfaces);
        return;
      case "disown":
        this.#owned.delete(input.ip);
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
      answersFor: [...this.#owned].map(([ip, interfaces]) => ({ address: formatIpv4(ip), interfaces })),
    };
  }

  #receive(ifindex: number, record: ArpRecord): void {
    // A bridge may bring our own frames back.
    if (this.#ownMacs.has(record.senderMac) || this.#ownMacs.has(record.etherSource)) return;
    const on = this.#interfaces.get(ifindex);
    if (on === undefined) return;
    if (this.#answersOn(record.senderIp, on)) {
      const gratuitous = isGratuitous(record);
      this.#effects.push({ kind: "foreignClaim", ip: record.senderIp, mac: record.senderMac, gratuitous });
      return;
    }
    if (record.operation !== ARP_OPERATION_REQUEST || !this.#answersOn(record.targetIp, on)) return;
    if (record.etherDestination !== MAC_BROADCAST && record.etherDestination !== on.mac) return;
    // An answer to a group address would reach stations that never asked (RFC 1812 §3.3.2 says the same of its cache).
    if (isGroupMac(record.senderMac) || isGroupMac(record.etherSource)) return;
    this.#effects.push({ kind: "requestAccepted", ip: record.targetIp });
    this.#effects.push({ kind: "send", ifindex, record: arpReply({ request: record, mac: on.mac }) });
  }

  /** An address that is not announced on an interface may mean something else in the network behind it. */
  #answersOn(ip: Ipv4, on: L2Interface): boolean {
    const interfaces = this.#owned.get(ip);
    return interfaces !== undefined && allowsInterface(interfaces, on.name);
  }

  #learnOwnMacs(): void {
    this.#ownMacs.clear();
    for (const { mac } of this.#interfaces.values()) this.#ownMacs.add(mac);
  }
}
