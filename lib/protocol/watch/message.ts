/**
 * What the speakers of a cluster say to each other over UDP, and its bytes.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------------------------------------------------------+
 *     |                      magic "HWT1"                             |
 *     +---------------+---------------+---------------+---------------+
 *     |     kind      |     state     |  name length  |    has tag    |
 *     +---------------+---------------+---------------+---------------+
 *     |                    generation (64 bits)                       |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |                       nonce (64 bits)                         |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |      name of the sending node, UTF-8, 1 to 253 octets         |
 *     +---------------------------------------------------------------+
 *     |    tag: the first 16 octets of HMAC-SHA-256 over all before   |
 *     +---------------------------------------------------------------+
 *
 * All numbers are big-endian. The tag stands there exactly when the cluster has a key. A probe carries a fresh nonce
 * and its answer repeats it, so that an answer heard earlier and sent again proves nothing; a probe proves nothing but
 * that its sender had the key when it was made, which is why only answers count as life.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { invariant } from "../../base/assert.ts";

export type WatchKind = "probe" | "ack";

/** What a speaker says of itself; within one generation it only goes forward. */
export type WatchState = "starting" | "alive" | "leaving";

export interface WatchMessage {
  readonly kind: WatchKind;
  /** Node name of the sender. */
  readonly sender: string;
  /** Identifies one life of the sender's process: milliseconds of wall time at its start, below 2^53. */
  readonly generation: number;
  readonly state: WatchState;
  /** 16 hexadecimal digits. */
  readonly nonce: string;
}

/** Why a datagram is not a message; also the label of the drop counter. */
export type WatchDecodeReason =
  | "truncated"
  | "oversized"
  | "magic"
  | "kind"
  | "state"
  | "name"
  | "generation"
  | "tagMissing"
  | "tagUnexpected"
  | "tagMismatch";

export type WatchDecodeResult =
  | { readonly ok: true; readonly value: WatchMessage }
  | { readonly ok: false; readonly reason: WatchDecodeReason };

/** Derived from the memberlist secret, so that a probe never reveals anything about the gossip's own key. */
export type WatchKey = Uint8Array;

const MAGIC = [0x48, 0x57, 0x54, 0x31];
const KINDS: readonly WatchKind[] = ["probe", "ack"];
/** In the order of a life. */
const STATES: readonly WatchState[] = ["starting", "alive", "leaving"];
const HEADER_BYTES = 24;
const NAME_BYTES_MAX = 253;
const TAG_BYTES = 16;
/** Node names are RFC 1123 subdomains: anything else can only be damage or malice, and must not reach a log. */
const NODE_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

export const WATCH_MESSAGE_BYTES_MAX = HEADER_BYTES + NAME_BYTES_MAX + TAG_BYTES;

/** True when `a` comes after `b` in a speaker's life. */
export function isLaterState(a: WatchState, b: WatchState): boolean {
  return STATES.indexOf(a) > STATES.indexOf(b);
}

/** Separates this use of the secret from memberlist's (HMAC as a key derivation, RFC 5869 §2.2 in spirit). */
export function deriveWatchKey(memberlistSecret: Uint8Array): WatchKey {
  return new Uint8Array(createHmac("sha256", memberlistSecret).update("herald watch 1").digest());
}

/** Bytes of `message`, tagged when there is a key. A message that no peer would take is a broken invariant. */
export function encodeWatchMessage(message: WatchMessage, key: WatchKey | undefined): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(message.sender);
  invariant(
    name.length <= NAME_BYTES_MAX && NODE_NAME.test(message.sender),
    `"${message.sender}" is no name of a Kubernetes node (an RFC 1123 subdomain)`,
  );
  invariant(
    Number.isSafeInteger(message.generation) && message.generation >= 0,
    `Generation ${message.generation} is not a whole number in [0, 2^53)`,
  );
  const bodyBytes = HEADER_BYTES + name.length;
  const bytes = new Uint8Array(bodyBytes + (key === undefined ? 0 : TAG_BYTES));
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes[4] = KINDS.indexOf(message.kind);
  bytes[5] = STATES.indexOf(message.state);
  bytes[6] = name.length;
  bytes[7] = key === undefined ? 0 : 1;
  view.setBigUint64(8, BigInt(message.generation));
  view.setBigUint64(16, BigInt(`0x${message.nonce}`));
  bytes.set(name, HEADER_BYTES);
  if (key !== undefined) bytes.set(tagOf(bytes.subarray(0, bodyBytes), key), bodyBytes);
  return bytes;
}

/** Checks everything, the tag last but before any field is believed. Never throws. */
export function decodeWatchMessage(bytes: Uint8Array, key: WatchKey | undefined): WatchDecodeResult {
  if (bytes.length < HEADER_BYTES + 1) return { ok: false, reason: "truncated" };
  if (MAGIC.some((octet, index) => bytes[index] !== octet)) return { ok: false, reason: "magic" };
  const kind = KINDS[bytes[4]!];
  if (kind === undefined) return { ok: false, reason: "kind" };
  const state = STATES[bytes[5]!];
  if (state === undefined) return { ok: false, reason: "state" };
  const nameBytes = bytes[6]!;
  if (nameBytes === 0 || nameBytes > NAME_BYTES_MAX) return { ok: false, reason: "name" };
  if (key === undefined && bytes[7] !== 0) return { ok: false, reason: "tagUnexpected" };
  if (key !== undefined && bytes[7] !== 1) return { ok: false, reason: "tagMissing" };
  const bodyBytes = HEADER_BYTES + nameBytes;
  const wantedBytes = bodyBytes + (key === undefined ? 0 : TAG_BYTES);
  if (bytes.length < wantedBytes) return { ok: false, reason: "truncated" };
  if (bytes.length > wantedBytes) return { ok: false, reason: "oversized" };
  if (key !== undefined && !timingSafeEqual(bytes.subarray(bodyBytes), tagOf(bytes.subarray(0, bodyBytes), key))) {
    return { ok: false, reason: "tagMismatch" };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const generation = view.getBigUint64(8);
  if (generation > BigInt(Number.MAX_SAFE_INTEGER)) return { ok: false, reason: "generation" };
  const sender = decodeName(bytes.subarray(HEADER_BYTES, bodyBytes));
  if (sender === undefined) return { ok: false, reason: "name" };
  const nonce = view.getBigUint64(16).toString(16).padStart(16, "0");
  return { ok: true, value: { kind, sender, generation: Number(generation), state, nonce } };
}

function decodeName(bytes: Uint8Array): string | undefined {
  const name = String.fromCharCode(...bytes);
  return NODE_NAME.test(name) ? name : undefined;
}

function tagOf(body: Uint8Array, key: WatchKey): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(body).digest().subarray(0, TAG_BYTES));
}
