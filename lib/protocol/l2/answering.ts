/**
 * Answering: carries out what was decided about an address. It begins to answer and to announce, falls silent, says so to
 * the segment, to the other speakers and to whoever follows the reports.
 *
 * It decides nothing; only the terms of claims, which go up with every change of hands, are its own.
 */
import type { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { Candidates } from "./candidates.ts";
import type { Verdict } from "./election.ts";
import type { OwnedAddress, OwnershipState } from "./owned_address.ts";
import { type OwnershipEffect, TERM_MAX } from "./ownership_io.ts";
import type { WatchPairs } from "./watch_pairs.ts";

export interface AnsweringDeps {
  readonly candidates: Candidates;
  readonly pairs: WatchPairs;
  readonly effects: Queue<OwnershipEffect>;
  /** Who is no owner waits for nothing. */
  readonly waiting: Set<OwnedAddress>;
}

export class Answering {
  readonly #node: string;
  readonly #watched: boolean;
  readonly #deps: AnsweringDeps;

  constructor({ node, watched }: { readonly node: string; readonly watched: boolean }, deps: AnsweringDeps) {
    this.#node = node;
    this.#watched = watched;
    this.#deps = deps;
  }

  /** Answer and announce. */
  own(address: OwnedAddress, now: Millis): void {
    if (!address.owned) address.ownedSince = now;
    const isNew = !address.owned || address.holder !== this.#node;
    const before = address.holder ?? address.order[1];
    address.owned = true;
    address.hushed = false;
    address.foreignClaim = undefined;
    this.#deps.pairs.change();
    // Who has the address only because nobody can serve it does not insist: it may be alone with that view.
    if (isNew && this.#deps.candidates.standsBack(address.wanted, this.#node) === undefined) {
      address.term = termAfter(address.term);
      address.holder = this.#node;
    }
    this.tell(address);
    if (this.#watched && address.holder === this.#node) this.claim(address, before);
  }

  tell(address: OwnedAddress): void {
    this.answer(address);
    const { address: key, interfaces } = address.wanted;
    this.#deps.effects.push({ kind: "announce", address: key, interfaces, once: false });
  }

  claim(address: OwnedAddress, first: string | undefined): void {
    if (address.term <= address.ownGivenUp) address.term = termAfter(address.ownGivenUp);
    const { wanted, term } = address;
    this.#deps.effects.push({ kind: "claim", claim: { address: wanted.address, term, givenUp: false }, first });
  }

  answer(address: OwnedAddress): void {
    const { address: key, interfaces } = address.wanted;
    this.#deps.effects.push({ kind: "own", address: key, interfaces });
  }

  disown(address: OwnedAddress, verdict: Verdict): void {
    this.stop(address);
    // Whatever its term was: a policy that begins to hold later must not find us here, nor at anybody else.
    if (address.holder === this.#node) {
      this.giveUp(address, verdict.elected ?? undefined);
      address.holder = verdict.elected ?? undefined;
      address.holderTerm = 0;
      address.holderIsFresh = false;
    }
    this.report(address, { owned: false, ...verdict });
  }

  stop(address: OwnedAddress): void {
    address.owned = false;
    address.hushed = false;
    address.foreignClaim = undefined;
    address.defence = undefined;
    address.contradictedAt = -Infinity;
    this.endHandOver(address);
    this.#deps.waiting.delete(address);
    this.disownIt(address);
  }

  disownIt({ wanted }: OwnedAddress): void {
    this.#deps.pairs.change();
    this.#deps.effects.push({ kind: "disown", address: wanted.address });
    if (this.#watched) this.#deps.effects.push({ kind: "unclaim", address: wanted.address });
  }

  report(address: OwnedAddress, report: OwnershipState): void {
    const last = address.reported;
    if (last?.owned === report.owned && last.reason === report.reason && last.elected === report.elected) return;
    address.reported = report;
    this.#deps.effects.push({ kind: "changed", address: address.wanted.address, ...report });
  }

  /**
   * Whoever waits for us because we answered first need not. It is told whatever our own policy says: the others may have
   * heard of one that keeps the address before we did, or will remember our claim when one begins to hold.
   */
  giveUp(address: OwnedAddress, successor: string | undefined): void {
    if (address.holder === this.#node) address.holder = undefined;
    if (!this.#watched || address.term === 0) return;
    address.ownGivenUp = address.term;
    const claim = { address: address.wanted.address, term: address.term, givenUp: true };
    this.#deps.effects.push({ kind: "claim", claim, first: successor });
  }

  endHandOver(address: OwnedAddress): void {
    address.handOver = undefined;
  }
}

export function termAfter(term: number): number {
  return Math.min(term + 1, TERM_MAX);
}
