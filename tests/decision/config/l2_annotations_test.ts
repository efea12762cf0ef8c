import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { DEFAULT_ADDRESS_POLICY } from "../../../lib/base/wanted.ts";
import { LINK_PROBES_MAX, readL2Annotations } from "../../../lib/decision/config/l2_annotations.ts";
import { ProblemList } from "../../../lib/decision/config/problem.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { l2Object, poolObject } from "../objects.ts";

function read(annotations: Record<string, string>) {
  const problems = new ProblemList({ kind: "L2Advertisement", namespace: "m", name: "l" });
  return { policy: readL2Annotations(annotations, problems), problems: problems.all() };
}

Deno.test("annotations of an L2Advertisement: what cannot be read is a warning and counts as not written", () => {
  const failbacks = ["", "Never", "after", "after=", "after=10", "after=-5m", "after=721h", "10m", "after 10m", "\0"];
  const table: [string, string[]][] = [
    ["herald.dev/failback", failbacks],
    ["herald.dev/probe", ["", "Strict", "yes", "strict,off", "false"]],
    ["herald.dev/link-probe", ["", "192.0.2.1/32", "router", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"]],
    ["herald.dev/link-probe", ["::", "::1", "ff02::1", "fe80::1%eth0", "192.0.2.256"]],
  ];
  for (const [key, texts] of table) {
    for (const text of texts) {
      const { policy, problems } = read({ [key]: text });
      assertEquals(policy, DEFAULT_ADDRESS_POLICY, text);
      assertEquals(problems.map(({ severity, path, reason }) => [severity, path, reason]), [
        ["warning", `metadata.annotations["${key}"]`, "invalidValue"],
      ], text);
      assertStringIncludes(problems[0]!.message, JSON.stringify(text));
    }
  }
});

Deno.test("annotations of an L2Advertisement: what they say", () => {
  const table: [Record<string, string>, Partial<ReturnType<typeof read>["policy"]>][] = [
    [{}, {}],
    [{ "herald.dev/other": "x" }, {}],
    [{ "herald.dev/failback": "immediate", "herald.dev/probe": "beside" }, {}],
    [{ "herald.dev/failback": "never" }, { failback: "never" }],
    [{ "herald.dev/failback": " after=1h30m " }, { failback: { afterMs: 5_400_000 } }],
    [{ "herald.dev/failback": "after=1ns" }, { failback: { afterMs: 1 } }],
    [{ "herald.dev/failback": "after=0s" }, {}],
    [{ "herald.dev/probe": "strict" }, { probe: "strict" }],
    [{ "herald.dev/probe": "off" }, { probe: "off" }],
    [{ "herald.dev/link-probe": "2001:DB8::1, 192.0.2.1,192.0.2.1" }, { linkProbes: ["192.0.2.1", "2001:db8::1"] }],
  ];
  for (const [annotations, expected] of table) {
    assertEquals(read(annotations), { policy: { ...DEFAULT_ADDRESS_POLICY, ...expected }, problems: [] });
  }
});

Deno.test("annotations of an L2Advertisement: of a list what is wrong is left out, and so is what is too much", () => {
  const { policy, problems } = read({ "herald.dev/link-probe": "192.0.2.1,nobody,192.0.2.2" });
  assertEquals([policy.linkProbes, problems.length], [["192.0.2.1", "192.0.2.2"], 1]);
  const many = Array.from({ length: LINK_PROBES_MAX + 2 }, (_, index) => `192.0.2.${index + 1}`);
  const cut = read({ "herald.dev/link-probe": many.join(",") });
  assertEquals([cut.policy.linkProbes.length, cut.problems.length], [LINK_PROBES_MAX, 2]);
});

Deno.test("resolveConfig: an advertisement with an unreadable annotation goes on with the default, and says so", () => {
  const object = l2Object("l", {});
  const annotations = { "herald.dev/failback": "sometimes" };
  const { config, problems } = resolveConfig({
    ipAddressPools: [poolObject("p", ["192.0.2.0/24"])],
    l2Advertisements: [{ ...object, metadata: { ...object.metadata, annotations } }],
  });
  assertEquals(config.l2Advertisements.map(({ policy }) => policy), [DEFAULT_ADDRESS_POLICY]);
  assertEquals(problems.map(({ severity, name, reason }) => [severity, name, reason]), [
    ["warning", "l", "invalidValue"],
  ]);
});
