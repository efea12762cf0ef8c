import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import { type Ipv6, parseIpv6 } from "../../lib/base/ip.ts";
import { type Mac, parseMac } from "../../lib/base/mac.ts";
import {
  decodeNdp,
  decodeNdpWindow,
  encodeNdpInto,
  NDP_ENCODED_BYTES_MAX,
  ndpReceiveWindow,
  type NdpRecord,
} from "../../lib/wire/ndp.ts";
import capture from "../golden/arp_nd.pcap" with { type: "bytes" };
import { naiveChecksum, naiveDecodeNdp } from "../support/naive_ndp.ts";
import { pcapFrames } from "../support/pcap.ts";

const A = parseMac("7e:0d:fa:58:a8:c8")!;
const B = parseMac("3e:e2:55:e6:5f:cc")!;
const ip = (text: string) => parseIpv6(text)!;

/** What stands in the capture, read by hand; the frame numbers are those of a packet analyser. */
const VECTORS: readonly { readonly name: string; readonly frame: number; readonly record: NdpRecord }[] = [
  {
    name: "multicast solicitation with its source's address",
    frame: 3,
    record: solicitation({
      etherDestination: parseMac("33:33:ff:00:02:10")!,
      destination: ip("ff02::1:ff00:210"),
      target: ip("fd98::210"),
    }),
  },
  {
    name: "solicited advertisement that overrides",
    frame: 4,
    record: {
      etherDestination: A,
      etherSource: B,
      type: 136,
      flags: 0x6000_0000,
      linkLayerAddress: B,
      source: ip("fd98::210"),
      destination: ip("fd98::11"),
      target: ip("fd98::210"),
    },
  },
  {
    name: "probe for duplicates, with a nonce",
    frame: 13,
    record: solicitation({
      etherDestination: parseMac("33:33:ff:00:00:77")!,
      linkLayerAddress: undefined,
      source: 0n as Ipv6,
      destination: ip("ff02::1:ff00:77"),
      target: ip("fd98::77"),
    }),
  },
  {
    name: "solicited advertisement without an address",
    frame: 16,
    record: {
      etherDestination: B,
      etherSource: A,
      type: 136,
      flags: 0x4000_0000,
      linkLayerAddress: undefined,
      source: ip("fd98::11"),
      destination: ip("fe80::3ce2:55ff:fee6:5fcc"),
      target: ip("fd98::11"),
    },
  },
  {
    name: "unsolicited advertisement",
    frame: 18,
    record: {
      etherDestination: parseMac("33:33:00:00:00:01")!,
      etherSource: A,
      type: 136,
      flags: 0x2000_0000,
      linkLayerAddress: A,
      source: ip("fd98::77"),
      destination: ip("ff02::1"),
      target: ip("fd98::77"),
    },
  },
];

const FRAMES = pcapFrames(capture);
const SOLICITATION = FRAMES[2]!;
const ADVERTISEMENT = FRAMES[3]!;
const PROBE = FRAMES[12]!;

function solicitation(more: Partial<NdpRecord>): NdpRecord {
  return {
    etherDestination: B,
    etherSource: A,
    type: 135,
    flags: 0,
    linkLayerAddress: A,
    source: ip("fd98::11"),
    destination: ip("fd98::210"),
    target: ip("fd98::210"),
    ...more,
  };
}

/** The frame with bytes changed at offsets, and its checksum put right, so that later checks are reached. */
function changed(frame: Uint8Array, changes: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(frame);
  for (const [offset, values] of Object.entries(changes)) bytes.set(values, Number(offset));
  const sum = naiveChecksum(bytes);
  bytes[56] = sum >> 8;
  bytes[57] = sum & 0xff;
  return bytes;
}

/** With an option more, or half of one. */
function extended(frame: Uint8Array, option: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(frame.length + option.length);
  bytes.set(frame);
  bytes.set(option, frame.length);
  return changed(bytes, { 18: [0, bytes.length - 54] });
}

function poisoned(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xa5);
}

function decodePoisoned(frame: Uint8Array) {
  ndpReceiveWindow.fill(0xa5);
  return decodeNdp(frame);
}

const MULTICAST = [0xff, 0x02];
const UNSPECIFIED = new Array<number>(16).fill(0);

Deno.test("decodeNdp, RFC 4861 §7.1: each check names its field and where it starts", () => {
  const rows = [
    ["nothing", new Uint8Array(), "truncated", 0],
    ["IPv4", changed(SOLICITATION, { 12: [0x08, 0x00] }), "etherType", 12],
    ["IP version 4", changed(SOLICITATION, { 14: [0x40] }), "ipVersion", 14],
    ["UDP", changed(SOLICITATION, { 20: [17] }), "nextHeader", 20],
    ["behind hop-by-hop options", changed(SOLICITATION, { 20: [0] }), "nextHeader", 20],
    ["payload of 23", changed(SOLICITATION, { 18: [0, 23] }), "payloadLength", 18],
    ["payload beyond the frame", changed(SOLICITATION, { 18: [0, 33] }), "payloadLength", 18],
    ["hop limit 254", changed(SOLICITATION, { 21: [254] }), "hopLimit", 21],
    ["hop limit 0", changed(SOLICITATION, { 21: [0] }), "hopLimit", 21],
    ["router advertisement", changed(SOLICITATION, { 54: [134] }), "type", 54],
    ["redirect", changed(SOLICITATION, { 54: [137] }), "type", 54],
    ["code 1", changed(SOLICITATION, { 55: [1] }), "code", 55],
    ["source ff02::…", changed(SOLICITATION, { 22: MULTICAST }), "source", 22],
    ["advertisement from ::", changed(ADVERTISEMENT, { 22: UNSPECIFIED }), "source", 22],
    ["target ff02::…", changed(SOLICITATION, { 62: MULTICAST }), "target", 62],
    ["from :: to all nodes", changed(PROBE, { 38: [...MULTICAST, ...UNSPECIFIED.slice(3), 1] }), "destination", 38],
    ["from :: to a unicast address", changed(PROBE, { 38: [0xfd, 0x98] }), "destination", 38],
    ["from :: with a source address", changed(PROBE, { 78: [1, 1] }), "option", 78],
    ["multicast and solicited", changed(FRAMES[17]!, { 58: [0x60] }), "flags", 58],
    ["option of no length", changed(SOLICITATION, { 79: [0] }), "option", 78],
    ["option beyond the end", changed(SOLICITATION, { 79: [2] }), "option", 78],
    ["half an option", extended(SOLICITATION, [14, 1, 0, 0]), "option", 86],
    ["one byte too long", new Uint8Array(2049), "oversize", 2048],
    ["more than an offset can name", new Uint8Array(1 << 21), "oversize", 2048],
  ] as const;
  for (const [name, frame, reason, offset] of rows) {
    assertEquals(decodePoisoned(frame), { ok: false, reason, offset }, name);
    assertEquals(naiveDecodeNdp(frame), { ok: false, reason, offset }, `${name}, by the oracle`);
  }
});

Deno.test("decodeNdp: what RFC 4861 tells to ignore is ignored", () => {
  const { record } = VECTORS[0]!;
  const rows = [
    ["traffic class and flow label", changed(SOLICITATION, { 14: [0x6f, 0xff, 0xff, 0xff] })],
    ["reserved bits of a solicitation", changed(SOLICITATION, { 58: [0xff, 0xff, 0xff, 0xff] })],
    ["an unknown option", extended(SOLICITATION, [253, 1, 1, 2, 3, 4, 5, 6])],
    ["a second source address", extended(SOLICITATION, [1, 1, 1, 2, 3, 4, 5, 6])],
  ] as const;
  for (const [name, frame] of rows) assertEquals(decodePoisoned(frame), { ok: true, value: record }, name);
  const long = changed(extended(SOLICITATION, [0, 0, 0, 0, 0, 0, 0, 0]), { 79: [2] });
  const withoutAddress = { ok: true, value: { ...record, linkLayerAddress: undefined } } as const;
  assertEquals(decodePoisoned(long), withoutAddress, "an address of 14 bytes is none of an Ethernet");
  const padded = new Uint8Array(1500).fill(0xff);
  padded.set(SOLICITATION);
  assertEquals(decodePoisoned(padded), { ok: true, value: record }, "padding behind the payload");
});

Deno.test("decodeNdp: a frame cut at any byte is refused there", () => {
  for (let length = 0; length < SOLICITATION.length; length++) {
    decodeNdp(SOLICITATION);
    const wanted = length < 78
      ? { ok: false, reason: "truncated", offset: length } as const
      : { ok: false, reason: "payloadLength", offset: 18 } as const;
    assertEquals(decodeNdp(SOLICITATION.subarray(0, length)), wanted);
  }
});

Deno.test("decodeNdp: any flipped bit of addresses and message is seen by the checksum or another check", () => {
  for (const frame of [SOLICITATION, ADVERTISEMENT, PROBE]) {
    for (let bit = 12 * 8; bit < frame.length * 8; bit++) {
      const flipped = new Uint8Array(frame);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const result = decodePoisoned(flipped);
      assertEquals(result, naiveDecodeNdp(flipped), `bit ${bit}`);
      // The low half of the version byte and the flow label are covered by no check.
      const isCovered = bit >> 3 >= 18 || bit >> 3 < 14;
      if (isCovered) assertEquals(result.ok, false, `bit ${bit}`);
    }
  }
});

Deno.test("golden capture: each frame decodes to what it says, and encodes to its bytes where it has no nonce", () => {
  for (const { name, frame: number, record } of VECTORS) {
    const frame = FRAMES[number - 1]!;
    assertEquals(decodePoisoned(frame), { ok: true, value: record }, name);
    if (number === 13) continue;
    const out = poisoned(100);
    const size = encodeNdpInto(record, out);
    assertEquals(out.subarray(0, size).toHex(), frame.toHex(), name);
    assertEquals(out.subarray(size), poisoned(100 - size), `${name}: nothing behind the frame is written`);
  }
});

Deno.test("encodeNdpInto: addresses at their bounds go both ways", () => {
  const all = (1n << 128n) - 1n;
  for (const value of [1n, 1n << 63n, 1n << 64n, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210n, all >> 8n]) {
    const record = solicitation({ source: value as Ipv6, destination: all as Ipv6, target: value as Ipv6 });
    const out = poisoned(NDP_ENCODED_BYTES_MAX);
    assertEquals(encodeNdpInto(record, out), 86);
    assertEquals(decodePoisoned(out), { ok: true, value: record }, value.toString(16));
  }
});

Deno.test("encodeNdpInto: a record that no frame can hold is a broken invariant and writes nothing", () => {
  const bad: readonly Partial<NdpRecord>[] = [
    { type: 134 },
    { type: NaN },
    { flags: -1 },
    { flags: 2 ** 32 },
    { flags: 0.5 },
    { etherSource: 2 ** 48 as Mac },
    { etherDestination: -1 as Mac },
    { linkLayerAddress: 2 ** 48 as Mac },
    { linkLayerAddress: 0.5 as Mac },
    { source: -1n as Ipv6 },
    { target: 1n << 128n as Ipv6 },
  ];
  for (const fields of bad) {
    const out = poisoned(100);
    assertThrows(() => encodeNdpInto(solicitation(fields), out), InvariantError);
    assertEquals(out, poisoned(100), Object.keys(fields)[0]);
  }
  const small = poisoned(85);
  assertThrows(() => encodeNdpInto(solicitation({}), small), InvariantError);
  assertEquals(small, poisoned(85));
});

Deno.test("decodeNdpWindow: bytes received into the window decode without a copy", () => {
  ndpReceiveWindow.fill(0xa5);
  ndpReceiveWindow.set(SOLICITATION);
  assertEquals(decodeNdpWindow(SOLICITATION.length), { ok: true, value: VECTORS[0]!.record });
  assertEquals(decodeNdpWindow(-11), { ok: false, reason: "oversize", offset: 2048 });
});
