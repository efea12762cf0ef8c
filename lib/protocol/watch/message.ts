/**
 * What the speakers of a cluster say to each other over UDP, and its bytes.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------------------------------------------------------+
 *     |                      magic "HWT2"                             |
 *     +---------------+---------------+---------------+---------------+
 *     |     kind      |     state     |  name length  |     flags     |
 *     +---------------+---------------+---------------+---------------+
 *     |                    generation (64 bits)                       |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |                       nonce (64 bits)                         |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |  serving: sequence, 0 when nothing is said of interfaces      |
 *     +---------------+---------------+-------------------------------+
 *     |  interfaces   |  link probes  |     MACs      |    claims     |
 *     +---------------+---------------+---------------+---------------+
 *     |      name of the sending node, UTF-8, 1 to 253 octets         |
 *     |      each interface: length (8 bits; + 128: no IPv6), name    |
 *     |      each link probe: family (8 bits, 4 or 6), address        |
 *     |      each MAC of an interface: 48 bits                        |
 *     |      each claim: family (8 bits, 4 or 6; + 128: given up),    |
 *     |                  address, term (32 bits)                      |
 *     +---------------------------------------------------------------+
 *     |    zeros, in a probe without a tag: room for its answer       |
 *     +---------------------------------------------------------------+
 *     |    tag: the first 16 octets of HMAC-SHA-256 over all before   |
 *     +---------------------------------------------------------------+
 *
 * Flags: 1 there is a tag, 2 the claims have stood before, 4 no more claims follow, 8 the claims may be of an old plan.
 *
 * All numbers are big-endian. The tag stands there exactly when the cluster has a key. A probe carries a fresh nonce
 * and its answer repeats it, so that an answer heard earlier and sent again proves nothing; a probe proves nothing but
 * that its sender had the key when it was made, which is why only answers count as life. A `tell` is a probe that asks
 * for no answer. Without a key anybody may send a probe in somebody else's name, so its answer is not longer than it:
 * the interfaces are left out if need be, and whoever wants to hear of them fills its probe up. A `query` asks for the
 * claims of the receiver; the last message of the answer repeats its nonce. All other claims carry a nonce of their
 * own, which a `receipt` repeats: then they need not be sent again.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { invariant } from "../../base/assert.ts";
import { formatIp, parseIp } from "../../base/ip.ts";
import { ByteReader, ByteWriter } from "../../base/byte_cursor.ts";
import { isGroupMac, type Mac, MAC_ZERO } from "../../base/mac.ts";
import { FAILED_LINK_PROBES_MAX, MACS_MAX, type Serving, USABLE_INTERFACES_MAX } from "../../base/serving.ts";

export type WatchKind = "probe" | "ack" | "tell" | "query" | "claims" | "receipt";

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
  /** Where the sender can serve; absent when it does not say. */
  readonly serving?: WatchServing;
  /** For which addresses the sender answers. */
  readonly claims?: WatchClaims;
  /** How long a probe or its answer is, where there is no tag: the one is filled up to it, the other is not longer. */
  readonly octets?: number;
}

export interface WatchServing extends Serving {
  /** Goes up with every change in one life of the process; 1 to 2^32 - 1. */
  readonly sequence: number;
}

export interface WatchClaims {
  /** At most {@linkcode CLAIMS_MAX}. */
  readonly entries: readonly WatchClaim[];
  /** It has answered for them for a while, and tells because it hears the receiver again. */
  readonly standing: boolean;
  /** Whoever asked has all of them now. */
  readonly last: boolean;
  /** The sender does not hear the API server: what it claims may not be wanted any more. */
  readonly stale: boolean;
}

export interface WatchClaim {
  /** Canonical text. */
  readonly address: string;
  /** Goes up by one whenever the address changes hands; 1 to 2^32 - 1. */
  readonly term: number;
  /** The sender answers still, but insists no longer: the order of the candidates decides. */
  readonly givenUp: boolean;
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
  | "serving"
  | "claims"
  | "tagMissing"
  | "tagUnexpected"
  | "tagMismatch";

export type WatchDecodeResult =
  | { readonly ok: true; readonly value: WatchMessage }
  | { readonly ok: false; readonly reason: WatchDecodeReason };

/** Derived from the memberlist secret, so that a probe never reveals anything about the gossip's own key. */
export type WatchKey = Uint8Array;

/** One message is encoded at a time. */
const SCRATCH = new Uint8Array(2048);
const MAGIC = [0x48, 0x57, 0x54, 0x32];
const KINDS: readonly WatchKind[] = ["probe", "ack", "tell", "query", "claims", "receipt"];
/** In the order of a life. */
const STATES: readonly WatchState[] = ["starting", "alive", "leaving"];
const HEADER_BYTES = 32;
const NAME_BYTES_MAX = 253;
const TAG_BYTES = 16;
const FLAG_TAG = 1;
const FLAG_STANDING = 2;
const FLAG_LAST = 4;
const FLAG_STALE = 8;
const GIVEN_UP = 0x80;
const IPV4_ONLY = 0x80;
const INTERFACE_BYTES_MAX = 15;
/** Node names are RFC 1123 subdomains: anything else can only be damage or malice, and must not reach a log. */
const NODE_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
/** Linux allows more, but nobody uses it, and it should not reach a log either. */
const INTERFACE_NAME = /^[!-.0-~]{1,15}$/;

/** As many as leave a datagram well below the smallest usual MTU. */
export const CLAIMS_MAX = 36;
/** A message that carries claims says nothing of interfaces. */
export const WATCH_MESSAGE_BYTES_MAX = HEADER_BYTES + NAME_BYTES_MAX + TAG_BYTES +
  USABLE_INTERFACES_MAX * (1 + INTERFACE_BYTES_MAX) + FAILED_LINK_PROBES_MAX * 17 + MACS_MAX * 6;

/** What a probe without a tag may be filled up to: the longest answer. */
export const ANSWER_BYTES_MAX = WATCH_MESSAGE_BYTES_MAX - TAG_BYTES;

/** True for the name of an interface that a message can carry. */
export function isTellableInterface(name: string): boolean {
  return INTERFACE_NAME.test(name);
}

/** True when `a` comes after `b` in a speaker's life. */
export function isLaterState(a: WatchState, b: WatchState): boolean {
  return STATES.indexOf(a) > STATES.indexOf(b);
}

/** Separates this use of the secret from memberlist's (HMAC as a key derivation, RFC 5869 §2.2 in spirit). */
export function deriveWatchKey(memberlistSecret: Uint8Array): WatchKey {
  return new Uint8Array(createHmac("sha256", memberlistSecret).update("herald watch 1").digest());
}

/** How long it is without a tag, and without being filled up. */
export function watchMessageBytes(message: WatchMessage): number {
  return writeBody(message, undefined).length;
}

/** Bytes of `message`, tagged when there is a key. A message that no peer would take is a broken invariant. */
export function encodeWatchMessage(message: WatchMessage, key: WatchKey | undefined): Uint8Array<ArrayBuffer> {
  const body = writeBody(message, key);
  if (key === undefined) {
    const { octets = 0 } = message;
    invariant(octets <= ANSWER_BYTES_MAX, `No answer has ${octets} octets`);
    const filled = new Uint8Array(Math.max(body.length, octets));
    filled.set(body);
    return filled;
  }
  const tagged = new Uint8Array(body.length + TAG_BYTES);
  tagged.set(body);
  tagged.set(tagOf(body, key), body.length);
  return tagged;
}

/** A view of the bytes in front of what is filled up and the tag, which holds until the next one is written. */
function writeBody(message: WatchMessage, key: WatchKey | undefined): Uint8Array {
  const { sender, generation, serving, claims } = message;
  invariant(
    sender.length <= NAME_BYTES_MAX && NODE_NAME.test(sender),
    `"${sender}" is no name of a Kubernetes node (an RFC 1123 subdomain)`,
  );
  invariant(
    Number.isSafeInteger(generation) && generation >= 0,
    `Generation ${generation} is not a whole number in [0, 2^53)`,
  );
  const body = new ByteWriter(SCRATCH);
  body.bytes(MAGIC);
  body.u8(KINDS.indexOf(message.kind));
  body.u8(STATES.indexOf(message.state));
  body.u8(sender.length);
  body.u8(
    (key === undefined ? 0 : FLAG_TAG) | (claims?.standing ? FLAG_STANDING : 0) | (claims?.last ? FLAG_LAST : 0) |
      (claims?.stale ? FLAG_STALE : 0),
  );
  body.u64(BigInt(generation));
  body.u64(BigInt(`0x${message.nonce}`));
  body.u32(serving?.sequence ?? 0);
  body.u8(serving?.usableInterfaces.length ?? 0);
  body.u8(serving?.failedLinkProbes.length ?? 0);
  body.u8(serving?.macs?.length ?? 0);
  body.u8(claims?.entries.length ?? 0);
  body.ascii(sender);
  invariant(serving === undefined || claims === undefined, "A message carries claims or says where it serves");
  if (serving !== undefined) writeServing(body, serving);
  if (claims !== undefined) writeClaims(body, claims.entries);
  return body.written();
}

function writeServing(body: ByteWriter, serving: WatchServing): void {
  const { sequence, usableInterfaces, ipv4OnlyInterfaces = [], failedLinkProbes, macs = [] } = serving;
  invariant(sequence > 0, "What is said of the interfaces has a sequence above 0");
  invariant(
    usableInterfaces.length <= USABLE_INTERFACES_MAX && usableInterfaces.every(isTellableInterface),
    `Not names of ${USABLE_INTERFACES_MAX} interfaces at most: ${usableInterfaces}`,
  );
  invariant(failedLinkProbes.length <= FAILED_LINK_PROBES_MAX, `Too many link probes: ${failedLinkProbes}`);
  for (const name of usableInterfaces) {
    body.u8(name.length | (ipv4OnlyInterfaces.includes(name) ? IPV4_ONLY : 0));
    body.ascii(name);
  }
  for (const address of failedLinkProbes) writeAddress(body, address, 0);
  invariant(macs.length <= MACS_MAX && macs.every(isStationMac), `Not hardware addresses of stations: ${macs}`);
  for (const mac of macs) {
    body.u16(Math.floor(mac / 2 ** 32));
    body.u32(mac % 2 ** 32);
  }
}

function writeClaims(body: ByteWriter, entries: readonly WatchClaim[]): void {
  invariant(entries.length <= CLAIMS_MAX, `More than ${CLAIMS_MAX} claims in one message`);
  for (const { address, term, givenUp } of entries) {
    writeAddress(body, address, givenUp ? GIVEN_UP : 0);
    body.u32(term);
  }
}

function writeAddress(body: ByteWriter, text: string, flag: number): void {
  const ip = parseIp(text);
  invariant(ip !== undefined, `"${text}" is not an IP address`);
  body.u8(ip.family | flag);
  if (ip.family === 4) body.u32(Number(ip.value));
  else {
    body.u64(ip.value >> 64n);
    body.u64(ip.value & 0xffff_ffff_ffff_ffffn);
  }
}

/** Checks everything; the tag before any field but the lengths is believed. Never throws. */
export function decodeWatchMessage(bytes: Uint8Array, key: WatchKey | undefined): WatchDecodeResult {
  if (bytes.length < HEADER_BYTES + 1) return refused("truncated");
  if (MAGIC.some((octet, index) => bytes[index] !== octet)) return refused("magic");
  const kind = KINDS[bytes[4]!];
  if (kind === undefined) return refused("kind");
  const state = STATES[bytes[5]!];
  if (state === undefined) return refused("state");
  const nameBytes = bytes[6]!;
  if (nameBytes === 0 || nameBytes > NAME_BYTES_MAX) return refused("name");
  const flags = bytes[7]!;
  if (key === undefined && (flags & FLAG_TAG) !== 0) return refused("tagUnexpected");
  if (key !== undefined && (flags & FLAG_TAG) === 0) return refused("tagMissing");
  const bodyBytes = bytes.length - (key === undefined ? 0 : TAG_BYTES);
  if (bodyBytes < HEADER_BYTES + nameBytes) return refused("truncated");
  const body = bytes.subarray(0, bodyBytes);
  if (key !== undefined && !timingSafeEqual(bytes.subarray(bodyBytes), tagOf(body, key))) return refused("tagMismatch");
  return decodeBody(body, { kind, state, isTagged: key !== undefined });
}

function decodeBody(
  body: Uint8Array,
  { kind, state, isTagged }: Pick<WatchMessage, "kind" | "state"> & { readonly isTagged: boolean },
): WatchDecodeResult {
  const reader = new ByteReader(body, 6);
  const nameBytes = reader.u8();
  const flags = reader.u8();
  const generation = reader.u64();
  if (generation > BigInt(Number.MAX_SAFE_INTEGER)) return refused("generation");
  const nonce = reader.u64().toString(16).padStart(16, "0");
  const sequence = reader.u32();
  const interfaces = reader.u8();
  const probes = reader.u8();
  const macs = reader.u8();
  const claimCount = reader.u8();
  const sender = reader.ascii(nameBytes);
  if (!NODE_NAME.test(sender)) return refused("name");
  const serving = readServing(reader, { sequence, interfaces, probes, macs });
  if (serving === "bad") return refused("serving");
  const entries = readClaims(reader, claimCount);
  if (entries === "bad" || (claimCount > 0 && kind !== "claims")) return refused("claims");
  if (reader.overrun) return refused("truncated");
  const mayBeFilled = kind === "probe" && !isTagged;
  if (reader.left > 0 && !(mayBeFilled && reader.onlyZerosLeft)) return refused("oversized");
  const claims: WatchClaims | undefined = kind === "claims"
    ? {
      entries,
      standing: (flags & FLAG_STANDING) !== 0,
      last: (flags & FLAG_LAST) !== 0,
      stale: (flags & FLAG_STALE) !== 0,
    }
    : undefined;
  const value: WatchMessage = {
    kind,
    state,
    sender,
    generation: Number(generation),
    nonce,
    ...(serving === undefined ? {} : { serving }),
    ...(claims === undefined ? {} : { claims }),
    ...(!isTagged && (kind === "probe" || kind === "ack") ? { octets: body.length } : {}),
  };
  return { ok: true, value };
}

function readServing(
  reader: ByteReader,
  counts: { readonly sequence: number; readonly interfaces: number; readonly probes: number; readonly macs: number },
): WatchServing | undefined | "bad" {
  const { sequence, interfaces, probes } = counts;
  if (interfaces > USABLE_INTERFACES_MAX || probes > FAILED_LINK_PROBES_MAX || counts.macs > MACS_MAX) return "bad";
  if (sequence === 0) return interfaces + probes + counts.macs === 0 ? undefined : "bad";
  const usableInterfaces: string[] = [];
  const ipv4OnlyInterfaces: string[] = [];
  for (let i = 0; i < interfaces; i++) {
    const first = reader.u8();
    const name = reader.ascii(first & ~IPV4_ONLY);
    if (!reader.overrun && !INTERFACE_NAME.test(name)) return "bad";
    usableInterfaces.push(name);
    if ((first & IPV4_ONLY) !== 0) ipv4OnlyInterfaces.push(name);
  }
  const failedLinkProbes: string[] = [];
  for (let i = 0; i < probes; i++) {
    const address = readAddress(reader, reader.u8());
    if (address === undefined && !reader.overrun) return "bad";
    failedLinkProbes.push(address ?? "");
  }
  const macs: Mac[] = [];
  for (let i = 0; i < counts.macs; i++) {
    const mac = (reader.u16() * 2 ** 32 + reader.u32()) as Mac;
    if (!reader.overrun && !isStationMac(mac)) return "bad";
    macs.push(mac);
  }
  return {
    sequence,
    usableInterfaces,
    ...(ipv4OnlyInterfaces.length === 0 ? {} : { ipv4OnlyInterfaces }),
    failedLinkProbes,
    ...(macs.length === 0 ? {} : { macs }),
  };
}

function isStationMac(mac: Mac): boolean {
  return !isGroupMac(mac) && mac !== MAC_ZERO;
}

function readClaims(reader: ByteReader, count: number): WatchClaim[] | "bad" {
  if (count > CLAIMS_MAX) return "bad";
  const entries: WatchClaim[] = [];
  for (let i = 0; i < count && !reader.overrun; i++) {
    const first = reader.u8();
    const address = readAddress(reader, first & ~GIVEN_UP);
    const term = reader.u32();
    if (!reader.overrun && (address === undefined || term === 0)) return "bad";
    entries.push({ address: address ?? "", term, givenUp: (first & GIVEN_UP) !== 0 });
  }
  return entries;
}

function readAddress(reader: ByteReader, family: number): string | undefined {
  if (family === 4) return formatIp({ family, value: BigInt(reader.u32()) });
  if (family !== 6) return undefined;
  const value = (reader.u64() << 64n) | reader.u64();
  return formatIp({ family, value });
}

function refused(reason: WatchDecodeReason): WatchDecodeResult {
  return { ok: false, reason };
}

function tagOf(body: Uint8Array, key: WatchKey): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(body).digest().subarray(0, TAG_BYTES));
}
