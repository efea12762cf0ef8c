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
 * The successor answers from the instant it is elected. The old owner goes on until it sees the successor's gratuitous
 * ARP on the wire, so the overlap is as short as the wire allows and there is no gap. A candidate that was neither
 * heard nor given up yet decides nothing: whoever owns goes on, whoever does not waits. After a pause of this process
 * (`gap`) its ownership counts as lost, and nothing is answered before every other candidate is known again.
 *
 * It is about addresses of both families; which frames carry the claim is the responders' business.
 */
import { firstLiving } from "../../base/election.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { OwnershipReason, PeerState, WantedAddress } from "../../base/wanted.ts";

export type OwnershipInput =
  | { readonly kind: "wanted"; readonly upsert: readonly WantedAddress[]; readonly remove: readonly string[] }
  /** The first snapshot is whole: from now on addresses may be claimed. */
  | { readonly kind: "complete" }
  | { readonly kind: "peer"; readonly node: string; readonly state: PeerState | undefined }
  /** Another station announced an address that we answer for. */
  | { readonly kind: "foreignClaim"; readonly address: string }
  | { readonly kind: "gap" }
  | { readonly kind: "leave" };

/** In the order in which they must be applied. */
export type OwnershipEffect =
  /** Answer, and tell the segment. Repeated when only the interfaces changed or the segment must be told again. */
  | { readonly kind: "own"; readonly address: string; readonly interfaces: "all" | readonly string[] }
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
}

interface Address {
  wanted: WantedAddress;
  /** Whether we answer for it. */
  owned: boolean;
  /** What was reported last. */
  reported: Report | undefined;
  /** After a gap: every other candidate must be known before we answer. */
  unconfirmed: boolean;
  handOverUntil: Millis | undefined;
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
  readonly #effects = new Queue<OwnershipEffect>();
  #complete = false;
  #leaving = false;
  #left = false;

  constructor(options: OwnershipOptions) {
    this.#options = { handOverMs: 2000, ...options };
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
      case "peer":
        if (input.state === undefined) this.#peers.delete(input.node);
        else this.#peers.set(input.node, input.state);
        this.#decideAll(now, input.node);
        break;
      case "foreignClaim":
        this.#foreignClaim(input.address, now);
        break;
      case "gap":
        this.#gap(now);
        break;
      case "leave":
        this.#leaving = true;
        this.#decideAll(now);
        break;
      case "tick":
        this.#tick(now);
    }
    if (this.#leaving && !this.#left && !this.#ownsAny()) {
      this.#left = true;
      this.#effects.push({ kind: "left" });
    }
  }

  poll(): OwnershipEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    let next: Deadline | undefined;
    for (const [why, { handOverUntil }] of this.#addresses) {
      if (handOverUntil !== undefined && (next === undefined || handOverUntil < next.at)) {
        next = { at: handOverUntil, why: `hand over ${why}` };
      }
    }
    return next;
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
        reported: undefined,
        unconfirmed: false,
        handOverUntil: undefined,
        foreignClaimAt: undefined,
      };
      this.#addresses.set(wanted.address, fresh);
      this.#decide(fresh, now);
      return;
    }
    const moved = !sameInterfaces(address.wanted.interfaces, wanted.interfaces);
    address.wanted = wanted;
    if (address.owned && moved) this.#own(address);
    this.#decide(address, now);
  }

  #remove(key: string): void {
    const address = this.#addresses.get(key);
    if (address === undefined) return;
    this.#addresses.delete(key);
    // Nobody wants it any more, so there is no successor to wait for.
    if (address.owned) this.#effects.push({ kind: "disown", address: key });
    this.#effects.push({ kind: "changed", address: key, owned: false, reason: "notCandidate", elected: null });
  }

  #decideAll(now: Millis, onlyFor?: string): void {
    for (const address of this.#addresses.values()) {
      if (onlyFor === undefined || address.wanted.candidates.includes(onlyFor)) this.#decide(address, now);
    }
  }

  /** Brings one address from what it is to what it should be. */
  #decide(address: Address, now: Millis): void {
    const { elected, reason } = this.#judge(address);
    if (reason === "elected") {
      // A successor that we waited for may have told the segment already; take the neighbours back.
      if (!address.owned || address.handOverUntil !== undefined) this.#own(address);
      address.handOverUntil = undefined;
      return this.#report(address, { owned: true, reason, elected });
    }
    if (!address.owned) return this.#report(address, { owned: false, reason, elected });
    if (reason === "waitingForPeers") return this.#report(address, { owned: true, reason, elected });
    const successorSeen = address.foreignClaimAt !== undefined &&
      now - address.foreignClaimAt <= this.#options.handOverMs;
    if (elected === null || successorSeen) return this.#disown(address, { elected, reason });
    address.handOverUntil ??= now + this.#options.handOverMs;
    this.#report(address, { owned: true, reason: "handingOver", elected });
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
    if (address.handOverUntil !== undefined) this.#decide(address, now);
  }

  #gap(now: Millis): void {
    for (const address of this.#addresses.values()) {
      address.unconfirmed = true;
      address.handOverUntil = undefined;
      address.foreignClaimAt = undefined;
      if (address.owned) {
        address.owned = false;
        this.#effects.push({ kind: "disown", address: address.wanted.address });
      }
      this.#decide(address, now);
    }
  }

  #tick(now: Millis): void {
    for (const address of this.#addresses.values()) {
      if (address.handOverUntil === undefined || address.handOverUntil > now) continue;
      this.#disown(address, this.#judge(address));
    }
  }

  #own(address: Address): void {
    address.owned = true;
    address.foreignClaimAt = undefined;
    const { address: key, interfaces } = address.wanted;
    this.#effects.push({ kind: "own", address: key, interfaces });
  }

  #disown(address: Address, verdict: Verdict): void {
    address.owned = false;
    address.handOverUntil = undefined;
    address.foreignClaimAt = undefined;
    this.#effects.push({ kind: "disown", address: address.wanted.address });
    this.#report(address, { owned: false, ...verdict });
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

function sameInterfaces(a: "all" | readonly string[], b: "all" | readonly string[]): boolean {
  if (a === "all" || b === "all") return a === b;
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
