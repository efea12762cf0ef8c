import { assertEquals } from "@std/assert/equals";
import { parseMac } from "../../../lib/base/mac.ts";
import type { InterfaceChange } from "../../../lib/protocol/l2/interface.ts";
import { SegmentContact } from "../../../lib/protocol/l2/segment_contact.ts";

const MAC = parseMac("02:00:00:00:00:01")!;

const up = (ifindex: number): InterfaceChange => ({
  kind: "interface",
  interface: { ifindex, name: `eth${ifindex}`, mac: MAC },
});
const gone = (ifindex: number): InterfaceChange => ({ kind: "interfaceGone", ifindex });

Deno.test("SegmentContact: who is back on a segment after more than a moment cannot know what it has missed", () => {
  for (const { blindMs, misses } of [{ blindMs: 199, misses: false }, { blindMs: 200, misses: true }]) {
    const contact = new SegmentContact();
    contact.begin(0);
    contact.change(up(1), 10);
    assertEquals(contact.change(gone(1), 1000), false);
    assertEquals(contact.change(up(1), 1000 + blindMs), misses);
    assertEquals(contact.change(up(2), 9000), false, "it was on one all the time");
  }
});

Deno.test("SegmentContact: as long as one interface is left nothing is missed", () => {
  const contact = new SegmentContact();
  for (const change of [up(1), up(2), gone(1), gone(3)]) contact.change(change, 0);
  assertEquals(contact.change(up(1), 60_000), false);
});

Deno.test("SegmentContact: without a segment from the beginning it counts from there", () => {
  const contact = new SegmentContact();
  assertEquals(new SegmentContact().change(up(1), 60_000), false, "nothing has begun");
  contact.begin(0);
  contact.begin(100);
  assertEquals(contact.change(up(1), 200), true);
});
