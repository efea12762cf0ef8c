/**
 * ARP over Ethernet (RFC 826) as records. The work is done by wasm/arp.wasm, compiled from codecs/arp.ts, where the
 * layout of the frame is drawn.
 *
 * It decodes any operation and does not judge what a frame means; `arp_frames.ts` makes the frames that Herald sends.
 */
import * as codec from "../../wasm/arp.wasm";
import { invariant } from "../base/assert.ts";
import type { Ipv4 } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import { codecWindows, decodeFailure, type DecodeResult, statusOffset } from "./_abi.ts";

/** One frame. The names are RFC 826's: sender is SHA and SPA, target is THA and TPA. */
export interface ArpRecord {
  readonly etherDestination: Mac;
  readonly etherSource: Mac;
  /** 1 request, 2 reply; any 16-bit number decodes. */
  readonly operation: number;
  readonly senderMac: Mac;
  readonly senderIp: Ipv4;
  readonly targetMac: Mac;
  readonly targetIp: Ipv4;
}

/** The first check that failed, in the order of the checks. */
export type ArpDecodeReason =
  /** Below 42 bytes. */
  | "truncated"
  /** Above {@linkcode ARP_FRAME_BYTES_MAX}. */
  | "oversize"
  /** Not ARP, or ARP behind a VLAN tag. */
  | "etherType"
  | "hardwareType"
  | "protocolType"
  | "hardwareLength"
  | "protocolLength";

const REASONS: ReadonlyMap<number, ArpDecodeReason> = new Map<number, ArpDecodeReason>([
  [codec.checkTruncated, "truncated"],
  [codec.checkOversize, "oversize"],
  [codec.checkEtherType, "etherType"],
  [codec.checkHardwareType, "hardwareType"],
  [codec.checkProtocolType, "protocolType"],
  [codec.checkHardwareLength, "hardwareLength"],
  [codec.checkProtocolLength, "protocolLength"],
]);

const WINDOWS = codecWindows(codec);

const ENCODED = WINDOWS.outBytes.subarray(0, codec.encodedBytes);

/** Longest frame that decodes, padding included. */
export const ARP_FRAME_BYTES_MAX: number = codec.inSize;

/** What {@linkcode encodeArpInto} writes: the Ethernet minimum without its check sequence. */
export const ARP_ENCODED_BYTES: number = codec.encodedBytes;

/**
 * Where recv(2) may put a frame, to be decoded by {@linkcode decodeArpWindow} with no copy. Its content lasts until the
 * next call of this module.
 */
export const arpReceiveWindow: Uint8Array<ArrayBuffer> = WINDOWS.inBytes;

/** Decodes one Ethernet frame of any length. Never throws. */
export function decodeArp(frame: Uint8Array): DecodeResult<ArpRecord, ArpDecodeReason> {
  // A frame that does not fit is not copied: the codec refuses it by its length alone.
  if (frame.length <= WINDOWS.inBytes.length) WINDOWS.inBytes.set(frame);
  return decodeArpWindow(frame.length);
}

/** Decodes the first `length` bytes of {@linkcode arpReceiveWindow}. Never throws. */
export function decodeArpWindow(length: number): DecodeResult<ArpRecord, ArpDecodeReason> {
  const status = codec.decode(length);
  if (status < 0) return decodeFailure(status, REASONS);
  const fields = WINDOWS.outFields;
  return {
    ok: true,
    value: {
      etherDestination: fields[0] as Mac,
      etherSource: fields[1] as Mac,
      operation: fields[2] as number,
      senderMac: fields[3] as Mac,
      senderIp: fields[4] as Ipv4,
      targetMac: fields[5] as Mac,
      targetIp: fields[6] as Ipv4,
    },
  };
}

/**
 * Writes the frame of `record` to the start of `out`, padded with zeros, and returns its size: 60 bytes. A record that
 * no frame can hold, or an `out` that cannot hold the frame, is a broken invariant.
 */
export function encodeArpInto(record: ArpRecord, out: Uint8Array): number {
  invariant(out.length >= ENCODED.length, () => `ARP frame of ${ENCODED.length} bytes does not fit into ${out.length}`);
  const fields = WINDOWS.inFields;
  fields[0] = record.etherDestination;
  fields[1] = record.etherSource;
  fields[2] = record.operation;
  fields[3] = record.senderMac;
  fields[4] = record.senderIp;
  fields[5] = record.targetMac;
  fields[6] = record.targetIp;
  const status = codec.encode();
  invariant(
    status === ENCODED.length,
    () => `ARP record has a field that no frame can hold, double ${statusOffset(status) / 8}`,
  );
  out.set(ENCODED);
  return status;
}
