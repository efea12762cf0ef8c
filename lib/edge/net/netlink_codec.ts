/**
 * rtnetlink bodies to records: links, addresses, neighbours, and what changed (wire-facts §5.6). Pure.
 *
 * Families of an address other than IPv4 and IPv6 are no records. RTM_*LINK of family AF_BRIDGE is about a bridge port
 * and not about the link: a port that leaves its bridge sends RTM_DELLINK so, and the link lives on. RTM_NEWLINK with
 * IFLA_WIRELESS is an event of a Wi-Fi card (a scan is over, an access point was found) and has nothing of the link but
 * its name and flags.
 */
import { formatIp } from "../../base/ip.ts";
import { type Mac, macFromBytes } from "../../base/mac.ts";
import { AF_BRIDGE } from "./abi.ts";
import { type NetlinkMessage, readAttributes, viewOf } from "./netlink_message.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
const IFLA_WIRELESS = 11;
const IFLA_OPERSTATE = 16;
export const IFLA_LINKINFO = 18;
export const IFLA_NET_NS_PID = 19;
export const IFLA_NET_NS_FD = 28;
export const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
const IFLA_EVENT = 44;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const VETH_INFO_PEER = 1;
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_FLAGS = 8;
export const IFA_F_NODAD = 0x02;
/** IFA_F_DADFAILED | IFA_F_TENTATIVE: somebody else has it, or it is not known yet that nobody has. */
const IFA_F_NOT_UNIQUE = 0x08 | 0x40;
export const NDA_DST = 1;
const NDA_LLADDR = 2;

export const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_LOWER_UP = 0x1_0000;

/** linux/if_link.h: what a notice is about, where it is more than the new state. */
const IFLA_EVENT_BONDING_FAILOVER = 3;
const IFLA_EVENT_NOTIFY_PEERS = 4;

const IFINFOMSG_BYTES = 16;
const IFADDRMSG_BYTES = 8;
const NDMSG_BYTES = 12;

/** An interface. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** `undefined` for links whose address is not six octets. */
  readonly mac: Mac | undefined;
  /** Set up by an administrator; says nothing about the cable. */
  readonly up: boolean;
  /** The cable is in (LOWER_UP) and the link is not known to be unusable (RUNNING). */
  readonly carrier: boolean;
  /**
   * RFC 2863. A link that was just set up has carrier and is `unknown` for some milliseconds, in which the kernel drops
   * what is sent without an error; then it is `up`. Links without a cable (loopback, tun) stay `unknown` and work.
   */
  readonly operationalState: OperationalState;
  readonly broadcast: boolean;
  readonly loopback: boolean;
  readonly noArp: boolean;
  /** ifindex of the bridge or bond that this link is a port of. */
  readonly master: number | undefined;
  /** ifindex of the link that it stands on (a VLAN, a macvlan), or of a veth's other end, where it is in this namespace. */
  readonly lower: number | undefined;
  /** Bytes. */
  readonly mtu: number;
  /** Of a notice: the link leads elsewhere from now on, a bond's to another port, a migrated machine's to another host. */
  readonly isMoved: boolean;
}

export type OperationalState = "unknown" | "notPresent" | "down" | "lowerLayerDown" | "testing" | "dormant" | "up";

/** An address of an interface. */
export interface LinkAddress {
  readonly ifindex: number;
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  /** 0 global, 253 link, 254 host (rtnetlink). */
  readonly scope: number;
  /** Duplicate address detection has not found it unique: nothing may be sent from it. */
  readonly tentative: boolean;
}

/** An entry of the kernel's ARP or NDP table. */
export interface Neighbour {
  readonly ifindex: number;
  /** Canonical text. */
  readonly ip: string;
  readonly mac: Mac | undefined;
  readonly state: NeighbourState;
}

export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noarp"
  | "permanent";

export type LinkChange =
  | { readonly kind: "link"; readonly link: Link }
  | { readonly kind: "linkGone"; readonly ifindex: number }
  | { readonly kind: "address"; readonly address: LinkAddress }
  | { readonly kind: "addressGone"; readonly address: LinkAddress };

/**
 * `struct ifinfomsg`: u8 family, pad, u16 type, i32 ifindex @4, u32 flags @8, u32 change mask @12.
 * `undefined` for a body that is cut off, about a bridge port, or a Wi-Fi card's event.
 */
export function decodeLink(body: Uint8Array): Link | undefined {
  if (body.length < IFINFOMSG_BYTES || body[0] === AF_BRIDGE) return undefined;
  const view = viewOf(body);
  const flags = view.getUint32(8, true);
  const attributes = readAttributes(body, IFINFOMSG_BYTES);
  if (attributes.has(IFLA_WIRELESS)) return undefined;
  const address = attributes.get(IFLA_ADDRESS);
  const master = readU32(attributes.get(IFLA_MASTER));
  const lower = attributes.has(IFLA_LINK_NETNSID) ? undefined : readU32(attributes.get(IFLA_LINK));
  const event = readU32(attributes.get(IFLA_EVENT));
  return {
    ifindex: view.getInt32(4, true),
    name: readText(attributes.get(IFLA_IFNAME)),
    mac: address?.length === 6 ? macFromBytes(address) : undefined,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
    operationalState: OPERATIONAL_STATES[attributes.get(IFLA_OPERSTATE)?.[0] ?? 0] ?? "unknown",
    broadcast: (flags & IFF_BROADCAST) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    noArp: (flags & IFF_NOARP) !== 0,
    master: master === 0 ? undefined : master,
    lower: lower === 0 ? undefined : lower,
    mtu: readU32(attributes.get(IFLA_MTU)) ?? 0,
    isMoved: event === IFLA_EVENT_BONDING_FAILOVER || event === IFLA_EVENT_NOTIFY_PEERS,
  };
}

/**
 * `struct ifaddrmsg`: u8 family, u8 prefix length, u8 flags, u8 scope, u32 ifindex @4. IFA_LOCAL is our own address,
 * IFA_ADDRESS the peer's on a point-to-point link; IPv6 sends IFA_ADDRESS alone.
 */
export function decodeAddress(body: Uint8Array): LinkAddress | undefined {
  if (body.length < IFADDRMSG_BYTES) return undefined;
  const attributes = readAttributes(body, IFADDRMSG_BYTES);
  const ip = readIp(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS));
  if (ip === undefined) return undefined;
  return {
    ifindex: viewOf(body).getUint32(4, true),
    ip,
    prefixLength: body[1]!,
    scope: body[3]!,
    tentative: ((readU32(attributes.get(IFA_FLAGS)) ?? body[2]!) & IFA_F_NOT_UNIQUE) !== 0,
  };
}

/** `struct ndmsg`: u8 family, pad, i32 ifindex @4, u16 state @8, u8 flags, u8 type. */
export function decodeNeighbour(body: Uint8Array): Neighbour | undefined {
  if (body.length < NDMSG_BYTES) return undefined;
  const view = viewOf(body);
  const attributes = readAttributes(body, NDMSG_BYTES);
  const ip = readIp(attributes.get(NDA_DST));
  if (ip === undefined) return undefined;
  const mac = attributes.get(NDA_LLADDR);
  return {
    ifindex: view.getInt32(4, true),
    ip,
    mac: mac?.length === 6 ? macFromBytes(mac) : undefined,
    state: neighbourState(view.getUint16(8, true)),
  };
}

/** What a notice says, or `undefined` when it is about something that nobody asked for. */
export function decodeChange(message: NetlinkMessage): LinkChange | undefined {
  switch (message.type) {
    case RTM_NEWLINK: {
      const link = decodeLink(message.body);
      return link && { kind: "link", link };
    }
    case RTM_DELLINK: {
      const link = decodeLink(message.body);
      return link && { kind: "linkGone", ifindex: link.ifindex };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(message.body);
      return address && { kind: message.type === RTM_NEWADDR ? "address" : "addressGone", address };
    }
    default:
      return undefined;
  }
}

/** linux/if.h IF_OPER_*, by value. */
const OPERATIONAL_STATES: readonly OperationalState[] = [
  "unknown",
  "notPresent",
  "down",
  "lowerLayerDown",
  "testing",
  "dormant",
  "up",
];

/** linux/neighbour.h NUD_*: one bit each. */
function neighbourState(bits: number): NeighbourState {
  if (bits & 0x80) return "permanent";
  if (bits & 0x40) return "noarp";
  if (bits & 0x20) return "failed";
  if (bits & 0x10) return "probe";
  if (bits & 0x08) return "delay";
  if (bits & 0x04) return "stale";
  if (bits & 0x02) return "reachable";
  return bits & 0x01 ? "incomplete" : "none";
}

function readU32(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 4 ? undefined : viewOf(value).getUint32(0, true);
}

function readText(value: Uint8Array | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

function readIp(value: Uint8Array | undefined): string | undefined {
  if (value?.length !== 4 && value?.length !== 16) return undefined;
  let number = 0n;
  for (const octet of value) number = number << 8n | BigInt(octet);
  return formatIp({ family: value.length === 4 ? 4 : 6, value: number });
}
