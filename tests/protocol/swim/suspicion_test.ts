import { assertEquals } from "@std/assert/equals";
import { Suspicion, suspicionTimes } from "../../../lib/protocol/swim/suspicion.ts";
import { LAN_TIMING, pushPullIntervalMs, retransmitLimit, WAN_TIMING } from "../../../lib/protocol/swim/timing.ts";

/** Measured with memberlist itself (wire-facts §1.9), or computed by hand from its formula. */
const ENDS: readonly [what: string, members: number, suspecters: string[], endsAtMs: number][] = [
  ["two nodes", 2, [], 4000],
  ["three nodes", 3, ["c"], 4000],
  ["four nodes, no confirmation", 4, [], 24_000],
  ["four nodes, one confirmation", 4, ["c"], 11_381],
  ["four nodes, two confirmations", 4, ["c", "d"], 4000],
  ["four nodes, one that repeats itself", 4, ["c", "c"], 11_381],
  ["four nodes, the one that began", 4, ["a"], 24_000],
  ["a hundred nodes, two confirmations", 100, ["c", "d", "e"], 8000],
  ["a hundred nodes, none", 100, [], 48_000],
];

for (const [what, members, suspecters, endsAtMs] of ENDS) {
  Deno.test(`Lifeguard: a suspicion with LAN times ends on time: ${what}`, () => {
    const suspicion = new Suspicion(suspicionTimes(LAN_TIMING, members), { from: "a", at: 0 });
    for (const from of suspecters) suspicion.confirm(from);
    assertEquals(suspicion.endsAt, endsAtMs);
  });
}

Deno.test("Lifeguard: WAN times of ten nodes", () => {
  const { minMs, maxMs, confirmationsMax } = suspicionTimes(WAN_TIMING, 10);
  assertEquals([minMs, maxMs, confirmationsMax], [30_000, 180_000, 4]);
});

Deno.test("Lifeguard: a confirmation is news once, and not any more when there are enough", () => {
  const suspicion = new Suspicion(suspicionTimes(LAN_TIMING, 10), { from: "a", at: 0 });
  const news = ["a", "b", "b", "c", "d"].map((from) => suspicion.confirm(from));
  assertEquals(news, [false, true, false, true, false]);
});

Deno.test("memberlist: rumours are sent 4 times among 9 nodes, 8 times among 10 to 99, 12 times beyond", () => {
  assertEquals([1, 9, 10, 99, 100].map((members) => retransmitLimit(4, members)), [4, 4, 8, 8, 12]);
});

Deno.test("memberlist: states are exchanged less often in large clusters", () => {
  assertEquals([2, 32, 33, 64, 65, 128].map((n) => pushPullIntervalMs(30, n)), [30, 30, 60, 60, 90, 90]);
});
