/**
 * MessagePack as HashiCorp memberlist writes it: the old specification, in which text and bytes are one family (raw).
 *
 * Structures are maps whose keys are Go field names in byte order. Reading is liberal: every integer form, the newer text
 * and binary forms, any order of keys, unknown keys. A reader never throws and never recurses: the first problem sticks,
 * and everything read after it is empty. What a skipped value claims to hold is checked against the bytes that are left.
 */
import type { FieldNames } from "./field_names.ts";

/** What is wrong with the bytes; `truncated` alone may be cured by more of them. */
export type MsgpackProblem = "truncated" | "malformed";

/** A field of a structure. Lists and maps are no fields of any memberlist message. */
export type MsgpackScalar = number | boolean | null | Uint8Array;

/** The scalar fields of one map; absent ones are simply not there. */
export type MsgpackFields = ReadonlyMap<string, MsgpackScalar>;

const TEXT_DECODER = new TextDecoder("utf-8", { fatal: true });
const TEXT_ENCODER = new TextEncoder();

/**
 * UTF-8 without control and format characters, or `undefined`: names that come from the network end up in logs and on
 * terminals, some of which obey the controls above U+007F, too, and all of which can be misled about the order of words.
 */
export function textOf(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return textOfUtf8(bytes);
    if (byte < 0x20 || byte === 0x7f) return undefined;
  }
  return asciiText(bytes);
}

/** Nearly all texts are short and of this kind, and a decoder costs several times as much. */
function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function textOfUtf8(bytes: Uint8Array): string | undefined {
  try {
    const text = TEXT_DECODER.decode(bytes);
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

export class MsgpackReader {
  /** Of the next byte. */
  offset: number;
  /** The first problem met. */
  problem: MsgpackProblem | undefined;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  /** One map; values of keys that are not `known` are passed over. */
  readFields(known: FieldNames): MsgpackFields {
    const fields = new Map<string, MsgpackScalar>();
    const head = this.#head();
    if (head?.kind !== "map") {
      this.#fail("malformed");
      return fields;
    }
    for (let i = 0; i < head.length && this.problem === undefined; i++) {
      const key = this.#key(known);
      if (key === undefined) {
        this.skip();
        continue;
      }
      const value = this.readScalar();
      if (value !== undefined) fields.set(key, value);
    }
    return fields;
  }

  /** `undefined` for anything else, and after a problem. */
  readScalar(): MsgpackScalar | undefined {
    const head = this.#head();
    if (head === undefined) return undefined;
    if (head.kind === "scalar") return head.value;
    if (head.kind === "raw") return this.#take(head.length);
    return this.#fail("malformed");
  }

  /** Passes over one value of any kind. */
  skip(): void {
    for (let values = 1; values > 0 && this.problem === undefined; values--) {
      const head = this.#head();
      if (head === undefined) return;
      if (head.kind === "raw" || head.kind === "extension") this.#take(head.length);
      else if (head.kind === "map") values += 2 * head.length;
      else if (head.kind === "list") values += head.length;
      // Every value takes a byte at least.
      if (values - 1 > this.#bytes.length - this.offset) this.#fail("truncated");
    }
  }

  /** One of the known names, or `undefined` for any other, and after a problem. */
  #key(known: FieldNames): string | undefined {
    const head = this.#head();
    if (head?.kind !== "raw") return this.#fail("malformed");
    const at = this.offset;
    if (at + head.length > this.#bytes.length) return this.#fail("truncated");
    this.offset += head.length;
    return known.ofLength(head.length).find((name) => this.#isAt(name, at));
  }

  #isAt(name: string, at: number): boolean {
    for (let i = 0; i < name.length; i++) if (this.#bytes[at + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  #head(): Head | undefined {
    const type = this.#unsigned(1);
    if (type === undefined) return undefined;
    if (type < 0x80) return { kind: "scalar", value: type };
    if (type < 0x90) return { kind: "map", length: type & 0x0f };
    if (type < 0xa0) return { kind: "list", length: type & 0x0f };
    if (type < 0xc0) return { kind: "raw", length: type & 0x1f };
    if (type >= 0xe0) return { kind: "scalar", value: type - 0x100 };
    return this.#longHead(type);
  }

  #longHead(type: number): Head | undefined {
    switch (type) {
      case 0xc0:
        return { kind: "scalar", value: null };
      case 0xc2:
      case 0xc3:
        return { kind: "scalar", value: type === 0xc3 };
      case 0xca:
        return this.#scalar(this.#float(4));
      case 0xcb:
        return this.#scalar(this.#float(8));
      case 0xcc:
        return this.#scalar(this.#unsigned(1));
      case 0xcd:
        return this.#scalar(this.#unsigned(2));
      case 0xce:
        return this.#scalar(this.#unsigned(4));
      case 0xcf:
        return this.#scalar(this.#wide("getBigUint64"));
      case 0xd0:
        return this.#scalar(this.#signed(1));
      case 0xd1:
        return this.#scalar(this.#signed(2));
      case 0xd2:
        return this.#scalar(this.#signed(4));
      case 0xd3:
        return this.#scalar(this.#wide("getBigInt64"));
      case 0xc4:
      case 0xd9:
        return this.#sized("raw", this.#unsigned(1));
      case 0xc5:
      case 0xda:
        return this.#sized("raw", this.#unsigned(2));
      case 0xc6:
      case 0xdb:
        return this.#sized("raw", this.#unsigned(4));
      case 0xdc:
        return this.#sized("list", this.#unsigned(2));
      case 0xdd:
        return this.#sized("list", this.#unsigned(4));
      case 0xde:
        return this.#sized("map", this.#unsigned(2));
      case 0xdf:
        return this.#sized("map", this.#unsigned(4));
      case 0xc7:
        return this.#sized("extension", this.#unsigned(1), 1);
      case 0xc8:
        return this.#sized("extension", this.#unsigned(2), 1);
      case 0xc9:
        return this.#sized("extension", this.#unsigned(4), 1);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return { kind: "extension", length: 1 + 2 ** (type - 0xd4) };
      default:
        return this.#fail("malformed");
    }
  }

  #scalar(value: number | undefined): Head | undefined {
    return value === undefined ? undefined : { kind: "scalar", value };
  }

  #sized(kind: "raw" | "list" | "map" | "extension", length: number | undefined, more = 0): Head | undefined {
    return length === undefined ? undefined : { kind, length: length + more };
  }

  /** Big-endian. By hand, because a view of a packet costs more than the few numbers in it. */
  #unsigned(size: 1 | 2 | 4): number | undefined {
    if (this.problem !== undefined) return undefined;
    if (this.offset + size > this.#bytes.length) return this.#fail("truncated");
    let value = 0;
    for (const end = this.offset + size; this.offset < end; this.offset++) {
      value = value * 0x100 + this.#bytes[this.offset]!;
    }
    return value;
  }

  #signed(size: 1 | 2 | 4): number | undefined {
    const value = this.#unsigned(size);
    if (value === undefined) return undefined;
    const range = 2 ** (8 * size);
    return value < range / 2 ? value : value - range;
  }

  #float(size: 4 | 8): number | undefined {
    const view = this.#viewOf(size);
    return size === 4 ? view?.getFloat32(0, false) : view?.getFloat64(0, false);
  }

  /** 64 bits, as far as a number holds them exactly. */
  #wide(get: "getBigUint64" | "getBigInt64"): number | undefined {
    const view = this.#viewOf(8);
    if (view === undefined) return undefined;
    const value = Number(view[get](0, false));
    return Number.isSafeInteger(value) ? value : this.#fail("malformed");
  }

  #viewOf(size: number): DataView | undefined {
    const bytes = this.#take(size);
    return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, size);
  }

  #take(length: number): Uint8Array | undefined {
    if (this.offset + length > this.#bytes.length) return this.#fail("truncated");
    const taken = this.#bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return taken;
  }

  #fail(problem: MsgpackProblem): undefined {
    this.problem ??= problem;
    return undefined;
  }
}

type Head =
  | { readonly kind: "scalar"; readonly value: number | boolean | null }
  | { readonly kind: "raw" | "list" | "map" | "extension"; readonly length: number };

/** Writes what the old specification has, each value in its shortest form. */
export class MsgpackWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Fewer than 16 entries: no structure here has more. */
  map(entries: number): this {
    return this.byte(0x80 | entries);
  }

  text(value: string): this {
    const length = value.length;
    if (length >= 32) return this.raw(TEXT_ENCODER.encode(value));
    this.#reserve(1 + length);
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return this.raw(TEXT_ENCODER.encode(value));
      this.#bytes[this.#length + 1 + i] = code;
    }
    this.#bytes[this.#length] = 0xa0 | length;
    this.#length += 1 + length;
    return this;
  }

  /** Go writes a slice that was never made as nil. */
  rawOrNil(value: Uint8Array): this {
    return value.length === 0 ? this.nil() : this.raw(value);
  }

  raw(value: Uint8Array): this {
    if (value.length < 32) this.byte(0xa0 | value.length);
    else if (value.length < 0x1_0000) this.#sized(0xda, { value: value.length, size: 2 });
    else this.#sized(0xdb, { value: value.length, size: 4 });
    return this.bytes(value);
  }

  nil(): this {
    return this.byte(0xc0);
  }

  bool(value: boolean): this {
    return this.byte(value ? 0xc3 : 0xc2);
  }

  /** What Go writes for an unsigned type. */
  unsigned(value: number): this {
    if (value < 0x80) return this.byte(value);
    if (value < 0x100) return this.#sized(0xcc, { value, size: 1 });
    if (value < 0x1_0000) return this.#sized(0xcd, { value, size: 2 });
    if (value < 0x1_0000_0000) return this.#sized(0xce, { value, size: 4 });
    this.#sized(0xcf, { value: Math.floor(value / 0x1_0000_0000), size: 4 });
    this.#reserve(4);
    this.#view.setUint32(this.#length, value % 0x1_0000_0000, false);
    this.#length += 4;
    return this;
  }

  /** What Go writes for an `int` that is not negative: the signed forms. */
  signed(value: number): this {
    if (value < 0x80) return this.byte(value);
    if (value < 0x8000) return this.#sized(0xd1, { value, size: 2 });
    return this.#sized(0xd2, { value, size: 4 });
  }

  /** As they are. */
  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  #sized(type: number, { value, size }: { value: number; size: 1 | 2 | 4 }): this {
    this.#reserve(1 + size);
    this.#view.setUint8(this.#length, type);
    if (size === 1) this.#view.setUint8(this.#length + 1, value);
    else if (size === 2) this.#view.setUint16(this.#length + 1, value, false);
    else this.#view.setUint32(this.#length + 1, value, false);
    this.#length += 1 + size;
    return this;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + size));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
