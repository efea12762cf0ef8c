/** What goes into the conflict guard and what comes out of it. */
import type { ClaimForm, ConflictState, DoubleAnswerState } from "../../base/conflict.ts";
import type { Mac } from "../../base/mac.ts";
import type { Millis } from "../../base/time.ts";
import type { WantedAddress } from "../../base/wanted.ts";
import type { InterfaceChange, L2Interface } from "./interface.ts";
import type { OwnershipDecision } from "./ownership_io.ts";

export type OwnershipReport = OwnershipDecision & { readonly kind: "changed" };

export type ConflictGuardInput =
  | { readonly kind: "wanted"; readonly upsert: readonly WantedAddress[]; readonly remove: readonly string[] }
  | InterfaceChange
  /** The node of this name is a peer, and will show what interfaces it has. */
  | { readonly kind: "stationExpected"; readonly node: string }
  /** A speaker has an interface with this hardware address. */
  | { readonly kind: "station"; readonly node: string; readonly mac: Mac }
  | { readonly kind: "stationsGone"; readonly node: string }
  | { readonly kind: "decision"; readonly decision: OwnershipDecision }
  | { readonly kind: "claim"; readonly claim: AddressClaim };

export interface AddressClaim {
  readonly address: string;
  readonly ifindex: number;
  readonly mac: Mac;
  readonly form: ClaimForm;
}

/** In the order in which they must be applied: ownership's decisions, as far as they may be carried out now, and more. */
export type ConflictGuardEffect =
  | OwnershipDecision
  /** Do not answer, but go on telling who claims the address. */
  | { readonly kind: "listen"; readonly address: string; readonly interfaces: "all" | readonly string[] }
  | {
    readonly kind: "probe";
    readonly address: string;
    readonly on: L2Interface;
    /** We answer for it: the question must not take anybody's neighbours away. */
    readonly answered: boolean;
  }
  /** Another speaker announces the address, or during a hand-over somebody who may be one. */
  | { readonly kind: "speakerClaim"; readonly address: string; readonly node: string | undefined }
  /** A node that does not own the address answers for it; one address at a time is told for each node. */
  | {
    readonly kind: "doubleAnswer";
    readonly state: DoubleAnswerState;
    readonly address: string;
    readonly other: string;
    readonly mac: Mac;
    readonly interface: string;
  }
  | {
    readonly kind: "conflict";
    readonly address: string;
    readonly state: ConflictState;
    readonly mac: Mac;
    readonly interface: string;
    readonly form: ClaimForm;
  };

export interface ConflictGuardOptions {
  readonly framesPerMs?: number;
  readonly burst?: number;
  /** After a first answer: how long a stranger must be silent before the conflict counts as over. */
  readonly quietMs?: Millis;
  /** RFC 5227's DEFEND_INTERVAL. */
  readonly defendMs?: Millis;
  /** Between two probes of an address that is in order. */
  readonly checkMs?: Millis;
  readonly retryMs?: Millis;
  /** RFC 5227's RATE_LIMIT_INTERVAL. */
  readonly retryMsMax?: Millis;
}
