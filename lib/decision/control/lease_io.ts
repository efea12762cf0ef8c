/** What goes into the election by Lease and what comes out. Plain data. */
import type { LogEvent } from "../../base/log.ts";
import type { Millis } from "../../base/time.ts";

/** A Lease (`coordination.k8s.io/v1`) as far as the election reads it. */
export interface Lease {
  readonly resourceVersion: string;
  /** Empty when it was released. */
  readonly holder: string;
  /** What the holder promised, from its last renewal on. */
  readonly durationMs: Millis;
  /** How often the holder has changed. */
  readonly transitions: number;
}

/** Closed set: why a request about the Lease brought nothing. */
export type LeaseFailure =
  /** It is not as it was last seen: changed, removed, or made by somebody else meanwhile. */
  | "changed"
  /** The server was not there or not well; a write may have happened. */
  | "unknown"
  /** The server understood and refused, e.g. because a right is missing. */
  | "refused";

export type LeaseInput =
  | { readonly kind: "start" }
  /** What the watch brought, early or late; `undefined`: there is no Lease. A hint: nothing rests on it alone. */
  | { readonly kind: "seen"; readonly lease: Lease | undefined }
  /** Answers carry the number of the request: exactly one each, but none may ever come too. */
  | { readonly kind: "got"; readonly request: number; readonly lease: Lease | undefined }
  | { readonly kind: "written"; readonly request: number; readonly lease: Lease }
  | {
    readonly kind: "failed";
    readonly request: number;
    readonly reason: LeaseFailure;
    readonly message: string;
  }
  /** Give the Lease back. `isClean`: no write of this leader can reach the API any more. */
  | { readonly kind: "stop"; readonly isClean: boolean };

export type LeaseEffect =
  | { readonly kind: "get"; readonly request: number }
  | {
    readonly kind: "write";
    readonly request: number;
    /** The version that is replaced; `undefined` creates. */
    readonly resourceVersion: string | undefined;
    readonly holder: string;
    readonly durationMs: Millis;
    readonly transitions: number;
    /** `acquireTime` is written too. */
    readonly isAcquisition: boolean;
  }
  /** Who holds the Lease, or that it cannot be found out, is known for the first time. */
  | { readonly kind: "settled" }
  /** From now on this one leads. What others wrote until now must be listed anew before anything is decided. */
  | { readonly kind: "lead" }
  | { readonly kind: "follow"; readonly reason: LossReason }
  /** After `stop`: nothing more will come. */
  | { readonly kind: "stopped" }
  | { readonly kind: "log"; readonly event: LogEvent };

/** Closed set. */
export type LossReason =
  /** It could not be renewed in time. */
  | "expired"
  /** Somebody else holds it. */
  | "taken";
