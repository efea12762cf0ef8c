/**
 * Big-endian numbers and ASCII text, one after the other, for the few messages that TypeScript encodes itself.
 *
 * A reader that comes to the end goes on with zeros and says so (`overrun`), so that a decoder checks once at its end.
 * The frames of layer 2 and the protocols of routers are AssemblyScript's (codecs/), not this.
 */
import { invariant } from "./assert.ts";

export class ByteWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#take(1), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#take(2), value);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#take(4), value);
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#take(8), value);
  }

  bytes(values: ArrayLike<number>): void {
    this.#bytes.set(values, this.#take(values.length));
  }

  ascii(text: string): void {
    const at = this.#take(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i);
  }

  /** A view of what was written. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #take(count: number): number {
    const at = this.#at;
    invariant(at + count <= this.#bytes.length, `No room for ${count} bytes at ${at}`);
    this.#at += count;
    return at;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  #overrun = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  /** True when more was read than there is. */
  get overrun(): boolean {
    return this.#overrun;
  }

  /** Bytes that were not read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** True when none of the bytes that were not read says anything. */
  get onlyZerosLeft(): boolean {
    return this.#bytes.subarray(this.#at).every((octet) => octet === 0);
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at);
  }

  u64(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#view.getBigUint64(at);
  }

  ascii(length: number): string {
    const at = this.#take(length);
    return at < 0 ? "" : String.fromCharCode(...this.#bytes.subarray(at, at + length));
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      this.#overrun = true;
      return -1;
    }
    this.#at += count;
    return at;
  }
}
