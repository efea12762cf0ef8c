/**
 * A member of the cluster's gossip (memberlist), as everybody beside the gossip sees it.
 *
 * A MetalLB speaker is a member without {@linkcode SpeakerFacts}: it is known to live or not, and nothing more. What a
 * Herald speaker says of itself travels in the member's Meta, which is at most 512 bytes: long lists are cut there, and
 * then `listsAreCut` says so.
 */

/** `suspect` still counts as living, as in MetalLB (reference §9.5). `left` went in peace, `dead` did not. */
export type MemberState = "alive" | "suspect" | "dead" | "left";

/** What a Herald speaker says of itself. */
export interface SpeakerFacts {
  /** Herald's version, for people. */
  readonly version: string;
  /** Names of what it can do beyond MetalLB; unknown ones are kept. */
  readonly capabilities: readonly string[];
  /** One life of its process: the same number as in its watch messages. */
  readonly generation: number;
  /** UDP port of its watch, at the member's address; 0 when it has none. */
  readonly watchPort: number;
  readonly state: "starting" | "alive" | "leaving";
  /** Names of interfaces that are used and have carrier, sorted. */
  readonly usableInterfaces: readonly string[];
  /** Those of them on which IPv6 cannot be spoken, in the same order; absent: on none is that so. */
  readonly ipv4OnlyInterfaces?: readonly string[];
  /** Canonical addresses of link probes that do not answer, sorted. */
  readonly failedLinkProbes: readonly string[];
}

/** {@linkcode SpeakerFacts} as they were received. */
export interface ReceivedFacts extends SpeakerFacts {
  /** The lists did not fit: there are more interfaces or failed probes than are named. */
  readonly listsAreCut: boolean;
}

export interface Member {
  /** Node name: the key. */
  readonly node: string;
  /** Canonical text. */
  readonly address: string;
  /** Port of the gossip. */
  readonly port: number;
  readonly state: MemberState;
  /** `undefined`: not Herald, that is MetalLB. */
  readonly facts: ReceivedFacts | undefined;
}

/** What changed about one member. */
export interface MemberChange {
  readonly node: string;
  /** `undefined`: it was dead or gone for so long that it is forgotten. */
  readonly member: Member | undefined;
}

/** True when it may announce addresses: its gossip has not given it up. */
export function countsAsLiving(state: MemberState): boolean {
  return state === "alive" || state === "suspect";
}
