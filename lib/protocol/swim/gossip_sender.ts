/**
 * What the parts of the gossip send: every message takes along what is to be told to everybody, as far as it fits.
 *
 * Payloads are memberlist's bytes before they are sealed and labelled, which is the rim's business; their size leaves
 * room for that.
 */
import { encodeMessage, type MemberlistMessage } from "../../wire/memberlist/message.ts";
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES, encodePayload } from "../../wire/memberlist/packet.ts";
import { GossipQueue } from "./gossip_queue.ts";

export interface End {
  readonly address: string;
  readonly port: number;
}

export interface Datagram extends End {
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface GossipSenderOptions {
  readonly retransmitMult: number;
  /** For the payload. */
  readonly bytesMax: number;
}

export interface GossipSenderDeps {
  readonly send: (datagram: Datagram) => void;
  /** How many members there are. */
  readonly members: () => number;
}

/** One per member, and no cluster is larger. */
const RUMOURS_MAX = 65_536;
/** Protocol version from which a receiver understands a checksum. */
const CHECKSUM_PROTOCOL = 5;

export class GossipSender {
  readonly #bytesMax: number;
  readonly #deps: GossipSenderDeps;
  /** By member. */
  readonly #rumours: GossipQueue;

  constructor(options: GossipSenderOptions, deps: GossipSenderDeps) {
    const { retransmitMult, bytesMax } = options;
    this.#bytesMax = bytesMax;
    this.#deps = deps;
    this.#rumours = new GossipQueue({ retransmitMult, sizeMax: RUMOURS_MAX });
  }

  get rumours(): number {
    return this.#rumours.size;
  }

  /** Whether the last rumour about this member was not told often enough yet. */
  isTelling(node: string): boolean {
    return this.#rumours.has(node);
  }

  /** Tells everybody; replaces what was to be told of the same member. */
  tellOfMember(node: string, message: MemberlistMessage): void {
    this.#rumours.push(node, encodeMessage(message));
  }

  /** With as many rumours as fit. */
  send(to: End, message: MemberlistMessage): void {
    const own = encodeMessage(message);
    const rumours = this.#takeRumours(this.#bytesMax - COMPOUND_HEADER_BYTES - COMPOUND_PART_BYTES - own.length);
    this.#emit(to, [own, ...rumours], false);
  }

  /** Nothing but these, to a member whose record we hold. */
  sendAlone(to: MemberEnd, messages: readonly MemberlistMessage[]): void {
    this.#emit(to, messages.map(encodeMessage), understandsChecksum(to));
  }

  /** Only rumours; false when there is nothing to tell. */
  sendRumours(to: MemberEnd): boolean {
    const rumours = this.#takeRumours(this.#bytesMax - COMPOUND_HEADER_BYTES);
    if (rumours.length === 0) return false;
    this.#emit(to, rumours, understandsChecksum(to));
    return true;
  }

  #takeRumours(bytesMax: number): Uint8Array[] {
    return this.#rumours.take(bytesMax, { members: this.#deps.members(), partBytes: COMPOUND_PART_BYTES });
  }

  #emit({ address, port }: End, parts: readonly Uint8Array[], checksum: boolean): void {
    this.#deps.send({ address, port, payload: encodePayload(parts, { checksum }) });
  }
}

export interface MemberEnd extends End {
  readonly versions: { readonly protocolMax: number };
}

function understandsChecksum({ versions }: MemberEnd): boolean {
  return versions.protocolMax >= CHECKSUM_PROTOCOL;
}
