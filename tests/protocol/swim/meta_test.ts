import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { SpeakerFacts } from "../../../lib/base/member.ts";
import { decodeMeta, encodeMeta } from "../../../lib/protocol/swim/meta.ts";

const FACTS: SpeakerFacts = {
  version: "0.1.0",
  capabilities: ["watch"],
  generation: 1_790_000_000_000,
  watchPort: 7947,
  state: "leaving",
  usableInterfaces: ["eth0", "eth1.100", "a,b", "c=d"],
  failedLinkProbes: ["192.0.2.1", "2001:db8::1"],
};

const text = (value: string) => [...new TextEncoder().encode(value)];

Deno.test("Meta: what is said comes back", () => {
  assertEquals(decodeMeta(encodeMeta(FACTS)), { ...FACTS, listsAreCut: false });
  const bare = { ...FACTS, capabilities: [], usableInterfaces: [], failedLinkProbes: [] };
  assertEquals(decodeMeta(encodeMeta(bare)), { ...bare, listsAreCut: false });
});

Deno.test("Meta: interfaces without IPv6 come back, also the last of many; none are named that were left out", () => {
  const usableInterfaces = Array.from({ length: 32 }, (_, i) => `e${i}`);
  const facts = { ...FACTS, failedLinkProbes: [], usableInterfaces };
  for (const ipv4OnlyInterfaces of [["e0"], ["e31"], ["e7", "e30", "e31"], usableInterfaces]) {
    assertEquals(decodeMeta(encodeMeta({ ...facts, ipv4OnlyInterfaces }))?.ipv4OnlyInterfaces, ipv4OnlyInterfaces);
  }
  const long = usableInterfaces.map((name) => `${name}.fourteen.l`);
  const cut = decodeMeta(encodeMeta({ ...FACTS, usableInterfaces: long, ipv4OnlyInterfaces: long }))!;
  assertEquals([cut.listsAreCut, cut.ipv4OnlyInterfaces], [true, cut.usableInterfaces]);
});

Deno.test("Meta: one that says nothing of IPv6, as an older version's, is read, and a bit without an interface is none", () => {
  const plain = [0xa1, ...text("i"), 0xa4, ...text("eth0")];
  assertEquals(decodeMeta(new Uint8Array([0x48, 1, 0x81, ...plain]))?.ipv4OnlyInterfaces, undefined);
  const more = decodeMeta(new Uint8Array([0x48, 1, 0x82, ...plain, 0xa1, ...text("n"), 3]));
  assertEquals([more?.usableInterfaces, more?.ipv4OnlyInterfaces], [["eth0"], ["eth0"]]);
});

Deno.test("Meta: what does not fit into 512 bytes is left out from the ends of the lists, and that is said", () => {
  const usableInterfaces = Array.from({ length: 40 }, (_, i) => `interface-${i + 100}`);
  const failedLinkProbes = Array.from({ length: 20 }, (_, i) => `2001:db8:1234:5678:9abc:def0:1234:${i + 1000}`);
  const bytes = encodeMeta({ ...FACTS, usableInterfaces, failedLinkProbes });
  assert(bytes.length <= 512 && bytes.length > 450, `${bytes.length} bytes`);
  const decoded = decodeMeta(bytes)!;
  assertEquals(decoded.listsAreCut, true);
  assertEquals(decoded.usableInterfaces, usableInterfaces.slice(0, decoded.usableInterfaces.length));
  assertEquals(decoded.failedLinkProbes, failedLinkProbes.slice(0, decoded.failedLinkProbes.length));
});

const NOT_HERALD: readonly [what: string, bytes: readonly number[]][] = [
  ["nothing, as MetalLB has it", []],
  ["serf's tags", [0xff, 0x80]],
  ["a later format", [0x48, 2, 0x80]],
  ["a cut map", [0x48, 1, 0x81]],
  ["an interface name with a line break", [0x48, 1, 0x81, 0xa1, ...text("i"), 0xa5, ...text("et\nh0")]],
  ["an interface name with a slash", [0x48, 1, 0x81, 0xa1, ...text("i"), 0xa4, ...text("../e")]],
  ["a probe that is no address", [0x48, 1, 0x81, 0xa1, ...text("f"), 0xa4, ...text("host")]],
  ["a state that there is not", [0x48, 1, 0x81, 0xa1, ...text("s"), 9]],
];

for (const [what, bytes] of NOT_HERALD) {
  Deno.test(`Meta: ${what} says nothing`, () => assertEquals(decodeMeta(new Uint8Array(bytes)), undefined));
}

Deno.test("Meta: keys that are not known yet are passed over", () => {
  const bytes = new Uint8Array([
    0x48,
    1,
    0x82,
    0xa1,
    ...text("z"),
    0x93,
    1,
    2,
    3,
    0xa1,
    ...text("v"),
    0xa1,
    ...text("9"),
  ]);
  assertEquals(decodeMeta(bytes)?.version, "9");
});
