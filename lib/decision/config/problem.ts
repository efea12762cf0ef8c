/**
 * One thing that is wrong with one object a user wrote, as `herald validate -o json` prints it (DESIGN §7).
 */
import type { ObjectIdentity } from "./identity.ts";

/** Closed set: also a metric label, and what `explain` prints. */
export type ProblemReason =
  /** Not a JSON object, or its metadata has no name. */
  | "notAnObject"
  | "missingField"
  | "wrongType"
  | "invalidValue"
  | "emptyAddresses"
  | "invalidAddress"
  | "overlappingAddresses"
  | "duplicateName"
  | "duplicateEntry"
  | "invalidSelector"
  /** An advertisement names a pool that does not exist. */
  | "unknownPool"
  /** An advertisement names a pool that exists but has errors of its own. */
  | "disabledPool"
  /** Fields that cannot both be given. */
  | "conflictingFields"
  /** Accepted for old manifests, without effect. */
  | "deprecatedField"
  /** Understood, but not used as things are. */
  | "ignoredField"
  | "plainPassword"
  | "unknownSecret"
  /** Not of a type, or without the key, that a password can be read from. */
  | "invalidSecret"
  | "unknownBfdProfile"
  | "disabledBfdProfile"
  | "echoWithIpv6"
  /** Two BGPPeers that cannot, or should not, be for one node. */
  | "conflictingPeers"
  | "unknownPeer"
  | "disabledPeer"
  | "invalidCommunity"
  | "unknownCommunity"
  /** Routes would be shorter or longer than the pool allows. */
  | "invalidAggregation"
  /** Routes would cover addresses that are not in the pool. */
  | "aggregateExceedsPool"
  | "conflictingLocalPref"
  /** A pool that no advertisement selects. */
  | "notAdvertised"
  /** A pool that holds the own address of a node. */
  | "nodeAddress"
  | "unknownNamespace"
  /** A speaker was started for a Node that is not there. */
  | "unknownNode"
  /** Selectors that match nothing at present. */
  | "matchesNothing"
  /** As the speakers report their networks: an address that no local network asks for. */
  | "notInSubnet"
  /** As the speakers report their networks: an external BGP router that is not on one of them. */
  | "peerNotInSubnet"
  /** A Service has an address that no advertisement covers. */
  | "notAnnounced"
  /** Another station on the segment uses an address of the Service. */
  | "addressConflict"
  /** A node of the cluster answers for an address of the Service that another node announces. */
  | "doubleAnswer"
  /** Two nodes of the cluster have one hardware address. */
  | "sharedMac"
  /** The ConfigMap of MetalLB 0.12 and older is the only configuration there is. */
  | "oldConfigMap"
  /** More problems in the same object than are worth printing. */
  | "moreProblems";

export interface Problem {
  /** An error disables the object, or the one part of it that the message names; a warning does not. */
  readonly severity: "error" | "warning";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** E.g. `spec.addresses[1]`; empty when the object as a whole is meant. */
  readonly path: string;
  readonly reason: ProblemReason;
  /** A sentence that says what would be right. */
  readonly message: string;
  /** MetalLB's own words for it, where it has some: for `errorSummary` and for admission (reference §9.3). */
  readonly metallbText?: string;
}

/** What one object may add to a report, so that one hostile list cannot drown everything else. */
export const PROBLEMS_PER_OBJECT_MAX = 100;

export interface ProblemDetail {
  readonly path: string;
  readonly reason: ProblemReason;
  readonly message: string;
  readonly metallbText?: string;
}

/** Of an object some members of which cannot be read: what could be a consequence of that is not said. */
export interface PartlyRead {
  /** What is known already. */
  readonly problems: readonly Problem[];
  /** Paths of the members that are missing from what was read. */
  readonly without: readonly string[];
}

/** Said because a member that was given could not be read, or about a combination of which a part is missing. */
const CONSEQUENCES: ReadonlySet<ProblemReason> = new Set(["missingField", "conflictingFields", "emptyAddresses"]);

/** Gathers the problems of one object, up to {@linkcode PROBLEMS_PER_OBJECT_MAX}. */
export class ProblemList {
  readonly #identity: ObjectIdentity;
  readonly #problems: Problem[];
  readonly #without: readonly string[] | undefined;
  #errors: number;
  #dropped = 0;

  constructor(identity: ObjectIdentity, partly?: PartlyRead) {
    this.#identity = identity;
    this.#problems = [...partly?.problems ?? []];
    this.#errors = this.#problems.length;
    this.#without = partly?.without;
  }

  /** Errors so far, those that are not listed included. */
  get errors(): number {
    return this.#errors;
  }

  /** A function is called only when there is still room: for details that are dear to work out. */
  error(detail: ProblemDetail | (() => ProblemDetail)): void {
    this.#errors++;
    this.#add("error", detail);
  }

  warning(detail: ProblemDetail | (() => ProblemDetail)): void {
    this.#add("warning", detail);
  }

  all(): Problem[] {
    if (this.#dropped === 0) return [...this.#problems];
    const severity = this.#errors > 0 ? "error" : "warning";
    const message = `${this.#dropped} more problems of this object are not listed`;
    return [...this.#problems, { severity, ...this.#identity, path: "", reason: "moreProblems", message }];
  }

  #add(severity: "error" | "warning", detail: ProblemDetail | (() => ProblemDetail)): void {
    if (this.#problems.length >= PROBLEMS_PER_OBJECT_MAX) {
      this.#dropped++;
      return;
    }
    const known = typeof detail === "function" ? detail() : detail;
    if (this.#without !== undefined && isConsequence(known, this.#without)) return;
    this.#problems.push({ severity, ...this.#identity, ...known });
  }
}

function isConsequence({ reason, path }: ProblemDetail, without: readonly string[]): boolean {
  if (CONSEQUENCES.has(reason)) return true;
  return without.some((member) => path === member || path.startsWith(`${member}.`) || path.startsWith(`${member}[`));
}
