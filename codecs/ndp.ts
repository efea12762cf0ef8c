/**
 * Neighbour solicitations and advertisements over Ethernet (RFC 4861 §4.3, §4.4): frame to record and back. It knows
 * bytes, not meaning: whom a solicitation concerns and what an answer says is decided above (lib/wire/ndp_frames.ts,
 * protocol/l2).
 *
 * Decoding makes every check of RFC 4861 §7.1.1 and §7.1.2, the checksum included, because a packet socket gets frames
 * before the kernel has looked at them. Encoding computes the checksum.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Ethernet destination, source, EtherType 0x86dd (14)       |  0
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |Version 6| Traffic class |             Flow label              | 14
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        Payload length         | Next header 58| Hop limit 255 | 18
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      Source address (16)                      | 22
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                    Destination address (16)                   | 38
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Type 135, 136 |    Code 0     |           Checksum            | 54
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |R|S|O|          reserved (all of it in a solicitation)         | 58
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      Target address (16)                      | 62
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Option type  |  Length in 8s |   Link-layer address (6)      | 78
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
 * |                                                               | 82
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import {
  ETHER_TYPE_IPV6,
  ICMPV6_NEIGHBOR_ADVERTISEMENT,
  ICMPV6_NEIGHBOR_SOLICITATION,
  IP_PROTOCOL_ICMPV6,
  NDP_FLAG_SOLICITED,
  NDP_HOP_LIMIT,
  NDP_OPTION_SOURCE_LINK_LAYER_ADDRESS,
  NDP_OPTION_TARGET_LINK_LAYER_ADDRESS,
} from "../lib/wire/iana";
import { ABI_VERSION, failed, isUnsigned, loadMac, loadU16, loadU32, storeMac, storeU16, storeU32 } from "./abi";

export const abiVersion: i32 = ABI_VERSION;

/** A whole Ethernet frame of the usual MTU fits; these messages never need more, and a longer frame is refused. */
export const inOffset: i32 = 0x1000;
export const inSize: i32 = 2048;
export const outOffset: i32 = 0x2000;
export const outSize: i32 = 2048;

// Where things stand in the frame.
const IPV6: i32 = 14;
const PAYLOAD_LENGTH: i32 = 18;
const NEXT_HEADER: i32 = 20;
const HOP_LIMIT: i32 = 21;
const SOURCE: i32 = 22;
const DESTINATION: i32 = 38;
const ICMPV6: i32 = 54;
const CHECKSUM: i32 = 56;
const FLAGS: i32 = 58;
const TARGET: i32 = 62;
const OPTIONS: i32 = 78;

/** Type, code, checksum, flags and target. */
const MESSAGE_BYTES_MIN: i32 = 24;
const OPTION_BYTES: i32 = 8;

/** The longest that `encode` writes: with one link-layer address. */
export const encodedBytesMax: i32 = OPTIONS + OPTION_BYTES;

// Checks of decode, in the order in which they are made.
export const checkTruncated: i32 = 1;
export const checkOversize: i32 = 2;
export const checkEtherType: i32 = 3;
export const checkIpVersion: i32 = 4;
export const checkNextHeader: i32 = 5;
export const checkPayloadLength: i32 = 6;
export const checkHopLimit: i32 = 7;
export const checkType: i32 = 8;
export const checkCode: i32 = 9;
export const checkChecksum: i32 = 10;
// Not 11: Deno's reader of a module's exports takes that byte for the end of the global, and all types are lost.
export const checkSource: i32 = 12;
export const checkTarget: i32 = 13;
export const checkDestination: i32 = 14;
export const checkFlags: i32 = 15;
export const checkOption: i32 = 16;
/** Check of encode: a field of the record is no whole number or too wide; the offset is the field's in the record. */
export const checkFieldRange: i32 = 17;

// The record: five doubles, then three addresses of two 64-bit words each, the high one first.
const RECORD_ETHER_DESTINATION: i32 = 0;
const RECORD_ETHER_SOURCE: i32 = 8;
const RECORD_TYPE: i32 = 16;
const RECORD_FLAGS: i32 = 24;
const RECORD_LINK_LAYER_ADDRESS: i32 = 32;
const RECORD_SOURCE: i32 = 40;
const RECORD_DESTINATION: i32 = 56;
const RECORD_TARGET: i32 = 72;
const RECORD_BYTES: i32 = 88;

/** Stands for "no such option". */
const NO_LINK_LAYER_ADDRESS: f64 = -1;

/** Reads a frame of `length` bytes from IN; writes the record to OUT, all of it or nothing, and returns its size. */
export function decode(length: u32): i32 {
  if (length < <u32> (ICMPV6 + MESSAGE_BYTES_MIN)) return failed(checkTruncated, length);
  if (length > <u32> inSize) return failed(checkOversize, inSize);
  const frame: usize = inOffset;
  if (loadU16(frame + 12) != ETHER_TYPE_IPV6) return failed(checkEtherType, 12);
  if (load<u8>(frame + IPV6) >> 4 != 6) return failed(checkIpVersion, IPV6);
  if (load<u8>(frame + NEXT_HEADER) != IP_PROTOCOL_ICMPV6) return failed(checkNextHeader, NEXT_HEADER);
  const messageBytes: i32 = loadU16(frame + PAYLOAD_LENGTH);
  if (messageBytes < MESSAGE_BYTES_MIN || messageBytes > <i32> length - ICMPV6) {
    return failed(checkPayloadLength, PAYLOAD_LENGTH);
  }
  if (load<u8>(frame + HOP_LIMIT) != NDP_HOP_LIMIT) return failed(checkHopLimit, HOP_LIMIT);
  const type: i32 = load<u8>(frame + ICMPV6);
  const isSolicitation = type == ICMPV6_NEIGHBOR_SOLICITATION;
  if (!isSolicitation && type != ICMPV6_NEIGHBOR_ADVERTISEMENT) return failed(checkType, ICMPV6);
  if (load<u8>(frame + ICMPV6 + 1) != 0) return failed(checkCode, ICMPV6 + 1);
  // Summed with the checksum itself, an undamaged message gives all ones.
  if (checksum(frame, messageBytes) != 0xffff) return failed(checkChecksum, CHECKSUM);

  const isUnspecified = load<u64>(frame + SOURCE) == 0 && load<u64>(frame + SOURCE + 8) == 0;
  if (isMulticast(frame + SOURCE) || (isUnspecified && !isSolicitation)) return failed(checkSource, SOURCE);
  if (isMulticast(frame + TARGET)) return failed(checkTarget, TARGET);
  if (isUnspecified && !isSolicitedNode(frame + DESTINATION)) return failed(checkDestination, DESTINATION);
  const flags = loadU32(frame + FLAGS);
  if (!isSolicitation && isMulticast(frame + DESTINATION) && (flags & NDP_FLAG_SOLICITED) != 0) {
    return failed(checkFlags, FLAGS);
  }

  const wanted = isSolicitation ? NDP_OPTION_SOURCE_LINK_LAYER_ADDRESS : NDP_OPTION_TARGET_LINK_LAYER_ADDRESS;
  let linkLayerAddress = NO_LINK_LAYER_ADDRESS;
  const end: i32 = ICMPV6 + messageBytes;
  let at: i32 = OPTIONS;
  while (at < end) {
    // What is left of a multiple of 8 holds no option.
    if (end - at < OPTION_BYTES) return failed(checkOption, at);
    const optionBytes: i32 = <i32> load<u8>(frame + at + 1) * 8;
    if (optionBytes == 0 || optionBytes > end - at) return failed(checkOption, at);
    if (<i32> load<u8>(frame + at) == wanted) {
      if (isUnspecified) return failed(checkOption, at);
      // A longer one is no address of an Ethernet; the first that is one counts.
      if (optionBytes == OPTION_BYTES && linkLayerAddress == NO_LINK_LAYER_ADDRESS) {
        linkLayerAddress = <f64> loadMac(frame + at + 2);
      }
    }
    at += optionBytes;
  }

  const record: usize = outOffset;
  store<f64>(record + RECORD_ETHER_DESTINATION, <f64> loadMac(frame));
  store<f64>(record + RECORD_ETHER_SOURCE, <f64> loadMac(frame + 6));
  store<f64>(record + RECORD_TYPE, <f64> type);
  store<f64>(record + RECORD_FLAGS, isSolicitation ? 0 : <f64> flags);
  store<f64>(record + RECORD_LINK_LAYER_ADDRESS, linkLayerAddress);
  copyAddress(record + RECORD_SOURCE, frame + SOURCE);
  copyAddress(record + RECORD_DESTINATION, frame + DESTINATION);
  copyAddress(record + RECORD_TARGET, frame + TARGET);
  return RECORD_BYTES;
}

/** Reads the record from IN; writes a frame to OUT, all of it or nothing, and returns its size. */
export function encode(): i32 {
  const record: usize = inOffset;
  const etherDestination = load<f64>(record + RECORD_ETHER_DESTINATION);
  const etherSource = load<f64>(record + RECORD_ETHER_SOURCE);
  const type = load<f64>(record + RECORD_TYPE);
  const flags = load<f64>(record + RECORD_FLAGS);
  const linkLayerAddress = load<f64>(record + RECORD_LINK_LAYER_ADDRESS);
  if (!isUnsigned(etherDestination, 48)) return failed(checkFieldRange, RECORD_ETHER_DESTINATION);
  if (!isUnsigned(etherSource, 48)) return failed(checkFieldRange, RECORD_ETHER_SOURCE);
  const isSolicitation = type == <f64> ICMPV6_NEIGHBOR_SOLICITATION;
  if (!isSolicitation && type != <f64> ICMPV6_NEIGHBOR_ADVERTISEMENT) return failed(checkFieldRange, RECORD_TYPE);
  if (!isUnsigned(flags, 32)) return failed(checkFieldRange, RECORD_FLAGS);
  const hasOption = linkLayerAddress != NO_LINK_LAYER_ADDRESS;
  if (hasOption && !isUnsigned(linkLayerAddress, 48)) return failed(checkFieldRange, RECORD_LINK_LAYER_ADDRESS);

  const frame: usize = outOffset;
  const messageBytes: i32 = hasOption ? MESSAGE_BYTES_MIN + OPTION_BYTES : MESSAGE_BYTES_MIN;
  storeMac(frame, <u64> etherDestination);
  storeMac(frame + 6, <u64> etherSource);
  storeU16(frame + 12, ETHER_TYPE_IPV6);
  storeU32(frame + IPV6, 0x60000000);
  storeU16(frame + PAYLOAD_LENGTH, messageBytes);
  store<u8>(frame + NEXT_HEADER, <u8> IP_PROTOCOL_ICMPV6);
  store<u8>(frame + HOP_LIMIT, <u8> NDP_HOP_LIMIT);
  copyAddress(frame + SOURCE, record + RECORD_SOURCE);
  copyAddress(frame + DESTINATION, record + RECORD_DESTINATION);
  store<u8>(frame + ICMPV6, <u8> type);
  store<u8>(frame + ICMPV6 + 1, 0);
  storeU16(frame + CHECKSUM, 0);
  storeU32(frame + FLAGS, <u32> flags);
  copyAddress(frame + TARGET, record + RECORD_TARGET);
  if (hasOption) {
    const option = isSolicitation ? NDP_OPTION_SOURCE_LINK_LAYER_ADDRESS : NDP_OPTION_TARGET_LINK_LAYER_ADDRESS;
    store<u8>(frame + OPTIONS, <u8> option);
    store<u8>(frame + OPTIONS + 1, 1);
    storeMac(frame + OPTIONS + 2, <u64> linkLayerAddress);
  }
  storeU16(frame + CHECKSUM, ~checksum(frame, messageBytes) & 0xffff);
  return ICMPV6 + messageBytes;
}

/**
 * The one's complement sum over pseudo-header and message (RFC 4443 §2.3, RFC 1071), not yet complemented. It never is 0:
 * the next header in the pseudo-header is not.
 */
function checksum(frame: usize, messageBytes: i32): u32 {
  let sum: u32 = messageBytes + IP_PROTOCOL_ICMPV6;
  for (let at: i32 = SOURCE; at < ICMPV6; at += 2) sum += loadU16(frame + at);
  const end: i32 = ICMPV6 + messageBytes;
  let at: i32 = ICMPV6;
  for (; at + 1 < end; at += 2) sum += loadU16(frame + at);
  if (at < end) sum += <u32> load<u8>(frame + at) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/** ff00::/8. */
function isMulticast(address: usize): bool {
  return load<u8>(address) == 0xff;
}

/** ff02::1:ff00:0/104 (RFC 4291 §2.7.1). */
function isSolicitedNode(address: usize): bool {
  return loadU32(address) == 0xff020000 && loadU32(address + 4) == 0 && loadU32(address + 8) == 1 &&
    load<u8>(address + 12) == 0xff;
}

/** Network order on one side, two 64-bit words of the host on the other; the same change in both directions. */
function copyAddress(to: usize, from: usize): void {
  store<u64>(to, bswap<u64>(load<u64>(from)));
  store<u64>(to + 8, bswap<u64>(load<u64>(from + 8)));
}
