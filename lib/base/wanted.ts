/**
 * What crosses between a speaker's two threads: wanted state one way, facts of the network the other way.
 *
 * The control thread sends what the Kubernetes API knows (per address the nodes that may announce it, in order; per
 * peer where it can be reached). The packet thread joins that with what it sees on the wire and decides who owns an
 * address now. Everything here is plain data: it is posted to a Worker, recorded and replayed.
 */
import type { ConflictReport, DoubleAnswerReport, SharedMacReport } from "./conflict.ts";
import type { JsonObject } from "./json.ts";
import type { LogEvent } from "./log.ts";
import type { MemberChange } from "./member.ts";
import type { Serving } from "./serving.ts";
import { sameTexts } from "./text_list.ts";
import type { Millis } from "./time.ts";

/** One address that the network should see. */
export interface WantedAddress {
  /** Canonical text of the address: the key. */
  readonly address: string;
  /** Names of all nodes that may announce it, the preferred one first, whether they live or not. */
  readonly candidates: readonly string[];
  /** Names of the interfaces to announce on; `all` leaves the choice to each node. */
  readonly interfaces: "all" | readonly string[];
  /** `namespace/name` of the Services that hold it, sorted. */
  readonly services: readonly string[];
  /** The lists of other candidates, where they differ from `interfaces`, which is this node's. */
  readonly interfacesByNode?: Readonly<Record<string, "all" | readonly string[]>>;
  /** Absent: {@linkcode DEFAULT_ADDRESS_POLICY}. */
  readonly policy?: AddressPolicy;
  /** Node that announced it when the status was read last: where a failback policy begins when no speaker knows. */
  readonly lastHolder?: string;
}

/**
 * What the annotations `herald.dev/failback`, `herald.dev/probe` and `herald.dev/link-probe` of the L2Advertisements
 * say of one address; of several advertisements the strictest.
 */
export interface AddressPolicy {
  /** When the first candidate is back: does it take over from the node that answers now? */
  readonly failback: "immediate" | "never" | { readonly afterMs: Millis };
  /** Whether the segment is asked for another holder when the address is first announced (RFC 5227): beside the first
   * answers, before them, or not at all. */
  readonly probe: "beside" | "strict" | "off";
  /** Canonical addresses that must answer on an interface before it counts as having a link; sorted. */
  readonly linkProbes: readonly string[];
}

/** What an L2Advertisement without these annotations says. */
export const DEFAULT_ADDRESS_POLICY: AddressPolicy = { failback: "immediate", probe: "beside", linkProbes: [] };

/** Whoever owns an address for such a reason would answer, for nobody else can, but there is no wire to answer on. */
export function lacksWire(reason: string): boolean {
  return reason === "noInterface" || reason === "noCarrier" || reason === "noIpv6";
}

/** True when two answers to "announce on which interfaces" are the same list, in the same order. */
export function sameInterfaces(a: "all" | readonly string[], b: "all" | readonly string[]): boolean {
  if (a === "all" || b === "all") return a === b;
  return sameTexts(a, b);
}

/** Another speaker of the cluster. */
export interface WantedPeer {
  /** Node name: the key, and what `candidates` lists. */
  readonly node: string;
  /** Canonical text of the address at which its watch port answers. */
  readonly address: string;
  /** UDP port of its watch. */
  readonly port: number;
}

/** A network that one of a node's interfaces is in. */
export interface NodeNetwork {
  readonly interfaceName: string;
  /** Canonical, without host bits: `192.0.2.0/24`. */
  readonly prefix: string;
}

/** Why an interface of a node is not announced on now. */
export type InterfaceRefusal =
  /** Its name matches a pattern of the exclusion file. */
  | "excluded"
  /** An administrator has set it down. */
  | "down"
  /** Up, but without a link: the cable is out, the other end is down, a bridge has no port with a link. */
  | "noCarrier"
  /** Up and with a link, but told to wait for something else (802.1X, a Wi-Fi association, a test). */
  | "dormant"
  /** It belongs to a bridge, bond, team or VRF. */
  | "enslaved"
  | "noArp"
  | "noBroadcast"
  /** Its hardware address is not six octets. */
  | "noMac"
  /** The kernel refused a socket on it; tried again from time to time. */
  | "notOpened";

/** What a node's interfaces are good for now, by name. An interface in neither list does not exist or is excluded. */
export interface InterfaceReport {
  /** Announced on if an address wants it: sorted. */
  readonly usable: readonly string[];
  /** Those of them without an IPv6 link-local address that is known to be unique: no neighbour discovery there. Sorted. */
  readonly ipv4Only: readonly string[];
  /** The others, sorted by name. Those that are excluded by name are left out: a node has thousands of them. */
  readonly refused: readonly { readonly name: string; readonly reason: InterfaceRefusal }[];
}

/** Changes by key. A snapshot is sent as deltas too; the last of them is `complete`. */
export interface WantedDelta {
  /** Goes up by one with every delta; the packet thread reports the last one it took. */
  readonly generation: number;
  readonly upsertAddresses: readonly WantedAddress[];
  readonly removeAddresses: readonly string[];
  readonly upsertPeers: readonly WantedPeer[];
  readonly removePeers: readonly string[];
  /** False only on the parts of the first snapshot that are not its last. Nothing is claimed before it is complete. */
  readonly complete: boolean;
}

/** Limit of one delta, so that taking it in never delays a packet for long (deno-facts §12: 1.9 ms per 1,000). */
export const DELTA_ENTRIES_MAX = 256;

/** How a peer looks from here. `unknown` is a peer that was not heard yet and not given up yet. */
export type PeerState = "unknown" | "starting" | "alive" | "leaving" | "dead";

/** Why a node answers for an address, or why it does not. Shown by `inspect`, logged, and the label of the counters. */
export type OwnershipReason =
  /** It is the first candidate that lives and can serve. */
  | "elected"
  /** It answers already, and the failback policy keeps the address there although a better candidate lives. */
  | "kept"
  /** Another candidate comes first, and we go on answering until it has announced itself. */
  | "handingOver"
  /** Another candidate comes first. */
  | "notOwner"
  /** This node is not among the candidates. */
  | "notCandidate"
  /** A candidate before us was not heard yet, or our own view is stale after a gap: wait for it. */
  | "waitingForPeers"
  /** A failback policy holds, and the other candidates have not said yet who answers. */
  | "waitingForClaims"
  /** The first snapshot of wanted state is not complete. */
  | "waitingForSnapshot"
  /** It stands back, or would: none of the interfaces to announce on is there. */
  | "noInterface"
  /** It stands back, or would: the interfaces to announce on have no carrier. */
  | "noCarrier"
  /** It stands back from an IPv6 address, or would: IPv6 is off, or not ready, on the interfaces to announce on. */
  | "noIpv6"
  /** It stands back, or would: an address that must answer on the segment does not. */
  | "linkProbeFailed"
  /** `herald.dev/probe: strict`: the segment is being asked whether somebody else has the address. */
  | "probing"
  /** A stranger on the segment has the address, and had it first. */
  | "conflict"
  /** `--safe`: this speaker sees neither the API nor a majority of its last known peers. */
  | "safe"
  /** This speaker is leaving and somebody else has taken over, or nobody can. */
  | "leaving";

/** To the packet thread. */
export type ToPacketThread =
  | { readonly kind: "delta"; readonly delta: WantedDelta }
  | { readonly kind: "inspect"; readonly id: number }
  /** The secret that the speakers share is another one from now on. */
  | { readonly kind: "secret"; readonly secret: Uint8Array }
  /** Whether what is wanted comes from a snapshot of before the start; `false` until said otherwise. */
  | { readonly kind: "restored"; readonly restored: boolean }
  /** Whether the API server is heard; `true` until said otherwise. */
  | { readonly kind: "api"; readonly reachable: boolean }
  /** Hand over what can be handed over, then stop; answered by `stopped`. */
  | { readonly kind: "stop" }
  /** Stop at once and without a word to anybody, as a power cut would: for the laboratory. */
  | { readonly kind: "cut" };

/** From the packet thread. */
export type FromPacketThread =
  /** Sockets are open and the first snapshot was taken. */
  | { readonly kind: "ready" }
  | {
    readonly kind: "ownership";
    readonly address: string;
    readonly owned: boolean;
    readonly reason: OwnershipReason;
    /** The node that is elected in our view, ourselves included. */
    readonly elected: string | null;
  }
  | { readonly kind: "peer"; readonly node: string; readonly state: PeerState }
  /** This node and another one, which did not hear each other, both answered for an address; `keeps` goes on. */
  | { readonly kind: "splitHealed"; readonly address: string; readonly other: string; readonly keeps: string }
  /** Living members that are not Herald, sorted. While there are any, nobody stands back and failback is immediate. */
  | { readonly kind: "foreignMembers"; readonly nodes: readonly string[] }
  /** `--safe`: whether this speaker is cut off from the API and from most of its peers, and so answers nothing. */
  | { readonly kind: "cutOff"; readonly cutOff: boolean }
  /** Slot of an address in the shared counters; sent once per address, before anything is counted for it. */
  | { readonly kind: "counterSlot"; readonly address: string; readonly slot: number }
  /** The networks of the interfaces that are used, by interface and prefix. */
  | { readonly kind: "networks"; readonly networks: readonly NodeNetwork[] }
  /** All of it, whenever something of it changed. */
  | { readonly kind: "interfaces"; readonly report: InterfaceReport }
  | ConflictReport
  | DoubleAnswerReport
  | SharedMacReport
  /** What became of a member of the gossip. */
  | { readonly kind: "member"; readonly change: MemberChange }
  /** What this node says of itself to the others, whenever something of it changed. */
  | { readonly kind: "serving"; readonly serving: Serving }
  | { readonly kind: "log"; readonly event: LogEvent }
  /** Have the links listed through this request socket, close it, and send what there is as `LinksListed`. */
  | { readonly kind: "listLinks"; readonly fd: number }
  | { readonly kind: "inspected"; readonly id: number; readonly state: JsonObject }
  /** The thread cannot go on; the program ends and says why. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "stopped" };
