import { assertEquals } from "@std/assert/equals";
import {
  canonicalIp,
  compareIp,
  familyBits,
  formatIp,
  formatIpv4,
  type Ip,
  type Ipv4,
  parseIp,
  parseIpv4,
} from "../../lib/base/ip.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";

Deno.test("parseIp: refuses what Go's net.ParseIP refuses", () => {
  const rows = [
    // Dotted quads.
    "",
    " ",
    "1",
    "1.2.3",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.4.5",
    "1..2.3",
    "256.1.1.1",
    "1.2.3.256",
    "1.2.3.1000",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.00",
    "0x10.1.1.1",
    "1.2.3.0x4",
    "1.2.3.a",
    "1.2.3.-4",
    "1.2.3.+4",
    "1.2.3.1e1",
    "1.2.3.4/32",
    "1.2.3.4:80",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "1.2.3.4\0",
    "１.2.3.4",
    "16909060",
    // IPv6.
    ":",
    ":::",
    "1:",
    ":1",
    "::1:",
    ":1::",
    "1:::2",
    "1::2::3",
    "::::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4::5:6:7:8",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8zz",
    "1:2:3:4:5:6:7:+8",
    "1:2:3:4:5:6:7:-8",
    "1:2:3:4:5:6:7:0x8",
    "12345::",
    "00001::",
    "::g",
    "::1 ",
    " ::1",
    "::1\n",
    "::1%eth0",
    "fe80::1%",
    "[::1]",
    "::1/128",
    // Dotted quads inside IPv6.
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3",
    "::1.2.3.4.5",
    "::ffff:1.2.3.04",
    "::ffff:1.2.3.256",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1:2:3:4:5:6:1.2.3.4",
  ];
  for (const text of rows) assertEquals(parseIp(text), undefined, JSON.stringify(text));
});

Deno.test("parseIp: reads all forms of RFC 4291 §2.2", () => {
  const rows: readonly (readonly [text: string, family: 4 | 6, value: bigint])[] = [
    ["0.0.0.0", 4, 0n],
    ["0.0.0.1", 4, 1n],
    ["1.2.3.4", 4, 0x01020304n],
    ["127.255.255.255", 4, 0x7fffffffn],
    ["128.0.0.0", 4, 0x80000000n],
    ["255.255.255.255", 4, 0xffffffffn],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["0:0:0:0:0:0:0:1", 6, 1n],
    ["1::", 6, 1n << 112n],
    ["0001::", 6, 1n << 112n],
    ["1:2:3:4:5:6:7:8", 6, 0x0001_0002_0003_0004_0005_0006_0007_0008n],
    ["1:2:3:4:5:6:7::", 6, 0x0001_0002_0003_0004_0005_0006_0007_0000n],
    ["::2:3:4:5:6:7:8", 6, 0x0002_0003_0004_0005_0006_0007_0008n],
    ["2001:DB8::8:800:200C:417A", 6, 0x2001_0db8_0000_0000_0008_0800_200c_417an],
    ["ff01::101", 6, 0xff01n << 112n | 0x101n],
    ["::13.1.68.3", 6, 0x0d014403n],
    ["1:2:3:4:5:6:1.2.3.4", 6, 0x0001_0002_0003_0004_0005_0006_0102_0304n],
    ["64:ff9b::192.0.2.33", 6, 0x0064_ff9bn << 96n | 0xc0000221n],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, (1n << 128n) - 1n],
  ];
  for (const [text, family, value] of rows) assertEquals(parseIp(text), { family, value }, text);
});

Deno.test("parseIp: an IPv4-mapped address is the IPv4 address, and its neighbours are not", () => {
  const ip: Ip = { family: 4, value: 0x01020304n };
  for (const text of ["::ffff:1.2.3.4", "::FFFF:1.2.3.4", "::ffff:102:304", "0:0:0:0:0:ffff:102:304"]) {
    assertEquals(parseIp(text), ip, text);
  }
  for (const text of ["::fffe:1.2.3.4", "::ffff:0:1.2.3.4", "::1:ffff:1.2.3.4", "::1.2.3.4", "1::ffff:1.2.3.4"]) {
    assertEquals(parseIp(text)?.family, 6, text);
  }
});

Deno.test("parseIpv4: takes dotted quads only", () => {
  for (const text of ["", "::1", "::ffff:1.2.3.4", "1.2.3", "1.2.3.04", " 1.2.3.4"]) {
    assertEquals(parseIpv4(text), undefined, text);
  }
  assertEquals(parseIpv4("0.0.0.0"), 0 as Ipv4);
  assertEquals(parseIpv4("255.255.255.255"), 0xffffffff as Ipv4);
});

Deno.test("formatIpv4: every octet at its place, above 2^31 too", () => {
  const rows = [[0, "0.0.0.0"], [0x01020304, "1.2.3.4"], [0x80000000, "128.0.0.0"], [0xffffffff, "255.255.255.255"]];
  for (const [value, text] of rows) assertEquals(formatIpv4(value as Ipv4), text);
});

Deno.test("formatIp: the examples of RFC 5952 §4", () => {
  const rows = [
    ["2001:0db8::0001", "2001:db8::1", "4.1: no leading zeros"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1", "4.2.1: as short as possible"],
    ["2001:db8::0:1", "2001:db8::1", "4.2.1: as short as possible"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "4.2.2: one group is not shortened"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1", "4.2.3: the longest run"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "4.2.3: the first of equal runs"],
    ["2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa", "4.3: lower case"],
    ["0:0:0:0:0:0:0:0", "::", "all zeros"],
    ["0:0:0:0:0:0:0:1", "::1", "zeros at the start"],
    ["1:0:0:0:0:0:0:0", "1::", "zeros at the end"],
    ["0:1:1:1:1:1:1:1", "0:1:1:1:1:1:1:1", "a single zero group at the start"],
    ["1:1:1:1:1:1:1:0", "1:1:1:1:1:1:1:0", "a single zero group at the end"],
    ["0:0:1:1:1:1:0:0", "::1:1:1:1:0:0", "equal runs at both ends"],
  ] as const;
  for (const [text, expected, rule] of rows) assertEquals(canonicalIp(text), expected, `${rule}: ${text}`);
});

Deno.test("formatIp: random IPv6 addresses with many zeros look as a URL shows them, and parse to themselves", () => {
  const seed = 5952;
  const rng = new SeededRng(seed);
  for (let i = 0; i < 20_000; i++) {
    let value = 0n;
    for (let group = 0; group < 8; group++) {
      value = value << 16n | BigInt(below(rng, 2) === 0 ? 0 : rng.u32() >>> (16 + below(rng, 16)));
    }
    const text = formatIp({ family: 6, value });
    // The host of a URL is serialised by the same rules (WHATWG URL, "IPv6 serializer"), by code that is not ours.
    const hex = value.toString(16).padStart(32, "0").replace(/(.{4})(?!$)/g, "$1:");
    assertEquals(`[${text}]`, new URL(`http://[${hex}]/`).hostname, `seed ${seed}, address ${i}`);
    const expected: Ip = value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
    assertEquals(parseIp(text), expected, `seed ${seed}, address ${i}: ${text}`);
  }
});

Deno.test("canonicalIp: undefined for what is no address", () => {
  assertEquals(canonicalIp("192.0.2"), undefined);
  assertEquals(canonicalIp("192.0.2.1"), "192.0.2.1");
  assertEquals(canonicalIp("::FFFF:192.0.2.1"), "192.0.2.1");
});

Deno.test("compareIp: IPv4 first, then by value and not by text", () => {
  const sorted = ["9.0.0.0", "10.0.0.0", "255.255.255.255", "::", "::9", "::10", "2001:db8::"];
  const shuffled = [5, 2, 6, 0, 4, 1, 3].map((index) => parseIp(sorted[index]!)!);
  assertEquals(shuffled.sort(compareIp).map(formatIp), sorted);
  assertEquals(compareIp(parseIp("::1")!, parseIp("0:0::1")!), 0);
});

Deno.test("familyBits: 32 and 128", () => {
  assertEquals([familyBits(4), familyBits(6)], [32, 128]);
});
