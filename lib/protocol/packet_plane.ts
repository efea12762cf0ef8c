/**
 * The packet plane: all machines of a speaker's packet thread composed into one machine.
 *
 *     delta ──────────────┬──────────────> Watch ── who lives ──┐
 *                         └── addresses ─────────────────────> Ownership ── own / disown ──> ConflictGuard ──┐
 *     ARP frame ──> ArpResponder ── claim ──> ConflictGuard ── of a speaker ──^                              │
 *                                                   ArpResponder, Gratuitous <── what may be carried out ────┘
 *
 * It routes and nothing more: every decision is in one of the parts. The packet thread drives it on real sockets, tests
 * and the simulation on pretended ones.
 */
import { invariant } from "../base/assert.ts";
import { formatIpv4, type Ipv4, parseIpv4 } from "../base/ip.ts";
import type { JsonObject } from "../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../base/machine.ts";
import { formatMac } from "../base/mac.ts";
import type { MemberChange } from "../base/member.ts";
import { Queue } from "../base/queue.ts";
import type { Rng } from "../base/rng.ts";
import type { Serving } from "../base/serving.ts";
import type { Millis } from "../base/time.ts";
import type { FromPacketThread, InterfaceReport, WantedDelta } from "../base/wanted.ts";
import type { ArpRecord } from "../wire/arp.ts";
import { addressProbe } from "../wire/arp_frames.ts";
import { ArpResponder, type ArpResponderEffect } from "./l2/arp_responder.ts";
import { ConflictGuard, type ConflictGuardEffect } from "./l2/conflict_guard.ts";
import { Gratuitous, type GratuitousEffect } from "./l2/gratuitous.ts";
import type { L2Interface } from "./l2/interface.ts";
import { LinkProbe, type LinkProbeEffect } from "./l2/link_probe.ts";
import { PeerStations, type PeerStationsEffect } from "./l2/peer_stations.ts";
import { Ownership, type OwnershipEffect, type PeerChange } from "./l2/ownership.ts";
import type { WatchMessage, WatchState } from "./watch/message.ts";
import { Watch } from "./watch/watch.ts";

export type PacketPlaneInput =
  /** The sockets are open: with a complete snapshot, this speaker is alive. */
  | { readonly kind: "opened" }
  | { readonly kind: "delta"; readonly delta: WantedDelta }
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
  /** After the two above: all that is usable now, and why the rest is not. */
  | { readonly kind: "interfaces"; readonly report: InterfaceReport }
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "watch"; readonly message: WatchMessage; readonly address: string; readonly port: number }
  /** The kernel of a watched peer says that nobody holds its watch port. */
  | { readonly kind: "refused"; readonly node: string }
  /** The idle connection to a watched peer ended: so did, most likely, the process at its other end. */
  | { readonly kind: "lineLost"; readonly node: string }
  | { readonly kind: "member"; readonly change: MemberChange }
  /** The first attempt to join the membership is over, whatever came of it. */
  | { readonly kind: "membersKnown" }
  /** Whether an address that must answer on the segment (`AddressPolicy.linkProbes`) does. */
  | { readonly kind: "linkProbe"; readonly address: string; readonly answers: boolean }
  /** Whether the control thread hears the API server. */
  | { readonly kind: "api"; readonly reachable: boolean }
  /** The loop stood still; what had queued was discarded. */
  | { readonly kind: "gap"; readonly gapMs: number }
  | { readonly kind: "leave" };

export type L2Counter = "requestsReceived" | "responsesSent" | "gratuitousSent";

/** In the order in which they must be applied. */
export type PacketPlaneEffect =
  | {
    readonly kind: "sendArp";
    readonly ifindex: number;
    readonly record: ArpRecord;
    /** What to count, for which address, once the frame went out. */
    readonly counter: L2Counter | undefined;
    readonly address: string;
  }
  | { readonly kind: "sendWatch"; readonly address: string; readonly port: number; readonly message: WatchMessage }
  | { readonly kind: "count"; readonly counter: L2Counter; readonly address: string }
  | { readonly kind: "event"; readonly event: FromPacketThread }
  /** Hold an idle connection to this peer's watch port; when it ends, say so. At most one is held per peer. */
  | { readonly kind: "openLine"; readonly node: string; readonly address: string; readonly port: number }
  | { readonly kind: "closeLine"; readonly node: string }
  /** What the membership's Meta should say of this node. */
  | { readonly kind: "serving"; readonly state: WatchState; readonly serving: Serving }
  /** Everything is handed over: the thread may end. */
  | { readonly kind: "left" };

export interface PacketPlaneOptions {
  readonly node: string;
  readonly generation: number;
  /** `undefined`: no watch, every candidate counts as living. */
  readonly watch: { readonly authenticated: boolean } | undefined;
}

export class PacketPlane implements Machine<PacketPlaneInput, PacketPlaneEffect> {
  /** Without it nothing is sent to anybody, and every candidate counts as living. */
  readonly #watch: Watch | undefined;
  readonly #ownership: Ownership;
  readonly #guard: ConflictGuard;
  readonly #responder = new ArpResponder();
  readonly #gratuitous = new Gratuitous();
  readonly #linkProbe: LinkProbe;
  readonly #effects = new Queue<PacketPlaneEffect>();
  /** Wanted addresses for which there is no responder yet. */
  readonly #unserved = new Set<string>();
  readonly #peerStations = new PeerStations();
  #generation = 0;
  #opened = false;
  #leaving = false;
  #complete = false;
  #ready = false;

  constructor(options: PacketPlaneOptions, deps: { rng: Rng }) {
    const { node, generation, watch } = options;
    this.#watch = watch === undefined ? undefined : new Watch({ node, generation, ...watch }, deps);
    this.#ownership = new Ownership({ node, watched: watch !== undefined });
    this.#linkProbe = new LinkProbe({ node }, deps);
    this.#guard = new ConflictGuard({}, deps);
  }

  handle(input: PacketPlaneInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "arp": {
        const { ifindex, record } = input;
        this.#peerStations.handle({ kind: "seen", ip: record.senderIp, mac: record.senderMac }, now);
        this.#responder.handle({ kind: "frame", ifindex, record }, now);
        this.#linkProbe.handle(input, now);
        break;
      }
      case "watch": {
        const { message, address, port } = input;
        this.#peerStations.handle({ kind: "told", node: message.sender, macs: message.serving?.macs ?? [] }, now);
        this.#watch?.handle({ kind: "message", message, address, port }, now);
        break;
      }
      case "delta":
        this.#takeDelta(input.delta, now);
        break;
      case "interface":
      case "interfaceGone":
        this.#guard.handle(input, now);
        this.#peerStations.handle(input, now);
        this.#responder.handle(input, now);
        this.#gratuitous.handle(input, now);
        this.#linkProbe.handle(input, now);
        break;
      case "interfaces":
        this.#effects.push({ kind: "event", event: input });
        break;
      case "linkProbe":
        this.#changeLinkProbe(input);
        break;
      case "opened":
        this.#opened = true;
        this.#becomeReady(now);
        break;
      case "gap":
        this.#ownership.handle(input, now);
        this.#watch?.handle(input, now);
        this.#linkProbe.handle(input, now);
        this.#log({ level: "warn", event: "packetLoopGap", gapMs: Math.round(input.gapMs) });
        break;
      case "leave":
        this.#leaving = true;
        this.#watch?.handle({ kind: "state", state: "leaving" }, now);
        this.#route(now);
        this.#ownership.handle(input, now);
        break;
      case "tick":
        this.#watch?.handle(input, now);
        this.#route(now);
        this.#ownership.handle(input, now);
        this.#route(now);
        this.#guard.handle(input, now);
        this.#peerStations.handle(input, now);
        this.#route(now);
        this.#gratuitous.handle(input, now);
        this.#linkProbe.handle(input, now);
    }
    this.#route(now);
  }

  poll(): PacketPlaneEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return [this.#watch, this.#ownership, this.#guard, this.#linkProbe, this.#gratuitous]
      .reduce<Deadline | undefined>((next, machine) => earlier(next, machine?.deadline()), undefined);
  }

  inspect(): JsonObject {
    return {
      generation: this.#generation,
      ready: this.#ready,
      watch: this.#watch?.inspect() ?? null,
      ownership: this.#ownership.inspect(),
      conflicts: this.#guard.inspect(),
      peerStations: this.#peerStations.inspect(),
      arpResponder: this.#responder.inspect(),
      gratuitous: this.#gratuitous.inspect(),
      linkProbe: this.#linkProbe.inspect(),
      unserved: [...this.#unserved],
    };
  }

  #takeDelta(delta: WantedDelta, now: Millis): void {
    invariant(
      delta.generation === this.#generation + 1,
      `Delta of generation ${delta.generation} does not follow generation ${this.#generation}`,
    );
    this.#generation = delta.generation;
    // Peers first: an address must not be claimed because a co-candidate is not known yet.
    this.#watch?.handle({ kind: "peers", upsert: delta.upsertPeers, remove: delta.removePeers }, now);
    this.#route(now);
    this.#peerStations.handle({ kind: "peers", upsert: delta.upsertPeers, remove: delta.removePeers }, now);
    for (const address of delta.removeAddresses) this.#unserved.delete(address);
    const served = delta.upsertAddresses.filter((wanted) => this.#serves(wanted.address));
    const wanted = { kind: "wanted", upsert: served, remove: delta.removeAddresses } as const;
    this.#guard.handle(wanted, now);
    this.#linkProbe.handle(wanted, now);
    this.#route(now);
    this.#ownership.handle(wanted, now);
    this.#route(now);
    if (!delta.complete || this.#complete) return;
    this.#complete = true;
    this.#becomeReady(now);
  }

  #serves(address: string): boolean {
    if (parseIpv4(address) !== undefined) return true;
    if (!this.#unserved.has(address)) {
      this.#unserved.add(address);
      this.#log({ level: "warn", event: "addressFamilyNotServed", address });
    }
    return false;
  }

  #becomeReady(now: Millis): void {
    if (this.#ready || this.#leaving || !this.#opened || !this.#complete) return;
    this.#ready = true;
    this.#watch?.handle({ kind: "state", state: "alive" }, now);
    this.#route(now);
    this.#ownership.handle({ kind: "complete" }, now);
    this.#effects.push({ kind: "event", event: { kind: "ready" } });
  }

  /** Moves effects of one part to the inputs of the next until all are silent. */
  #route(now: Millis): void {
    // Effects only flow forward in the diagram, but for the claim, which goes back to ownership once.
    for (let rounds = 0; rounds < 6; rounds++) {
      let moved = false;
      if (this.#fromWatch(now)) moved = true;
      for (let effect; (effect = this.#peerStations.poll()) !== undefined; moved = true) {
        this.#fromStations(effect, now);
      }
      for (let effect; (effect = this.#responder.poll()) !== undefined; moved = true) this.#fromResponder(effect, now);
      for (let effect; (effect = this.#ownership.poll()) !== undefined; moved = true) this.#fromOwnership(effect, now);
      for (let effect; (effect = this.#guard.poll()) !== undefined; moved = true) this.#fromGuard(effect, now);
      for (let effect; (effect = this.#linkProbe.poll()) !== undefined; moved = true) this.#fromLinkProbe(effect);
      for (let effect; (effect = this.#gratuitous.poll()) !== undefined; moved = true) this.#fromGratuitous(effect);
      if (!moved) return;
    }
    invariant(false, "The machines of the packet plane did not come to rest");
  }

  /** True when there was something. Peers that change together are decided on together. */
  #fromWatch(now: Millis): boolean {
    const changes: PeerChange[] = [];
    let moved = false;
    for (let effect; (effect = this.#watch?.poll()) !== undefined; moved = true) {
      if (effect.kind === "send") {
        this.#effects.push({ ...effect, kind: "sendWatch" });
        continue;
      }
      const { node, state } = effect;
      changes.push({ node, state });
      if (state !== undefined) this.#effects.push({ kind: "event", event: { kind: "peer", node, state } });
    }
    if (changes.length > 0) this.#ownership.handle({ kind: "peers", changes }, now);
    return moved;
  }

  #fromOwnership(effect: OwnershipEffect, now: Millis): void {
    if (effect.kind === "left") this.#effects.push(effect);
    else this.#guard.handle({ kind: "decision", decision: effect }, now);
  }

  #fromGuard(effect: ConflictGuardEffect, now: Millis): void {
    switch (effect.kind) {
      case "own":
      case "listen":
        this.#responder.handle({ ...effect, ip: ipv4Of(effect.address) }, now);
        return;
      case "announce":
      case "repeat":
        this.#gratuitous.handle({ ...effect, ip: ipv4Of(effect.address) }, now);
        return;
      case "disown":
        this.#responder.handle({ kind: "disown", ip: ipv4Of(effect.address) }, now);
        this.#gratuitous.handle({ kind: "withdraw", ip: ipv4Of(effect.address) }, now);
        return;
      case "hush":
        this.#gratuitous.handle({ kind: "withdraw", ip: ipv4Of(effect.address) }, now);
        return;
      case "probe": {
        const { address, on: { ifindex, mac } } = effect;
        const record = addressProbe(mac, ipv4Of(address));
        this.#effects.push({ kind: "sendArp", ifindex, record, counter: undefined, address });
        return;
      }
      case "speakerClaim":
        this.#ownership.handle({ kind: "foreignClaim", address: effect.address }, now);
        return;
      case "changed": {
        const { address, owned, reason, elected } = effect;
        this.#effects.push({ kind: "event", event: { kind: "ownership", address, owned, reason, elected } });
        return;
      }
      case "conflict":
        this.#effects.push({ kind: "event", event: { ...effect, mac: formatMac(effect.mac) } });
    }
  }

  #fromStations(effect: PeerStationsEffect, now: Millis): void {
    if (effect.kind !== "ask") return this.#guard.handle(effect, now);
    const { ip, on: { ifindex, mac } } = effect;
    const address = formatIpv4(ip);
    this.#effects.push({ kind: "sendArp", ifindex, record: addressProbe(mac, ip), counter: undefined, address });
  }

  #fromResponder(effect: ArpResponderEffect, now: Millis): void {
    switch (effect.kind) {
      case "send": {
        const address = formatIpv4(effect.record.senderIp);
        this.#effects.push({ ...effect, kind: "sendArp", counter: "responsesSent", address });
        return;
      }
      case "requestAccepted":
        this.#effects.push({ kind: "count", counter: "requestsReceived", address: formatIpv4(effect.ip) });
        return;
      case "foreignClaim": {
        const { ip, ifindex, mac, form } = effect;
        this.#guard.handle({ kind: "claim", claim: { address: formatIpv4(ip), ifindex, mac, form } }, now);
      }
    }
  }

  #fromGratuitous(effect: GratuitousEffect): void {
    const { ifindex, record, ip } = effect;
    this.#effects.push({ kind: "sendArp", ifindex, record, counter: "gratuitousSent", address: formatIpv4(ip) });
  }

  #fromLinkProbe(effect: LinkProbeEffect): void {
    if (effect.kind === "linkProbe") return this.#changeLinkProbe(effect);
    this.#effects.push({ ...effect, counter: undefined, address: formatIpv4(effect.record.targetIp) });
  }

  #changeLinkProbe({ address, answers }: { address: string; answers: boolean }): void {
    if (answers) this.#log({ level: "info", event: "linkProbeAnswers", address });
    else this.#log({ level: "warn", event: "linkProbeFailed", address });
  }

  #log(event: (FromPacketThread & { kind: "log" })["event"]): void {
    this.#effects.push({ kind: "event", event: { kind: "log", event } });
  }
}

/** Only addresses of this family reach ownership. */
function ipv4Of(address: string): Ipv4 {
  const ip = parseIpv4(address);
  invariant(ip !== undefined, `${address} is not an IPv4 address`);
  return ip;
}
