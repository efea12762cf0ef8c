/** What goes into the ownership machine and what comes out of it. */
import type { Serving } from "../../base/serving.ts";
import type { OwnershipReason, WantedAddress } from "../../base/wanted.ts";
import type { PeerView } from "./liveness.ts";
import type { WatchedPairs } from "./watch_pairs.ts";

export type OwnershipInput =
  | { readonly kind: "wanted"; readonly upsert: readonly WantedAddress[]; readonly remove: readonly string[] }
  /** The first snapshot is whole: from now on addresses may be claimed. */
  | { readonly kind: "complete" }
  /** What changed among the peers in one go; every address is decided once for all of it. */
  | { readonly kind: "peers"; readonly changes: readonly PeerView[] }
  /** Living members that are not Herald; while there are any, their order holds. */
  | { readonly kind: "foreignMembers"; readonly nodes: readonly string[] }
  /** Where this node can serve; `noCarrier` names the interfaces that only lack a link. */
  | { readonly kind: "serving"; readonly serving: Serving; readonly noCarrier: ReadonlySet<string> }
  /** Another station announced an address that we answer for. */
  | { readonly kind: "foreignClaim"; readonly address: string; readonly node?: string | undefined }
  | OthersClaims
  /** Everybody who lives has said what it answers for, or had its time to. */
  | { readonly kind: "claimsKnown" }
  /** `--safe`: neither the API nor most of the peers are seen; `false`: they are again. */
  | { readonly kind: "cutOff"; readonly cutOff: boolean }
  /** Whether what is wanted may be old, because the API server is not heard. */
  | { readonly kind: "stale"; readonly stale: boolean }
  | { readonly kind: "gap" }
  | { readonly kind: "leave" };

/** What another speaker says that it answers for. */
export interface OthersClaims {
  readonly kind: "claims";
  readonly node: string;
  readonly claims: readonly Claim[];
  /** It has been so for a while. */
  readonly standing: boolean;
  /** It does not hear the API server. */
  readonly stale: boolean;
}

/** What a message can carry. Nobody gets there but by a forged claim, after which the order of the candidates decides. */
export const TERM_MAX = 2 ** 32 - 1;

/** A node's word that it answers for an address. */
export interface Claim {
  readonly address: string;
  /** Goes up by one whenever the address changes hands, to {@linkcode TERM_MAX} at most. */
  readonly term: number;
  /** It answers still, but does not insist: the order of the candidates decides. */
  readonly givenUp: boolean;
}

/** What becomes of an address, in the order in which it must be applied. */
export type OwnershipDecision =
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
  };

/** In the order in which they must be applied. */
export type OwnershipEffect =
  | OwnershipDecision
  /** Tell the other speakers; `first` is the one that waits for it, if there is one. */
  | { readonly kind: "claim"; readonly claim: Claim; readonly first: string | undefined }
  /** Nothing is claimed any more. */
  | { readonly kind: "unclaim"; readonly address: string }
  /** Ask who answers for what. */
  | { readonly kind: "askClaims" }
  /** This node may be dead although it seems to live: somebody else answers in its place. */
  | { readonly kind: "doubt"; readonly node: string }
  | WatchedPairs
  /** This node and another one, which did not hear each other, both answered. */
  | { readonly kind: "splitHealed"; readonly address: string; readonly other: string; readonly keeps: string }
  /** Nothing is answered any more after `leave`. */
  | { readonly kind: "left" };

export interface OwnershipOptions {
  readonly node: string;
  /** Without a watch every candidate counts as living, as in MetalLB without memberlist. */
  readonly watched: boolean;
  /** How long an old owner waits to see its successor on the wire. */
  readonly handOverMs?: number;
  /** How long it goes on when the successor spoke to it alone. */
  readonly lingerMs?: number;
  /** After how much of that it provokes a successor that it did not see. */
  readonly provokeMs?: number;
  /** How long before its election was known here a successor's announcement still counts: probes get lost. */
  readonly claimMs?: number;
  /** How long an owner waits before it takes its neighbours back from another station. */
  readonly defendMs?: number;
}
