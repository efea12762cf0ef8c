/**
 * A MetalLB speaker, as far as others meet it (reference §6): it knows the members of the gossip and nothing else of the
 * other speakers; the first candidate that is a member announces, at once, and stops at once; carriers, claims, hand-overs
 * and policies are nothing to it. Its own gossip has an empty Meta.
 */
import { formatIpv6, type Ip, type Ipv4, type Ipv6, parseIp, solicitedNodeGroup } from "../../lib/base/ip.ts";
import type { Deadline, Tick } from "../../lib/base/machine.ts";
import { countsAsLiving } from "../../lib/base/member.ts";
import { Queue } from "../../lib/base/queue.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { WantedAddress, WantedDelta } from "../../lib/base/wanted.ts";
import { allowsInterface } from "../../lib/protocol/l2/interface.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../../lib/protocol/packet_plane_io.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { arpReply, gratuitousReply, gratuitousRequest, isGratuitous } from "../../lib/wire/arp_frames.ts";
import { ICMPV6_NEIGHBOR_SOLICITATION } from "../../lib/wire/iana.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import { neighborAdvertisement, unsolicitedAdvertisement } from "../../lib/wire/ndp_frames.ts";
import type { NodeLink } from "./node_link.ts";
import type { Plane, SimNode } from "./sim_node.ts";

const ANNOUNCE_EVERY_MS = 1100;
const ANNOUNCE_MS = 5000;

export class MetallbPlane implements Plane {
  readonly #node: SimNode;
  readonly #effects = new Queue<PacketPlaneEffect>();
  readonly #members = new Set<string>();
  readonly #wanted = new Map<string, WantedAddress>();
  readonly #owned = new Map<string, { readonly ip: Ip; readonly links: readonly NodeLink[] }>();
  /** By interface. */
  readonly #groups = new Map<NodeLink, Set<string>>();
  #opened = false;
  #complete = false;
  #leaving = false;
  #announceAt: Millis = Infinity;
  #announceUntil: Millis = -Infinity;

  constructor(node: SimNode) {
    this.#node = node;
  }

  handle(input: PacketPlaneInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "opened":
        this.#opened = true;
        this.#begin(now);
        return;
      case "delta":
        return this.#take(input.delta, now);
      case "member": {
        const { node, member } = input.change;
        if (member !== undefined && countsAsLiving(member.state)) this.#members.add(node);
        else this.#members.delete(node);
        return this.#reprocess(now);
      }
      case "arp": {
        const { operation, targetIp } = input.record;
        const link = this.#answersOn(targetIp, input.ifindex);
        if (operation !== 1 || isGratuitous(input.record) || link === undefined) return;
        return this.#sendArp(link, arpReply({ request: input.record, mac: link.mac }), "responsesSent");
      }
      case "ndp": {
        const { record: solicitation } = input;
        const link = this.#answersOn(solicitation.target, input.ifindex);
        if (solicitation.type !== ICMPV6_NEIGHBOR_SOLICITATION || link === undefined) return;
        const record = neighborAdvertisement({ solicitation, mac: link.mac, override: true });
        return this.#sendNdp(link, record, "responsesSent");
      }
      case "leave":
        this.#leaving = true;
        return this.#effects.push({ kind: "left" });
      case "tick":
        if (now >= this.#announceAt) this.#announce(now);
    }
  }

  poll(): PacketPlaneEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#announceAt === Infinity ? undefined : { at: this.#announceAt, why: "announce" };
  }

  inspect(): ReturnType<Plane["inspect"]> {
    return { metallb: true };
  }

  #take({ upsertAddresses, removeAddresses, complete }: WantedDelta, now: Millis): void {
    for (const address of removeAddresses) this.#wanted.delete(address);
    for (const wanted of upsertAddresses) this.#wanted.set(wanted.address, wanted);
    this.#complete ||= complete;
    this.#begin(now);
  }

  #begin(now: Millis): void {
    if (!this.#opened || !this.#complete) return;
    if (this.#node.readyAt === undefined) this.#effects.push({ kind: "event", event: { kind: "ready" } });
    this.#reprocess(now);
  }

  /** Everything is looked at again, and all that is ours is announced again. */
  #reprocess(now: Millis): void {
    if (!this.#opened || !this.#complete || this.#leaving) return;
    this.#owned.clear();
    for (const [address, { candidates, interfaces }] of this.#wanted) {
      const first = candidates.find((node) => node === this.#node.name || this.#members.has(node));
      if (first !== this.#node.name) continue;
      const links = this.#node.links.filter(({ interfaceName }) => allowsInterface(interfaces, interfaceName));
      this.#owned.set(address, { ip: parseIp(address)!, links });
    }
    this.#joinGroups();
    this.#announceUntil = now + ANNOUNCE_MS;
    this.#announce(now);
  }

  #answersOn(ip: Ipv4 | Ipv6, ifindex: number): NodeLink | undefined {
    const owned = this.#owned.values().find((one) => one.ip.value === BigInt(ip));
    return owned?.links.find((link) => link.ifindex === ifindex && canSpeak(link, owned.ip));
  }

  #joinGroups(): void {
    for (const link of this.#node.links) {
      const { ifindex } = link;
      const before = this.#groups.get(link) ?? new Set();
      const groups = new Set(
        [...this.#owned.values()].filter(({ ip, links }) => ip.family === 6 && links.includes(link))
          .map(({ ip }) => formatIpv6(solicitedNodeGroup(ip.value as Ipv6))),
      );
      for (const group of groups.difference(before)) this.#effects.push({ kind: "joinGroup", ifindex, group });
      for (const group of before.difference(groups)) this.#effects.push({ kind: "leaveGroup", ifindex, group });
      this.#groups.set(link, groups);
    }
  }

  #announce(now: Millis): void {
    for (const { ip, links } of this.#owned.values()) for (const link of links) this.#announceOn(link, ip);
    const next = now + ANNOUNCE_EVERY_MS;
    this.#announceAt = this.#owned.size > 0 && next <= this.#announceUntil ? next : Infinity;
  }

  #announceOn(link: NodeLink, ip: Ip): void {
    if (canSpeak(link, ip)) this.#tell(link, ip);
  }

  #tell(link: NodeLink, { family, value }: Ip): void {
    if (family === 6) return this.#sendNdp(link, unsolicitedAdvertisement(link.mac, value as Ipv6), "gratuitousSent");
    const ip = Number(value) as Ipv4;
    this.#sendArp(link, gratuitousRequest(link.mac, ip), "gratuitousSent");
    this.#sendArp(link, gratuitousReply(link.mac, ip), "gratuitousSent");
  }

  #sendArp({ ifindex }: NodeLink, record: ArpRecord, counter: "responsesSent" | "gratuitousSent"): void {
    this.#effects.push({ kind: "sendArp", ifindex, record, counter, address: "" });
  }

  #sendNdp({ ifindex }: NodeLink, record: NdpRecord, counter: "responsesSent" | "gratuitousSent"): void {
    this.#effects.push({ kind: "sendNdp", ifindex, record, counter, address: "" });
  }
}

/** It has no neighbour discovery either where there is no link-local address. */
function canSpeak({ hasIpv6 }: NodeLink, { family }: Ip): boolean {
  return hasIpv6 || family === 4;
}
