/**
 * DER (X.690 §10), as far as certificates need it: one function for each type that is written, and a reader that takes
 * apart what somebody else wrote.
 *
 * Not here: what the values mean (`certificates.ts`). The reader is for certificates that another parser has accepted;
 * it throws at what is no DER and looks for nothing beyond that.
 */

export const DER_INTEGER = 0x02;
export const DER_SEQUENCE = 0x30;

const BOOLEAN = 0x01;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SET = 0x31;
const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

type Bytes = Uint8Array<ArrayBuffer>;

/** One value as it stands in the bytes. */
export interface DerElement {
  readonly tag: number;
  /** Tag and length included. */
  readonly whole: Bytes;
  readonly content: Bytes;
}

/** A tag and a length before the joined contents. */
export function derElement(tag: number, contents: readonly Uint8Array[]): Bytes {
  const length = contents.reduce((sum, { length }) => sum + length, 0);
  return join([Uint8Array.from([tag, ...lengthOctets(length)]), ...contents]);
}

export function derSequence(...contents: readonly Uint8Array[]): Bytes {
  return derElement(DER_SEQUENCE, contents);
}

export function derSet(...contents: readonly Uint8Array[]): Bytes {
  return derElement(SET, contents);
}

/** A constructed value under the tag `[number]`. */
export function derExplicit(number: number, content: Uint8Array): Bytes {
  return derElement(CONTEXT | CONSTRUCTED | number, [content]);
}

/** The bytes of a primitive value under the tag `[number]` instead of under the tag of its type. */
export function derImplicit(number: number, content: Uint8Array): Bytes {
  return derElement(CONTEXT | number, [content]);
}

export function derBoolean(value: boolean): Bytes {
  return derElement(BOOLEAN, [Uint8Array.of(value ? 0xff : 0)]);
}

/** An unsigned number, most significant byte first and without needless zeros. */
export function derInteger(...bytes: readonly number[]): Bytes {
  const isHigh = (bytes[0] ?? 0) >= 0x80;
  return derElement(DER_INTEGER, [Uint8Array.from(isHigh ? [0, ...bytes] : bytes)]);
}

/** `unusedBits` are those at the end that the last byte has and the string has not. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Bytes {
  return derElement(BIT_STRING, [Uint8Array.of(unusedBits), bytes]);
}

export function derOctetString(bytes: Uint8Array): Bytes {
  return derElement(OCTET_STRING, [bytes]);
}

export function derUtf8String(text: string): Bytes {
  return derElement(UTF8_STRING, [new TextEncoder().encode(text)]);
}

/** `1.2.840.10045.4.3.2`; the first two numbers share a byte (X.690 §8.19). */
export function derObjectIdentifier(text: string): Bytes {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return derElement(OBJECT_IDENTIFIER, [Uint8Array.from([first * 40 + second, ...rest].flatMap(base128))]);
}

/** To the second, as certificates have it: two digits of the year until 2049, four from then on (RFC 5280 §4.1.2.5). */
export function derTime(date: Date): Bytes {
  const digits = `${date.toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const year = date.getUTCFullYear();
  const isShort = year >= 1950 && year < 2050;
  const text = new TextEncoder().encode(isShort ? digits.slice(2) : digits);
  return derElement(isShort ? UTC_TIME : GENERALIZED_TIME, [text]);
}

/** The values that stand one after another. Throws when the bytes are no such row. */
export function readDer(bytes: Bytes): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!;
    const first = bytes[at + 1] ?? NaN;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    let length = lengthBytes === 0 ? first : 0;
    for (let n = 0; n < lengthBytes; n++) length = length * 256 + (bytes[at + 2 + n] ?? NaN);
    const start = at + 2 + lengthBytes;
    const end = start + length;
    if (!(end <= bytes.length)) throw new Error(`The DER value at byte ${at} is longer than what holds it`);
    elements.push({ tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) });
    at = end;
  }
  return elements;
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

function base128(value: number): number[] {
  const groups = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift(rest % 128 + 128);
  return groups;
}

function join(parts: readonly Uint8Array[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
