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
import type { WantedDelta } from "../../lib/base/wanted.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../../lib/protocol/packet_plane_io.ts";
import { arpReply, gratuitousReply, gratuitousRequest, isGratuitous } from "../../lib/wire/arp_frames.ts";
import { ICMPV6_NEIGHBOR_SOLICITATION } from "../../lib/wire/iana.ts";
import { neighborAdvertisement, unsolicitedAdvertisement } from "../../lib/wire/ndp_frames.ts";
import type { Plane, SimNode } from "./sim_node.ts";

const IFINDEX = 2;
const ANNOUNCE_EVERY_MS = 1100;
const ANNOUNCE_MS = 5000;

export class MetallbPlane implements Plane {
  readonly #node: SimNode;
  readonly #effects = new Queue<PacketPlaneEffect>();
  readonly #members = new Set<string>();
  /** Candidates by address. */
  readonly #wanted = new Map<string, readonly string[]>();
  readonly #owned = new Map<string, Ip>();
  readonly #groups = new Set<string>();
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
        if (operation !== 1 || isGratuitous(input.record) || !this.#owns(targetIp)) return;
        return this.#sendArp(arpReply({ request: input.record, mac: this.#node.mac }), "responsesSent");
      }
      case "ndp": {
        const { record: solicitation } = input;
        if (solicitation.type !== ICMPV6_NEIGHBOR_SOLICITATION || !this.#owns(solicitation.target)) return;
        const record = neighborAdvertisement({ solicitation, mac: this.#node.mac, override: true });
        return this.#sendNdp(record, "responsesSent");
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
    for (const { address, candidates } of upsertAddresses) this.#wanted.set(address, candidates);
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
    for (const [address, candidates] of this.#wanted) {
      const first = candidates.find((node) => node === this.#node.name || this.#members.has(node));
      if (first === this.#node.name) this.#owned.set(address, parseIp(address)!);
    }
    this.#joinGroups();
    this.#announceUntil = now + ANNOUNCE_MS;
    this.#announce(now);
  }

  #owns(ip: Ipv4 | Ipv6): boolean {
    return this.#owned.values().some(({ value }) => value === BigInt(ip));
  }

  #joinGroups(): void {
    const groups = new Set(
      [...this.#owned.values()].filter(({ family }) => family === 6)
        .map(({ value }) => formatIpv6(solicitedNodeGroup(value as Ipv6))),
    );
    for (const group of groups.difference(this.#groups)) {
      this.#effects.push({ kind: "joinGroup", ifindex: IFINDEX, group });
    }
    for (const group of this.#groups.difference(groups)) {
      this.#effects.push({ kind: "leaveGroup", ifindex: IFINDEX, group });
    }
    this.#groups.clear();
    for (const group of groups) this.#groups.add(group);
  }

  #announce(now: Millis): void {
    const { mac } = this.#node;
    for (const { family, value } of this.#owned.values()) {
      if (family === 6) this.#sendNdp(unsolicitedAdvertisement(mac, value as Ipv6), "gratuitousSent");
      else {
        const ip = Number(value) as Ipv4;
        this.#sendArp(gratuitousRequest(mac, ip), "gratuitousSent");
        this.#sendArp(gratuitousReply(mac, ip), "gratuitousSent");
      }
    }
    const next = now + ANNOUNCE_EVERY_MS;
    this.#announceAt = this.#owned.size > 0 && next <= this.#announceUntil ? next : Infinity;
  }

  #sendArp(record: (PacketPlaneEffect & { kind: "sendArp" })["record"], counter: "responsesSent" | "gratuitousSent") {
    this.#effects.push({ kind: "sendArp", ifindex: IFINDEX, record, counter, address: "" });
  }

  #sendNdp(record: (PacketPlaneEffect & { kind: "sendNdp" })["record"], counter: "responsesSent" | "gratuitousSent") {
    this.#effects.push({ kind: "sendNdp", ifindex: IFINDEX, record, counter, address: "" });
  }
}
