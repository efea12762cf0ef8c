/**
 * The ARP frames of tests/golden/arp_nd.pcap with what they say. The capture was taken between two Linux hosts with
 * `arping`; the records were read from the bytes by hand, not by Herald.
 */
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";

const A = 0x7e0dfa58a8c8 as Mac;
const B = 0x3ee255e65fcc as Mac;
const BROADCAST = 0xffffffffffff as Mac;
const NOBODY = 0 as Mac;
/** 10.98.0.11, the address of A. */
const A_IP = 0x0a62000b as Ipv4;
/** 10.98.0.21, the address of B. */
const B_IP = 0x0a620015 as Ipv4;
/** 10.98.0.210, which B answers for. */
const VIP = 0x0a6200d2 as Ipv4;
/** 10.98.0.219, which A probes for. */
const PROBED_IP = 0x0a6200db as Ipv4;

export interface ArpVector {
  readonly name: string;
  /** 1 for the first frame of the capture, as packet analysers count. */
  readonly frameNumber: number;
  readonly record: ArpRecord;
}

function record(ether: readonly [Mac, Mac], operation: number, parts: readonly [Mac, Ipv4, Mac, Ipv4]): ArpRecord {
  const [etherDestination, etherSource] = ether;
  const [senderMac, senderIp, targetMac, targetIp] = parts;
  return { etherDestination, etherSource, operation, senderMac, senderIp, targetMac, targetIp };
}

export const ARP_VECTORS: readonly ArpVector[] = [
  { name: "broadcast request", frameNumber: 1, record: record([BROADCAST, A], 1, [A, A_IP, NOBODY, VIP]) },
  { name: "reply to it", frameNumber: 2, record: record([A, B], 2, [B, VIP, A, A_IP]) },
  { name: "arping -U", frameNumber: 8, record: record([BROADCAST, A], 1, [A, A_IP, BROADCAST, A_IP]) },
  { name: "arping -A", frameNumber: 10, record: record([BROADCAST, A], 2, [A, A_IP, A, A_IP]) },
  {
    name: "arping -D",
    frameNumber: 12,
    record: record([BROADCAST, A], 1, [A, 0 as Ipv4, BROADCAST, PROBED_IP]),
  },
  { name: "unicast request", frameNumber: 15, record: record([A, B], 1, [B, B_IP, NOBODY, A_IP]) },
  { name: "kernel's reply", frameNumber: 17, record: record([B, A], 2, [A, A_IP, B, B_IP]) },
];
