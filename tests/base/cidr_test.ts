import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import {
  formatRange,
  type IpRange,
  parseRange,
  rangeHas,
  rangeOverlap,
  rangeSize,
  rangeToPrefixes,
} from "../../lib/base/cidr.ts";
import { parseIp } from "../../lib/base/ip.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";

function range(text: string): IpRange {
  const result = parseRange(text);
  if (!result.ok) throw new Error(result.message);
  return result.range;
}

Deno.test("parseRange: says what is wrong and what would be right", () => {
  const rows = [
    ["", "neither a CIDR"],
    ["web", "neither a CIDR"],
    ["10.0.0.1", 'no prefix length; for this one address write "10.0.0.1/32"'],
    ["fc00::1", 'write "fc00::1/128"'],
    ["10.0.0.0/", '"" is not a prefix length between 0 and 32'],
    ["10.0.0.0/33", '"33" is not a prefix length between 0 and 32'],
    ["fc00::/129", '"129" is not a prefix length between 0 and 128'],
    ["10.0.0.0/-1", "is not an IP address"],
    ["10.0.0.0/+8", "not a prefix length"],
    ["10.0.0.0/ 8", "not a prefix length"],
    ["10.0.0.0/1e1", "not a prefix length"],
    ["10.0.0.0/0x8", "not a prefix length"],
    ["10.0.0.0/255.0.0.0", "not a prefix length"],
    ["10.0.0.0/8/8", "not a prefix length"],
    ["10.0.0/8", '"10.0.0" is not an IP address'],
    ["10.0.0.010/8", "is not an IP address"],
    ["fe80::1%eth0/64", "is not an IP address"],
    // Reference §13: white space is trimmed around the ends of a range, not around a CIDR.
    [" 10.0.0.0/8", "is not an IP address"],
    ["10.0.0.0 /8", "is not an IP address"],
    ["10.0.0.0/8 ", "not a prefix length"],
    ["10.0.0.5-10.0.0.1", 'write "10.0.0.1-10.0.0.5"'],
    ["fc00::2-fc00::1", 'write "fc00::1-fc00::2"'],
    ["10.0.0.1-fc00::1", "starts with an IPv4 and ends with an IPv6 address"],
    ["fc00::1-10.0.0.1", "starts with an IPv6 and ends with an IPv4 address"],
    ["10.0.0.1-", '"" is not an IP address'],
    ["-10.0.0.1", '"" is not an IP address'],
    ["-", '"" is not an IP address'],
    ["10.0.0.1-5", '"5" is not an IP address'],
    ["10.0.0.1-10.0.0.3-10.0.0.5", '"10.0.0.3-10.0.0.5" is not an IP address'],
    ["10.0.0.0/24-10.0.1.0/24", '"10.0.0.0/24" is not an IP address'],
    // Go takes the first of these for ::/24, which nobody means who writes an IPv4 address.
    ["::ffff:10.0.0.0/24", '"24" is not a prefix length between 96 and 128'],
    ["::ffff:10.0.0.0/95", '"95" is not a prefix length between 96 and 128'],
    ["::ffff:10.0.0.0/129", '"129" is not a prefix length between 96 and 128'],
  ] as const;
  for (const [text, part] of rows) {
    const result = parseRange(text);
    if (result.ok) throw new Error(`${JSON.stringify(text)} was accepted as ${formatRange(result.range)}`);
    assertStringIncludes(result.message, `"${text}" is not an address range: `);
    assertStringIncludes(result.message, part);
  }
});

Deno.test("parseRange: the expansions of the reference (§11.1), and what Go's net.ParseCIDR takes", () => {
  const rows = [
    ["198.51.100.10/24", ["198.51.100.0/24"]],
    ["192.168.9.1-192.168.9.5", ["192.168.9.1/32", "192.168.9.2/31", "192.168.9.4/31"]],
    ["10.0.0.0-10.0.0.255", ["10.0.0.0/24"]],
    ["10.0.0.1-10.0.0.1", ["10.0.0.1/32"]],
    ["fc00:f853:ccd:e799::/124", ["fc00:f853:ccd:e799::/124"]],
    ["10.0.0.0/0", ["0.0.0.0/0"]],
    ["0.0.0.0-255.255.255.255", ["0.0.0.0/0"]],
    ["::/0", ["::/0"]],
    ["10.0.0.7/32", ["10.0.0.7/32"]],
    ["10.0.0.7/31", ["10.0.0.6/31"]],
    ["fc00::ffff/127", ["fc00::fffe/127"]],
    ["fc00::1/128", ["fc00::1/128"]],
    ["10.0.0.0/08", ["10.0.0.0/8"]],
    ["::ffff:10.0.0.0/104", ["10.0.0.0/8"]],
    ["::ffff:10.0.0.7/128", ["10.0.0.7/32"]],
    ["::ffff:10.0.0.1-10.0.0.2", ["10.0.0.1/32", "10.0.0.2/32"]],
    [" 10.0.0.1 - 10.0.0.2 ", ["10.0.0.1/32", "10.0.0.2/32"]],
    ["fc00::1-fc00::10", ["fc00::1/128", "fc00::2/127", "fc00::4/126", "fc00::8/125", "fc00::10/128"]],
    // Reference §11.2: blocks /32 /31 /29 /28 /27 /26 /25.
    ["1.1.1.5-1.1.1.255", [
      "1.1.1.5/32",
      "1.1.1.6/31",
      "1.1.1.8/29",
      "1.1.1.16/28",
      "1.1.1.32/27",
      "1.1.1.64/26",
      "1.1.1.128/25",
    ]],
  ] as const;
  for (const [text, prefixes] of rows) assertEquals(rangeToPrefixes(range(text)), prefixes, text);
});

Deno.test("rangeToPrefixes: random ranges are covered once, in order, by aligned prefixes that cannot be merged", () => {
  const seed = 4632;
  const rng = new SeededRng(seed);
  for (let i = 0; i < 1_000; i++) {
    const family = below(rng, 2) === 0 ? 4 : 6;
    const base = family === 4 ? 0n : BigInt(rng.u32()) << 64n;
    const ends = [0, 0].map(() => base + BigInt(rng.u32() >>> below(rng, 32))).sort((a, b) => a < b ? -1 : 1);
    const whole: IpRange = { family, first: ends[0]!, last: ends[1]! };
    const parts = rangeToPrefixes(whole).map(range);
    assertEquals(parts[0]?.first, whole.first, `seed ${seed}, range ${i}`);
    assertEquals(parts.at(-1)?.last, whole.last, `seed ${seed}, range ${i}`);
    for (const [index, part] of parts.entries()) {
      const before = parts[index - 1];
      if (before === undefined) continue;
      assertEquals(part.first, before.last + 1n, `seed ${seed}, range ${i}: a hole or an overlap`);
      const mergeable = rangeSize(before) === rangeSize(part) && before.first % (2n * rangeSize(part)) === 0n;
      assertEquals(mergeable, false, `seed ${seed}, range ${i}: ${formatRange(before)} and ${formatRange(part)}`);
    }
  }
});

Deno.test("rangeSize: all addresses count, ends included", () => {
  const rows = [
    ["10.0.0.1-10.0.0.1", 1n],
    ["10.0.0.0/31", 2n],
    ["10.0.0.0/0", 1n << 32n],
    ["fc00:f853:ccd:e799::/124", 16n],
    ["::/0", 1n << 128n],
  ] as const;
  for (const [text, size] of rows) assertEquals(rangeSize(range(text)), size, text);
});

Deno.test("rangeHas, rangeOverlap: at the edges and across families", () => {
  const rows = [
    // one, other, common part
    ["10.0.0.0/24", "10.0.1.0/24", undefined],
    ["10.0.0.0/24", "10.0.0.255-10.0.1.0", "10.0.0.255"],
    ["10.0.0.1-10.0.0.9", "10.0.0.0-10.0.0.1", "10.0.0.1"],
    ["10.0.0.4/30", "10.0.0.0/24", "10.0.0.4-10.0.0.7"],
    ["0.0.0.0/0", "::/0", undefined],
    ["::/0", "0.0.0.0/0", undefined],
    ["10.0.0.0/24", "10.0.0.0/24", "10.0.0.0-10.0.0.255"],
    ["10.0.0.0/24", "10.0.0.255/32", "10.0.0.255"],
    ["fc00::/64", "fc00::/124", "fc00::-fc00::f"],
  ] as const;
  for (const [one, other, common] of rows) {
    for (const [a, b] of [[one, other], [other, one]] as const) {
      const overlap = rangeOverlap(range(a), range(b));
      assertEquals(overlap && formatRange(overlap), common, `${a} and ${b}`);
    }
  }
  const pool = range("10.0.0.1-10.0.0.3");
  const inside = ["10.0.0.0", "10.0.0.1", "10.0.0.3", "10.0.0.4", "::a00:2"].map((ip) => rangeHas(pool, parseIp(ip)!));
  assertEquals(inside, [false, true, true, false, false]);
});
