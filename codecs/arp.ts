/**
 * ARP over Ethernet (RFC 826): frame to record and back. It knows bytes, not meaning: any operation decodes, and who is
 * asked or what a gratuitous announcement is, is decided above (lib/wire/arp_frames.ts, protocol/l2).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      Ethernet destination                     |  0
 * +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                               |                               |  4
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
 * |                        Ethernet source                        |  8
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        EtherType 0x0806       |       Hardware type 1         | 12
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |      Protocol type 0x0800     |  HW length 6  | Proto length 4| 16
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           Operation           |                               | 20
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
 * |                 Sender hardware address (SHA)                 | 24
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                 Sender protocol address (SPA)                 | 28
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                 Target hardware address (THA)                 | 32
 * +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                               |            TPA, high          | 36
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |            TPA, low           |  zeros or padding, ignored    | 40
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { ARP_HARDWARE_ETHERNET, ETHER_TYPE_ARP, ETHER_TYPE_IPV4 } from "../lib/wire/iana";
import { ABI_VERSION, failed, isUnsigned, loadMac, loadU16, loadU32, storeMac, storeU16, storeU32 } from "./abi";

export const abiVersion: i32 = ABI_VERSION;

/** A whole Ethernet frame of the usual MTU fits; ARP never needs more, and a longer frame is refused. */
export const inOffset: i32 = 0x1000;
export const inSize: i32 = 2048;
export const outOffset: i32 = 0x2000;
export const outSize: i32 = 2048;

/** Ethernet header and ARP for 6-byte and 4-byte addresses: nothing shorter decodes. */
const FRAME_BYTES_MIN: i32 = 42;

/** What `encode` writes: the Ethernet minimum without the frame check sequence, so that no driver has to pad. */
export const encodedBytes: i32 = 60;

// Checks of decode, in the order in which they are made.
export const checkTruncated: i32 = 1;
export const checkOversize: i32 = 2;
export const checkEtherType: i32 = 3;
export const checkHardwareType: i32 = 4;
export const checkProtocolType: i32 = 5;
export const checkHardwareLength: i32 = 6;
export const checkProtocolLength: i32 = 7;
/** Check of encode: a field of the record is no whole number or too wide; the offset is the field's in the record. */
export const checkFieldRange: i32 = 8;

// The record: seven doubles in this order.
const RECORD_ETHER_DESTINATION: i32 = 0;
const RECORD_ETHER_SOURCE: i32 = 8;
const RECORD_OPERATION: i32 = 16;
const RECORD_SENDER_MAC: i32 = 24;
const RECORD_SENDER_IP: i32 = 32;
const RECORD_TARGET_MAC: i32 = 40;
const RECORD_TARGET_IP: i32 = 48;
const RECORD_BYTES: i32 = 56;

/** Reads a frame of `length` bytes from IN; writes the record to OUT, all of it or nothing, and returns its size. */
export function decode(length: u32): i32 {
  if (length < <u32> FRAME_BYTES_MIN) return failed(checkTruncated, length);
  if (length > <u32> inSize) return failed(checkOversize, inSize);
  const frame: usize = inOffset;
  if (loadU16(frame + 12) != ETHER_TYPE_ARP) return failed(checkEtherType, 12);
  if (loadU16(frame + 14) != ARP_HARDWARE_ETHERNET) return failed(checkHardwareType, 14);
  if (loadU16(frame + 16) != ETHER_TYPE_IPV4) return failed(checkProtocolType, 16);
  if (load<u8>(frame + 18) != 6) return failed(checkHardwareLength, 18);
  if (load<u8>(frame + 19) != 4) return failed(checkProtocolLength, 19);

  const record: usize = outOffset;
  store<f64>(record + RECORD_ETHER_DESTINATION, <f64> loadMac(frame));
  store<f64>(record + RECORD_ETHER_SOURCE, <f64> loadMac(frame + 6));
  store<f64>(record + RECORD_OPERATION, <f64> loadU16(frame + 20));
  store<f64>(record + RECORD_SENDER_MAC, <f64> loadMac(frame + 22));
  store<f64>(record + RECORD_SENDER_IP, <f64> loadU32(frame + 28));
  store<f64>(record + RECORD_TARGET_MAC, <f64> loadMac(frame + 32));
  store<f64>(record + RECORD_TARGET_IP, <f64> loadU32(frame + 38));
  return RECORD_BYTES;
}

/** Reads the record from IN; writes a frame padded with zeros to OUT, all of it or nothing, and returns its size. */
export function encode(): i32 {
  const record: usize = inOffset;
  const etherDestination = load<f64>(record + RECORD_ETHER_DESTINATION);
  const etherSource = load<f64>(record + RECORD_ETHER_SOURCE);
  const operation = load<f64>(record + RECORD_OPERATION);
  const senderMac = load<f64>(record + RECORD_SENDER_MAC);
  const senderIp = load<f64>(record + RECORD_SENDER_IP);
  const targetMac = load<f64>(record + RECORD_TARGET_MAC);
  const targetIp = load<f64>(record + RECORD_TARGET_IP);
  if (!isUnsigned(etherDestination, 48)) return failed(checkFieldRange, RECORD_ETHER_DESTINATION);
  if (!isUnsigned(etherSource, 48)) return failed(checkFieldRange, RECORD_ETHER_SOURCE);
  if (!isUnsigned(operation, 16)) return failed(checkFieldRange, RECORD_OPERATION);
  if (!isUnsigned(senderMac, 48)) return failed(checkFieldRange, RECORD_SENDER_MAC);
  if (!isUnsigned(senderIp, 32)) return failed(checkFieldRange, RECORD_SENDER_IP);
  if (!isUnsigned(targetMac, 48)) return failed(checkFieldRange, RECORD_TARGET_MAC);
  if (!isUnsigned(targetIp, 32)) return failed(checkFieldRange, RECORD_TARGET_IP);

  const frame: usize = outOffset;
  storeMac(frame, <u64> etherDestination);
  storeMac(frame + 6, <u64> etherSource);
  storeU16(frame + 12, ETHER_TYPE_ARP);
  storeU16(frame + 14, ARP_HARDWARE_ETHERNET);
  storeU16(frame + 16, ETHER_TYPE_IPV4);
  store<u8>(frame + 18, 6);
  store<u8>(frame + 19, 4);
  storeU16(frame + 20, <u32> operation);
  storeMac(frame + 22, <u64> senderMac);
  storeU32(frame + 28, <u32> senderIp);
  storeMac(frame + 32, <u64> targetMac);
  storeU32(frame + 38, <u32> targetIp);
  memory.fill(frame + FRAME_BYTES_MIN, 0, encodedBytes - FRAME_BYTES_MIN);
  return encodedBytes;
}
