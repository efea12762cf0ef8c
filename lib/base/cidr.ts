/**
 * Address ranges as pools write them: `198.51.100.0/24` or `198.51.100.10-198.51.100.20`.
 *
 * A range is its first and last address; both forms parse to it, and it converts back to the minimal list of aligned
 * prefixes (reference §2.3, §11.1, §13).
 */
import { familyBits, formatIp, type Ip, type IpFamily, parseIp } from "./ip.ts";

/** Inclusive on both ends, `first <= last`. */
export interface IpRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

export type RangeResult =
  | { readonly ok: true; readonly range: IpRange }
  | { readonly ok: false; readonly message: string };

/**
 * Parses one entry of `spec.addresses`. Host bits of a prefix are ignored; white space is allowed around the two ends
 * of a range but not around a prefix (reference §13). The message of a failure says what would be right.
 */
export function parseRange(text: string): RangeResult {
  const dash = text.indexOf("-");
  if (dash < 0) return parsePrefix(text);
  const first = parseIp(text.slice(0, dash).trim());
  const last = parseIp(text.slice(dash + 1).trim());
  if (first === undefined || last === undefined) {
    const bad = first === undefined ? text.slice(0, dash) : text.slice(dash + 1);
    return failure(text, `"${bad.trim()}" is not an IP address; a range is written "192.0.2.10-192.0.2.20"`);
  }
  if (first.family !== last.family) {
    return failure(
      text,
      `it starts with an IPv${first.family} and ends with an IPv${last.family} address; use one family`,
    );
  }
  if (first.value > last.value) {
    return failure(text, `its start is above its end; write "${formatIp(last)}-${formatIp(first)}"`);
  }
  return { ok: true, range: { family: first.family, first: first.value, last: last.value } };
}

/** True when `ip` is in `range`. */
export function rangeHas(range: IpRange, ip: Ip): boolean {
  return range.family === ip.family && range.first <= ip.value && ip.value <= range.last;
}

/** The addresses that both have, or `undefined`. */
export function rangeOverlap(a: IpRange, b: IpRange): IpRange | undefined {
  if (a.family !== b.family) return undefined;
  const first = a.first > b.first ? a.first : b.first;
  const last = a.last < b.last ? a.last : b.last;
  return first <= last ? { family: a.family, first, last } : undefined;
}

/** How many addresses a range holds. */
export function rangeSize(range: IpRange): bigint {
  return range.last - range.first + 1n;
}

/** The minimal list of aligned prefixes, ascending: `192.0.2.1-192.0.2.5` is .1/32, .2/31, .4/31. */
export function rangeToPrefixes(range: IpRange): string[] {
  const bits = familyBits(range.family);
  const prefixes: string[] = [];
  let first = range.first;
  while (first <= range.last) {
    let hostBits = 0;
    while (hostBits < bits) {
      const size = 1n << BigInt(hostBits + 1);
      if (first % size !== 0n || first + size - 1n > range.last) break;
      hostBits++;
    }
    prefixes.push(`${formatIp({ family: range.family, value: first })}/${bits - hostBits}`);
    first += 1n << BigInt(hostBits);
  }
  return prefixes;
}

/** `192.0.2.10-192.0.2.20`, or one address alone. */
export function formatRange(range: IpRange): string {
  const first = formatIp({ family: range.family, value: range.first });
  const last = formatIp({ family: range.family, value: range.last });
  return first === last ? first : `${first}-${last}`;
}

function parsePrefix(text: string): RangeResult {
  const slash = text.indexOf("/");
  if (slash < 0) {
    const ip = parseIp(text.trim());
    const hint = ip === undefined
      ? 'it is neither a CIDR such as "192.0.2.0/24" nor a range such as "192.0.2.10-192.0.2.20"'
      : `it has no prefix length; for this one address write "${formatIp(ip)}/${familyBits(ip.family)}"`;
    return failure(text, hint);
  }
  const ip = parseIp(text.slice(0, slash));
  if (ip === undefined) return failure(text, `"${text.slice(0, slash)}" is not an IP address`);
  const bits = familyBits(ip.family);
  // An IPv4-mapped address counts its prefix in the 128 bits that were written.
  const mappedBits = ip.family === 4 && text.includes(":") ? 96 : 0;
  const lengthText = text.slice(slash + 1);
  const length = /^[0-9]{1,8}$/.test(lengthText) ? Number(lengthText) - mappedBits : -1;
  if (length < 0 || length > bits) {
    return failure(text, `"${lengthText}" is not a prefix length between ${mappedBits} and ${mappedBits + bits}`);
  }
  const size = 1n << BigInt(bits - length);
  const first = ip.value - ip.value % size;
  return { ok: true, range: { family: ip.family, first, last: first + size - 1n } };
}

function failure(text: string, why: string): RangeResult {
  return { ok: false, message: `"${text}" is not an address range: ${why}` };
}
