/**
 * Classic BPF programs for sockets: the kernel drops what we do not want to see before it wakes us.
 *
 * Offsets count from the Ethernet header. A VLAN tag is taken off before a socket of one EtherType sees the frame, and
 * nothing is left of it but the packet type: a frame with a tag that no VLAN interface wanted, like one for another
 * station's address, is PACKET_OTHERHOST. So the packet type is what tells it (linux/filter.h SKF_AD_PKTTYPE). One that a
 * VLAN interface did want reaches the sockets of the interface below too, with the VLAN's own packet type: what tells it
 * is the interface that it was received by at last (SKF_AD_IFINDEX).
 */
import { ETH_P_ARP, ETH_P_IPV6, SOCK_FILTER_BYTES } from "./abi.ts";

/** One `struct sock_filter`: code, jump if true, jump if false, constant. */
export type BpfInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** What a packet socket is to receive: the EtherType that it binds to, and the filter in front of its queue. */
export interface BpfProgram {
  readonly etherType: number;
  readonly instructions: readonly BpfInstruction[];
}

/** linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_LD|BPF_H|BPF_ABS, BPF_LD|BPF_B|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K. */
const LOAD_WORD = 0x20;
export const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
export const JUMP_EQUAL = 0x15;
export const RETURN = 0x06;

/** SKF_AD_OFF + SKF_AD_PKTTYPE, as an unsigned word: who the frame is for. */
export const PACKET_TYPE = 0xffff_f004;
const PACKET_OTHERHOST = 3;
/** SKF_AD_OFF + SKF_AD_IFINDEX. */
export const RECEIVED_BY = 0xffff_f008;

const ETHER_TYPE_OFFSET = 12;
const WHOLE_FRAME = 0x4_0000;

/**
 * All ARP operations that are for us or for everybody and come without a VLAN tag: requests to answer, replies and
 * announcements to see conflicts by. A priority tag (VLAN 0) is no VLAN.
 */
export const ARP_FILTER: BpfProgram = {
  etherType: ETH_P_ARP,
  instructions: [
    [LOAD_BYTE, 0, 0, PACKET_TYPE],
    [JUMP_EQUAL, 3, 0, PACKET_OTHERHOST],
    [LOAD_HALF, 0, 0, ETHER_TYPE_OFFSET],
    [JUMP_EQUAL, 0, 1, ETH_P_ARP],
    [RETURN, 0, 0, WHOLE_FRAME],
    [RETURN, 0, 0, 0],
  ],
};

const NEXT_HEADER_OFFSET = 20;
const ICMPV6_TYPE_OFFSET = 54;
const IPPROTO_ICMPV6 = 58;
const NEIGHBOR_SOLICITATION = 135;
const NEIGHBOR_ADVERTISEMENT = 136;

/**
 * Neighbour solicitations to answer, and advertisements to see conflicts by, that are for us or for a group and come
 * without a VLAN tag. Nobody puts extension headers in front of them.
 */
export const NDP_FILTER: BpfProgram = {
  etherType: ETH_P_IPV6,
  instructions: [
    [LOAD_BYTE, 0, 0, PACKET_TYPE],
    [JUMP_EQUAL, 8, 0, PACKET_OTHERHOST],
    [LOAD_HALF, 0, 0, ETHER_TYPE_OFFSET],
    [JUMP_EQUAL, 0, 6, ETH_P_IPV6],
    [LOAD_BYTE, 0, 0, NEXT_HEADER_OFFSET],
    [JUMP_EQUAL, 0, 4, IPPROTO_ICMPV6],
    [LOAD_BYTE, 0, 0, ICMPV6_TYPE_OFFSET],
    [JUMP_EQUAL, 1, 0, NEIGHBOR_SOLICITATION],
    [JUMP_EQUAL, 0, 1, NEIGHBOR_ADVERTISEMENT],
    [RETURN, 0, 0, WHOLE_FRAME],
    [RETURN, 0, 0, 0],
  ],
};

/** The same for what one interface received, and no other that stands on it: a socket is not told them apart by its binding. */
export function receivedBy(ifindex: number, { etherType, instructions }: BpfProgram): BpfProgram {
  const isIt: readonly BpfInstruction[] = [
    [LOAD_WORD, 0, 0, RECEIVED_BY],
    [JUMP_EQUAL, 1, 0, ifindex],
    [RETURN, 0, 0, 0],
  ];
  return { etherType, instructions: [...isIt, ...instructions] };
}

/** The program as an array of `struct sock_filter`, 8 bytes each, host order. */
export function encodeBpf(program: BpfProgram): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.instructions.length * SOCK_FILTER_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, jumpTrue, jumpFalse, k]] of program.instructions.entries()) {
    const at = index * SOCK_FILTER_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jumpTrue);
    view.setUint8(at + 3, jumpFalse);
    view.setUint32(at + 4, k, true);
  }
  return bytes;
}
