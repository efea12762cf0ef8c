/**
 * rtnetlink requests: lists, and the changes by which the laboratory builds its hosts and cables. Pure.
 *
 * A speaker sends lists only. Its node's links and addresses belong to the node's administrator.
 */
import { parseIp } from "../../base/ip.ts";
import type { Mac } from "../../base/mac.ts";
import { AF_INET, AF_INET6 } from "./abi.ts";
import {
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_EXT_MASK,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_NET_NS_FD,
  IFLA_NET_NS_PID,
  NDA_DST,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_SETLINK,
  VETH_INFO_PEER,
} from "./netlink_codec.ts";
import { MessageWriter, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "./netlink_message.ts";

/** Where a link goes: the namespace of a thread (or process) of ours, or of an open namespace file. */
export type NamespaceReference = { readonly tid: number } | { readonly fd: number };

/** RTEXT_FILTER_SKIP_STATS: counters are most of a link's bytes and nobody reads them. */
const SKIP_STATISTICS = 8;

export function listLinksRequest(): MessageWriter {
  const writer = new MessageWriter({ type: RTM_GETLINK, flags: NLM_F_DUMP });
  return linkHeader(writer, { ifindex: 0 }).attributeU32(IFLA_EXT_MASK, SKIP_STATISTICS);
}

export function listAddressesRequest(): MessageWriter {
  return new MessageWriter({ type: RTM_GETADDR, flags: NLM_F_DUMP }).u32(0).u32(0);
}

export function listNeighboursRequest(): MessageWriter {
  return new MessageWriter({ type: RTM_GETNEIGH, flags: NLM_F_DUMP }).u32(0).u32(0).u32(0);
}

/** A cable with two ends. `peerNamespace` puts the far end there from the start, under its name. */
export function createVethRequest(
  options: { name: string; peer: string; peerMac?: Mac; peerNamespace?: NamespaceReference },
): MessageWriter {
  const writer = creation();
  linkHeader(writer, { ifindex: 0 }).attributeText(IFLA_IFNAME, options.name);
  return writer.nest(IFLA_LINKINFO, () => {
    writer.attributeText(IFLA_INFO_KIND, "veth");
    writer.nest(IFLA_INFO_DATA, () =>
      writer.nest(VETH_INFO_PEER, () => {
        linkHeader(writer, { ifindex: 0 }).attributeText(IFLA_IFNAME, options.peer);
        if (options.peerMac !== undefined) writer.attribute(IFLA_ADDRESS, macBytes(options.peerMac));
        if (options.peerNamespace !== undefined) namespaceAttribute(writer, options.peerNamespace);
      }));
  });
}

export function createBridgeRequest(options: { name: string }): MessageWriter {
  const writer = creation();
  linkHeader(writer, { ifindex: 0 }).attributeText(IFLA_IFNAME, options.name);
  return writer.nest(IFLA_LINKINFO, () => writer.attributeText(IFLA_INFO_KIND, "bridge"));
}

export function setMasterRequest(ifindex: number, master: number): MessageWriter {
  return linkChange(ifindex).attributeU32(IFLA_MASTER, master);
}

export function setUpRequest(ifindex: number, up: boolean): MessageWriter {
  const writer = new MessageWriter({ type: RTM_SETLINK, flags: NLM_F_ACK });
  return linkHeader(writer, { ifindex, flags: up ? IFF_UP : 0, change: IFF_UP });
}

export function setMacRequest(ifindex: number, mac: Mac): MessageWriter {
  return linkChange(ifindex).attribute(IFLA_ADDRESS, macBytes(mac));
}

/** The link must be down. */
export function setNameRequest(ifindex: number, name: string): MessageWriter {
  return linkChange(ifindex).attributeText(IFLA_IFNAME, name);
}

export function moveToNamespaceRequest(ifindex: number, namespace: NamespaceReference): MessageWriter {
  return namespaceAttribute(linkChange(ifindex), namespace);
}

export function deleteLinkRequest(ifindex: number): MessageWriter {
  return linkHeader(new MessageWriter({ type: RTM_DELLINK, flags: NLM_F_ACK }), { ifindex });
}

/** `undefined` unless `cidr` is `address/length`. Duplicate address detection is off, so an address works at once. */
export function addAddressRequest(ifindex: number, cidr: string): MessageWriter | undefined {
  const writer = new MessageWriter({ type: RTM_NEWADDR, flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL });
  return addressBody(writer, { ifindex, cidr })?.attributeU32(IFA_FLAGS, IFA_F_NODAD);
}

export function deleteAddressRequest(ifindex: number, cidr: string): MessageWriter | undefined {
  return addressBody(new MessageWriter({ type: RTM_DELADDR, flags: NLM_F_ACK }), { ifindex, cidr });
}

/** `undefined` unless `ip` is an address text. */
export function deleteNeighbourRequest(ifindex: number, ip: string): MessageWriter | undefined {
  const address = ipBytes(ip);
  if (address === undefined) return undefined;
  const writer = new MessageWriter({ type: RTM_DELNEIGH, flags: NLM_F_ACK });
  writer.u32(address.length === 4 ? AF_INET : AF_INET6).u32(ifindex).u32(0);
  return writer.attribute(NDA_DST, address);
}

function creation(): MessageWriter {
  return new MessageWriter({ type: RTM_NEWLINK, flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL });
}

function linkChange(ifindex: number): MessageWriter {
  return linkHeader(new MessageWriter({ type: RTM_SETLINK, flags: NLM_F_ACK }), { ifindex });
}

/** `struct ifinfomsg`; the change mask says which flags are meant. */
function linkHeader(
  writer: MessageWriter,
  options: { ifindex: number; flags?: number; change?: number },
): MessageWriter {
  return writer.u32(0).u32(options.ifindex).u32(options.flags ?? 0).u32(options.change ?? 0);
}

function namespaceAttribute(writer: MessageWriter, namespace: NamespaceReference): MessageWriter {
  return "tid" in namespace
    ? writer.attributeU32(IFLA_NET_NS_PID, namespace.tid)
    : writer.attributeU32(IFLA_NET_NS_FD, namespace.fd);
}

function addressBody(writer: MessageWriter, options: { ifindex: number; cidr: string }): MessageWriter | undefined {
  const [text, lengthText, ...rest] = options.cidr.split("/");
  const address = ipBytes(text ?? "");
  if (address === undefined || rest.length > 0) return undefined;
  if (!/^[0-9]{1,3}$/.test(lengthText ?? "") || Number(lengthText) > address.length * 8) return undefined;
  const family = address.length === 4 ? AF_INET : AF_INET6;
  writer.u8(family).u8(Number(lengthText)).u8(0).u8(0).u32(options.ifindex);
  return writer.attribute(IFA_LOCAL, address).attribute(IFA_ADDRESS, address);
}

function ipBytes(text: string): Uint8Array | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  const bytes = new Uint8Array(ip.family === 4 ? 4 : 16);
  for (let index = bytes.length - 1, rest = ip.value; index >= 0; index--, rest >>= 8n) {
    bytes[index] = Number(rest & 0xffn);
  }
  return bytes;
}

function macBytes(mac: Mac): number[] {
  return [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
}
