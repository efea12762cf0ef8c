import { assertEquals } from "@std/assert/equals";
import { ARP_FILTER, type BpfProgram, encodeBpf, PACKET_TYPE } from "../../lib/edge/net/bpf.ts";

const HOST = 0;
const BROADCAST = 1;
const OTHER_HOST = 3;

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

Deno.test("encodeBpf: one sock_filter of 8 bytes per instruction, in host order", () => {
  // The ARP test of wire-facts §5.5: 28 0 0 c | 15 0 3 806.
  const program: BpfProgram = { etherType: 0x806, instructions: [[0x28, 0, 0, 0xc], [0x15, 0, 3, 0x806]] };
  assertEquals(encodeBpf(program).toHex(), "280000000c000000" + "1500000306080000");
});

/** The few instructions of classic BPF that the filters use, after the kernel's networking/filter.rst. */
function run({ instructions }: BpfProgram, frame: Uint8Array, packetType: number): number {
  let accumulator = 0;
  for (let at = 0; at < instructions.length; at++) {
    const [code, jumpTrue, jumpFalse, k] = instructions[at]!;
    if (code === 0x06) return k;
    if (code === 0x15) {
      at += accumulator === k ? jumpTrue : jumpFalse;
    } else if (code === 0x30 && k === PACKET_TYPE) {
      accumulator = packetType;
    } else {
      const size = code === 0x28 ? 2 : 1;
      // A load behind the end of the frame ends the program: drop.
      if (k + size > frame.length) return 0;
      accumulator = size === 2 ? frame[k]! << 8 | frame[k + 1]! : frame[k]!;
    }
  }
  throw new Error("The program ran off its end");
}
