/**
 * A memberlist datagram: messages, wrapped.
 *
 *     sending:    message(s) -> compound -> checksum -> seal -> label
 *     receiving:  label -> seal -> checksum, compression and compound in any nesting -> messages
 *
 *     compound:  | 7 | count | length (16 bits) x count | parts back to back |
 *     checksum:  | 12 | CRC-32 of what follows (32 bits) | ... |
 *     label:     | 244 | length (1..255) | label | ... |
 *
 * One bad part does not spoil the others. Everything that a packet may blow up to has a limit.
 */
import { crc32 } from "./crc32.ts";
import { FieldNames } from "./field_names.ts";
import { FieldReader } from "./fields.ts";
import type { Keyring } from "./keyring.ts";
import { decompressLzw, type LzwProblem } from "./lzw.ts";
import { decodeMessage, type MemberlistMessage, MESSAGE_TYPE, type MessageProblem } from "./message.ts";
import { MsgpackReader } from "./msgpack.ts";
import { nonceOf, seal, SEAL_OVERHEAD_BYTES } from "./sealed.ts";
import type { Millis } from "../../base/time.ts";
import type { Rng } from "../../base/rng.ts";

/** Why a packet, or a part of it, was not taken; also the label of the drop counter. */
export type PacketProblem =
  | MessageProblem
  | LzwProblem
  /** It has another label than ours, or none. */
  | "label"
  /** None of our keys opens it. */
  | "sealed"
  | "checksum"
  /** Compressed in a way that memberlist does not have. */
  | "compression"
  /** Wrappings within wrappings. */
  | "depth";

export interface DecodedPacket {
  readonly messages: readonly MemberlistMessage[];
  /** One for each part that was not taken. */
  readonly problems: readonly PacketProblem[];
}

/** What the whole cluster agrees on. */
export interface PacketSecurity {
  /** UTF-8; empty for none, as with MetalLB. */
  readonly label: Uint8Array;
  /** `undefined`: plain text. */
  readonly keyring: Keyring | undefined;
  /** False: plain text is accepted beside what is sealed. */
  readonly verifyIncoming: boolean;
  /** False: plain text is sent although there is a key. */
  readonly verifyOutgoing: boolean;
}

export const PLAIN: PacketSecurity = {
  label: new Uint8Array(0),
  keyring: undefined,
  verifyIncoming: true,
  verifyOutgoing: true,
};

export const COMPOUND_HEADER_BYTES = 2;
export const COMPOUND_PART_BYTES = 2;
const COMPOUND_PARTS_MAX = 255;
const CHECKSUM_HEADER_BYTES = 5;
const LABEL_HEADER_BYTES = 2;
const DEPTH_MAX = 4;
/** Of all parts together; more than any memberlist makes from one datagram. */
const PARTS_MAX = 512;
const INFLATED_BYTES_MAX = 131_072;

/** How much longer than its messages a sealed and labelled packet is. */
export function securityOverhead({ label, keyring, verifyOutgoing }: PacketSecurity): number {
  return (label.length === 0 ? 0 : LABEL_HEADER_BYTES + label.length) +
    (keyring === undefined || !verifyOutgoing ? 0 : SEAL_OVERHEAD_BYTES);
}

/** Joins messages into one payload; with a checksum for receivers that understand protocol version 5. */
export function encodePayload(
  parts: readonly Uint8Array[],
  options: { readonly checksum?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const body = parts.length === 1 ? new Uint8Array(parts[0]!) : compoundOf(parts.slice(0, COMPOUND_PARTS_MAX));
  if (!options.checksum) return body;
  const payload = new Uint8Array(CHECKSUM_HEADER_BYTES + body.length);
  payload[0] = MESSAGE_TYPE.crc;
  new DataView(payload.buffer).setUint32(1, crc32(body), false);
  payload.set(body, CHECKSUM_HEADER_BYTES);
  return payload;
}

function compoundOf(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, head));
  const view = new DataView(bytes.buffer);
  bytes[0] = MESSAGE_TYPE.compound;
  bytes[1] = parts.length;
  let at = head;
  for (const [index, part] of parts.entries()) {
    view.setUint16(COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * index, part.length, false);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Seals and labels a payload for one receiver. */
export function encodePacket(
  payload: Uint8Array<ArrayBuffer>,
  to: { readonly address: string; readonly security: PacketSecurity; readonly rng: Rng; readonly now: Millis },
): Uint8Array<ArrayBuffer> {
  const { label, keyring, verifyOutgoing } = to.security;
  const sealed = keyring === undefined || !verifyOutgoing
    ? payload
    : seal(payload, { key: keyring.keyFor(to.address, to.now), nonce: nonceOf(to.rng), covered: label });
  return label.length === 0 ? sealed : withLabel(sealed, label);
}

export function withLabel(bytes: Uint8Array, label: Uint8Array): Uint8Array<ArrayBuffer> {
  const labelled = new Uint8Array(LABEL_HEADER_BYTES + label.length + bytes.length);
  labelled[0] = MESSAGE_TYPE.label;
  labelled[1] = label.length;
  labelled.set(label, LABEL_HEADER_BYTES);
  labelled.set(bytes, LABEL_HEADER_BYTES + label.length);
  return labelled;
}

/** What follows our own label; `label` when it is another, none although we have one, or an empty one. */
export function withoutLabel(bytes: Uint8Array, label: Uint8Array): Uint8Array | "label" | "truncated" {
  if (bytes[0] !== MESSAGE_TYPE.label) return label.length === 0 ? bytes : "label";
  const length = bytes[1];
  if (length === undefined || bytes.length < LABEL_HEADER_BYTES + length) return "truncated";
  const isOurs = length === label.length && length > 0 &&
    label.every((byte, index) => byte === bytes[LABEL_HEADER_BYTES + index]);
  return isOurs ? bytes.subarray(LABEL_HEADER_BYTES + length) : "label";
}

/** Never throws. The messages' byte fields may be views into `bytes`. */
export function decodePacket(
  bytes: Uint8Array,
  from: { readonly address: string; readonly security: PacketSecurity },
): DecodedPacket {
  const { security, address } = from;
  const unlabelled = withoutLabel(bytes, security.label);
  if (typeof unlabelled === "string") return { messages: [], problems: [unlabelled] };
  const opened = security.keyring?.open(unlabelled, { address, covered: security.label });
  const isPlain = opened === undefined && (security.keyring === undefined || !security.verifyIncoming);
  if (opened === undefined && !isPlain) return { messages: [], problems: ["sealed"] };
  const unwrapping = new Unwrapping();
  unwrapping.take(opened ?? unlabelled, 0);
  return { messages: unwrapping.messages, problems: unwrapping.problems };
}

class Unwrapping {
  readonly messages: MemberlistMessage[] = [];
  readonly problems: PacketProblem[] = [];
  #parts = 0;
  #inflatedBytes = 0;

  take(bytes: Uint8Array, depth: number): void {
    if (depth > DEPTH_MAX || ++this.#parts > PARTS_MAX) return this.#refuse("depth");
    switch (bytes[0]) {
      case MESSAGE_TYPE.compound:
        return this.#takeCompound(bytes, depth);
      case MESSAGE_TYPE.compress:
        return this.#takeCompressed(bytes, depth);
      case MESSAGE_TYPE.crc:
        return this.#takeChecked(bytes, depth);
    }
    const message = decodeMessage(bytes);
    if (typeof message === "string") this.#refuse(message);
    else this.messages.push(message);
  }

  #takeCompound(bytes: Uint8Array, depth: number): void {
    const count = bytes[1];
    if (count === undefined) return this.#refuse("truncated");
    let at = COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * count;
    if (bytes.length < at) return this.#refuse("truncated");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0; index < count; index++) {
      const length = view.getUint16(COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * index, false);
      if (at + length > bytes.length) return this.#refuse("truncated");
      this.take(bytes.subarray(at, at + length), depth + 1);
      at += length;
    }
  }

  #takeCompressed(bytes: Uint8Array, depth: number): void {
    const inflated = inflate(bytes, INFLATED_BYTES_MAX - this.#inflatedBytes);
    if (typeof inflated === "string") return this.#refuse(inflated);
    this.#inflatedBytes += inflated.length;
    this.take(inflated, depth + 1);
  }

  #takeChecked(bytes: Uint8Array, depth: number): void {
    if (bytes.length < CHECKSUM_HEADER_BYTES) return this.#refuse("truncated");
    const body = bytes.subarray(CHECKSUM_HEADER_BYTES);
    const said = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1, false);
    if (crc32(body) !== said) return this.#refuse("checksum");
    this.take(body, depth + 1);
  }

  #refuse(problem: PacketProblem): void {
    this.problems.push(problem);
  }
}

const COMPRESS_FIELDS = new FieldNames(["Algo", "Buf"]);
const ALGORITHM_LZW = 0;

/** What a compressed message (type byte and map) holds. */
export function inflate(
  bytes: Uint8Array,
  outputMax: number,
): Uint8Array | MessageProblem | LzwProblem | "compression" {
  const reader = new MsgpackReader(bytes, 1);
  const fields = new FieldReader(reader.readFields(COMPRESS_FIELDS));
  if (reader.problem !== undefined) return reader.problem;
  const algorithm = fields.number("Algo", 0xff);
  const buffer = fields.bytes("Buf", bytes.length);
  if (!fields.valid) return "field";
  return algorithm === ALGORITHM_LZW ? decompressLzw(buffer, outputMax) : "compression";
}
