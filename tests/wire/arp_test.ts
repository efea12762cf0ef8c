import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import {
  ARP_ENCODED_BYTES,
  ARP_FRAME_BYTES_MAX,
  arpReceiveWindow,
  type ArpRecord,
  decodeArp,
  decodeArpWindow,
  encodeArpInto,
} from "../../lib/wire/arp.ts";
import capture from "../golden/arp_nd.pcap" with { type: "bytes" };
import { ARP_VECTORS } from "../support/arp_vectors.ts";
import { naiveDecodeArp } from "../support/naive_arp.ts";
import { pcapFrames } from "../support/pcap.ts";

const FRAMES = pcapFrames(capture);
const REQUEST = FRAMES[0]!;

const RECORD: ArpRecord = ARP_VECTORS[0]!.record;

/** Where RFC 826 puts each field in the frame, and its width in bytes. */
const FIELDS: readonly { readonly field: keyof ArpRecord; readonly at: number; readonly bytes: number }[] = [
  { field: "etherDestination", at: 0, bytes: 6 },
  { field: "etherSource", at: 6, bytes: 6 },
  { field: "operation", at: 20, bytes: 2 },
  { field: "senderMac", at: 22, bytes: 6 },
  { field: "senderIp", at: 28, bytes: 4 },
  { field: "targetMac", at: 32, bytes: 6 },
  { field: "targetIp", at: 38, bytes: 4 },
];

/** First, last, all ones, each single bit, and different bytes so that a swapped order shows. */
function boundaryValues(bytes: number): bigint[] {
  const all = (1n << BigInt(bytes * 8)) - 1n;
  const bits = Array.from({ length: bytes * 8 }, (_, bit) => 1n << BigInt(bit));
  return [0n, 1n, all - 1n, all, 0x0123456789abn & all, ...bits];
}

function withValue(frame: Uint8Array, value: bigint, { at, bytes }: { at: number; bytes: number }): Uint8Array {
  const changed = new Uint8Array(frame);
  for (let i = 0; i < bytes; i++) changed[at + i] = Number(value >> BigInt(8 * (bytes - 1 - i)) & 0xffn);
  return changed;
}

function withBytes(...changes: readonly (readonly [offset: number, value: number])[]): Uint8Array {
  const changed = new Uint8Array(REQUEST);
  for (const [offset, value] of changes) changed[offset] = value;
  return changed;
}

function poisoned(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xa5);
}

/** Decodes with the IN window poisoned, so that nothing left over from an earlier frame can help. */
function decodePoisoned(frame: Uint8Array) {
  arpReceiveWindow.fill(0xa5);
  return decodeArp(frame);
}

Deno.test("decodeArp: each check names its field and where it starts", () => {
  const rows = [
    ["nothing", new Uint8Array(), "truncated", 0],
    ["IPv4", withBytes([13, 0x00]), "etherType", 12],
    ["IPv6", withBytes([12, 0x86], [13, 0xdd]), "etherType", 12],
    ["VLAN tag", withBytes([12, 0x81], [13, 0x00]), "etherType", 12],
    ["etherType with swapped bytes", withBytes([12, 0x06], [13, 0x08]), "etherType", 12],
    ["hardware type 0", withBytes([15, 0]), "hardwareType", 14],
    ["hardware type 6, IEEE 802", withBytes([15, 6]), "hardwareType", 14],
    ["hardware type 0x0101", withBytes([14, 1]), "hardwareType", 14],
    ["protocol type 0x0806", withBytes([17, 6]), "protocolType", 16],
    ["protocol type 0x86dd", withBytes([16, 0x86], [17, 0xdd]), "protocolType", 16],
    ["hardware length 0", withBytes([18, 0]), "hardwareLength", 18],
    ["hardware length 5", withBytes([18, 5]), "hardwareLength", 18],
    ["hardware length 255", withBytes([18, 255]), "hardwareLength", 18],
    ["protocol length 0", withBytes([19, 0]), "protocolLength", 19],
    ["protocol length 16", withBytes([19, 16]), "protocolLength", 19],
    ["all fields wrong: the first counts", new Uint8Array(42).fill(0xff), "etherType", 12],
    ["too short and not ARP: the length counts", new Uint8Array(41).fill(0xff), "truncated", 41],
    ["one byte too long", new Uint8Array(2049), "oversize", 2048],
    ["a jumbo frame", new Uint8Array(9014), "oversize", 2048],
    ["more than an offset can name", new Uint8Array(1 << 21), "oversize", 2048],
  ] as const;
  for (const [name, frame, reason, offset] of rows) {
    assertEquals(decodePoisoned(frame), { ok: false, reason, offset }, name);
  }
});

Deno.test("decodeArp: a frame cut at any byte is truncated there", () => {
  for (let length = 0; length < REQUEST.length; length++) {
    // The window still holds the rest of the frame from the call before: it must not be read.
    decodeArp(REQUEST);
    assertEquals(decodeArp(REQUEST.subarray(0, length)), { ok: false, reason: "truncated", offset: length });
  }
});

Deno.test("decodeArp: padding up to the size of the window is ignored", () => {
  assertEquals(ARP_FRAME_BYTES_MAX, 2048);
  for (const length of [42, 43, 46, 60, 64, 1514, 1518, 2047, 2048]) {
    for (const filling of [0x00, 0xff]) {
      const frame = new Uint8Array(length).fill(filling);
      frame.set(REQUEST);
      assertEquals(decodePoisoned(frame), { ok: true, value: RECORD }, `${length} bytes, padding ${filling}`);
    }
  }
});

Deno.test("decodeArp: any flipped bit is refused in the fixed fields and shows in one field elsewhere", () => {
  for (const frame of FRAMES.filter((candidate) => candidate.length === 42)) {
    const before = naiveDecodeArp(frame);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = new Uint8Array(frame);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const result = decodePoisoned(flipped);
      assertEquals(result, naiveDecodeArp(flipped), `bit ${bit}`);
      const isFixed = bit >> 3 >= 12 && bit >> 3 < 20;
      assertEquals(result.ok, before.ok && !isFixed, `bit ${bit}`);
    }
  }
});

Deno.test("decodeArp: each byte set to its complement decodes as the oracle says", () => {
  for (let offset = 0; offset < REQUEST.length; offset++) {
    const frame = withBytes([offset, REQUEST[offset]! ^ 0xff]);
    assertEquals(decodePoisoned(frame), naiveDecodeArp(frame), `byte ${offset}`);
  }
});

for (const { field, at, bytes } of FIELDS) {
  Deno.test(`ArpRecord.${field}: boundary values go both ways`, () => {
    for (const value of boundaryValues(bytes)) {
      const frame = withValue(REQUEST, value, { at, bytes });
      const record = { ...RECORD, [field]: Number(value) };
      assertEquals(decodePoisoned(frame), { ok: true, value: record }, `decode ${value}`);
      const out = poisoned(60);
      assertEquals(encodeArpInto(record, out), 60);
      assertEquals(out.subarray(0, 42), frame, `encode ${value}`);
      assertEquals(out.subarray(42), new Uint8Array(18), `padding behind ${value}`);
    }
  });

  Deno.test(`ArpRecord.${field}: a value that no frame can hold is a broken invariant and writes nothing`, () => {
    for (const value of [-1, 0.5, 2 ** (bytes * 8), 2 ** 53, 2 ** 64, -(2 ** 63), NaN, Infinity, -Infinity, 1e300]) {
      const out = poisoned(60);
      assertThrows(() => encodeArpInto({ ...RECORD, [field]: value }, out), InvariantError);
      assertEquals(out, poisoned(60), `${value}`);
    }
  });
}

Deno.test("golden capture: each ARP frame decodes to what it says and encodes to its bytes", () => {
  const isArp = (frame: Uint8Array) => frame[12] === 0x08 && frame[13] === 0x06;
  assertEquals(FRAMES.length, 20);
  assertEquals(FRAMES.filter(isArp).length, ARP_VECTORS.length);
  for (const { name, frameNumber, record } of ARP_VECTORS) {
    const frame = FRAMES[frameNumber - 1]!;
    assertEquals(decodePoisoned(frame), { ok: true, value: record }, name);
    const out = poisoned(64);
    assertEquals(encodeArpInto(record, out), ARP_ENCODED_BYTES, name);
    assertEquals(out.subarray(0, 42), frame, name);
    assertEquals(out.subarray(42, 60), new Uint8Array(18), name);
    assertEquals(out.subarray(60), poisoned(4), `${name}: nothing behind the frame is written`);
  }
});

Deno.test("golden capture: frames of other protocols are refused by their etherType", () => {
  for (const frame of FRAMES.filter((candidate) => candidate[12] !== 0x08)) {
    assertEquals(decodePoisoned(frame), { ok: false, reason: "etherType", offset: 12 });
  }
});

Deno.test("decodeArp: a record outlives the next call", () => {
  const first = decodeArp(REQUEST);
  decodeArp(FRAMES[1]!);
  encodeArpInto(ARP_VECTORS[3]!.record, poisoned(60));
  assertEquals(first, { ok: true, value: RECORD });
});

Deno.test("decodeArp: a view into the middle of a buffer is read from its own start", () => {
  const buffer = poisoned(100);
  buffer.set(REQUEST, 29);
  assertEquals(decodePoisoned(buffer.subarray(29, 29 + 42)), { ok: true, value: RECORD });
});

Deno.test("decodeArpWindow: bytes received into the window decode without a copy", () => {
  arpReceiveWindow.fill(0xa5);
  arpReceiveWindow.set(REQUEST);
  assertEquals(decodeArpWindow(42), { ok: true, value: RECORD });
  assertEquals(decodeArpWindow(arpReceiveWindow.length), { ok: true, value: RECORD });
  assertEquals(arpReceiveWindow.subarray(0, 42), REQUEST, "decode leaves the frame as it was");
  assertEquals(decodeArpWindow(41), { ok: false, reason: "truncated", offset: 41 });
  assertEquals(decodeArpWindow(0), { ok: false, reason: "truncated", offset: 0 });
  // recv(2) with MSG_TRUNC returns the length on the wire, and a failed one a negative number.
  assertEquals(decodeArpWindow(2049), { ok: false, reason: "oversize", offset: 2048 });
  assertEquals(decodeArpWindow(-11), { ok: false, reason: "oversize", offset: 2048 });
});

Deno.test("encodeArpInto: too small an output is a broken invariant and nothing is written", () => {
  for (const length of [0, 41, 42, 59]) {
    const out = poisoned(length);
    assertThrows(() => encodeArpInto(RECORD, out), InvariantError);
    assertEquals(out, poisoned(length));
  }
});

Deno.test("encodeArpInto: the frame of MetalLB's reference, byte by byte", () => {
  const mac = 0x02000000000a as Mac;
  const ip = 0xc000020a as Ipv4;
  const out = poisoned(60);
  encodeArpInto({
    etherDestination: 0xffffffffffff as Mac,
    etherSource: mac,
    operation: 1,
    senderMac: mac,
    senderIp: ip,
    targetMac: 0xffffffffffff as Mac,
    targetIp: ip,
  }, out);
  assertEquals(
    out.toHex(),
    "ffffffffffff" + "02000000000a" + "0806" + "0001" + "0800" + "06" + "04" + "0001" + "02000000000a" + "c000020a" +
      "ffffffffffff" + "c000020a" + "00".repeat(18),
  );
});
