/**
 * The packet plane: all machines of a speaker's packet thread composed into one machine.
 *
 *     delta ──────────────┬──────────> PeerPlane ── who lives ──┐   (watch, membership, claims: peer_plane.ts)
 *                         └── addresses ─────────────────────> Ownership ── own / disown ──> ConflictGuard ──┐
 *     ARP, NDP frame ──> Announcer ── claim ──> ConflictGuard ── of a speaker ──^                            │
 *                                                                   Announcer <── what may be carried out ───┘
 *
 * It routes and nothing more: every decision is in one of the parts. The packet thread drives it on real sockets, tests
 * and the simulation on pretended ones.
 */
import { invariant } from "../base/assert.ts";
import { formatPacketIp, isIpv6 } from "../base/ip.ts";
import type { JsonObject } from "../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../base/machine.ts";
import { formatMac } from "../base/mac.ts";
import { Queue } from "../base/queue.ts";
import type { Rng } from "../base/rng.ts";
import type { Millis } from "../base/time.ts";
import type { FromPacketThread, PeerState, WantedDelta } from "../base/wanted.ts";
import { addressProbe } from "../wire/arp_frames.ts";
import { neighborSolicitation } from "../wire/ndp_frames.ts";
import { Announcer, type AnnouncerEffect } from "./l2/announcer.ts";
import { ConflictGuard } from "./l2/conflict_guard.ts";
import type { ConflictGuardEffect } from "./l2/conflict_io.ts";
import { isCutOff } from "./l2/cut_off.ts";
import { linkLocalOf } from "./l2/interface.ts";
import { LinkProbe, type LinkProbeEffect } from "./l2/link_probe.ts";
import { PeerStations, type PeerStationsEffect } from "./l2/peer_stations.ts";
import { Ownership } from "./l2/ownership.ts";
import type { OwnershipEffect } from "./l2/ownership_io.ts";
import type { PacketPlaneEffect, PacketPlaneInput, PacketPlaneOptions } from "./packet_plane_io.ts";
import { PeerPlane, type PeerPlaneEffect } from "./peer_plane.ts";
import { SegmentContact } from "./l2/segment_contact.ts";
import { SelfServing } from "./l2/self_serving.ts";
import { isTellableInterface } from "./watch/message.ts";

const UNHEARD_HINT = "it lives by the gossip, but answers no probe of the watch: is the UDP port beside the gossip's " +
  "closed, or its version another one? Until it answers, its death is seen by the gossip alone, seconds later";

export class PacketPlane implements Machine<PacketPlaneInput, PacketPlaneEffect> {
  /** Without it nothing is sent to anybody, and every candidate counts as living. */
  readonly #peers: PeerPlane | undefined;
  readonly #ownership: Ownership;
  readonly #guard: ConflictGuard;
  readonly #announcer: Announcer;
  readonly #linkProbe: LinkProbe;
  readonly #effects = new Queue<PacketPlaneEffect>();
  readonly #peerStations = new PeerStations();
  readonly #safe: boolean;
  readonly #serving = new SelfServing({ isTellable: isTellableInterface });
  /** As they were told to the control thread. */
  readonly #peerStates = new Map<string, PeerState>();
  readonly #contact = new SegmentContact();
  #apiReachable = true;
  #restored = false;
  #cutOff = false;
  #generation = 0;
  #opened = false;
  #leaving = false;
  #complete = false;
  #ready = false;

  constructor(options: PacketPlaneOptions, deps: { rng: Rng }) {
    const { node, generation, watch, safe = false } = options;
    this.#safe = safe;
    this.#announcer = new Announcer(options);
    this.#peers = watch === undefined ? undefined : new PeerPlane({ node, generation, ...watch }, deps);
    this.#ownership = new Ownership({ node, watched: watch !== undefined });
    this.#linkProbe = new LinkProbe({ node }, deps);
    this.#guard = new ConflictGuard({}, deps);
  }

  handle(input: PacketPlaneInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "arp":
        this.#peerStations.handle(input, now);
        this.#announcer.handle(input, now);
        this.#linkProbe.handle(input, now);
        break;
      case "ndp":
        this.#peerStations.handle(input, now);
        this.#announcer.handle(input, now);
        this.#linkProbe.handle(input, now);
        break;
      case "watch": {
        const { message, address, port } = input;
        this.#peerStations.handle({ kind: "told", node: message.sender, macs: message.serving?.macs ?? [] }, now);
        this.#peers?.handle({ kind: "message", message, address, port }, now);
        break;
      }
      case "refused":
      case "lineLost":
      case "member":
      case "membersKnown":
        this.#peers?.handle(input, now);
        break;
      case "api":
        this.#apiReachable = input.reachable;
        if (this.#safe) this.#peers?.handle({ kind: "watchAll", all: !input.reachable }, now);
        this.#judgeAge(now);
        break;
      case "restored":
        this.#restored = input.restored;
        this.#judgeAge(now);
        break;
      case "delta":
        this.#takeDelta(input.delta, now);
        break;
      case "interface":
      case "interfaceGone":
        if (this.#contact.change(input, now)) this.#doubtAll(now);
        this.#serving.changeInterface(input);
        this.#guard.handle(input, now);
        this.#peerStations.handle(input, now);
        this.#announcer.handle(input, now);
        this.#linkProbe.handle(input, now);
        break;
      case "interfaces":
        this.#serving.setInterfaces(input.report);
        this.#tellServing(now);
        this.#effects.push({ kind: "event", event: input });
        break;
      case "opened":
        this.#opened = true;
        this.#contact.begin(now);
        this.#peers?.handle(input, now);
        this.#route(now);
        this.#becomeReady(now);
        break;
      case "gap":
        this.#doubtAll(now);
        this.#linkProbe.handle(input, now);
        this.#log({ level: "warn", event: "packetLoopGap", gapMs: Math.round(input.gapMs) });
        break;
      case "leave":
        this.#leaving = true;
        this.#setState("leaving", now);
        this.#ownership.handle(input, now);
        break;
      case "tick":
        this.#tick(input, now);
    }
    this.#route(now);
    if (this.#safe) this.#judgeCutOff(now);
  }

  poll(): PacketPlaneEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return [this.#peers, this.#ownership, this.#guard, this.#peerStations, this.#linkProbe, this.#announcer]
      .reduce<Deadline | undefined>((next, machine) => earlier(next, machine?.deadline()), undefined);
  }

  inspect(): JsonObject {
    return {
      generation: this.#generation,
      ready: this.#ready,
      cutOff: this.#cutOff,
      ...(this.#peers?.inspect() ?? { watch: null }),
      ownership: this.#ownership.inspect(),
      conflicts: this.#guard.inspect(),
      peerStations: this.#peerStations.inspect(),
      ...this.#announcer.inspect(),
      linkProbe: this.#linkProbe.inspect(),
    };
  }

  #tick(input: Tick, now: Millis): void {
    this.#peers?.handle(input, now);
    this.#route(now);
    this.#ownership.handle(input, now);
    this.#route(now);
    this.#guard.handle(input, now);
    this.#peerStations.handle(input, now);
    this.#route(now);
    this.#announcer.handle(input, now);
    this.#linkProbe.handle(input, now);
  }

  #takeDelta(delta: WantedDelta, now: Millis): void {
    invariant(
      delta.generation === this.#generation + 1,
      `Delta of generation ${delta.generation} does not follow generation ${this.#generation}`,
    );
    this.#generation = delta.generation;
    // Peers first: an address must not be claimed because a co-candidate is not known yet.
    this.#peers?.handle({ kind: "peers", upsert: delta.upsertPeers, remove: delta.removePeers }, now);
    this.#route(now);
    this.#peerStations.handle({ kind: "peers", upsert: delta.upsertPeers, remove: delta.removePeers }, now);
    const wanted = { kind: "wanted", upsert: delta.upsertAddresses, remove: delta.removeAddresses } as const;
    this.#guard.handle(wanted, now);
    this.#route(now);
    this.#ownership.handle(wanted, now);
    this.#route(now);
    // Last: whose link probes nobody asks for any more can serve again, but perhaps nobody wants the address either.
    this.#linkProbe.handle(wanted, now);
    this.#route(now);
    if (!delta.complete || this.#complete) return;
    this.#complete = true;
    this.#becomeReady(now);
  }

  #becomeReady(now: Millis): void {
    if (this.#ready || this.#leaving || !this.#opened || !this.#complete) return;
    this.#ready = true;
    this.#setState("alive", now);
    this.#ownership.handle({ kind: "complete" }, now);
    this.#effects.push({ kind: "event", event: { kind: "ready" } });
  }

  /** Moves effects of one part to the inputs of the next until all are silent. */
  #route(now: Millis): void {
    // Effects flow forward in the diagram, but for claims, which go back to ownership, and for whom to watch.
    for (let rounds = 0; rounds < 10; rounds++) {
      let moved = false;
      for (let effect; (effect = this.#peers?.poll()) !== undefined; moved = true) this.#fromPeers(effect, now);
      for (let effect; (effect = this.#peerStations.poll()) !== undefined; moved = true) {
        this.#fromStations(effect, now);
      }
      for (let effect; (effect = this.#ownership.poll()) !== undefined; moved = true) this.#fromOwnership(effect, now);
      for (let effect; (effect = this.#guard.poll()) !== undefined; moved = true) this.#fromGuard(effect, now);
      for (let effect; (effect = this.#linkProbe.poll()) !== undefined; moved = true) this.#fromLinkProbe(effect, now);
      for (let effect; (effect = this.#announcer.poll()) !== undefined; moved = true) this.#fromAnnouncer(effect, now);
      if (!moved) return;
    }
    invariant(false, "The machines of the packet plane did not come to rest");
  }

  #fromPeers(effect: PeerPlaneEffect, now: Millis): void {
    switch (effect.kind) {
      case "send":
        this.#effects.push({ ...effect, kind: "sendWatch" });
        return;
      case "openLine":
      case "closeLine":
        this.#effects.push(effect);
        return;
      case "peers":
        for (const { node, state } of effect.changes) {
          if (state === this.#peerStates.get(node)) continue;
          if (state === undefined) this.#peerStates.delete(node);
          else this.#peerStates.set(node, state);
          if (state !== undefined) this.#effects.push({ kind: "event", event: { kind: "peer", node, state } });
        }
        this.#ownership.handle(effect, now);
        return;
      case "foreignMembers":
        this.#effects.push({ kind: "event", event: effect });
        this.#ownership.handle(effect, now);
        return;
      case "unheard":
        return this.#log({ level: "warn", event: "watchNotAnswered", member: effect.node, hint: UNHEARD_HINT });
      case "claims":
      case "claimsKnown":
        this.#ownership.handle(effect, now);
    }
  }

  #fromOwnership(effect: OwnershipEffect, now: Millis): void {
    switch (effect.kind) {
      case "left":
        this.#effects.push(effect);
        return;
      case "claim":
      case "unclaim":
      case "askClaims":
      case "doubt":
      case "pairs":
        this.#peers?.handle(effect, now);
        return;
      case "splitHealed":
        this.#effects.push({ kind: "event", event: effect });
        return;
      default:
        this.#guard.handle({ kind: "decision", decision: effect }, now);
    }
  }

  /** What was known of the others, and what we answer for, does not hold any more. */
  #doubtAll(now: Millis): void {
    this.#ownership.handle({ kind: "gap" }, now);
    this.#peers?.handle({ kind: "gap" }, now);
    this.#route(now);
  }

  #setState(state: "alive" | "leaving", now: Millis): void {
    this.#serving.state = state;
    this.#peers?.handle({ kind: "state", state }, now);
    this.#route(now);
    this.#describe();
  }

  /** Says where this node can serve, to itself and to the others, if it is something new. */
  #tellServing(now: Millis): void {
    if (!this.#serving.update()) return;
    const { told, noCarrier } = this.#serving;
    this.#peers?.handle({ kind: "serving", serving: told }, now);
    this.#ownership.handle({ kind: "serving", serving: told, noCarrier }, now);
    this.#describe();
  }

  #describe(): void {
    const { state, told } = this.#serving;
    if (this.#peers !== undefined) this.#effects.push({ kind: "serving", state, serving: told });
  }

  /** What is wanted may be old; whoever knows better comes first. */
  #judgeAge(now: Millis): void {
    const stale = this.#restored || !this.#apiReachable;
    this.#peers?.handle({ kind: "stale", stale }, now);
    this.#ownership.handle({ kind: "stale", stale }, now);
  }

  #judgeCutOff(now: Millis): void {
    const { known, living } = this.#peers?.count() ?? { known: 0, living: 0 };
    const cutOff = isCutOff({ apiReachable: this.#apiReachable, known, living });
    if (cutOff === this.#cutOff) return;
    this.#cutOff = cutOff;
    this.#ownership.handle({ kind: "cutOff", cutOff }, now);
    this.#effects.push({ kind: "event", event: { kind: "cutOff", cutOff } });
    this.#serving.cutOff = cutOff;
    this.#tellServing(now);
    this.#route(now);
  }

  #fromGuard(effect: ConflictGuardEffect, now: Millis): void {
    switch (effect.kind) {
      case "speakerClaim":
        this.#ownership.handle({ kind: "foreignClaim", address: effect.address, node: effect.node }, now);
        return;
      case "changed": {
        const { address, owned, reason, elected } = effect;
        this.#effects.push({ kind: "event", event: { kind: "ownership", address, owned, reason, elected } });
        return;
      }
      case "conflict":
      case "doubleAnswer":
        this.#effects.push({ kind: "event", event: { ...effect, mac: formatMac(effect.mac) } });
        return;
      default:
        this.#announcer.handle(effect, now);
    }
  }

  #fromStations(effect: PeerStationsEffect, now: Millis): void {
    if (effect.kind === "sharedMac") {
      return this.#effects.push({ kind: "event", event: { ...effect, mac: formatMac(effect.mac) } });
    }
    if (effect.kind !== "ask") return this.#guard.handle(effect, now);
    const { ip, on } = effect;
    const { ifindex, mac } = on;
    const common = { ifindex, counter: undefined, address: formatPacketIp(ip) };
    if (!isIpv6(ip)) return this.#effects.push({ kind: "sendArp", record: addressProbe(mac, ip), ...common });
    const source = linkLocalOf(on);
    invariant(source !== undefined, "An interface without a link-local address is not asked on");
    this.#effects.push({ kind: "sendNdp", record: neighborSolicitation({ mac, source, target: ip }), ...common });
  }

  #fromAnnouncer(effect: AnnouncerEffect, now: Millis): void {
    if (effect.kind === "claim") this.#guard.handle(effect, now);
    else this.#effects.push(effect);
  }

  #fromLinkProbe(effect: LinkProbeEffect, now: Millis): void {
    if (effect.kind === "linkProbe") return this.#changeLinkProbe(effect, now);
    this.#effects.push({ ...effect, counter: undefined });
  }

  #changeLinkProbe({ address, answers }: { address: string; answers: boolean }, now: Millis): void {
    this.#serving.setLinkProbe(address, answers);
    this.#tellServing(now);
    if (answers) this.#log({ level: "info", event: "linkProbeAnswers", address });
    else this.#log({ level: "warn", event: "linkProbeFailed", address });
  }

  #log(event: (FromPacketThread & { kind: "log" })["event"]): void {
    this.#effects.push({ kind: "event", event: { kind: "log", event } });
  }
}
