import { assertEquals } from "@std/assert/equals";
import type { JsonObject } from "../../../lib/base/json.ts";
import { SchemaChecker } from "../../../lib/app/cli/schema_findings.ts";

const checker = new SchemaChecker();
const object = (kind: string, spec: JsonObject, version = "v1beta1"): JsonObject => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name: "x", namespace: "metallb-system" },
  spec,
});
const PEER = { myASN: 1, peerASN: 2, peerAddress: "10.0.0.1" };

for (
  const [why, value, path, reason] of [
    [
      "a CEL rule",
      object("BGPPeer", { ...PEER, connectTime: "1500ms" }, "v1beta2"),
      "spec.connectTime",
      "invalidValue",
    ],
    ["an enum", object("BGPPeer", { ...PEER, dynamicASN: "both" }, "v1beta2"), "spec.dynamicASN", "invalidValue"],
    ["a bound", object("BGPPeer", { ...PEER, peerPort: 0 }, "v1beta2"), "spec.peerPort", "invalidValue"],
    ["a type", object("IPAddressPool", { addresses: "10.0.0.0/24" }), "spec.addresses", "wrongType"],
    ["a required field", object("IPAddressPool", {}), "spec.addresses", "missingField"],
    [
      "the fields that there are",
      object("IPAddressPool", { addresses: [], __proto: 1 }),
      "spec.__proto",
      "unknownField",
    ],
    [
      "the fields that there are, whatever their names",
      object("IPAddressPool", JSON.parse('{"addresses":[],"__proto__":{}}')),
      "spec.__proto__",
      "unknownField",
    ],
  ] as const
) {
  Deno.test(`SchemaChecker: ${why} is checked as the API server does`, () => {
    const findings = checker.check(value) ?? [];
    assertEquals(findings.map((finding) => [finding.severity, finding.path, finding.reason]), [[
      "error",
      path,
      reason,
    ]]);
  });
}

Deno.test("SchemaChecker: what it checks is not changed, and unknown kinds and versions are told apart from good ones", () => {
  const good = object("BGPPeer", PEER, "v1beta2");
  const before = structuredClone(good);
  assertEquals([checker.check(good), good], [[], before]);
  assertEquals(checker.check(object("BGPPeer", PEER, "v9")), undefined);
  assertEquals(checker.check({ apiVersion: "v1", kind: "Pod", metadata: { name: "x" } }), undefined);
});
