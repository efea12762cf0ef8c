import { assertEquals } from "@std/assert/equals";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY } from "../../../lib/base/wanted.ts";
import { LINK_PROBES_MAX } from "../../../lib/decision/config/l2_annotations.ts";
import { decidePolicy, plainPolicy, samePolicy } from "../../../lib/decision/plan/address_policy.ts";

const wish = (name: string, policy: Partial<AddressPolicy> = {}) => {
  const own = Object.keys(policy).length === 0 ? DEFAULT_ADDRESS_POLICY : { ...DEFAULT_ADDRESS_POLICY, ...policy };
  return { name, policy: own };
};

Deno.test("decidePolicy: of several advertisements the strictest decides, and its name is told", () => {
  const table: [ReturnType<typeof wish>[], Partial<AddressPolicy>, (string | undefined)[]][] = [
    [[], {}, [undefined, undefined]],
    [[wish("a"), wish("b")], {}, [undefined, undefined]],
    [[wish("a"), wish("b", { failback: "never" })], { failback: "never" }, ["b", undefined]],
    [
      [wish("a", { failback: { afterMs: 5 } }), wish("b", { failback: { afterMs: 9 } })],
      { failback: { afterMs: 9 } },
      ["b", undefined],
    ],
    [[wish("a", { failback: { afterMs: 9e9 } }), wish("b", { failback: "never" })], { failback: "never" }, [
      "b",
      undefined,
    ]],
    [[wish("a", { failback: "never" }), wish("b", { failback: "never" })], { failback: "never" }, ["a", undefined]],
    [[wish("a", { probe: "off" }), wish("b", { probe: "strict" })], { probe: "strict" }, [undefined, "b"]],
    // Silence is the default, which is stricter than `off`.
    [[wish("a", { probe: "off" }), wish("b")], { probe: "beside" }, [undefined, undefined]],
    [[wish("a", { probe: "off" })], { probe: "off" }, [undefined, "a"]],
  ];
  for (const [wishes, expected, [failback, probe]] of table) {
    for (const list of [wishes, [...wishes].reverse()]) {
      const decided = decidePolicy(list);
      const { decidedBy, ...policy } = decided;
      assertEquals(policy, { ...DEFAULT_ADDRESS_POLICY, ...expected });
      assertEquals([decidedBy.failback, decidedBy.probe], [failback, probe], JSON.stringify(list));
    }
  }
});

Deno.test("decidePolicy: link probes are asked for all together, up to the limit, each by the first that names it", () => {
  const { linkProbes, decidedBy } = decidePolicy([
    wish("b", { linkProbes: ["192.0.2.1", "192.0.2.2"] }),
    wish("a", { linkProbes: ["192.0.2.2", "192.0.2.3"] }),
  ]);
  assertEquals(linkProbes, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assertEquals(decidedBy.linkProbes, { "192.0.2.1": "b", "192.0.2.2": "a", "192.0.2.3": "a" });
  const many = (from: number) => Array.from({ length: LINK_PROBES_MAX }, (_, index) => `192.0.2.${from + index}`);
  const wishes = [wish("a", { linkProbes: many(100) }), wish("b", { linkProbes: many(110) })];
  assertEquals(decidePolicy(wishes).linkProbes, decidePolicy(wishes.reverse()).linkProbes);
  assertEquals(decidePolicy(wishes).linkProbes.length, LINK_PROBES_MAX);
});

Deno.test("plainPolicy: a default is none; samePolicy compares what is said", () => {
  assertEquals(plainPolicy(decidePolicy([wish("a", { probe: "beside" })])), undefined);
  const never = { ...DEFAULT_ADDRESS_POLICY, failback: "never" as const };
  assertEquals(plainPolicy(decidePolicy([{ name: "a", policy: never }])), never);
  const after = (afterMs: number) => ({ ...DEFAULT_ADDRESS_POLICY, failback: { afterMs } });
  assertEquals(samePolicy(after(5), after(5)), true);
  assertEquals(samePolicy(undefined, undefined), true);
  for (const other of [undefined, after(6), never, { ...after(5), linkProbes: ["192.0.2.1"] }]) {
    assertEquals(samePolicy(after(5), other), false);
  }
});
