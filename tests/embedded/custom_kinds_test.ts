/**
 * Custom kinds beyond their types: CEL rules, what an update may leave as wrong as it was, nulls, two versions of one
 * kind. The texts are kube-apiserver's (tests/cluster/bad_objects_test.ts compares paths; these were seen in v1.34.2).
 */
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { JsonObject } from "../../lib/base/json.ts";
import { customResourceTypes } from "../../lib/edge/embedded/custom_resources.ts";
import type { JsonMap } from "../../lib/edge/embedded/json_map.ts";
import { list, record, type Schema, text } from "../../lib/edge/embedded/schema.ts";
import { validateSchema } from "../../lib/edge/embedded/schema_check.ts";
import { CRDS, EmbeddedStage } from "./embedded_stage.ts";

const PEERS = "/apis/metallb.io/v1beta2/namespaces/default/bgppeers";
const OLD_PEERS = "/apis/metallb.io/v1beta1/namespaces/default/bgppeers";
const BGP = "/apis/metallb.io/v1beta1/namespaces/default/bgpadvertisements";
const L2_STATUSES = "/apis/metallb.io/v1beta1/namespaces/default/servicel2statuses";
const MERGE = "application/merge-patch+json";

const CONVERSION = "type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule:";
const RANGE = "connect time should be between 1 seconds to 65535";
const WHOLE = "connect time should contain a whole number of seconds";
const EXCLUSIVE = "serviceSelectors and aggregationLength are mutually exclusive";

Deno.test("a definition with a rule that no function knows is refused when the server is made", () => {
  const definition = (rule: JsonObject): JsonMap => {
    const crd = structuredClone(CRDS.find((each) => JSON.stringify(each).includes("bfdprofiles")));
    const { versions } = (crd as unknown as { spec: { versions: { schema: { openAPIV3Schema: Answered } }[] } }).spec;
    versions[0]!.schema.openAPIV3Schema.properties.spec.properties.echoMode["x-kubernetes-validations"] = [rule];
    return crd as unknown as JsonMap;
  };
  const refusal = (rule: JsonObject) => String(assertThrows(() => customResourceTypes([definition(rule)])));
  assertStringIncludes(refusal({ rule: "self != oldSelf" }), "self != oldSelf");
  assertStringIncludes(refusal({ rule: "self == oldSelf", messageExpression: "'x'" }), "messageExpression");
  customResourceTypes([definition({ rule: "self == oldSelf", message: "no" })]);
});

Deno.test("a kind whose webhook no function stands for is refused when the server is made", () => {
  const crd = structuredClone(CRDS.find((each) => JSON.stringify(each).includes("bgppeers"))) as Answered;
  crd.spec.names.kind = "Other";
  assertStringIncludes(String(assertThrows(() => customResourceTypes([crd]))), "Other");
});

// deno-lint-ignore no-explicit-any
type Answered = any;

Deno.test("CEL: the rules of the definitions, with the words of a real server", async (test) => {
  const stage = new EmbeddedStage();
  const peer = (spec: JsonObject) => ({ metadata: { name: "x" }, spec: { myASN: 1, ...spec } });
  const selectors = [{ matchLabels: { a: "b" } }];
  const rows: [name: string, path: string, body: JsonObject, causes: string[]][] = [
    ["no duration", PEERS, peer({ connectTime: "abc" }), [`${CONVERSION} ${RANGE}`, `${CONVERSION} ${WHOLE}`]],
    ["an empty one", PEERS, peer({ connectTime: "" }), [`${CONVERSION} ${RANGE}`, `${CONVERSION} ${WHOLE}`]],
    ["beyond 64 bits", PEERS, peer({ connectTime: "9999999h" }), [`${CONVERSION} ${RANGE}`, `${CONVERSION} ${WHOLE}`]],
    ["too short", PEERS, peer({ connectTime: "0s" }), [RANGE]],
    ["negative", PEERS, peer({ connectTime: "-1s" }), [RANGE]],
    ["too long", PEERS, peer({ connectTime: "65536s" }), [RANGE]],
    ["a fraction", PEERS, peer({ connectTime: "65535.9s" }), [WHOLE]],
    ["both", PEERS, peer({ connectTime: "300ms" }), [RANGE, WHOLE]],
    ["IPv4", BGP, { metadata: { name: "x" }, spec: { serviceSelectors: selectors, aggregationLength: 24 } }, [
      EXCLUSIVE,
    ]],
    ["IPv6", BGP, { metadata: { name: "x" }, spec: { serviceSelectors: [{}], aggregationLengthV6: 64 } }, [EXCLUSIVE]],
  ];
  for (const [name, path, body, causes] of rows) {
    await test.step(name, async () => {
      const answer = await stage.post(path, body);
      assertEquals(answer.code, 422);
      const found: { message: string }[] = answer.body.details.causes;
      assertEquals(found.map(({ message }) => message.replace(/^Invalid value: "(string|object)": /, "")), causes);
    });
  }
  const good: [path: string, spec: JsonObject][] = [
    [PEERS, { myASN: 1, connectTime: "1s" }],
    [PEERS, { myASN: 1, connectTime: "1s1ns" }],
    [PEERS, { myASN: 1, connectTime: "18h12m15s" }],
    [BGP, { serviceSelectors: selectors }],
    [BGP, { serviceSelectors: [], aggregationLength: 24 }],
    [BGP, { serviceSelectors: selectors, aggregationLength: 32, aggregationLengthV6: 128 }],
  ];
  for (const [path, spec] of good) {
    assertEquals((await stage.post(path, { metadata: { generateName: "g-" }, spec })).code, 201, JSON.stringify(spec));
  }
});

Deno.test("CEL: what cannot change later can be set later and taken away", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PEERS, { metadata: { name: "x" }, spec: { myASN: 1 } });
  const change = async (spec: JsonObject) => (await stage.patch(`${PEERS}/x`, { spec }, MERGE)).code;
  assertEquals(await change({ enableGracefulRestart: false }), 200, "there was nothing to compare with");
  assertEquals(await change({ enableGracefulRestart: true }), 422);
  assertEquals(await change({ enableGracefulRestart: false, vrf: "red" }), 200);
  assertEquals(await change({ enableGracefulRestart: null }), 200);
  assertEquals(await change({ enableGracefulRestart: true }), 200);

  await stage.post(L2_STATUSES, { metadata: { name: "s" } });
  const status = (values: JsonObject) => stage.patch(`${L2_STATUSES}/s/status`, { status: values }, MERGE);
  assertEquals((await status({ node: "n1", interfaces: [{ name: "eth0" }] })).code, 200);
  assertEquals((await status({ interfaces: [] })).code, 200);
  const refused = await status({ node: "n2" });
  assertEquals([refused.code, refused.body.message], [
    422,
    'ServiceL2Status.metallb.io "s" is invalid: status.node: Invalid value: "string": Value is immutable',
  ]);
});

Deno.test("nulls where none may be count as not there, also in metadata", async () => {
  const stage = new EmbeddedStage();
  const metadata = { name: "x", creationTimestamp: null, labels: null, annotations: null };
  const made = await stage.post(PEERS, {
    metadata,
    spec: { myASN: 1, vrf: null, peerPort: null, nodeSelectors: null },
  });
  assertEquals(made.code, 201, JSON.stringify(made.body));
  assertEquals(made.body.spec, { myASN: 1, peerPort: 179, disableMP: false, dualStackAddressFamily: false });
  const missing = await stage.post(PEERS, { metadata: { name: "y" }, spec: { myASN: null } });
  assertEquals(missing.body.details.causes[0].field, "spec.myASN");
});

Deno.test("BGPPeer v1beta1: held against its own schema, stored as v1beta2, and back without loss", async () => {
  const stage = new EmbeddedStage();
  const bad: [spec: JsonObject, field: string][] = [
    [{ myASN: 1, peerAddress: "192.0.2.1" }, "spec.peerASN"],
    [{ myASN: 1, peerASN: 2 }, "spec.peerAddress"],
    [{ myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", peerPort: 16385 }, "spec.peerPort"],
    [
      {
        myASN: 1,
        peerASN: 2,
        peerAddress: "192.0.2.1",
        nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "Exists", values: [] }] }],
      },
      "spec.nodeSelectors[0].matchExpressions[0].values",
    ],
  ];
  for (const [spec, field] of bad) {
    const answer = await stage.post(OLD_PEERS, { metadata: { name: "x" }, spec });
    assertEquals([answer.code, answer.body.details?.causes.map((each: { field: string }) => each.field)], [422, [
      field,
    ]]);
  }
  const spec = {
    myASN: 1,
    dynamicASN: "external",
    interface: "eth1",
    nodeSelectors: [{ matchExpressions: [{ key: "edge", operator: "Exists" }] }],
  };
  await stage.post(PEERS, { metadata: { name: "x" }, spec });
  const stored = (await stage.get(`${PEERS}/x`)).body;
  const old = (await stage.get(`${OLD_PEERS}/x`)).body;
  assertEquals([old.apiVersion, old.spec.peerASN, old.spec.dynamicASN], ["metallb.io/v1beta1", 0, undefined]);
  const listed = (await stage.get(OLD_PEERS)).body.items;
  assertEquals(listed, [old]);
  // Its own schema would refuse the selector, but it was there before.
  const labelled = await stage.patch(`${OLD_PEERS}/x`, { metadata: { labels: { a: "b" } } }, MERGE);
  assertEquals(labelled.code, 200, JSON.stringify(labelled.body));
  const after = (await stage.get(`${PEERS}/x`)).body;
  assertEquals([after.spec, after.metadata.generation], [stored.spec, 1]);
  assertEquals([after.metadata.annotations, after.metadata.labels], [undefined, { a: "b" }]);
});

Deno.test("an update may leave a value as wrong as it was, and no more", () => {
  const item: Schema = record({ size: { type: "integer", minimum: 100 }, name: text });
  const schema = record({
    size: { type: "integer", minimum: 100 },
    byName: { ...list(item), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
    inOrder: list(item),
  });
  const [small, large, other] = [{ name: "a", size: 1 }, { name: "b", size: 100 }, { name: "c", size: 2 }];
  const rows: [previous: JsonMap, value: JsonMap, paths: string[]][] = [
    [{}, { size: 50 }, ["size"]],
    [{ size: 51 }, { size: 50 }, ["size"]],
    [{ size: 50 }, { size: 50, inOrder: [] }, []],
    [{ byName: [small] }, { byName: [large, small, other] }, ["byName[2].size"]],
    // Items of other lists have no identity, so one that moves is a new one.
    [{ inOrder: [small] }, { inOrder: [small, large] }, ["inOrder[0].size"]],
    [{ inOrder: [small] }, { inOrder: [small] }, []],
  ];
  for (const [previous, value, paths] of rows) {
    const found = validateSchema(value, schema, { previous });
    assertEquals(found.map(({ path }) => path), paths, JSON.stringify(value));
  }
});
