/** BGPPeer between its two versions: nothing is lost on the way there and back, and an edit in between wins. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { convertBgpPeer, V1BETA2_FIELDS_ANNOTATION } from "../../../lib/decision/config/bgp_peer_conversion.ts";

const V1BETA1 = "metallb.io/v1beta1";
const V1BETA2 = "metallb.io/v1beta2";

type Fields = Record<string, unknown>;

function peer(apiVersion: string, spec: unknown, metadata: unknown = { name: "tor", namespace: "metallb-system" }) {
  return { apiVersion, kind: "BGPPeer", metadata, spec };
}

function convert(object: unknown, desired: string): Fields {
  const result = convertBgpPeer(object, desired);
  if (!result.ok) throw new Error(result.message);
  return result.object;
}

const specOf = (object: Fields) => object["spec"] as Fields;
const metadataOf = (object: Fields) => object["metadata"] as Fields;

Deno.test("what is no BGPPeer is refused in words, and nothing throws", () => {
  const rows: [object: unknown, desired: string, words: string][] = [
    [undefined, V1BETA2, "must be a BGPPeer"],
    [null, V1BETA2, "must be a BGPPeer"],
    [[], V1BETA2, "must be a BGPPeer"],
    ["BGPPeer", V1BETA2, "must be a BGPPeer"],
    [{}, V1BETA2, "but is nothing"],
    [{ ...peer(V1BETA1, {}), kind: "BGPPeers" }, V1BETA2, '"BGPPeers"'],
    [{ ...peer(V1BETA1, {}), kind: { deep: [] } }, V1BETA2, "deep"],
    [peer("metallb.io/v1beta3", {}), V1BETA2, '"metallb.io/v1beta3"'],
    [peer("v1beta1", {}), V1BETA2, '"v1beta1"'],
    [peer(V1BETA1, {}), "metallb.io/v1", '"metallb.io/v1"'],
    [peer(V1BETA1, {}), "", '""'],
  ];
  for (const [object, desired, words] of rows) {
    const result = convertBgpPeer(object, desired);
    assertStringIncludes(result.ok ? `converted ${JSON.stringify(object)}` : result.message, words);
  }
});

Deno.test("parts of a wrong type are handed on, because a failing object would fail every list that it is in", () => {
  const rows: unknown[] = [
    undefined,
    null,
    "text",
    [1],
    {},
    { nodeSelectors: "all" },
    { nodeSelectors: [null, 3, { matchExpressions: "x" }, { matchExpressions: [null, [], { values: 7 }] }] },
    { holdTime: 90, peerASN: "64500", passwordSecret: "s" },
  ];
  for (const spec of rows) {
    for (const metadata of [undefined, null, "m", [], { annotations: "a" }, { annotations: { x: 1 } }]) {
      for (const [from, to] of [[V1BETA1, V1BETA2], [V1BETA2, V1BETA1]] as const) {
        const object = peer(from, spec, metadata);
        const before = JSON.stringify(object);
        assert(convertBgpPeer(object, to).ok);
        assertEquals(JSON.stringify(object), before);
      }
    }
  }
});

/** reference §1.5: every field of v1beta2. */
const FULL: Fields = {
  myASN: 64500,
  peerASN: 64501,
  localASN: 64999,
  peerAddress: "192.0.2.254",
  sourceAddress: "192.0.2.1",
  peerPort: 1790,
  holdTime: "90s",
  keepaliveTime: "30s",
  connectTime: "10s",
  routerID: "192.0.2.1",
  nodeSelectors: [
    { matchLabels: { rack: "a" } },
    { matchExpressions: [{ key: "rack", operator: "In", values: ["a"] }, { key: "edge", operator: "Exists" }] },
    {},
  ],
  password: "example",
  bfdProfile: "fast",
  enableGracefulRestart: true,
  ebgpMultiHop: true,
  vrf: "red",
  disableMP: true,
  dualStackAddressFamily: true,
};

Deno.test("a v1beta2 object comes back whole from v1beta1, and the annotation is gone", () => {
  const rows: [name: string, spec: Fields][] = [
    ["every field", FULL],
    ["only what is required", { myASN: 64500 }],
    ["an unnumbered peer that learns its number", { myASN: 64500, dynamicASN: "external", interface: "eth1" }],
    ["a password by reference", { myASN: 64500, passwordSecret: { name: "bgp", namespace: "metallb-system" } }],
    ["timers that are off on purpose", { myASN: 64500, peerASN: 64501, holdTime: "0s", keepaliveTime: "0s" }],
    ["one timer only", { myASN: 64500, holdTime: "90s" }],
    ["flags that say no", { myASN: 64500, enableGracefulRestart: false, ebgpMultiHop: false }],
    ["empty texts", { myASN: 0, peerASN: 0, peerAddress: "", sourceAddress: "", vrf: "", interface: "" }],
    ["both ways to say the AS number, which resolving refuses", { myASN: 1, peerASN: 2, dynamicASN: "internal" }],
    ["a router and an interface, which resolving refuses", { myASN: 1, peerAddress: "192.0.2.1", interface: "eth0" }],
    ["port 0, which old definitions admitted", { myASN: 1, peerPort: 0 }],
  ];
  for (const [name, spec] of rows) {
    for (const annotations of [undefined, { team: "net" }]) {
      const metadata = { name: "tor", uid: "u", ...(annotations === undefined ? {} : { annotations }) };
      const object = { ...peer(V1BETA2, spec, metadata), status: {} };
      assertEquals(convert(convert(object, V1BETA1), V1BETA2), object, name);
    }
  }
});

Deno.test("a v1beta1 object comes back whole from v1beta2", () => {
  const { localASN: _a, connectTime: _b, enableGracefulRestart: _c, vrf: _d, disableMP: _e, ...shared } = FULL;
  const { dualStackAddressFamily: _f, nodeSelectors: _g, ...older } = shared;
  const selector = { matchExpressions: [{ key: "rack", operator: "In", values: ["a"] }] };
  const object = peer(V1BETA1, { ...older, nodeSelectors: [selector, {}] });
  const newer = convert(object, V1BETA2);
  assertEquals(newer, { ...object, apiVersion: V1BETA2 });
  assertEquals(convert(newer, V1BETA1), object);
});

Deno.test("the v1beta1 form has what that version requires, and only fields that it knows", () => {
  const older = convert(peer(V1BETA2, { myASN: 64500, dynamicASN: "internal", interface: "eth1" }), V1BETA1);
  assertEquals(specOf(older), { myASN: 64500, peerASN: 0, peerAddress: "" });
  assertEquals(metadataOf(older)["annotations"], {
    [V1BETA2_FIELDS_ANNOTATION]: '{"dynamicASN":"internal","interface":"eth1"}',
  });
  const exists = { matchExpressions: [{ key: "edge", operator: "Exists" }] };
  const selected = specOf(convert(peer(V1BETA2, { myASN: 1, nodeSelectors: [exists] }), V1BETA1));
  assertEquals(selected["nodeSelectors"], [{ matchExpressions: [{ key: "edge", operator: "Exists", values: [] }] }]);
});

Deno.test("timers that nobody set stay unset, where Go's clients write 0s as well", () => {
  const absent = specOf(convert(peer(V1BETA1, { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" }), V1BETA2));
  assertEquals(absent, { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" });
  for (const zero of ["0s", "0", "0h0m0s", "0.0s", "-0s", ".0ms"]) {
    const spec = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", holdTime: zero, keepaliveTime: zero };
    assertEquals(specOf(convert(peer(V1BETA1, spec), V1BETA2)), absent, zero);
  }
  for (const kept of ["90s", "0.5s", "abc", "", "s", "0x", "0".repeat(100_000) + "x"]) {
    const spec = { myASN: 1, holdTime: kept };
    assertEquals(specOf(convert(peer(V1BETA1, spec), V1BETA2))["holdTime"], kept);
  }
});

Deno.test("an edit through v1beta1 wins over what the annotation remembers", () => {
  const rows: [before: Fields, edit: Fields, after: Fields][] = [
    [{ holdTime: "0s", vrf: "red" }, { holdTime: "30s" }, { holdTime: "30s", vrf: "red" }],
    [{ dynamicASN: "external" }, { peerASN: 64501 }, { peerASN: 64501 }],
    [{ interface: "eth1" }, { peerAddress: "192.0.2.9" }, { peerAddress: "192.0.2.9" }],
    [{ peerASN: 0 }, { peerASN: 7 }, { peerASN: 7 }],
    [{ vrf: "red", bfdProfile: "slow" }, { bfdProfile: "fast" }, { vrf: "red", bfdProfile: "fast" }],
  ];
  for (const [before, edit, after] of rows) {
    const older = convert(peer(V1BETA2, { myASN: 1, ...before }), V1BETA1);
    const edited = { ...older, spec: { ...specOf(older), ...edit } };
    assertEquals(specOf(convert(edited, V1BETA2)), { myASN: 1, ...after });
  }
});

Deno.test("an annotation that somebody made up brings in nothing that v1beta2 would refuse", () => {
  const rows: [text: unknown, restored: Fields][] = [
    ["", {}],
    ["{", {}],
    ["[]", {}],
    ["null", {}],
    [7, {}],
    [
      '{"localASN":"abc","vrf":3,"dynamicASN":"sometimes","passwordSecret":{"name":1},"enableGracefulRestart":"no"}',
      {},
    ],
    ['{"localASN":0,"connectTime":"soon"}', {}],
    ['{"localASN":4294967296,"peerPort":1.5}', {}],
    ['{"myASN":7,"nodeSelectors":[],"password":"x","unknown":1,"__proto__":{"a":1}}', {}],
    ['{"localASN":4294967295,"vrf":"red"}', { localASN: 4294967295, vrf: "red" }],
  ];
  for (const [text, restored] of rows) {
    const metadata = { name: "tor", annotations: { [V1BETA2_FIELDS_ANNOTATION]: text } };
    const object = convert(peer(V1BETA1, { myASN: 1 }, metadata), V1BETA2);
    assertEquals(object, { ...peer(V1BETA2, { myASN: 1, ...restored }, { name: "tor" }) }, String(text));
  }
});

Deno.test("an annotation that does not belong to the v1beta2 object is not believed later", () => {
  const metadata = { name: "tor", annotations: { [V1BETA2_FIELDS_ANNOTATION]: '{"vrf":"stale"}' } };
  const older = convert(peer(V1BETA2, { myASN: 1 }, metadata), V1BETA1);
  assertEquals(metadataOf(older), { name: "tor" });
});

Deno.test("an object is not made unreadable by an annotation larger than an API server admits", () => {
  const older = convert(peer(V1BETA2, { myASN: 1, vrf: "é".repeat(140_000) }), V1BETA1);
  assertEquals(metadataOf(older)["annotations"], undefined);
  const full = { name: "tor", annotations: { filler: "x".repeat(262_000) } };
  const crowded = convert(peer(V1BETA2, { myASN: 1, vrf: "r".repeat(300) }, full), V1BETA1);
  assertEquals(metadataOf(crowded), full);
});
