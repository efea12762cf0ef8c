/**
 * The envelope of netlink: messages and attributes, bytes only (wire-facts §5.6).
 *
 * ```
 * 0      4      6       8     12    16
 * +------+------+-------+-----+-----+----------------------+
 * | len  | type | flags | seq | pid | body, attributes ... |      host order, all parts aligned to 4
 * +------+------+-------+-----+-----+----------------------+
 * attribute: | len u16 | type u16 | value | padding |             len counts its header, not its padding
 * ```
 */

const NLM_F_REQUEST = 0x001;
export const NLM_F_ACK = 0x004;
export const NLM_F_DUMP_INTR = 0x010;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** The two upper bits mark nesting and byte order. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** All whole messages of one datagram. What is cut off or lies about its length ends the list. */
export function readMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= datagram.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** Attributes of a body by type, behind its fixed part of `offset` bytes. The first of equal types counts. */
export function readAttributes(body: Uint8Array, offset: number): Map<number, Uint8Array> {
  const view = viewOf(body);
  const attributes = new Map<number, Uint8Array>();
  let at = offset;
  while (at + ATTRIBUTE_HEADER_BYTES <= body.length) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > body.length) break;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    if (!attributes.has(type)) attributes.set(type, body.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** Value of an i32 at the start of a body: the -errno of an NLMSG_ERROR or NLMSG_DONE; 0 when it is cut off. */
export function readErrorCode(message: NetlinkMessage): number {
  return message.body.length < 4 ? 0 : viewOf(message.body).getInt32(0, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Builds one request. Attributes nest by callback; lengths are filled in when a part is complete. */
export class MessageWriter {
  readonly #bytes: number[] = [];

  constructor(options: { type: number; flags: number }) {
    this.u32(0).u16(options.type).u16(options.flags | NLM_F_REQUEST).u32(0).u32(0);
  }

  u8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u32(value: number): this {
    return this.u16(value).u16(value >>> 16);
  }

  attribute(type: number, value: Iterable<number>): this {
    return this.nest(type, () => this.#bytes.push(...value));
  }

  attributeU32(type: number, value: number): this {
    return this.nest(type, () => this.u32(value));
  }

  /** With the terminating zero that the kernel expects of names. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, [...new TextEncoder().encode(text), 0]);
  }

  nest(type: number, writeValue: () => void): this {
    const start = this.#bytes.length;
    this.u16(0).u16(type);
    writeValue();
    const length = this.#bytes.length - start;
    this.#bytes[start] = length & 0xff;
    this.#bytes[start + 1] = length >>> 8;
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
    return this;
  }

  finish(options: { sequence: number }): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(this.#bytes);
    const view = viewOf(message);
    view.setUint32(0, message.length, true);
    view.setUint32(8, options.sequence, true);
    return message;
  }
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
