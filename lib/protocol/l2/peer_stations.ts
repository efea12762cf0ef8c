/**
 * Finds the hardware addresses of the nodes of other speakers by their own addresses, so that the frames of a speaker
 * that tells us nothing (MetalLB's, or one that we have not heard yet) are not taken for a stranger's.
 *
 * Every frame of a node's own address says where it is, be it ARP or neighbour discovery (RFC 4861 §4.3, §4.4). Since a node
 * that we talk to already may not ask for a while, each is asked for when it becomes a peer or an interface comes: by an
 * address probe, or by a solicitation from our link-local address, never by one from none, which would take from the node
 * an address that it is just about to have (RFC 4862 §5.4.3). A node on another segment does not answer, and does not
 * matter here.
 *
 * Link-local addresses teach nothing: Kubernetes knows none of them, and the same one may be two nodes' on two segments.
 * MetalLB's advertisements come from one, but it is their hardware address that they are known by.
 */
import { Agenda } from "../../base/agenda.ts";
import { formatPacketIp, type Ipv4, type Ipv6, isIpv6, parseIpv4, parseIpv6 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { isGroupMac, type Mac, MAC_ZERO } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { RareMap } from "../../base/rare_map.ts";
import type { Millis } from "../../base/time.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import type { WantedPeer } from "../../base/wanted.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { ICMPV6_NEIGHBOR_ADVERTISEMENT } from "../../wire/iana.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { hasNeighbourDiscovery, type InterfaceChange, type L2Interface } from "./interface.ts";
import { type SharedMacEffect, SharedMacs } from "./shared_macs.ts";

export type PeerStationsInput =
  | InterfaceChange
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  /** A speaker says what interfaces its node has. */
  | { readonly kind: "told"; readonly node: string; readonly macs: readonly Mac[] }
  | { readonly kind: "arp"; readonly record: ArpRecord }
  | { readonly kind: "ndp"; readonly record: NdpRecord };

export type PeerStationsEffect =
  | { readonly kind: "ask"; readonly ip: Ipv4 | Ipv6; readonly on: L2Interface }
  | { readonly kind: "stationExpected"; readonly node: string }
  | { readonly kind: "station"; readonly node: string; readonly mac: Mac }
  | { readonly kind: "stationsGone"; readonly node: string }
  | SharedMacEffect;

/** Between the questions for one peer: probes get lost, and a switch port may not forward in its first moments. */
const PAUSES_MS: readonly Millis[] = [1_000, 5_000, 30_000];

interface Peer {
  readonly node: string;
  /** `undefined` for a link-local one: then it is only known by what it tells. */
  readonly ip: Ipv4 | Ipv6 | undefined;
  asked: number;
  /** Where its address was seen. */
  readonly seen: Set<Mac>;
}

/** More interfaces than a node has on one segment. Beyond it somebody invents them, and each costs a look at all addresses. */
const SEEN_MAX = 32;

export class PeerStations implements Machine<PeerStationsInput, PeerStationsEffect> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #peers = new Map<string, Peer>();
  /** One for each family, so that every frame looks into a map of one kind of key. */
  readonly #byIpv4 = new RareMap<Ipv4, Peer>();
  readonly #byIpv6 = new RareMap<Ipv6, Peer>();
  readonly #agenda = new Agenda<Peer>();
  readonly #pacer = new TokenBucket({ perMs: 1, burst: 32 });
  readonly #effects = new Queue<PeerStationsEffect>();
  readonly #sharedMacs = new SharedMacs({ push: (effect) => this.#effects.push(effect) });

  handle(input: PeerStationsInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "interface":
        this.#interfaces.set(input.interface.ifindex, input.interface);
        for (const peer of this.#peers.values()) this.#beginToAsk(peer, now);
        break;
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return;
      case "peers":
        for (const node of input.remove) this.#remove(node);
        for (const peer of input.upsert) this.#upsert(peer, now);
        break;
      case "told":
        if (!this.#peers.has(input.node)) return;
        for (const mac of input.macs) this.#effects.push({ kind: "station", node: input.node, mac });
        return;
      case "arp":
        return this.#see(this.#byIpv4.get(input.record.senderIp), input.record.senderMac, now);
      case "ndp":
        return this.#hear(input.record, now);
      case "tick":
        this.#sharedMacs.tick(now);
        break;
    }
    this.#ask(now);
  }

  poll(): PeerStationsEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    const next = this.#agenda.next();
    const asks = next === undefined
      ? undefined
      : { at: Math.max(next.at, this.#pacer.opensAt()), why: `ask for the node ${next.key.node}` };
    return earlier(asks, this.#sharedMacs.deadline());
  }

  inspect(): Json {
    return [...this.#peers.values()].map(({ node, ip, asked }) => ({
      node,
      address: ip === undefined ? null : formatPacketIp(ip),
      asked,
    }));
  }

  #upsert({ node, address }: WantedPeer, now: Millis): void {
    const ip = askableAddress(address);
    const known = this.#peers.get(node);
    if (known !== undefined && known.ip === ip) return;
    if (known !== undefined) this.#drop(known);
    const peer: Peer = { node, ip, asked: 0, seen: new Set() };
    this.#peers.set(node, peer);
    this.#effects.push({ kind: "stationExpected", node });
    if (ip !== undefined) this.#index(ip, peer);
    this.#beginToAsk(peer, now);
  }

  #remove(node: string): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) this.#drop(peer);
    this.#sharedMacs.forget(node);
    this.#effects.push({ kind: "stationsGone", node });
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.node);
    if (peer.ip !== undefined) this.#unindex(peer.ip, peer);
    this.#agenda.delete(peer);
  }

  #index(ip: Ipv4 | Ipv6, peer: Peer): void {
    if (isIpv6(ip)) this.#byIpv6.set(ip, peer);
    else this.#byIpv4.set(ip, peer);
  }

  #unindex(ip: Ipv4 | Ipv6, peer: Peer): void {
    if (isIpv6(ip)) {
      if (this.#byIpv6.get(ip) === peer) this.#byIpv6.delete(ip);
    } else if (this.#byIpv4.get(ip) === peer) this.#byIpv4.delete(ip);
  }

  /** A solicitation is by whoever has its source address, an advertisement by whoever has its target. */
  #hear({ type, source, target, linkLayerAddress, etherSource }: NdpRecord, now: Millis): void {
    const peer = this.#byIpv6.get(type === ICMPV6_NEIGHBOR_ADVERTISEMENT ? target : source);
    this.#see(peer, linkLayerAddress ?? etherSource, now);
  }

  #see(peer: Peer | undefined, mac: Mac, now: Millis): void {
    if (peer === undefined || isGroupMac(mac) || mac === MAC_ZERO) return;
    const own = this.#interfaces.values().find((on) => on.mac === mac);
    if (own !== undefined) return this.#sharedMacs.see(peer.node, own, now);
    if (peer.seen.size >= SEEN_MAX && !peer.seen.has(mac)) return;
    peer.seen.add(mac);
    this.#effects.push({ kind: "station", node: peer.node, mac });
  }

  #beginToAsk(peer: Peer, now: Millis): void {
    peer.asked = 0;
    peer.seen.clear();
    if (peer.ip !== undefined) this.#agenda.set(peer, now);
  }

  #ask(now: Millis): void {
    if (this.#interfaces.size === 0) return this.#agenda.clear();
    while (this.#pacer.isOpen(now)) {
      const peer = this.#agenda.takeDue(now);
      if (peer === undefined) return;
      const ip = peer.ip!;
      for (const on of this.#interfaces.values()) {
        if (!isIpv6(ip) || hasNeighbourDiscovery(on)) this.#effects.push({ kind: "ask", ip, on });
      }
      this.#pacer.spend(this.#interfaces.size, now);
      const pauseMs = PAUSES_MS[peer.asked++];
      if (pauseMs !== undefined) this.#agenda.set(peer, now + pauseMs);
    }
  }
}

function askableAddress(text: string): Ipv4 | Ipv6 | undefined {
  const ipv6 = parseIpv6(text);
  if (ipv6 === undefined) return parseIpv4(text);
  return isLinkLocal(ipv6) ? undefined : ipv6;
}

/** fe80::/10 (RFC 4291 §2.5.6). */
function isLinkLocal(ip: Ipv6): boolean {
  return ip >> 118n === 0x3fan;
}
