/**
 * Finds the hardware addresses of the nodes of other speakers by their own addresses, so that the frames of a speaker
 * that tells us nothing (MetalLB's, or one that we have not heard yet) are not taken for a stranger's.
 *
 * Every frame of a node's own address says where it is. Since a node that we talk to already may not ask for a while, each
 * is asked for by an address probe when it becomes a peer or an interface comes: that changes nobody's cache. A node
 * on another segment does not answer, and does not matter here.
 */
import { Agenda } from "../../base/agenda.ts";
import { formatIpv4, type Ipv4, parseIpv4 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { isGroupMac, type Mac, MAC_ZERO } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { RareMap } from "../../base/rare_map.ts";
import type { Millis } from "../../base/time.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import type { WantedPeer } from "../../base/wanted.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import type { L2Interface } from "./interface.ts";
import { type SharedMacEffect, SharedMacs } from "./shared_macs.ts";

export type PeerStationsInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  /** A speaker says what interfaces its node has. */
  | { readonly kind: "told"; readonly node: string; readonly macs: readonly Mac[] }
  | { readonly kind: "arp"; readonly record: ArpRecord };

export type PeerStationsEffect =
  | { readonly kind: "ask"; readonly ip: Ipv4; readonly on: L2Interface }
  | { readonly kind: "stationExpected"; readonly node: string }
  | { readonly kind: "station"; readonly node: string; readonly mac: Mac }
  | { readonly kind: "stationsGone"; readonly node: string }
  | SharedMacEffect;

/** Between the questions for one peer: probes get lost, and a switch port may not forward in its first moments. */
const PAUSES_MS: readonly Millis[] = [1_000, 5_000, 30_000];

interface Peer {
  readonly node: string;
  /** `undefined` for a node with an IPv6 address: it is only known by what it tells. */
  readonly ip: Ipv4 | undefined;
  asked: number;
  /** Where its address was seen. */
  readonly seen: Set<Mac>;
}

/** More interfaces than a node has on one segment. Beyond it somebody invents them, and each costs a look at all addresses. */
const SEEN_MAX = 32;

export class PeerStations implements Machine<PeerStationsInput, PeerStationsEffect> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #peers = new Map<string, Peer>();
  readonly #byIp = new RareMap<Ipv4, Peer>();
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
        return this.#see(input.record, now);
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
      address: ip === undefined ? null : formatIpv4(ip),
      asked,
    }));
  }

  #upsert({ node, address }: WantedPeer, now: Millis): void {
    const ip = parseIpv4(address);
    const known = this.#peers.get(node);
    if (known !== undefined && known.ip === ip) return;
    if (known !== undefined) this.#drop(known);
    const peer: Peer = { node, ip, asked: 0, seen: new Set() };
    this.#peers.set(node, peer);
    this.#effects.push({ kind: "stationExpected", node });
    if (ip !== undefined) this.#byIp.set(ip, peer);
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
    if (peer.ip !== undefined && this.#byIp.get(peer.ip) === peer) this.#byIp.delete(peer.ip);
    this.#agenda.delete(peer);
  }

  #see({ senderIp, senderMac: mac }: ArpRecord, now: Millis): void {
    const peer = this.#byIp.get(senderIp);
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
      for (const on of this.#interfaces.values()) this.#effects.push({ kind: "ask", ip: peer.ip!, on });
      this.#pacer.spend(this.#interfaces.size, now);
      const pauseMs = PAUSES_MS[peer.asked++];
      if (pauseMs !== undefined) this.#agenda.set(peer, now + pauseMs);
    }
  }
}
