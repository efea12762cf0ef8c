/**
 * memberlist's encryption: AES-GCM with a key of 16 or 32 bytes (MetalLB's has 32 always). A sealed blob:
 *
 *     +---------+------------------+------------------ - - -+------------------+
 *     | version | nonce (12 bytes) |      ciphertext        |  tag (16 bytes)  |
 *     +---------+------------------+------------------ - - -+------------------+
 *
 * Version 1 is what everybody writes today; version 0 pads the plain text to 16 bytes first (PKCS#7). The tag also covers
 * bytes that are not in the blob: the cluster's label, and on streams the frame's header. It does not cover the version.
 * memberlist also has keys of 24 bytes, for which this runtime has no cipher.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { invariant } from "../../base/assert.ts";
import type { Rng } from "../../base/rng.ts";

export type MemberlistKey = Uint8Array;

export type SealVersion = 0 | 1;

const VERSION_BYTES = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** How much longer than its plain text a blob of version 1 is. */
export const SEAL_OVERHEAD_BYTES = VERSION_BYTES + NONCE_BYTES + TAG_BYTES;

function cipherOf(key: MemberlistKey): "aes-128-gcm" | "aes-256-gcm" {
  invariant(key.length === 16 || key.length === 32, `A memberlist key has 16 or 32 bytes, not ${key.length}`);
  return key.length === 16 ? "aes-128-gcm" : "aes-256-gcm";
}

/** 96 bits that are never to be used twice with one key. */
export function nonceOf(rng: Rng): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([rng.u32(), rng.u32(), rng.u32()]).buffer);
}

export interface SealOptions {
  readonly key: MemberlistKey;
  readonly nonce: Uint8Array;
  /** Bytes that the tag covers beside the text. */
  readonly covered: Uint8Array;
  readonly version?: SealVersion;
}

export function seal(plain: Uint8Array, options: SealOptions): Uint8Array<ArrayBuffer> {
  const { key, nonce, covered, version = 1 } = options;
  const cipher = createCipheriv(cipherOf(key), key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(covered);
  const padding = version === 0 ? BLOCK_BYTES - plain.length % BLOCK_BYTES : 0;
  const padded = padding === 0 ? plain : padTo(plain, padding);
  const blob = new Uint8Array(SEAL_OVERHEAD_BYTES + padded.length);
  blob[0] = version;
  blob.set(nonce, VERSION_BYTES);
  blob.set(cipher.update(padded), VERSION_BYTES + NONCE_BYTES);
  cipher.final();
  blob.set(cipher.getAuthTag(), blob.length - TAG_BYTES);
  return blob;
}

/** `undefined` when the blob was not sealed with this key, or not with these covered bytes. */
export function unseal(blob: Uint8Array, options: Pick<SealOptions, "key" | "covered">): Uint8Array | undefined {
  const version = blob[0];
  if (blob.length < SEAL_OVERHEAD_BYTES || (version !== 0 && version !== 1)) return undefined;
  const nonce = blob.subarray(VERSION_BYTES, VERSION_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv(cipherOf(options.key), options.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(options.covered);
  decipher.setAuthTag(blob.subarray(blob.length - TAG_BYTES));
  const text = decipher.update(blob.subarray(VERSION_BYTES + NONCE_BYTES, blob.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  const plain = new Uint8Array(text.buffer, text.byteOffset, text.byteLength);
  return version === 1 ? plain : withoutPadding(plain);
}

function padTo(plain: Uint8Array, padding: number): Uint8Array {
  const padded = new Uint8Array(plain.length + padding).fill(padding, plain.length);
  padded.set(plain);
  return padded;
}

function withoutPadding(padded: Uint8Array): Uint8Array | undefined {
  const padding = padded.at(-1) ?? 0;
  const isRight = padding >= 1 && padding <= BLOCK_BYTES && padding <= padded.length;
  return isRight ? padded.subarray(0, padded.length - padding) : undefined;
}
