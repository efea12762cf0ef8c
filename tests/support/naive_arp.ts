/**
 * ARP decoding written a second time and as plainly as possible, from RFC 826: the oracle that the codec is compared
 * with. It shares nothing with the codec but the names of the reasons.
 */
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import type { DecodeResult } from "../../lib/wire/_abi.ts";
import type { ArpDecodeReason, ArpRecord } from "../../lib/wire/arp.ts";

/** The decoded record, or the first check that fails. */
export function naiveDecodeArp(frame: Uint8Array): DecodeResult<ArpRecord, ArpDecodeReason> {
  if (frame.length < 14 + 28) return { ok: false, reason: "truncated", offset: frame.length };
  if (frame.length > 2048) return { ok: false, reason: "oversize", offset: 2048 };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== 0x0806) return { ok: false, reason: "etherType", offset: 12 };
  if (view.getUint16(14) !== 1) return { ok: false, reason: "hardwareType", offset: 14 };
  if (view.getUint16(16) !== 0x0800) return { ok: false, reason: "protocolType", offset: 16 };
  if (view.getUint8(18) !== 6) return { ok: false, reason: "hardwareLength", offset: 18 };
  if (view.getUint8(19) !== 4) return { ok: false, reason: "protocolLength", offset: 19 };
  const mac = (offset: number) => (view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2)) as Mac;
  return {
    ok: true,
    value: {
      etherDestination: mac(0),
      etherSource: mac(6),
      operation: view.getUint16(20),
      senderMac: mac(22),
      senderIp: view.getUint32(28) as Ipv4,
      targetMac: mac(32),
      targetIp: view.getUint32(38) as Ipv4,
    },
  };
}
