/**
 * Typed access to the fields of one memberlist structure: absent fields are zero, as in Go, and a field of the wrong
 * type or range makes the whole structure invalid.
 */
import { formatIp, formatIpv4, type Ipv4, parseIp, parseIpv4 } from "../../base/ip.ts";
import type { MsgpackFields } from "./msgpack.ts";
import { textOf } from "./msgpack.ts";

const NONE = new Uint8Array(0);
/** Kubernetes allows 253; memberlist sets no limit. */
const NODE_NAME_BYTES_MAX = 255;

export class FieldReader {
  readonly #fields: MsgpackFields;
  /** False once a field was not what it has to be. */
  valid = true;

  constructor(fields: MsgpackFields) {
    this.#fields = fields;
  }

  /** A whole number in [0, max]. */
  number(name: string, max: number): number {
    const value = this.#fields.get(name) ?? 0;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
    return this.#refuse(0);
  }

  boolean(name: string): boolean {
    const value = this.#fields.get(name) ?? false;
    return typeof value === "boolean" ? value : this.#refuse(false);
  }

  /** A view into the packet. */
  bytes(name: string, lengthMax: number): Uint8Array {
    const value = this.#fields.get(name) ?? NONE;
    return value instanceof Uint8Array && value.length <= lengthMax ? value : this.#refuse(NONE);
  }

  text(name: string, lengthMax: number): string {
    return textOf(this.bytes(name, lengthMax)) ?? this.#refuse("");
  }

  /** A node's name, which nothing can be said of without. */
  nodeName(name: string): string {
    return this.text(name, NODE_NAME_BYTES_MAX) || this.#refuse("");
  }

  /** Canonical text of 4 or 16 bytes; empty when the field is absent or empty. */
  addressOrNone(name: string): string {
    const bytes = this.bytes(name, 16);
    if (bytes.length === 0) return "";
    return addressOfBytes(bytes) ?? this.#refuse("");
  }

  address(name: string): string {
    return this.addressOrNone(name) || this.#refuse("");
  }

  #refuse<T>(instead: T): T {
    this.valid = false;
    return instead;
  }
}

function addressOfBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = view.getBigUint64(0, false) << 64n | view.getBigUint64(8, false);
  // Go holds IPv4 addresses in 16 bytes now and then.
  return value >> 32n === 0xffffn ? formatIpv4(Number(value & 0xffff_ffffn) as Ipv4) : formatIp({ family: 6, value });
}

/** 4 bytes for IPv4, never the mapped form: peers compare addresses byte by byte. None for a text that is no address. */
export function bytesOfAddress(address: string): Uint8Array {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== undefined) return new Uint8Array([ipv4 >>> 24, ipv4 >>> 16, ipv4 >>> 8, ipv4]);
  const ip = parseIp(address);
  if (ip === undefined) return NONE;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, ip.value >> 64n, false);
  view.setBigUint64(8, ip.value & 0xffff_ffff_ffff_ffffn, false);
  return bytes;
}
