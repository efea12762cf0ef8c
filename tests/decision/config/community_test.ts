import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { compareCommunities, parseCommunity } from "../../../lib/decision/config/community.ts";

Deno.test("parseCommunity: what is none, in MetalLB's words too (reference §2.7, §9.3)", () => {
  const table: [string, "format" | "value", string][] = [
    ["", "format", "invalid community format: "],
    ["no-export", "format", "invalid community format: no-export"],
    ["1", "format", "invalid community format: 1"],
    ["1:2:3", "format", "invalid community format: 1:2:3"],
    ["large:1:2:3:4", "format", "invalid community format: large:1:2:3:4"],
    [":", "value", "invalid community value: invalid section"],
    ["1:", "value", "invalid community value: invalid section"],
    [":1", "value", "invalid community value: invalid section"],
    ["65536:1", "value", "invalid community value: invalid section"],
    ["1:65536", "value", "invalid community value: invalid section"],
    ["-1:1", "value", "invalid community value: invalid section"],
    ["+1:1", "value", "invalid community value: invalid section"],
    ["1: 1", "value", "invalid community value: invalid section"],
    ["0x1:1", "value", "invalid community value: invalid section"],
    ["1.0:1", "value", "invalid community value: invalid section"],
    ["large:1:2:4294967296", "value", "invalid community value: invalid section"],
    ["large:1::2", "value", "invalid community value: invalid section"],
    ["Large:1:2:3", "value", "expected community to be of format large"],
    ["extended:1:2:3", "value", "expected community to be of format large"],
  ];
  for (const [text, reason, metallbText] of table) {
    const parsed = parseCommunity(text);
    assertEquals(parsed.ok, false, text);
    if (parsed.ok) continue;
    assertEquals(parsed.reason, reason, text);
    assertStringIncludes(parsed.metallbText, metallbText);
  }
});

Deno.test("parseCommunity: canonical text, and one numeric order for both kinds", () => {
  const table: [string, string][] = [
    ["0:0", "0:0"],
    ["65535:65281", "65535:65281"],
    ["0064:01", "64:1"],
    ["large:4294967295:0:007", "large:4294967295:0:7"],
  ];
  for (const [text, canonical] of table) {
    const parsed = parseCommunity(text);
    assertEquals(parsed.ok && parsed.community, canonical);
  }
  // A standard one counts as (asn << 16 + value, 0, 0): 1:0 is 65536.
  const sorted = ["0:5", "large:5:0:0", "large:5:0:1", "large:64:9:9", "1:0", "large:65536:0:1", "65535:65281"];
  const shuffled = [4, 2, 6, 0, 5, 1, 3].map((index) => {
    const parsed = parseCommunity(sorted[index]!);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.community;
  });
  assertEquals(shuffled.sort(compareCommunities), sorted);
});
