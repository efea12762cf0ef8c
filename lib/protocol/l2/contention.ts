/**
 * Contention: what others say of an address, by frames on the segment and by claims, and what we answer.
 *
 * A claim carries a term that goes up with every change of hands: the higher one wins, and of equal ones the better
 * candidate's; of two nodes only one of which hears the API server, that one's. By it every speaker keeps the same books:
 * who holds the address. Whether it has it then is the election's question; whoever keeps it says so to the other one.
 *
 * An owner that sees another station announce its address waits a moment before it takes its neighbours back: most of
 * the time the other one has only heard the news first.
 */
import type { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import { type Answering, termAfter } from "./answering.ts";
import type { Candidates } from "./candidates.ts";
import type { Election } from "./election.ts";
import { announces, noteGivenUp, type OwnedAddress, wasGivenUp } from "./owned_address.ts";
import type { Claim, OthersClaims, OwnershipEffect, OwnershipInput, OwnershipOptions } from "./ownership_io.ts";

/** Younger owners are no part of a split. */
const SPLIT_MS_MIN = 250;

export interface ContentionDeps {
  readonly addresses: ReadonlyMap<string, OwnedAddress>;
  readonly candidates: Candidates;
  readonly election: Election;
  readonly answering: Answering;
  readonly effects: Queue<OwnershipEffect>;
  readonly waiting: Set<OwnedAddress>;
  readonly decide: (address: OwnedAddress, now: Millis) => void;
}

export class Contention {
  readonly #options: Required<OwnershipOptions>;
  readonly #deps: ContentionDeps;

  constructor(options: Required<OwnershipOptions>, deps: ContentionDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** False when at most a defence was put down for later. */
  seeClaim({ address: key, node }: OwnershipInput & { kind: "foreignClaim" }, now: Millis): boolean {
    const address = this.#deps.addresses.get(key);
    if (address === undefined || !address.owned) return false;
    // What a speaker that we hear means by it, its claim says better: the frame may be the last of a former owner.
    const isHeard = node !== undefined && this.#options.watched && this.#deps.candidates.mayLive(node);
    if (!isHeard || !announces(address)) address.foreignClaim = { at: now, node, mayOvertake: false };
    if (!announces(address)) {
      this.#deps.decide(address, now);
      return true;
    }
    this.#defend(address, node, now);
    return false;
  }

  /** Whoever claims what is ours has not noticed us, or we have not heard yet what it has (RFC 5227 §2.4). */
  #defend(address: OwnedAddress, against: string | undefined, now: Millis): void {
    address.defence ??= { at: now + this.#options.defendMs, against };
    this.#deps.waiting.add(address);
  }

  /** Another one has answered beside us, though it does not any more: its neighbours do not know. */
  #defendOld(
    address: OwnedAddress,
    { node: other, standing }: Pick<OthersClaims, "node" | "standing">,
    now: Millis,
  ): void {
    if (!announces(address) || now - address.ownedSince < SPLIT_MS_MIN) return;
    this.#defend(address, other, now);
    if (!standing) return;
    this.#deps.effects.push({ kind: "splitHealed", address: address.wanted.address, other, keeps: this.#options.node });
  }

  /** In both layers: what the segment hears from us, the other speakers hear as well. */
  takeBack(address: OwnedAddress, from: string | undefined, now: Millis): void {
    this.#deps.effects.push({ kind: "repeat", address: address.wanted.address });
    if (this.#options.watched && address.holder === this.#options.node) this.#contradict(address, from, now);
  }

  #contradict(address: OwnedAddress, other: string | undefined, now: Millis): void {
    address.contradictedAt = now;
    // Whoever hears it gives way, or says again that it does not.
    if (other !== undefined && this.#deps.candidates.mayLive(other)) address.foreignClaim = undefined;
    this.#deps.answering.claim(address, other);
  }

  hearClaim(claim: Claim, from: Omit<OthersClaims, "kind" | "claims">, now: Millis): void {
    const address = this.#deps.addresses.get(claim.address);
    const { node } = from;
    // Whoever is dead to us says it again when it is not any more; two that are dead to each other would only shout.
    if (address === undefined || !this.#deps.candidates.mayLive(node)) return;
    if (claim.givenUp) {
      noteGivenUp(address, claim, node);
      if (address.holder === node && claim.term >= address.holderTerm) address.holder = undefined;
      address.term = Math.max(address.term, claim.term);
      this.#deps.decide(address, now);
      this.#defendOld(address, from, now);
      // A claim of ours that is not above that one did not count beside it: nobody would know that it is us who answer.
      if (!announces(address) || address.holder !== this.#options.node || address.term > claim.term) return;
      address.term = termAfter(address.term);
      return this.#deps.answering.claim(address, node);
    }
    if (wasGivenUp(address, claim, node)) return this.#defendOld(address, from, now);
    const insisted = address.owned && !address.hushed;
    const wasOwned = address.owned;
    const theirsHolds = this.#beats(claim, from, address);
    if (theirsHolds) {
      address.holder = node;
      address.term = claim.term;
    }
    if (address.holder === node) {
      address.holderTerm = claim.term;
      address.holderIsFresh = !from.stale;
    }
    if (!wasOwned) {
      this.#deps.decide(address, now);
      const { released } = address;
      if (from.standing && released?.to === node && now - released.at <= this.#options.handOverMs) {
        address.released = undefined;
        this.#deps.effects.push({ kind: "splitHealed", address: claim.address, other: node, keeps: node });
      }
      return this.#doubtOwner(address, node);
    }
    address.foreignClaim = { at: now, node, mayOvertake: !from.standing };
    this.#deps.decide(address, now);
    // Whoever has just begun did not go on in a part of the network.
    const isOld = now - address.ownedSince >= SPLIT_MS_MIN;
    if (from.standing && isOld && (insisted || address.reported?.elected === node)) {
      const keeps = address.owned && !address.hushed ? this.#options.node : node;
      this.#deps.effects.push({ kind: "splitHealed", address: claim.address, other: node, keeps });
    }
    if (!address.owned || address.hushed) return;
    // We keep it, by the order, and the other one hears so, but not at the rate at which two could contradict each other.
    // If it goes on nevertheless it may know better: then its claim counts as soon as we know the same.
    address.holder = this.#options.node;
    if (from.standing) address.foreignClaim = undefined;
    address.term = Math.max(address.term, theirsHolds ? termAfter(claim.term) : claim.term);
    if (now - address.contradictedAt >= this.#options.defendMs) this.#contradict(address, node, now);
    this.#defend(address, node, now);
  }

  /** True when another node's claim counts more than what is known: a later term, or the same one of a better candidate. */
  #beats(claim: Claim, { node, stale }: Pick<OthersClaims, "node" | "stale">, address: OwnedAddress): boolean {
    const { holder, holderIsFresh, term, wanted } = address;
    if (holder === undefined || !this.#deps.candidates.mayLive(holder)) return true;
    const isFresh = holder === this.#options.node ? !this.#deps.election.stale : holderIsFresh;
    if (holder !== node && stale === isFresh) return !stale;
    if (claim.term !== term) return claim.term > term;
    return wanted.candidates.indexOf(node) <= wanted.candidates.indexOf(holder);
  }

  /** Somebody answers although another one comes first: that one may be dead, and we do not watch it. */
  #doubtOwner(address: OwnedAddress, claimant: string): void {
    const [owner] = address.order;
    if (owner === undefined || owner === claimant || owner === this.#options.node) return;
    this.#deps.effects.push({ kind: "doubt", node: owner });
  }
}
