/**
 * Neighbour solicitations and advertisements decoded a second time and as plainly as possible, from RFC 4861: the oracle
 * that the codec is compared with. It shares nothing with the codec but the names of the reasons.
 */
import type { Ipv6 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import type { DecodeResult } from "../../lib/wire/_abi.ts";
import type { NdpDecodeReason, NdpRecord } from "../../lib/wire/ndp.ts";

/** The decoded record, or the first check that fails. */
export function naiveDecodeNdp(frame: Uint8Array): DecodeResult<NdpRecord, NdpDecodeReason> {
  const no = (reason: NdpDecodeReason, offset: number) => ({ ok: false, reason, offset }) as const;
  if (frame.length < 14 + 40 + 24) return no("truncated", frame.length);
  if (frame.length > 2048) return no("oversize", 2048);
  const at = (from: number, bytes: number) => BigInt(`0x${frame.slice(from, from + bytes).toHex()}`);
  const number = (from: number, bytes: number) => Number(at(from, bytes));
  if (number(12, 2) !== 0x86dd) return no("etherType", 12);
  if (number(14, 1) >> 4 !== 6) return no("ipVersion", 14);
  if (number(20, 1) !== 58) return no("nextHeader", 20);
  const payload = number(18, 2);
  if (payload < 24 || 54 + payload > frame.length) return no("payloadLength", 18);
  if (number(21, 1) !== 255) return no("hopLimit", 21);
  const type = number(54, 1);
  if (type !== 135 && type !== 136) return no("type", 54);
  if (number(55, 1) !== 0) return no("code", 55);
  if (naiveChecksum(frame) !== number(56, 2)) return no("checksum", 56);
  const [source, destination, target] = [at(22, 16), at(38, 16), at(62, 16)] as [Ipv6, Ipv6, Ipv6];
  const isMulticast = (address: bigint) => address >> 120n === 0xffn;
  const isUnspecified = source === 0n;
  if (isMulticast(source) || (isUnspecified && type === 136)) return no("source", 22);
  if (isMulticast(target)) return no("target", 62);
  if (isUnspecified && destination >> 24n !== 0xff02_0000_0000_0000_0000_0001_ffn) return no("destination", 38);
  const flags = number(58, 4);
  if (type === 136 && isMulticast(destination) && (flags & 0x4000_0000) !== 0) return no("flags", 58);
  const options = new Map<number, Mac>();
  for (let offset = 78; offset < 54 + payload; offset += 8 * frame[offset + 1]!) {
    const left = 54 + payload - offset;
    if (left < 8 || frame[offset + 1] === 0 || 8 * frame[offset + 1]! > left) return no("option", offset);
    const option = frame[offset]!;
    if (option === 1 && isUnspecified) return no("option", offset);
    if (frame[offset + 1] === 1 && !options.has(option)) options.set(option, number(offset + 2, 6) as Mac);
  }
  return {
    ok: true,
    value: {
      etherDestination: number(0, 6) as Mac,
      etherSource: number(6, 6) as Mac,
      type,
      flags: type === 135 ? 0 : flags,
      linkLayerAddress: options.get(type === 135 ? 1 : 2),
      source,
      destination,
      target,
    },
  };
}

/** RFC 4443 §2.3 over what the payload length says, with the checksum field taken as zero. */
export function naiveChecksum(frame: Uint8Array): number {
  const payload = frame[18]! * 256 + frame[19]!;
  const message = frame.slice(54, 54 + payload);
  message[2] = message[3] = 0;
  const pseudo = [...frame.slice(22, 54), 0, 0, payload >> 8, payload & 255, 0, 0, 0, 58];
  const bytes = [...pseudo, ...message];
  if (bytes.length % 2 === 1) bytes.push(0);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + bytes[i + 1]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}
