import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { type Condition, configurationStateStatus } from "../../../lib/decision/config/configuration_state.ts";
import type { Problem } from "../../../lib/decision/config/problem.ts";
import { configurationStateSchema } from "../../../lib/decision/config/schema/configuration_state.ts";
import { poolObject } from "../objects.ts";
import { peerObject, resolveAll } from "./bgp_objects.ts";

const NOW = "2026-01-02T03:04:05Z";
const EARLIER = "2026-01-01T00:00:00Z";

function statusOf(problems: readonly Problem[] | undefined, previous: readonly Condition[] = []) {
  const status = configurationStateStatus({ conditionType: "configReconcilerValid", problems, previous, now: NOW });
  // Whatever comes out must be admitted by the API server.
  configurationStateSchema.parse({ metadata: { name: "speaker-n1" }, status });
  return status;
}

const problem = (rest: Partial<Problem>): Problem => ({
  severity: "error",
  kind: "IPAddressPool",
  namespace: "m",
  name: "p",
  path: "spec.addresses[0]",
  reason: "invalidAddress",
  message: "it is wrong",
  ...rest,
});

Deno.test("ConfigurationState: MetalLB's exact summaries (reference §9.3)", () => {
  const table: [Parameters<typeof resolveAll>[0], string][] = [
    [
      { bgpPeers: [peerObject("peer1", { bfdProfile: "fast" })] },
      "configuration error: peer peer1 referencing non existing bfd profile fast",
    ],
    [
      { bgpPeers: [peerObject("peer1", { passwordSecret: { name: "s" } })] },
      'configuration error: parsing peer peer1 secret ref not found for peer config "metallb-system"/"peer1"\n' +
      "failed to parse peer peer1 password secret",
    ],
    [
      { bgpPeers: [peerObject("a"), peerObject("b")] },
      "configuration error: peer 192.0.2.1 already exists, FRR mode doesn't support duplicate BGPPeers selecting the " +
      "same node",
    ],
    [
      { bgpAdvertisements: [{ metadata: { name: "a" }, spec: { communities: ["x"] } }] },
      'configuration error: invalid community format: x\ninvalid community "x" in BGP advertisement',
    ],
    [
      { ipAddressPools: [poolObject("a", ["1.1.1.0/24"]), poolObject("b", ["1.1.1.0/28"])] },
      'configuration error: CIDR "1.1.1.0/28" in pool "b" overlaps with already defined CIDR "1.1.1.0/24"',
    ],
  ];
  for (const [objects, summary] of table) {
    const { result, errorSummary, conditions } = statusOf(resolveAll(objects).problems);
    assertEquals([result, errorSummary], ["Invalid", summary]);
    assertEquals(conditions[0], {
      type: "configReconcilerValid",
      status: "False",
      reason: "ConfigurationError",
      message: summary,
      lastTransitionTime: NOW,
    });
  }
});

Deno.test("ConfigurationState: of several errors the one that MetalLB would have met first, ours where it has no words", () => {
  const pool = problem({});
  const peer = problem({ kind: "BGPPeer", metallbText: "invalid BGPPeer address" });
  const advertisement = problem({ kind: "BGPAdvertisement", metallbText: "later" });
  const table: [Problem[], string][] = [
    [[advertisement, peer, pool], "configuration error: invalid BGPPeer address"],
    [[advertisement, pool], "configuration error: IPAddressPool m/p spec.addresses[0]: it is wrong"],
    [[problem({ namespace: "", path: "" })], "configuration error: IPAddressPool p: it is wrong"],
  ];
  for (const [problems, summary] of table) assertEquals(statusOf(problems).errorSummary, summary);
});

Deno.test("ConfigurationState: fine, not looked yet, and warnings alone", () => {
  const fine = { type: "configReconcilerValid", status: "True", reason: "Reconciled", message: "" } as const;
  assertEquals(statusOf([]), {
    result: "Valid",
    errorSummary: "",
    conditions: [{ ...fine, lastTransitionTime: NOW }],
  });
  const unknown = statusOf(undefined);
  assertEquals([unknown.result, unknown.conditions[0]?.status], ["Unknown", "Unknown"]);
  const warned = statusOf([problem({ severity: "warning", reason: "unknownPool" })]);
  assertEquals([warned.result, warned.errorSummary], ["Valid", ""]);
  assertEquals(warned.conditions, [
    { ...fine, lastTransitionTime: NOW },
    {
      type: "herald.dev/UnknownPool",
      status: "True",
      reason: "Warning",
      message: "IPAddressPool m/p spec.addresses[0]: it is wrong",
      lastTransitionTime: NOW,
    },
  ]);
});

Deno.test("ConfigurationState: the time of a condition changes with its status only", () => {
  const before = statusOf([problem({})]).conditions.map((condition) => ({ ...condition, lastTransitionTime: EARLIER }));
  const same = statusOf([problem({ message: "it is wrong in another way" })], before);
  assertEquals(same.conditions.map(({ lastTransitionTime }) => lastTransitionTime), [EARLIER, EARLIER]);
  const mended = statusOf([], before);
  assertEquals(mended.conditions.map(({ type, lastTransitionTime }) => `${type} ${lastTransitionTime}`), [
    `configReconcilerValid ${NOW}`,
  ]);
});

Deno.test("ConfigurationState: its size is bounded, whatever users write", () => {
  const reasons = [
    ...new Set(resolveAll({ bgpPeers: [peerObject("p", { password: "x", disableMP: true })] }).problems),
  ];
  const many = Array.from({ length: 5000 }, (_, i) => problem({ name: `p${i}`, message: "x".repeat(5000) }));
  const distinct = Array.from({ length: 40 }, (_, i) => problem({ reason: `reason${i}` as Problem["reason"] }));
  const { conditions, errorSummary } = statusOf([...reasons, ...many, ...distinct]);
  assertEquals(conditions.length, 17);
  assert(errorSummary.length <= 1024);
  assert(JSON.stringify(conditions).length < 40_000);
});
