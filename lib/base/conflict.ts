/**
 * What a speaker says of another station that uses one of its addresses: from the machine that sees it on the wire to
 * the event, the condition and the metric that people see.
 */

/**
 * How the other station showed itself. ARP / neighbour discovery:
 * `gratuitous`: it announces the address / unsolicited advertisement; `reply`: it answers for it; `request`: it asks for
 * something else from it; `probe`: it asks whether it may have it (RFC 5227 §2.1.1, RFC 4862 §5.4.2).
 */
export type ClaimForm = "gratuitous" | "reply" | "request" | "probe";

export type ConflictState =
  /** We answer and go on doing so; the other station claims the address as well. */
  | "found"
  /** The other station had it first: we do not answer, and ask from time to time whether it still does. */
  | "yielded"
  /** It was silent for long enough, or the address is not ours to answer for any more. */
  | "gone"
  /** It only asked, and was told that the address is taken: no conflict. */
  | "probed";

export interface ConflictReport {
  readonly kind: "conflict";
  readonly address: string;
  readonly state: ConflictState;
  /** Of the other station, as text. */
  readonly mac: string;
  /** Name of the interface that it was heard on. */
  readonly interface: string;
  readonly form: ClaimForm;
}

/** Another node has the hardware address of an interface of ours: it is "gone" when none of its frames came for a while. */
export type SharedMacState = "found" | "gone";

export interface SharedMacReport {
  readonly kind: "sharedMac";
  readonly state: SharedMacState;
  readonly other: string;
  readonly mac: string;
  /** The interface of this node that has it. */
  readonly interface: string;
}

/** "Found" is said again once an hour while it goes on. */
export type DoubleAnswerState = "found" | "gone";

/**
 * A node of the cluster whose speaker does not own the address answers for it, as kernels do that have the address on a
 * dummy interface and no `strictARP`: clients go to whoever answers first.
 */
export interface DoubleAnswerReport {
  readonly kind: "doubleAnswer";
  readonly state: DoubleAnswerState;
  /** One of the addresses that it was seen to answer for. */
  readonly address: string;
  readonly other: string;
  readonly mac: string;
  readonly interface: string;
}
