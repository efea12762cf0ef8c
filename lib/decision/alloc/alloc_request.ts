/** What a Service asks of the allocator, and what it is told. */
import type { Ip, IpFamily } from "../../base/ip.ts";
import type { Labels } from "../config/service_view.ts";
import type { Share } from "./share.ts";

export interface AllocRequest {
  /** `namespace/name`: who holds what is given. */
  readonly serviceKey: string;
  readonly namespace: string;
  /** For the service selectors of pools. */
  readonly labels: Labels;
  /** For pools that are bound to classes. */
  readonly loadBalancerClass?: string | undefined;
  /** On what terms it shares its addresses; `undefined` for not at all. */
  readonly share?: Share | undefined;
  /** One family, or both with the primary one first. */
  readonly families: readonly IpFamily[];
  /** With two families: one of them is enough when both cannot be had. */
  readonly oneIsEnough: boolean;
  /** Only from this pool. */
  readonly pool?: string | undefined;
  /** Only these addresses, in this order; one, or two of different families. */
  readonly addresses?: readonly Ip[] | undefined;
}

/** Closed set. The message of a refusal holds MetalLB's words where it has some (reference §5.8). */
export type AllocReason =
  | "noAvailableIPs"
  | "poolExhausted"
  | "unknownPool"
  /** The pool named is disabled by its own errors. */
  | "disabledPool"
  /** The pool's `serviceAllocation`, or the class it is bound to, does not admit the Service. */
  | "poolIncompatible"
  /** The addresses are in another pool than the one requested. */
  | "poolMismatch"
  | "invalidAddress"
  /** Outside all pools, in two pools, or left out by `avoidBuggyIPs`. */
  | "ipNotAllowed"
  | "familyMismatch"
  /** The addresses held are not the ones requested. */
  | "notRequested"
  /** One of the Services there shares with nobody, or the one that asks does not. */
  | "addressInUse"
  /** They share, but on other terms: another key, or with `externalTrafficPolicy: Local` another selector. */
  | "sharingConflict"
  /** They could share, were it not for a port that both have. */
  | "portConflict";

export type AllocResult =
  /** `addresses` are canonical texts. */
  | { readonly ok: true; readonly pool: string; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly reason: AllocReason; readonly message: string };

export interface PoolCounters {
  readonly name: string;
  /** Addresses, not Services. Values beyond Go's int64 are its maximum, as in MetalLB (reference §13). */
  readonly assignedIPv4: bigint;
  readonly assignedIPv6: bigint;
  readonly availableIPv4: bigint;
  readonly availableIPv6: bigint;
  /** Addresses that nobody has and nobody gets yet (`herald.dev/reuse-after`); part of neither of the above. */
  readonly restingIPv4: bigint;
  readonly restingIPv6: bigint;
  /** Addresses that `avoidBuggyIPs` leaves out; part of none of the above. */
  readonly skippedIPv4: bigint;
}
