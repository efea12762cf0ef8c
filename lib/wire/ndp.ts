/**
 * Neighbour solicitations and advertisements over Ethernet (RFC 4861) as records. The work is done by wasm/ndp.wasm,
 * compiled from codecs/ndp.ts, where the layout of the frame is drawn and the checks are made.
 *
 * It does not judge what a frame means; `ndp_frames.ts` makes the frames that Herald sends.
 */
import * as codec from "../../wasm/ndp.wasm";
import { invariant } from "../base/assert.ts";
import type { Ipv6 } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import { codecWindows, decodeFailure, type DecodeResult, statusOffset } from "./_abi.ts";

/** One frame. */
export interface NdpRecord {
  readonly etherDestination: Mac;
  readonly etherSource: Mac;
  /** 135 solicitation, 136 advertisement. */
  readonly type: number;
  /** Of an advertisement: the flags and reserved bits as they stand, `NDP_FLAG_…`; 0 in a solicitation. */
  readonly flags: number;
  /** The source (solicitation) or target (advertisement) link-layer address option, if there is one. */
  readonly linkLayerAddress: Mac | undefined;
  readonly source: Ipv6;
  readonly destination: Ipv6;
  readonly target: Ipv6;
}

/** The first check that failed, in the order of the checks. */
export type NdpDecodeReason =
  /** Below 78 bytes. */
  | "truncated"
  /** Above 2048 bytes. */
  | "oversize"
  | "etherType"
  | "ipVersion"
  /** Not ICMPv6, or behind an extension header, which nobody puts there. */
  | "nextHeader"
  | "payloadLength"
  /** Not 255: it came from beyond the link. */
  | "hopLimit"
  | "type"
  | "code"
  | "checksum"
  /** A multicast source, or an advertisement from the unspecified address. */
  | "source"
  /** A multicast target. */
  | "target"
  /** From the unspecified address to something else than a solicited-node group. */
  | "destination"
  /** A multicast advertisement that says it was solicited. */
  | "flags"
  /** Of no length, beyond the end, or a source address that names its sender although it has none. */
  | "option";

const REASONS: ReadonlyMap<number, NdpDecodeReason> = new Map<number, NdpDecodeReason>([
  [codec.checkTruncated, "truncated"],
  [codec.checkOversize, "oversize"],
  [codec.checkEtherType, "etherType"],
  [codec.checkIpVersion, "ipVersion"],
  [codec.checkNextHeader, "nextHeader"],
  [codec.checkPayloadLength, "payloadLength"],
  [codec.checkHopLimit, "hopLimit"],
  [codec.checkType, "type"],
  [codec.checkCode, "code"],
  [codec.checkChecksum, "checksum"],
  [codec.checkSource, "source"],
  [codec.checkTarget, "target"],
  [codec.checkDestination, "destination"],
  [codec.checkFlags, "flags"],
  [codec.checkOption, "option"],
]);

const WINDOWS = codecWindows(codec);
/** The addresses of a record: two words each, behind its five doubles. */
const IN_WORDS = new BigUint64Array(WINDOWS.inBytes.buffer, codec.inOffset, codec.inSize / 8);
const OUT_WORDS = new BigUint64Array(WINDOWS.outBytes.buffer, codec.outOffset, codec.outSize / 8);
const SOURCE_WORD = 5;
const DESTINATION_WORD = 7;
const TARGET_WORD = 9;
const WORD = 0xffff_ffff_ffff_ffffn;

/** The longest that {@linkcode encodeNdpInto} writes. */
export const NDP_ENCODED_BYTES_MAX: number = codec.encodedBytesMax;

/** Where recv(2) may put a frame, to be decoded by {@linkcode decodeNdpWindow} with no copy. */
export const ndpReceiveWindow: Uint8Array<ArrayBuffer> = WINDOWS.inBytes;

/** Decodes one Ethernet frame of any length. Never throws. */
export function decodeNdp(frame: Uint8Array): DecodeResult<NdpRecord, NdpDecodeReason> {
  // A frame that does not fit is not copied: the codec refuses it by its length alone.
  if (frame.length <= WINDOWS.inBytes.length) WINDOWS.inBytes.set(frame);
  return decodeNdpWindow(frame.length);
}

/** Decodes the first `length` bytes of {@linkcode ndpReceiveWindow}. Never throws. */
export function decodeNdpWindow(length: number): DecodeResult<NdpRecord, NdpDecodeReason> {
  const status = codec.decode(length);
  if (status < 0) return decodeFailure(status, REASONS);
  const fields = WINDOWS.outFields;
  const linkLayerAddress = fields[4] as Mac;
  return {
    ok: true,
    value: {
      etherDestination: fields[0] as Mac,
      etherSource: fields[1] as Mac,
      type: fields[2] as number,
      flags: fields[3] as number,
      linkLayerAddress: linkLayerAddress < 0 ? undefined : linkLayerAddress,
      source: addressAt(SOURCE_WORD),
      destination: addressAt(DESTINATION_WORD),
      target: addressAt(TARGET_WORD),
    },
  };
}

/**
 * Writes the frame of `record`, with its checksum, to the start of `out` and returns its size. A record that no frame can
 * hold, or an `out` that cannot hold the frame, is a broken invariant.
 */
export function encodeNdpInto(record: NdpRecord, out: Uint8Array): number {
  const fields = WINDOWS.inFields;
  fields[0] = record.etherDestination;
  fields[1] = record.etherSource;
  fields[2] = record.type;
  fields[3] = record.flags;
  fields[4] = record.linkLayerAddress ?? -1;
  putAddress(SOURCE_WORD, record.source);
  putAddress(DESTINATION_WORD, record.destination);
  putAddress(TARGET_WORD, record.target);
  const size = codec.encode();
  invariant(size > 0, () => `NDP record has a field that no frame can hold, double ${statusOffset(size) / 8}`);
  invariant(out.length >= size, () => `NDP frame of ${size} bytes does not fit into ${out.length}`);
  out.set(WINDOWS.outBytes.subarray(0, size));
  return size;
}

function addressAt(word: number): Ipv6 {
  return (OUT_WORDS[word]! << 64n | OUT_WORDS[word + 1]!) as Ipv6;
}

function putAddress(word: number, address: Ipv6): void {
  invariant(address >= 0n && address >> 128n === 0n, () => `${address} is not an IPv6 address`);
  IN_WORDS[word] = address >> 64n;
  IN_WORDS[word + 1] = address & WORD;
}
