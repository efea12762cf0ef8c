import { assertEquals } from "@std/assert/equals";
import {
  ARP_FILTER,
  type BpfProgram,
  encodeBpf,
  NDP_FILTER,
  PACKET_TYPE,
  RECEIVED_BY,
  receivedBy,
} from "../../lib/edge/net/bpf.ts";

const HOST = 0;
const BROADCAST = 1;
const OTHER_HOST = 3;
const INTERFACE = 7;

/** Live frames of wire-facts §5.1. */
const REQUEST = "ffffffffffff7e0dfa58a8c8080600010800060400017e0dfa58a8c80a62000b0000000000000a6200d2";
const REPLY = "7e0dfa58a8c83ee255e65fcc080600010800060400023ee255e65fcc0a6200d27e0dfa58a8c80a62000b";
const ANNOUNCEMENT = "ffffffffffff7e0dfa58a8c8080600010800060400017e0dfa58a8c80a62000bffffffffffff0a62000b";

const ROWS: readonly [name: string, hex: string, packetType: number, passes: boolean][] = [
  ["nothing", "", BROADCAST, false],
  ["a frame cut in its EtherType", REQUEST.slice(0, 26), BROADCAST, false],
  ["an IPv4 frame", REQUEST.replace("08060001", "08004500"), HOST, false],
  ["a tag that is still there", REQUEST.replace("08060001", "810000070806"), BROADCAST, false],
  ["a reply to another station, or a frame of a VLAN", REPLY, OTHER_HOST, false],
  ["a request", REQUEST, BROADCAST, true],
  ["a reply to us", REPLY, HOST, true],
  ["an announcement", ANNOUNCEMENT, BROADCAST, true],
  ["ARP cut behind its EtherType: the codec judges it", REQUEST.slice(0, 28), BROADCAST, true],
];

for (const [name, hex, packetType, passes] of ROWS) {
  Deno.test(`ARP_FILTER: ${name} ${passes ? "passes" : "does not pass"}`, () => {
    assertEquals(run(ARP_FILTER, Uint8Array.fromHex(hex), packetType) > 0, passes);
  });
}

Deno.test("ARP_FILTER: what passes is kept whole, up to the largest frame", () => {
  assertEquals(run(ARP_FILTER, Uint8Array.fromHex(REQUEST), BROADCAST), 0x4_0000);
});

/** Of wire-facts §5.4. */
const SOLICITATION = "3333ff0002107e0dfa58a8c886dd6000000000203aff" + "fd98000000000000000000000000001" +
  "1ff0200000000000000000001ff0002108700590d00000000fd980000000000000000000000000210" + "01017e0dfa58a8c8";
const MULTICAST = 2;

const NDP_ROWS: readonly [name: string, hex: string, packetType: number, passes: boolean][] = [
  ["nothing", "", MULTICAST, false],
  ["an ARP request", REQUEST, BROADCAST, false],
  ["a solicitation to its group", SOLICITATION, MULTICAST, true],
  ["a solicitation to us", SOLICITATION, HOST, true],
  ["one to another station, or of a VLAN", SOLICITATION, OTHER_HOST, false],
  ["an advertisement", SOLICITATION.replace("8700590d", "8800590d"), HOST, true],
  ["a router solicitation", SOLICITATION.replace("8700590d", "8500590d"), MULTICAST, false],
  ["a redirect", SOLICITATION.replace("8700590d", "8900590d"), HOST, false],
  ["an echo request", SOLICITATION.replace("8700590d", "8000590d"), HOST, false],
  ["UDP", SOLICITATION.replace("00203aff", "002011ff"), HOST, false],
  ["hop-by-hop options in front", SOLICITATION.replace("00203aff", "002000ff"), HOST, false],
  ["ICMPv6 cut in front of its type", SOLICITATION.slice(0, 108), MULTICAST, false],
];

for (const [name, hex, packetType, passes] of NDP_ROWS) {
  Deno.test(`NDP_FILTER: ${name} ${passes ? "passes" : "does not pass"}`, () => {
    assertEquals(run(NDP_FILTER, Uint8Array.fromHex(hex), packetType) > 0, passes);
  });
}

Deno.test("receivedBy: what a VLAN interface received does not pass the filter of the interface below it", () => {
  for (
    const [filter, hex, packetType] of [[ARP_FILTER, REQUEST, BROADCAST], [
      NDP_FILTER,
      SOLICITATION,
      MULTICAST,
    ]] as const
  ) {
    const program = receivedBy(INTERFACE, filter);
    assertEquals(program.etherType, filter.etherType);
    assertEquals(run(program, Uint8Array.fromHex(hex), packetType) > 0, true);
    assertEquals(run(program, Uint8Array.fromHex(hex), packetType, INTERFACE + 1), 0);
    assertEquals(run(program, Uint8Array.fromHex(hex), OTHER_HOST), 0);
  }
});

Deno.test("encodeBpf: one sock_filter of 8 bytes per instruction, in host order", () => {
  // The ARP test of wire-facts §5.5: 28 0 0 c | 15 0 3 806.
  const program: BpfProgram = { etherType: 0x806, instructions: [[0x28, 0, 0, 0xc], [0x15, 0, 3, 0x806]] };
  assertEquals(encodeBpf(program).toHex(), "280000000c000000" + "1500000306080000");
});

/** The few instructions of classic BPF that the filters use, after the kernel's networking/filter.rst. */
function run({ instructions }: BpfProgram, frame: Uint8Array, packetType: number, ifindex = INTERFACE): number {
  let accumulator = 0;
  for (let at = 0; at < instructions.length; at++) {
    const [code, jumpTrue, jumpFalse, k] = instructions[at]!;
    if (code === 0x06) return k;
    if (code === 0x15) {
      at += accumulator === k ? jumpTrue : jumpFalse;
    } else if (code === 0x30 && k === PACKET_TYPE) {
      accumulator = packetType;
    } else if (code === 0x20 && k === RECEIVED_BY) {
      accumulator = ifindex;
    } else {
      const size = code === 0x28 ? 2 : 1;
      // A load behind the end of the frame ends the program: drop.
      if (k + size > frame.length) return 0;
      accumulator = size === 2 ? frame[k]! << 8 | frame[k + 1]! : frame[k]!;
    }
  }
  throw new Error("The program ran off its end");
}
