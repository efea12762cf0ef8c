/** One address as ownership sees it: what is wanted, what this node does, and who else may have it. */
import type { Millis } from "../../base/time.ts";
import { lacksWire, type OwnershipReason, type WantedAddress } from "../../base/wanted.ts";
import { type Claim, TERM_MAX } from "./ownership_io.ts";

export interface HandOver {
  readonly successor: string;
  /** A leaver, and whoever follows the order alone, does not wait for ever. */
  readonly until: Millis;
  provokeAt: Millis | undefined;
  /** The successor answers; what was asked before it did is answered here until then. */
  lingerUntil?: Millis;
}

export interface ForeignClaim {
  readonly at: Millis;
  readonly node: string | undefined;
  /** It has just begun to answer and says so to us alone: questions from before may come in after its word. */
  readonly mayOvertake: boolean;
}

export interface OwnedAddress {
  wanted: WantedAddress;
  /** Whether we answer for it. */
  owned: boolean;
  ownedSince: Millis;
  /** We answer but do not announce, because a successor was elected: neighbours may be on their way to it. */
  hushed: boolean;
  /** What was reported last. */
  reported: OwnershipState | undefined;
  /** After a gap: every other candidate must be known before we answer. */
  unconfirmed: boolean;
  handOver: HandOver | undefined;
  /** Somebody else spoke for it: a node, if it is known which. */
  foreignClaim: ForeignClaim | undefined;
  /** To whom it was handed over last. */
  released: { readonly to: string; readonly at: Millis } | undefined;
  /** When to take our neighbours back from another station, and its node, if it is known which. */
  defence: { readonly at: Millis; readonly against: string | undefined } | undefined;
  /** When we last answered another's claim with ours. Its frames do not count: they come first, and say no term. */
  contradictedAt: Millis;
  /** When a better candidate may have it back, by what is known of the others now. */
  failbackAt: Millis | undefined;
  /** Who answered last, as far as it insists, and the highest term that is known. */
  holder: string | undefined;
  term: number;
  /** The term of what the holder said last itself: its give-up counts from there on, though others knew a higher one. */
  holderTerm: number;
  /** The holder hears the API server, by its own word. */
  holderIsFresh: boolean;
  /** The terms that others gave up last, by node: a claim that was made before, and arrives after, is nothing. */
  givenUp: Map<string, number> | undefined;
  /** The term that we gave up last. What we claim later has a higher one. */
  ownGivenUp: number;
  /** The first living candidates, the owner first. */
  order: readonly string[];
}

/** What is told of an address. */
export interface OwnershipState {
  readonly owned: boolean;
  readonly reason: OwnershipReason;
  readonly elected: string | null;
}

/** An address that was just wanted. */
export function ownedAddress(wanted: WantedAddress): OwnedAddress {
  return {
    wanted,
    owned: false,
    ownedSince: -Infinity,
    hushed: false,
    reported: undefined,
    unconfirmed: false,
    handOver: undefined,
    foreignClaim: undefined,
    released: undefined,
    defence: undefined,
    contradictedAt: -Infinity,
    failbackAt: undefined,
    holder: wanted.lastHolder,
    term: 0,
    holderTerm: 0,
    holderIsFresh: false,
    givenUp: undefined,
    ownGivenUp: 0,
    order: [],
  };
}

/** True while a node answers that would stand back if anybody could serve the address. */
export function isLastResort(reported: OwnershipState | undefined): boolean {
  if (reported?.owned !== true) return false;
  const { reason } = reported;
  return lacksWire(reason) || reason === "linkProbeFailed";
}

/** True while we answer and mean to. */
export function announces({ owned, hushed, reported }: OwnedAddress): boolean {
  return owned && !hushed && reported?.reason !== "waitingForPeers";
}

/** Datagrams overtake each other: what a node claimed before it gave up may be heard after it. */
export function wasGivenUp({ givenUp }: OwnedAddress, { term }: Claim, node: string): boolean {
  return term <= (givenUp?.get(node) ?? -1) && term < TERM_MAX;
}

export function noteGivenUp(address: OwnedAddress, { term }: Claim, node: string): void {
  address.givenUp ??= new Map();
  address.givenUp.set(node, Math.max(term, address.givenUp.get(node) ?? term));
}

/** A process that was started anew answers for nothing before it says so, and remembers nothing. */
export function forgetLife(address: OwnedAddress, node: string): void {
  if (address.holder === node) address.holder = undefined;
  address.givenUp?.delete(node);
}
