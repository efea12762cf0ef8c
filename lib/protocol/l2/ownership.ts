/**
 * Ownership: which addresses this node answers for now, and when it lets go of one.
 *
 * Every speaker applies one rule to the same order: the first candidate that lives owns the address. This machine joins
 * the order (from the API) with who lives (from the watch) and makes every change of owner without silence:
 *
 *     not owner ── elected ──> owner ── another is elected ──> handing over ── successor seen, or 2 s ──> not owner
 *                                ^                                  │
 *                                └────────── elected again ─────────┘
 *
 * The successor answers from the instant it is elected. The old owner falls silent about itself but goes on answering
 * until it sees the successor's gratuitous ARP on the wire, so the overlap is as short as the wire allows and there is no
 * gap. A successor that never noticed that we took its place (lost probes, a healed partition) has no reason to announce
 * anything: it is provoked by a single announcement of ours, to which an owner replies with its own.
 *
 * A candidate that was neither heard nor given up yet decides nothing: whoever owns goes on, whoever does not waits.
 * After a pause of this process (`gap`) its ownership counts as lost, and nothing is answered before every other
 * candidate is known again.
 *
 * It is about addresses of both families; which frames carry the claim is the responders' business.
 */
import { firstLiving } from "../../base/election.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import { type OwnershipReason, type PeerState, sameInterfaces, type WantedAddress } from "../../base/wanted.ts";

export type OwnershipInput =
  | { readonly kind: "wanted"; readonly upsert: readonly WantedAddress[]; readonly remove: readonly string[] }
  /** The first snapshot is whole: from now on addresses may be claimed. */
  | { readonly kind: "complete" }
  /** What changed among the peers in one go; every address is decided once for all of it. */
  | { readonly kind: "peers"; readonly changes: readonly PeerChange[] }
  /** Another station announced an address that we answer for. */
  | { readonly kind: "foreignClaim"; readonly address: string }
  | { readonly kind: "gap" }
  | { readonly kind: "leave" };

export interface PeerChange {
  readonly node: string;
  /** `undefined`: it is no peer any more. */
  readonly state: PeerState | undefined;
}

/** In the order in which they must be applied. */
export type OwnershipEffect =
  /** Answer on these interfaces; also when only they changed. */
  | { readonly kind: "own"; readonly address: string; readonly interfaces: "all" | readonly string[] }
  /** Tell the segment from now on, `once` or on the whole schedule. */
  | {
    readonly kind: "announce";
    readonly address: string;
    readonly interfaces: "all" | readonly string[];
    readonly once: boolean;
  }
  /** Tell the segment again, as soon as the interval between two announcements allows. */
  | { readonly kind: "repeat"; readonly address: string }
  /** Go on answering but announce no more. */
  | { readonly kind: "hush"; readonly address: string }
  /** Neither answer nor announce. */
  | { readonly kind: "disown"; readonly address: string }
  | {
    readonly kind: "changed";
    readonly address: string;
    readonly owned: boolean;
    readonly reason: OwnershipReason;
    readonly elected: string | null;
  }
  /** Nothing is answered any more after `leave`. */
  | { readonly kind: "left" };

export interface OwnershipOptions {
  readonly node: string;
  /** Without a watch every candidate counts as living, as in MetalLB without memberlist. */
  readonly watched: boolean;
  /** How long an old owner waits to see its successor on the wire. */
  readonly handOverMs?: number;
  /** After how much of that it provokes a successor that it did not see. */
  readonly provokeMs?: number;
  /** How long before its election was known here a successor's announcement still counts: probes get lost. */
  readonly claimMs?: number;
}

interface HandOver {
  readonly successor: string;
  readonly until: Millis;
  provokeAt: Millis | undefined;
}

interface Address {
  wanted: WantedAddress;
  /** Whether we answer for it. */
  owned: boolean;
  /** We answer but do not announce, because a successor was elected: neighbours may be on their way to it. */
  hushed: boolean;
  /** What was reported last. */
  reported: Report | undefined;
  /** After a gap: every other candidate must be known before we answer. */
  unconfirmed: boolean;
  handOver: HandOver | undefined;
  foreignClaimAt: Millis | undefined;
}

interface Report {
  readonly owned: boolean;
  readonly reason: OwnershipReason;
  readonly elected: string | null;
}

interface Verdict {
  readonly elected: string | null;
  readonly reason: OwnershipReason;
}

export class Ownership implements Machine<OwnershipInput, OwnershipEffect> {
  readonly #options: Required<OwnershipOptions>;
  readonly #addresses = new Map<string, Address>();
  readonly #peers = new Map<string, PeerState>();
  /** Nodes that fell silent without having left, and were not heard since. */
  readonly #lost = new Set<string>();
  readonly #effects = new Queue<OwnershipEffect>();
  /** Those of `#addresses` that are being handed over. */
  readonly #handingOver = new Set<Address>();
  #deadline: Deadline | undefined;
  #complete = false;
  #leaving = false;
  #left = false;

  constructor(options: OwnershipOptions) {
    this.#options = { handOverMs: 2000, provokeMs: 500, claimMs: 500, ...options };
  }

  handle(input: OwnershipInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "wanted":
        for (const address of input.remove) this.#remove(address);
        for (const wanted of input.upsert) this.#upsert(wanted, now);
        break;
      case "complete":
        this.#complete = true;
        this.#decideAll(now);
        break;
      case "peers":
        this.#changePeers(input.changes, now);
        break;
      case "foreignClaim":
        this.#foreignClaim(input.address, now);
        break;
      case "gap":
        this.#gap(now);
        break;
      case "leave":
        this.#leaving = true;
        // No successor can have announced itself before it could know that we leave.
        for (const address of this.#addresses.values()) address.foreignClaimAt = undefined;
        this.#decideAll(now);
        break;
      case "tick":
        for (const address of this.#handingOver) this.#continueHandOver(address, now);
    }
    if (this.#leaving && !this.#left && !this.#ownsAny()) {
      this.#left = true;
      this.#effects.push({ kind: "left" });
    }
    this.#deadline = this.#findDeadline();
  }

  poll(): OwnershipEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#deadline;
  }

  inspect(): Json {
    return {
      complete: this.#complete,
      leaving: this.#leaving,
      addresses: [...this.#addresses.values()].map((address) => ({
        address: address.wanted.address,
        owned: address.owned,
        reason: address.reported?.reason ?? null,
        elected: address.reported?.elected ?? null,
        candidates: address.wanted.candidates.map((node) => ({
          node,
          state: node === this.#options.node ? "self" : this.#peers.get(node) ?? null,
        })),
        interfaces: address.wanted.interfaces,
        services: address.wanted.services,
      })),
    };
  }

  #upsert(wanted: WantedAddress, now: Millis): void {
    const address = this.#addresses.get(wanted.address);
    if (address === undefined) {
      const fresh: Address = {
        wanted,
        owned: false,
        hushed: false,
        reported: undefined,
        unconfirmed: false,
        handOver: undefined,
        foreignClaimAt: undefined,
      };
      this.#addresses.set(wanted.address, fresh);
      this.#decide(fresh, now);
      return;
    }
    const moved = !sameInterfaces(address.wanted.interfaces, wanted.interfaces);
    address.wanted = wanted;
    if (address.owned && moved) {
      if (address.hushed) this.#answer(address);
      else this.#own(address);
    }
    this.#decide(address, now);
  }

  #remove(key: string): void {
    const address = this.#addresses.get(key);
    if (address === undefined) return;
    this.#addresses.delete(key);
    this.#endHandOver(address);
    // Nobody wants it any more, so there is no successor to wait for.
    if (address.owned) this.#effects.push({ kind: "disown", address: key });
    this.#effects.push({ kind: "changed", address: key, owned: false, reason: "notCandidate", elected: null });
  }

  #changePeers(changes: readonly PeerChange[], now: Millis): void {
    let changed = false;
    let isBack = false;
    for (const { node, state } of changes) {
      const before = this.#peers.get(node);
      if (before === state) continue;
      changed = true;
      if (state === undefined) this.#peers.delete(node);
      else this.#peers.set(node, state);
      if (state === "dead" && before !== "leaving") this.#lost.add(node);
      if (state === "dead" || state === "unknown") continue;
      if (this.#lost.delete(node) && state !== undefined) isBack = true;
    }
    if (changed) this.#decideAll(now);
    if (isBack) this.#repeatAll();
  }

  /** While a node was lost to us it may have taken, in its part of the network, what it was a candidate of at the time. */
  #repeatAll(): void {
    for (const { reported, wanted } of this.#addresses.values()) {
      if (reported?.reason === "elected") this.#effects.push({ kind: "repeat", address: wanted.address });
    }
  }

  #decideAll(now: Millis): void {
    for (const address of this.#addresses.values()) this.#decide(address, now);
  }

  /** Brings one address from what it is to what it should be. */
  #decide(address: Address, now: Millis): void {
    const { elected, reason } = this.#judge(address);
    if (reason === "elected") {
      this.#endHandOver(address);
      // A successor that we waited for may have told the segment already; take the neighbours back.
      if (!address.owned || address.hushed) this.#own(address);
      return this.#report(address, { owned: true, reason, elected });
    }
    if (!address.owned) return this.#report(address, { owned: false, reason, elected });
    if (reason === "waitingForPeers") {
      // Whom we meant to hand over to may be gone: nobody to wait for, nobody to stop for.
      this.#endHandOver(address);
      return this.#report(address, { owned: true, reason, elected });
    }
    const successorSeen = address.foreignClaimAt !== undefined &&
      now - address.foreignClaimAt <= this.#options.claimMs;
    if (elected === null || successorSeen) return this.#disown(address, { elected, reason });
    this.#handOverTo(address, elected, now);
    this.#report(address, { owned: true, reason: "handingOver", elected });
  }

  #handOverTo(address: Address, successor: string, now: Millis): void {
    const begun = address.handOver;
    if (begun?.successor === successor) return;
    const { handOverMs, provokeMs } = this.#options;
    // Another successor gets its own time, except from a leaver, which must not stay for ever.
    const until = begun !== undefined && this.#leaving ? begun.until : now + handOverMs;
    address.handOver = { successor, until, provokeAt: this.#leaving ? undefined : now + provokeMs };
    this.#handingOver.add(address);
    if (address.hushed) return;
    address.hushed = true;
    this.#effects.push({ kind: "hush", address: address.wanted.address });
  }

  #continueHandOver(address: Address, now: Millis): void {
    const handOver = address.handOver!;
    if (now >= handOver.until) return this.#disown(address, this.#judge(address));
    if (handOver.provokeAt === undefined || now < handOver.provokeAt) return;
    handOver.provokeAt = undefined;
    const { address: key, interfaces } = address.wanted;
    // A hand-over that began before `leave` still has its time to provoke; a leaver takes no neighbours back.
    if (!this.#leaving) this.#effects.push({ kind: "announce", address: key, interfaces, once: true });
  }

  #endHandOver(address: Address): void {
    address.handOver = undefined;
    this.#handingOver.delete(address);
  }

  #findDeadline(): Deadline | undefined {
    let next: Deadline | undefined;
    for (const { handOver, wanted } of this.#handingOver) {
      const at = Math.min(handOver!.until, handOver!.provokeAt ?? Infinity);
      if (next === undefined || at < next.at) next = { at, why: `hand over ${wanted.address}` };
    }
    return next;
  }

  /** Who should own the address, and what that makes of us. `waitingForPeers` when it cannot be said yet. */
  #judge(address: Address): Verdict {
    const { node } = this.#options;
    const { candidates } = address.wanted;
    if (!this.#complete) return { elected: null, reason: "waitingForSnapshot" };
    if (address.unconfirmed) {
      if (candidates.some((other) => other !== node && this.#isUndecided(other))) {
        return { elected: null, reason: "waitingForPeers" };
      }
      address.unconfirmed = false;
    }
    const first = firstLiving(candidates, (candidate) => this.#mayLive(candidate)) ?? null;
    if (first === node) return { elected: first, reason: "elected" };
    if (first !== null && this.#isUndecided(first) && !this.#leaving) {
      return { elected: first, reason: "waitingForPeers" };
    }
    if (this.#leaving) return { elected: first, reason: "leaving" };
    return { elected: first, reason: candidates.includes(node) ? "notOwner" : "notCandidate" };
  }

  #mayLive(candidate: string): boolean {
    if (candidate === this.#options.node) return !this.#leaving;
    if (!this.#options.watched) return true;
    const state = this.#peers.get(candidate);
    return state === "alive" || state === "unknown";
  }

  #isUndecided(candidate: string): boolean {
    return this.#options.watched && this.#peers.get(candidate) === "unknown";
  }

  #foreignClaim(key: string, now: Millis): void {
    const address = this.#addresses.get(key);
    if (address === undefined || !address.owned) return;
    address.foreignClaimAt = now;
    // Whoever claims what is ours has not noticed us, and has just taken our neighbours (RFC 5227 §2.4).
    if (address.reported?.reason === "elected") this.#effects.push({ kind: "repeat", address: key });
    else this.#decide(address, now);
  }

  #gap(now: Millis): void {
    // The watch forgets at the same time, and will tell what it learns anew.
    for (const node of this.#peers.keys()) this.#peers.set(node, "unknown");
    for (const address of this.#addresses.values()) {
      address.unconfirmed = true;
      if (address.owned) this.#stop(address);
      this.#decide(address, now);
    }
  }

  /** Answer and announce. */
  #own(address: Address): void {
    address.owned = true;
    address.hushed = false;
    address.foreignClaimAt = undefined;
    this.#answer(address);
    const { address: key, interfaces } = address.wanted;
    this.#effects.push({ kind: "announce", address: key, interfaces, once: false });
  }

  #answer(address: Address): void {
    const { address: key, interfaces } = address.wanted;
    this.#effects.push({ kind: "own", address: key, interfaces });
  }

  #disown(address: Address, verdict: Verdict): void {
    this.#stop(address);
    this.#report(address, { owned: false, ...verdict });
  }

  #stop(address: Address): void {
    address.owned = false;
    address.hushed = false;
    address.foreignClaimAt = undefined;
    this.#endHandOver(address);
    this.#effects.push({ kind: "disown", address: address.wanted.address });
  }

  #report(address: Address, report: Report): void {
    const last = address.reported;
    if (last?.owned === report.owned && last.reason === report.reason && last.elected === report.elected) return;
    address.reported = report;
    this.#effects.push({ kind: "changed", address: address.wanted.address, ...report });
  }

  #ownsAny(): boolean {
    return this.#addresses.values().some(({ owned }) => owned);
  }
}
