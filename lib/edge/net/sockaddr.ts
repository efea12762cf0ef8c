/**
 * Socket addresses as the kernel lays them out. Pure: bytes and numbers, no system call.
 *
 * Families are in host order, ports and EtherTypes in network order (wire-facts §5.5).
 */
import { formatIp, type Ip, parseIp } from "../../base/ip.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN_BYTES,
  SOCKADDR_LL_BYTES,
  SOCKADDR_NL_BYTES,
} from "./abi.ts";

/** A UDP or TCP end. */
export interface InetAddress {
  /** Canonical text; a link-local IPv6 address may carry `%ifindex`. */
  readonly address: string;
  readonly port: number;
}

/**
 * ```
 * 0        2            4         8        10       11    12      20
 * +--------+------------+---------+--------+--------+-----+-------+
 * | family | EtherType  | ifindex | hatype | pkttype| len | addr  |
 * |  host  | network    |  host   |        |        |     |       |
 * +--------+------------+---------+--------+--------+-----+-------+
 * ```
 */
export function encodeSockaddrLl(options: { etherType: number; ifindex: number }): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOCKADDR_LL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, options.etherType, false);
  view.setInt32(4, options.ifindex, true);
  return bytes;
}

/** `groups` is the mask of multicast groups: 1 links, 16 IPv4 addresses, 256 IPv6 addresses. */
export function encodeSockaddrNl(options: { groups: number }): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOCKADDR_NL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, options.groups, true);
  return bytes;
}

/** `sockaddr_in` or `sockaddr_in6`; `undefined` unless the text is an address and the port is in [0, 65535]. */
export function encodeSockaddrInet(end: InetAddress): Uint8Array<ArrayBuffer> | undefined {
  const [text, zone] = splitZone(end.address);
  const ip = parseIp(text);
  if (ip === undefined || zone === undefined) return undefined;
  if (!Number.isInteger(end.port) || end.port < 0 || end.port > 0xffff) return undefined;
  if (ip.family === 4) {
    if (zone !== 0) return undefined;
    const bytes = new Uint8Array(SOCKADDR_IN_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, end.port, false);
    view.setUint32(4, Number(ip.value), false);
    return bytes;
  }
  const bytes = new Uint8Array(SOCKADDR_IN6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, end.port, false);
  view.setBigUint64(8, ip.value >> 64n, false);
  view.setBigUint64(16, ip.value & 0xffff_ffff_ffff_ffffn, false);
  view.setUint32(24, zone, true);
  return bytes;
}

/** Reads what `recvfrom` or `getsockname` wrote; `undefined` for another family. */
export function decodeSockaddrInet(bytes: Uint8Array): InetAddress | undefined {
  if (bytes.length < SOCKADDR_IN_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2, false);
  if (family === AF_INET) {
    return { address: formatIp({ family: 4, value: BigInt(view.getUint32(4, false)) }), port };
  }
  if (family !== AF_INET6 || bytes.length < SOCKADDR_IN6_BYTES) return undefined;
  const ip: Ip = { family: 6, value: view.getBigUint64(8, false) << 64n | view.getBigUint64(16, false) };
  const scope = view.getUint32(24, true);
  return { address: scope === 0 ? formatIp(ip) : `${formatIp(ip)}%${scope}`, port };
}

/** Address text and interface number; the number is 0 without a zone and `undefined` for a zone that is no number. */
function splitZone(address: string): [string, number | undefined] {
  const percent = address.indexOf("%");
  if (percent < 0) return [address, 0];
  const zone = address.slice(percent + 1);
  return [address.slice(0, percent), /^[1-9][0-9]{0,8}$/.test(zone) ? Number(zone) : undefined];
}
