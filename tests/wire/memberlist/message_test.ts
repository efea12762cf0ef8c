import { assertEquals } from "@std/assert/equals";
import { decodeMessage, encodeMessage, type MemberlistMessage } from "../../../lib/wire/memberlist/message.ts";
import {
  encodeStreamMessage,
  type StreamMessage,
  StreamMessageReader,
} from "../../../lib/wire/memberlist/stream_message.ts";
import { memberlistVector, VECTOR_VERSIONS } from "../../support/memberlist_vectors.ts";

const NONE = new Uint8Array(0);
const SOURCE = { node: "node-a", address: "10.0.0.1", port: 7946 };
const LONG_NAME = "a-node-name-that-is-longer-than-thirty-bytes";

/** As the vectors were made: what Go was told to encode. */
const VECTORS: readonly [name: string, message: MemberlistMessage][] = [
  ["ping", { kind: "ping", seqNo: 42, node: "node-b", source: SOURCE }],
  ["ping-minimal", { kind: "ping", seqNo: 1, node: "", source: undefined }],
  ["ping-bigseq", { kind: "ping", seqNo: 70_000, node: "node-b", source: undefined }],
  ["indirectPing", {
    kind: "indirectPing",
    seqNo: 300,
    node: "node-b",
    address: "10.0.0.2",
    port: 7946,
    nack: true,
    source: SOURCE,
  }],
  ["ack-nilpayload", { kind: "ack", seqNo: 42, payload: NONE }],
  ["ack-payload", { kind: "ack", seqNo: 42, payload: new Uint8Array([1, 2, 3]) }],
  ["nack", { kind: "nack", seqNo: 300 }],
  ["suspect", { kind: "suspect", node: "node-b", incarnation: 2, from: "node-a" }],
  ["longname-suspect", { kind: "suspect", node: "node-b", incarnation: 0xffff_ffff, from: LONG_NAME }],
  ["dead", { kind: "dead", node: "node-b", incarnation: 70_000, from: "node-a" }],
  ["alive", {
    kind: "alive",
    node: "node-a",
    incarnation: 1,
    address: "10.0.0.1",
    port: 7946,
    meta: NONE,
    versions: VECTOR_VERSIONS,
  }],
  ["alive-v6-meta", {
    kind: "alive",
    node: "node-a",
    incarnation: 200,
    address: "fd00::1",
    port: 7946,
    meta: new TextEncoder().encode("role=speaker"),
    versions: { ...VECTOR_VERSIONS, delegateMin: 2, delegateMax: 5, delegateCurrent: 4 },
  }],
];

for (const [name, message] of VECTORS) {
  Deno.test(`memberlist 0.5.1: ${name} is read and written bit by bit`, () => {
    const bytes = memberlistVector(name);
    const decoded = decodeMessage(bytes);
    if (name !== "longname-suspect") assertEquals(decoded, message);
    if (typeof decoded === "string") throw new Error(decoded);
    assertEquals(encodeMessage(decoded).toHex(), bytes.toHex());
  });
  Deno.test(`memberlist 0.5.1: ${name} cut at any byte is truncated`, () => {
    const bytes = memberlistVector(name);
    for (let length = 0; length < bytes.length; length++) {
      assertEquals([length, decodeMessage(bytes.subarray(0, length))], [length, "truncated"]);
    }
  });
}

Deno.test("memberlist: a name that a terminal would obey, or show in another order, is none", () => {
  for (const code of [0x07, 0x1b, 0x7f, 0x9b, 0x202e, 0x2028]) {
    const node = `node-${String.fromCharCode(code)}b`;
    const bytes = encodeMessage({ kind: "suspect", node, incarnation: 2, from: "node-a" });
    assertEquals([code, typeof decodeMessage(bytes)], [code, "string"]);
  }
});

Deno.test("memberlist 0.5.1: an empty Meta is nil or empty", () => {
  const expected = decodeMessage(memberlistVector("alive"));
  assertEquals(decodeMessage(memberlistVector("alive-byvalue")), expected);
});

const RECORD = {
  node: "node-a",
  address: "10.0.0.1",
  port: 7946,
  incarnation: 1,
  meta: NONE,
  versions: VECTOR_VERSIONS,
  state: "alive" as const,
};
const LEFT = {
  ...RECORD,
  node: "node-b",
  incarnation: 7,
  address: "10.0.0.2",
  meta: new Uint8Array([0x78]),
  state: "left" as const,
};

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const STREAM_VECTORS: readonly [name: string, bytes: Uint8Array, message: StreamMessage][] = [
  [
    "push/pull",
    joined(
      memberlistVector("pushpull-header"),
      memberlistVector("pushNodeState(no type byte)"),
      memberlistVector("pushNodeState-left(no type byte)"),
    ),
    { kind: "pushPull", join: true, members: [RECORD, LEFT], userState: NONE },
  ],
  [
    "push/pull of 200 nodes with 300 bytes of user state",
    joined(
      memberlistVector("pushpull-header-user300"),
      ...Array.from({ length: 200 }, () => memberlistVector("pushNodeState(no type byte)")),
      new Uint8Array(300).fill(9),
    ),
    {
      kind: "pushPull",
      join: false,
      members: Array.from({ length: 200 }, () => RECORD),
      userState: new Uint8Array(300).fill(9),
    },
  ],
  [
    "user message",
    joined(memberlistVector("userMsgHeader"), new Uint8Array([1, 2, 3, 4, 5])),
    { kind: "user", bytes: new Uint8Array([1, 2, 3, 4, 5]) },
  ],
  ["error", memberlistVector("err"), { kind: "error", text: "boom" }],
  ["ack", memberlistVector("ack-nilpayload"), { kind: "ack", seqNo: 42, payload: NONE }],
];

for (const [name, bytes, message] of STREAM_VECTORS) {
  Deno.test(`memberlist 0.5.1 stream: ${name} is written bit by bit, and read whole or as it comes`, () => {
    assertEquals(encodeStreamMessage(message).toHex(), bytes.toHex());
    assertEquals(new StreamMessageReader({ sizeMax: 65_536 }).read(bytes), message);
    const growing = new StreamMessageReader({ sizeMax: 65_536 });
    for (let length = 0; length < bytes.length; length++) {
      assertEquals([length, growing.read(bytes.subarray(0, length))], [length, "truncated"]);
    }
    assertEquals(growing.read(bytes), message);
  });
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

const SEQ_NO = "a5 5365714e6f";
const BAD: readonly [what: string, hex: string, problem: string][] = [
  ["no map", "0b 2a", "malformed"],
  ["a list", "0b 91 2a", "malformed"],
  ["the unused type byte c1", `0b 81 ${SEQ_NO} c1`, "malformed"],
  ["a key that is a number", "0b 81 01 02", "malformed"],
  ["a list where a number belongs", `0b 81 ${SEQ_NO} 91 01`, "malformed"],
  ["a text where a number belongs", `0b 81 ${SEQ_NO} a1 31`, "field"],
  ["a negative number", `0b 81 ${SEQ_NO} ff`, "field"],
  ["a negative number of 16 bits", `0b 81 ${SEQ_NO} d1 ffff`, "field"],
  ["a fraction", `0b 81 ${SEQ_NO} cb 3ff8000000000000`, "field"],
  ["33 bits", `0b 81 ${SEQ_NO} cf 0000000100000000`, "field"],
  ["65 bits' worth", `0b 81 ${SEQ_NO} cf ffffffffffffffff`, "malformed"],
  ["a map that claims 2^32-1 entries", "0b df ffffffff", "truncated"],
  ["a list within an unknown key that claims 2^32-1 entries", "0b 81 a1 78 dd ffffffff 00", "truncated"],
  ["a suspect without a node", "03 82 a4 46726f6d a1 61 ab 496e6361726e6174696f6e 01", "field"],
  ["a suspect whose node has a line break", "03 82 a4 46726f6d a1 61 a4 4e6f6465 a2 610a", "field"],
  ["a suspect whose node is no UTF-8", "03 82 a4 46726f6d a1 61 a4 4e6f6465 a2 c328", "field"],
  ["an alive whose address has 5 bytes", "04 82 a4 4e6f6465 a1 61 a4 41646472 a5 0102030405", "field"],
  ["an unknown type", "2a 80", "type"],
  ["a type that goes by stream only", "0d 80", "type"],
];

for (const [what, hex, problem] of BAD) {
  Deno.test(`memberlist message: ${what} is ${problem}`, () => assertEquals(decodeMessage(bytesOf(hex)), problem));
}

const FORMS: readonly [what: string, hex: string][] = [
  ["a fixed number", "2a"],
  ["8 bits", "cc 2a"],
  ["16 bits", "cd 002a"],
  ["32 bits", "ce 0000002a"],
  ["64 bits", "cf 000000000000002a"],
  ["signed 8 bits", "d0 2a"],
  ["signed 16 bits", "d1 002a"],
  ["signed 32 bits", "d2 0000002a"],
  ["signed 64 bits", "d3 000000000000002a"],
  ["floating point", "cb 4045000000000000"],
];

for (const [what, form] of FORMS) {
  Deno.test(`memberlist message: a number in the form of ${what}, among keys that nobody knows`, () => {
    const unknown = "a1 78 82 01 92 c0 c3 a1 79 d6 07 00000000 d9 02 7a7a c4 01 00";
    assertEquals(decodeMessage(bytesOf(`0b 83 ${unknown} ${SEQ_NO} ${form}`)), { kind: "nack", seqNo: 42 });
  });
}

Deno.test("memberlist message: an IPv4 address in 16 bytes is the IPv4 address, and is written in 4", () => {
  const mapped = "b0 00000000000000000000ffff0a000001";
  const bytes = bytesOf(memberlistVector("alive").toHex().replace("a40a000001", mapped.replaceAll(" ", "")));
  const decoded = decodeMessage(bytes);
  assertEquals(decoded, decodeMessage(memberlistVector("alive")));
});
