import { assertEquals } from "@std/assert/equals";
import { parseMac } from "../../lib/base/mac.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import {
  decodeAddress,
  decodeChange,
  decodeLink,
  decodeNeighbour,
  type Link,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from "../../lib/edge/net/netlink_codec.ts";
import { readAttributes, readErrorCode, readMessages } from "../../lib/edge/net/netlink_message.ts";

/** Written by hand after rtnetlink(7) and wire-facts §5.6; u16 and u32 in little endian. */
const HEADER = "00" + "00" + "0100" + "05000000" + "43100100" + "00000000";
const NAME = "0900" + "0300" + "6574683000" + "000000";
const MAC = "0a00" + "0100" + "02005e005301" + "0000";
const MTU = "0800" + "0400" + "dc050000";
const MASTER = "0800" + "0a00" + "07000000";
const STATE = "0500" + "1000" + "06" + "000000";
const LINK: Link = {
  ifindex: 5,
  name: "eth0",
  mac: parseMac("02:00:5e:00:53:01"),
  up: true,
  carrier: true,
  operationalState: "up",
  broadcast: true,
  loopback: false,
  noArp: false,
  master: 7,
  mtu: 1500,
  lower: undefined,
  isMoved: false,
};

function bytes(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex);
}

const NO_RECORD: readonly [name: string, decode: () => unknown][] = [
  ["an empty link", () => decodeLink(bytes(""))],
  ["a link cut in its header", () => decodeLink(bytes(HEADER.slice(0, 30)))],
  ["a link of the bridge family", () => decodeLink(bytes(HEADER.replace("00", "07") + NAME))],
  [
    // SIOCGIWSCAN, as wext-core.c makes it: header, name and event, and no MAC.
    "the event of a Wi-Fi card, whose scan is over",
    () => decodeLink(bytes(HEADER + NAME + "1400" + "0b00" + "1000" + "198b" + "00".repeat(12))),
  ],
  ["an address without a value", () => decodeAddress(bytes("02180000" + "05000000"))],
  [
    "an address of five octets",
    () => decodeAddress(bytes("02180000" + "05000000" + "0900" + "0200" + "c000020101" + "000000")),
  ],
  [
    "a neighbour of a bridge, which has a MAC alone",
    () => decodeNeighbour(bytes("07000000" + "05000000" + "8000" + "0000" + MAC)),
  ],
  ["a route notice", () => decodeChange({ type: 24, flags: 0, sequence: 0, body: bytes(HEADER) })],
  [
    "the DELLINK of a port that leaves its bridge",
    () => decodeChange({ type: RTM_DELLINK, flags: 0, sequence: 0, body: bytes(HEADER.replace("00", "07") + NAME) }),
  ],
];

for (const [name, decode] of NO_RECORD) {
  Deno.test(`netlink: ${name} is no record`, () => assertEquals(decode(), undefined));
}

Deno.test("decodeLink: flags, name, MAC, MTU, master and state", () => {
  assertEquals(decodeLink(bytes(HEADER + NAME + MAC + MTU + MASTER + STATE)), LINK);
});

Deno.test("decodeLink: without a cable LOWER_UP or RUNNING is missing; master 0 is none; an address of 20 octets is no MAC", () => {
  const infiniband = "1800" + "0100" + "00".repeat(20);
  const noMaster = "0800" + "0a00" + "00000000";
  for (const flags of ["03100000", "03100100", "43100000"]) {
    const link = decodeLink(bytes(HEADER.replace("43100100", flags) + NAME + infiniband + noMaster));
    assertEquals([link?.up, link?.carrier, link?.mac, link?.master], [true, false, undefined, undefined]);
  }
});

Deno.test("decodeLink: a bond's fail-over and the word to tell the peers say that the link has moved, other events do not", () => {
  const events = ["00", "01", "02", "03", "04", "05", "06"].map((event) =>
    decodeLink(bytes(HEADER + NAME + "0800" + "2c00" + event + "000000"))?.isMoved
  );
  assertEquals(events, [false, false, false, true, true, false, false]);
});

Deno.test("decodeLink: what it stands on is a link of this namespace, or nothing", () => {
  const lower = "0800" + "0500" + "03000000";
  const elsewhere = "0800" + "2500" + "00000000";
  assertEquals(decodeLink(bytes(HEADER + NAME + lower))?.lower, 3);
  assertEquals(decodeLink(bytes(HEADER + NAME + lower + elsewhere))?.lower, undefined);
  assertEquals(decodeLink(bytes(HEADER + NAME + lower.replace("03", "00")))?.lower, undefined);
});

Deno.test("decodeLink: loopback and NOARP", () => {
  const link = decodeLink(bytes(HEADER.replace("43100100", "c9000100") + NAME));
  assertEquals([link?.loopback, link?.noArp, link?.broadcast, link?.operationalState], [true, true, false, "unknown"]);
});

Deno.test("decodeAddress: our own end counts on a point-to-point link, and IPv6 has one value", () => {
  const peer = "0800" + "0100" + "c0000202";
  const local = "0800" + "0200" + "c0000201";
  assertEquals(decodeAddress(bytes("02200000" + "05000000" + peer + local)), {
    ifindex: 5,
    ip: "192.0.2.1",
    prefixLength: 32,
    scope: 0,
    tentative: false,
  });
  const linkLocal = "1400" + "0100" + "fe800000000000000000000000000001";
  assertEquals(decodeAddress(bytes("0a4080fd" + "02000000" + linkLocal)), {
    ifindex: 2,
    ip: "fe80::1",
    prefixLength: 64,
    scope: 253,
    tentative: false,
  });
});

Deno.test("decodeAddress: tentative is what duplicate address detection has not passed; the long flags count", () => {
  const ip = "1400" + "0100" + "fe800000000000000000000000000001";
  const tentative = (short: string, long = "") =>
    decodeAddress(bytes(`0a40${short}fd` + "02000000" + ip + (long && "0800" + "0800" + long)))?.tentative;
  assertEquals([tentative("80"), tentative("40"), tentative("08"), tentative("c0")], [false, true, true, true]);
  // IFA_F_NOPREFIXROUTE, IFA_F_STABLE_PRIVACY: bits above the first eight.
  assertEquals([tentative("80", "800a0000"), tentative("00", "c0000000")], [false, true]);
});

Deno.test("decodeNeighbour: the state's bit, and an entry that is not resolved has no MAC", () => {
  const ip = "0800" + "0100" + "c0000209";
  const mac = "0a00" + "0200" + "02005e005309" + "0000";
  const states = ["00", "01", "02", "04", "08", "10", "20", "40", "80"].map((state) =>
    decodeNeighbour(bytes("02000000" + "03000000" + state + "00" + "0001" + ip))?.state
  );
  assertEquals(states, ["none", "incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent"]);
  assertEquals(
    decodeNeighbour(bytes("02000000" + "03000000" + "0200" + "0001" + ip + mac))?.mac,
    parseMac("02:00:5e:00:53:09"),
  );
  assertEquals(decodeNeighbour(bytes("02000000" + "03000000" + "0100" + "0001" + ip))?.mac, undefined);
});

Deno.test("decodeChange: news and departures of links and addresses", () => {
  const link = bytes(HEADER + NAME + MAC + MTU + MASTER + STATE);
  assertEquals(decodeChange({ type: RTM_NEWLINK, flags: 0, sequence: 0, body: link }), { kind: "link", link: LINK });
  assertEquals(decodeChange({ type: RTM_DELLINK, flags: 0, sequence: 0, body: link }), {
    kind: "linkGone",
    ifindex: 5,
  });
  const address = { ifindex: 5, ip: "192.0.2.1", prefixLength: 24, scope: 0, tentative: false };
  const body = bytes("02180000" + "05000000" + "0800" + "0200" + "c0000201");
  assertEquals(decodeChange({ type: RTM_NEWADDR, flags: 0, sequence: 0, body }), { kind: "address", address });
  assertEquals(decodeChange({ type: RTM_NEWADDR + 1, flags: 0, sequence: 0, body }), { kind: "addressGone", address });
});

Deno.test("readMessages: parts of a datagram are aligned to four, and a lie about the length ends the list", () => {
  const one = "11000000" + "0200" + "0000" + "07000000" + "00000000" + "aa" + "000000";
  const two = "14000000" + "0200" + "0000" + "08000000" + "00000000" + "edffffff";
  const messages = readMessages(bytes(one + two));
  assertEquals(messages.map(({ sequence, body }) => [sequence, body.toHex()]), [[7, "aa"], [8, "edffffff"]]);
  assertEquals(readErrorCode(messages[1]!), -19);
  assertEquals(readErrorCode(messages[0]!), 0);
  for (const length of ["0f000000", "00000000", "ffffffff", "15000000"]) {
    assertEquals(readMessages(bytes(one + two.replace("14000000", length))).length, 1);
  }
  assertEquals(readMessages(bytes(one.slice(0, 30))), []);
});

Deno.test("readAttributes: nesting bits are masked, the first of equal types counts, a lie ends the list", () => {
  const nested = "0500" + "1280" + "01" + "000000";
  const again = "0500" + "1200" + "02" + "000000";
  const lie = "0300" + "0100" + "00000000";
  const attributes = readAttributes(bytes("ffffffff" + nested + again + lie + "0400" + "0700"), 4);
  assertEquals([...attributes].map(([type, value]) => [type, value.toHex()]), [[0x12, "01"]]);
});

Deno.test("netlink: no bytes make a decoder throw", () => {
  const seed = 20260102;
  const rng = new SeededRng(seed);
  const whole = bytes(HEADER + NAME + MAC + MTU + MASTER + STATE);
  for (let i = 0; i < 5000; i++) {
    const body = whole.slice(0, rng.u32() % (whole.length + 1));
    for (let flips = rng.u32() % 4; flips > 0 && body.length > 0; flips--) body[rng.u32() % body.length] = rng.u32();
    try {
      for (const type of [RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR]) decodeChange({ type, flags: 0, sequence: 0, body });
      decodeNeighbour(body);
      readMessages(body);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${i}, bytes ${body.toHex()}`, { cause: error });
    }
  }
});
