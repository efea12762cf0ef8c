/**
 * IP addresses: strict parsing, canonical text, numbers inside.
 *
 * Text is accepted as Go's `net/netip` accepts it, because that is what the API server and MetalLB accept: no leading
 * zeros in dotted quads (RFC 6943 §3.1.1), at most one `::`, no zone. Output is dotted quad or RFC 5952. An
 * IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is taken as the IPv4 address, as Go's `net.ParseIP` does.
 */

export type IpFamily = 4 | 6;

export interface Ip {
  readonly family: IpFamily;
  /** Unsigned, in [0, 2^32) or [0, 2^128). */
  readonly value: bigint;
}

declare const ipv4Brand: unique symbol;

/** An IPv4 address as packet code handles it: a whole number in [0, 2^32). */
export type Ipv4 = number & { readonly [ipv4Brand]: true };

declare const ipv6Brand: unique symbol;

/** An IPv6 address as packet code handles it: a whole number in [0, 2^128). */
export type Ipv6 = bigint & { readonly [ipv6Brand]: true };

const DOT = 0x2e;
const ZERO = 0x30;

export const IPV4_ZERO = 0 as Ipv4;

/** `::`, who has no address yet (RFC 4291 §2.5.2). */
export const IPV6_UNSPECIFIED = 0n as Ipv6;

/** `ff02::1`, all nodes of a link (RFC 4291 §2.7.1). */
export const IPV6_ALL_NODES = 0xff02_0000_0000_0000_0000_0000_0000_0001n as Ipv6;

const SOLICITED_NODE_PREFIX = 0xff02_0000_0000_0000_0000_0001_ff00_0000n;

/** Width of an address in bits. */
export function familyBits(family: IpFamily): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** `undefined` unless the whole text is one IPv4 or IPv6 address. */
export function parseIp(text: string): Ip | undefined {
  if (!text.includes(":")) {
    const value = parseDottedQuad(text);
    return value === undefined ? undefined : { family: 4, value: BigInt(value) };
  }
  const value = parseGroupedIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}

/** `undefined` unless the whole text is a dotted quad. */
export function parseIpv4(text: string): Ipv4 | undefined {
  return parseDottedQuad(text) as Ipv4 | undefined;
}

/** `undefined` unless the whole text is an IPv6 address that stands for no IPv4 address. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const ip = parseIp(text);
  return ip?.family === 6 ? ip.value as Ipv6 : undefined;
}

/** The group that solicitations for `ip` go to, `ff02::1:ffXX:XXXX` (RFC 4291 §2.7.1). */
export function solicitedNodeGroup(ip: Ipv6): Ipv6 {
  return (SOLICITED_NODE_PREFIX | ip & 0xff_ffffn) as Ipv6;
}

/** Canonical text: dotted quad, or RFC 5952 for IPv6. Two equal addresses have equal text. */
export function formatIp(ip: Ip): string {
  return ip.family === 4 ? formatIpv4(Number(ip.value) as Ipv4) : formatIpv6(ip.value as Ipv6);
}

export function formatIpv4(ip: Ipv4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 0xff}.${(ip >>> 8) & 0xff}.${ip & 0xff}`;
}

/** Tells the families apart as packet code has them. */
export function isIpv6(ip: Ipv4 | Ipv6): ip is Ipv6 {
  return typeof ip === "bigint";
}

/** Canonical text of an address as packet code has it. */
export function formatPacketIp(ip: Ipv4 | Ipv6): string {
  return isIpv6(ip) ? formatIpv6(ip) : formatIpv4(ip);
}

/** Canonical form of an address text, or `undefined` if it is none. */
export function canonicalIp(text: string): string | undefined {
  // A dotted quad has one form only.
  if (!text.includes(":")) return parseDottedQuad(text) === undefined ? undefined : text;
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

/** Orders IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Digit by digit: every look at a Service comes through here several times. */
function parseDottedQuad(text: string): number | undefined {
  let value = 0;
  let dots = 0;
  /** -1 before its first digit. */
  let octet = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - ZERO;
    const isLeadingZero = octet === 0;
    if (digit < 0 || digit > 9 || isLeadingZero) return undefined;
    octet = Math.max(octet, 0) * 10 + digit;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

function parseGroupedIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) value = value << 16n | BigInt(group);
  return value;
}

/** Colon-separated 16-bit groups; the last may be a dotted quad (two groups) where `quadAllowed`. */
function parseGroups(text: string, quadAllowed: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const quad = quadAllowed && index === parts.length - 1 ? parseDottedQuad(part) : undefined;
      if (quad === undefined) return undefined;
      groups.push(quad >>> 16, quad & 0xffff);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
export function formatIpv6(value: Ipv6): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number(value >> shift & 0xffffn));
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
}
