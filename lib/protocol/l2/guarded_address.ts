/** One address as the conflict guard sees it: where it stands, and what was said and seen of it. */
import type { ClaimForm } from "../../base/conflict.ts";
import type { Mac } from "../../base/mac.ts";
import type { Millis } from "../../base/time.ts";
import type { AddressPolicy, OwnershipReason } from "../../base/wanted.ts";
import type { OwnershipReport } from "./conflict_io.ts";

/** How often and how long it is asked whether an address is free. */
const ROUND_IPV4 = { probes: 3, intervalMs: 200 };
const ROUND_IPV6 = { probes: 1, intervalMs: 1000 };
/** Somebody of the cluster takes over, or may. */
const BETWEEN_OWNERS: ReadonlySet<OwnershipReason> = new Set<OwnershipReason>([
  "handingOver",
  "leaving",
  "waitingForPeers",
  "waitingForClaims",
]);

/** It is not known who answers. */
const WAITING: ReadonlySet<OwnershipReason> = new Set<OwnershipReason>([
  "waitingForPeers",
  "waitingForClaims",
  "waitingForSnapshot",
]);

export type Phase = "idle" | "tentative" | "proving" | "yielded" | "settled";

export interface Stranger {
  mac: Mac;
  interfaceName: string;
  form: ClaimForm;
  claimedAt: Millis;
}

/** A speaker that goes on claiming what this node answers for. */
interface Rival {
  readonly node: string;
  readonly since: Millis;
  claimedAt: Millis;
}

export interface Guarded {
  readonly address: string;
  policy: AddressPolicy;
  interfaces: "all" | readonly string[];
  phase: Phase;
  /** What ownership said last. */
  report: OwnershipReport | undefined;
  /** Some node of the cluster has had it, as far as we know. */
  isKnownToCluster: boolean;
  /** Ownership wanted it announced while that could not be. */
  announceLater: boolean;
  /** Of the present round of asking; -1 outside of one. */
  probesLeft: number;
  retries: number;
  stranger: Stranger | undefined;
  rival: Rival | undefined;
  /** Whom we gave way to last; it may turn out to be a speaker. */
  yieldedTo: Mac | undefined;
  defendedAt: Millis;
  probeToldAt: Millis;
}

export function guard(address: string, policy: AddressPolicy): Guarded {
  return {
    address,
    policy,
    interfaces: [],
    phase: "idle",
    report: undefined,
    isKnownToCluster: false,
    announceLater: false,
    probesLeft: -1,
    retries: 0,
    stranger: undefined,
    rival: undefined,
    yieldedTo: undefined,
    defendedAt: -Infinity,
    probeToldAt: -Infinity,
  };
}

export function isBetweenOwners({ reason }: OwnershipReport): boolean {
  return BETWEEN_OWNERS.has(reason);
}

export function isAnswered({ phase }: Guarded): boolean {
  return phase === "tentative" || phase === "settled";
}

/** Another node of the cluster answers for the address, as far as ownership can tell. */
export function isElsewhere({ elected, owned, reason }: OwnershipReport): boolean {
  return !owned && elected !== null && !WAITING.has(reason);
}

export function isIpv6({ address }: Guarded): boolean {
  return address.includes(":");
}

export function roundOf(guarded: Guarded): { readonly probes: number; readonly intervalMs: number } {
  return isIpv6(guarded) ? ROUND_IPV6 : ROUND_IPV4;
}

/** How long a speaker has been claiming what we answer for, pauses of up to `quietMs` included. */
export function rivalryMs(
  guarded: Guarded,
  { node, now, quietMs }: { readonly node: string; readonly now: Millis; readonly quietMs: Millis },
): Millis {
  const { rival } = guarded;
  if (rival?.node !== node || now - rival.claimedAt > quietMs) guarded.rival = { node, since: now, claimedAt: now };
  else rival.claimedAt = now;
  return now - guarded.rival!.since;
}
