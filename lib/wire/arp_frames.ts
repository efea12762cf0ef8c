/**
 * The ARP frames that Herald sends, as records: the answer to a request, both forms of a gratuitous announcement
 * (RFC 826, RFC 5227 §3), and the probe that asks whether somebody has an address (RFC 5227 §2.1.1).
 *
 * It says how they look, not when they are sent. They differ from MetalLB's in two fields, because of what Linux
 * neighbours do with those: an answer goes to the Ethernet source of the request, and the reply form of an announcement
 * carries our own address as its target, without which Linux does not take it for gratuitous and ignores it for a second
 * after the entry last changed.
 */
import { type Ipv4, IPV4_ZERO } from "../base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../base/mac.ts";
import type { ArpRecord } from "./arp.ts";
import { ARP_OPERATION_REPLY, ARP_OPERATION_REQUEST } from "./iana.ts";

/**
 * The answer to `request`: its target address is at `mac`. Unicast to the station that sent the frame. An address probe
 * (sender 0.0.0.0) is answered in the same way, which is what makes the prober give the address up.
 */
export function arpReply(options: { readonly request: ArpRecord; readonly mac: Mac }): ArpRecord {
  const { request, mac } = options;
  return {
    etherDestination: request.etherSource,
    etherSource: mac,
    operation: ARP_OPERATION_REPLY,
    senderMac: mac,
    senderIp: request.targetIp,
    targetMac: request.senderMac,
    targetIp: request.senderIp,
  };
}

/** An ordinary question for the MAC of `targetIp`: to everybody, or `to` the station that is thought to have it. */
export function arpRequest(
  options: { readonly mac: Mac; readonly senderIp: Ipv4; readonly targetIp: Ipv4; readonly to: Mac | undefined },
): ArpRecord {
  const { mac, senderIp, targetIp, to } = options;
  return {
    etherDestination: to ?? MAC_BROADCAST,
    etherSource: mac,
    operation: ARP_OPERATION_REQUEST,
    senderMac: mac,
    senderIp,
    targetMac: MAC_ZERO,
    targetIp,
  };
}

/** The announcement "`ip` is at `mac`" as a request: Linux takes it at any time, if it knows the address already. */
export function gratuitousRequest(mac: Mac, ip: Ipv4): ArpRecord {
  return {
    etherDestination: MAC_BROADCAST,
    etherSource: mac,
    operation: ARP_OPERATION_REQUEST,
    senderMac: mac,
    senderIp: ip,
    targetMac: MAC_BROADCAST,
    targetIp: ip,
  };
}

/** The same announcement as a reply, for stations that learn from replies only. */
export function gratuitousReply(mac: Mac, ip: Ipv4): ArpRecord {
  return { ...gratuitousRequest(mac, ip), operation: ARP_OPERATION_REPLY, targetMac: mac };
}

/**
 * "Does anybody have `ip`?" without a word about ourselves: the sender address 0.0.0.0 is what keeps the question from
 * changing any neighbour's cache.
 */
export function addressProbe(mac: Mac, ip: Ipv4): ArpRecord {
  return { ...gratuitousRequest(mac, ip), senderIp: IPV4_ZERO, targetMac: MAC_ZERO };
}

/** True for an address probe, whoever sent it. */
export function isAddressProbe(record: ArpRecord): boolean {
  return record.operation === ARP_OPERATION_REQUEST && record.senderIp === IPV4_ZERO;
}

/**
 * True for an announcement of either form: sender and target are the same address. Nobody is asked by such a frame. A
 * frame that speaks of 0.0.0.0 announces nothing.
 */
export function isGratuitous(record: ArpRecord): boolean {
  return record.senderIp === record.targetIp && record.senderIp !== 0;
}
