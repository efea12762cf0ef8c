/**
 * Ethernet addresses as numbers: 48 bits fit a double exactly, compare with `===`, and cost no allocation per packet.
 */

declare const macBrand: unique symbol;

/** A whole number in [0, 2^48): the six octets in network order. */
export type Mac = number & { readonly [macBrand]: true };

export const MAC_BROADCAST = 0xffff_ffff_ffff as Mac;
export const MAC_ZERO = 0 as Mac;

/** Parses `02:00:00:00:00:0a` (six pairs of hexadecimal digits); `undefined` for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(":", ""), 16) as Mac;
}

/** Lower-case colon form. */
export function formatMac(mac: Mac): string {
  return mac.toString(16).padStart(12, "0").replace(/(..)(?!$)/g, "$1:");
}

/** Reads six octets at `offset`. */
export function macFromBytes(bytes: Uint8Array, offset = 0): Mac {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + (bytes[offset + i] ?? 0);
  return value as Mac;
}

/** Group bit of the first octet (IEEE 802): set in broadcast and multicast addresses, never in a station's own. */
export function isGroupMac(mac: Mac): boolean {
  return (Math.floor(mac / 2 ** 40) & 1) === 1;
}

/** The Ethernet group that frames to an IPv6 multicast address go to: 33:33 and its last 32 bits (RFC 2464 §7). */
export function ipv6MulticastMac(group: bigint): Mac {
  return 0x3333_0000_0000 + Number(group & 0xffff_ffffn) as Mac;
}
