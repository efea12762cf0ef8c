import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import {
  type AdmissionAnswer,
  type AdmissionKind,
  type AdmissionRequest,
  admit,
  admitAlone,
} from "../../../lib/decision/config/admission.ts";
import type { ConfigObjects } from "../../../lib/decision/config/resolve.ts";

const NAMESPACE = "metallb-system";

type Spec = Record<string, unknown>;

function object(kind: AdmissionKind, name: string, spec: Spec, metadata: Spec = {}): Record<string, unknown> {
  const apiVersion = kind === "BGPPeer" ? "metallb.io/v1beta2" : "metallb.io/v1beta1";
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, ...metadata }, spec };
}

const pool = (name: string, ...addresses: string[]) => object("IPAddressPool", name, { addresses });
const peer = (name: string, spec: Spec = {}) =>
  object("BGPPeer", name, { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1", ...spec });
const advertisement = (name: string, spec: Spec) => object("BGPAdvertisement", name, spec);
const community = (name: string, ...communities: Spec[]) => object("Community", name, { communities });

const NONE: ConfigObjects = {
  ipAddressPools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  bgpPeers: [],
  bfdProfiles: [],
  communities: [],
};

function ask(incoming: Record<string, unknown>, options: { present?: Partial<ConfigObjects>; old?: unknown } = {}) {
  const metadata = incoming["metadata"] as { name: string; namespace: string };
  const request: AdmissionRequest = {
    operation: options.old === undefined ? "CREATE" : "UPDATE",
    name: metadata.name,
    namespace: metadata.namespace,
    object: incoming,
    oldObject: options.old ?? null,
  };
  const kind = incoming["kind"] as AdmissionKind;
  return admit(request, { kind, namespace: NAMESPACE, present: { ...NONE, ...options.present } });
}

function denial(answer: AdmissionAnswer): { code: number; message: string } {
  if (answer.allowed) throw new Error(`it was allowed: ${answer.warnings.join("; ")}`);
  return answer;
}

function allowedWith(answer: AdmissionAnswer): readonly string[] {
  assertEquals(answer.allowed ? "" : answer.message, "");
  return answer.warnings;
}

/** What must be in the message: our path, and MetalLB's words (reference §9.3), which its own tests look for. */
const DENIED: readonly (readonly [string, Record<string, unknown>, Partial<ConfigObjects>, readonly string[]])[] = [
  ["a pool that overlaps one whose name sorts earlier", pool("b", "10.0.0.0/24"), {
    ipAddressPools: [pool("a", "10.0.0.0/16")],
  }, ["spec.addresses[0]", "overlaps with already defined CIDR", '"a"', "10.0.0.0/16"]],
  ["a pool that overlaps one whose name sorts later", pool("a", "10.0.1.0/24", "10.0.0.10-10.0.0.20"), {
    ipAddressPools: [pool("b", "10.0.0.0/28")],
  }, ["spec.addresses[1]", "overlaps with already defined CIDR", '"b"', "10.0.0.10-10.0.0.15"]],
  ["a pool that overlaps one that is disabled itself", pool("c", "10.0.5.0/24"), {
    ipAddressPools: [pool("a", "10.0.0.0/24"), pool("b", "10.0.0.0/24", "10.0.5.0/24")],
  }, ["overlaps with already defined CIDR", '"b"']],
  ["a pool that overlaps itself", pool("a", "10.0.0.0/24", "10.0.0.128/25"), {}, [
    "spec.addresses[1]",
    "overlaps with already defined CIDR",
  ]],
  ["a pool without addresses", pool("a"), {}, ["spec.addresses"]],
  ["a pool with an address that is none", pool("a", "10.0.0.256/24"), {}, ["spec.addresses[0]", "10.0.0.256"]],
  ["a pool that is too small for an advertisement", pool("a", "1.1.1.0/28"), {
    bgpAdvertisements: [advertisement("adv", { ipAddressPools: ["a"], aggregationLength: 26 })],
  }, [
    'BGPAdvertisement "adv"',
    "invalid aggregation length 26: prefix 28 in this pool is more specific than the aggregation length for addresses 1.1.1.0/28",
  ]],
  ["an advertisement that is too coarse for its pool", advertisement("adv", { aggregationLength: 26 }), {
    ipAddressPools: [pool("a", "1.1.1.0/28")],
  }, [
    "invalid aggregation length 26: prefix 28 in this pool is more specific than the aggregation length for addresses 1.1.1.0/28",
  ]],
  [
    "an advertisement with selectors and aggregation",
    advertisement("adv", {
      aggregationLength: 26,
      serviceSelectors: [{ matchLabels: { a: "b" } }],
    }),
    {},
    ["serviceSelectors and aggregationLength are mutually exclusive"],
  ],
  ["a layer-2 advertisement that names a pool twice", object("L2Advertisement", "l2", { ipAddressPools: ["a", "a"] }), {
    ipAddressPools: [pool("a", "10.0.0.0/24")],
  }, ["spec.ipAddressPools[1]", "twice"]],
  ["a peer with an address that is none", peer("p", { peerAddress: "192.0.2.256" }), {}, [
    "spec.peerAddress",
    "invalid BGPPeer address",
  ]],
  ["a peer that is there already, by another name that sorts earlier", peer("p"), { bgpPeers: [peer("o")] }, [
    "already exists",
  ]],
  ["a peer that is there already, by another name that sorts later", peer("p"), { bgpPeers: [peer("q")] }, [
    "already exists",
  ]],
  ["a peer with disableMP that is wrong elsewhere (R-32)", peer("p", { disableMP: true, myASN: 0 }), {}, [
    "spec.myASN",
  ]],
  [
    "a name of a community that is taken, in an object that sorts earlier",
    community("a", {
      name: "x",
      value: "1:2",
    }),
    { communities: [community("b", { name: "x", value: "1:3" })] },
    ["duplicate definition of community"],
  ],
  ["a community that is too big", community("a", { name: "x", value: "65536:1" }), {}, [
    "invalid community value: invalid section",
  ]],
  ["a community of an unknown form", community("a", { name: "x", value: "small:1:2:3" }), {}, [
    "expected community to be of format large",
  ]],
];

for (const [title, incoming, present, texts] of DENIED) {
  Deno.test(`Admission denies ${title}`, () => {
    const { code, message } = denial(ask(incoming, { present }));
    assertEquals(code, 403, message);
    for (const text of texts) assertStringIncludes(message, text);
  });
}

/** Values that pass the CRD's schema and that Go cannot decode (reference §13): MetalLB answers 400. */
const UNDECODABLE: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["localPref -1", advertisement("a", { localPref: -1 }), "spec.localPref"],
  ["aggregationLength 2147483648", advertisement("a", { aggregationLength: 2147483648 }), "spec.aggregationLength"],
  ["holdTime abc", peer("p", { holdTime: "abc" }), "spec.holdTime"],
  ["a list for a text", peer("p", { peerAddress: [] }), "spec.peerAddress"],
];

for (const [title, incoming, path] of UNDECODABLE) {
  Deno.test(`Admission answers 400 to what cannot be decoded: ${title}`, () => {
    const { code, message } = denial(ask(incoming));
    assertEquals(code, 400);
    assertStringIncludes(message, path);
  });
}

for (
  const kind of ["IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "BFDProfile", "Community"] as const
) {
  Deno.test(`Admission denies a ${kind} of another namespace, and lets one there be changed with a warning`, () => {
    const foreign = object(kind, "a", {}, { namespace: "default" });
    const { code, message } = denial(ask(foreign));
    assertEquals(code, 403);
    assertStringIncludes(message, "resource must be created in metallb-system namespace");
    const [warning] = allowedWith(ask(foreign, { old: object(kind, "a", { other: true }, { namespace: "default" }) }));
    assertStringIncludes(warning!, "is not read");
  });
}

/** Order must not matter: what may come a moment later is a warning. */
const WARNED: readonly (readonly [string, Record<string, unknown>, Partial<ConfigObjects>, string | undefined])[] = [
  ["a pool that nothing advertises yet", pool("a", "10.0.0.0/24"), {}, undefined],
  ["an advertisement before its pool", object("L2Advertisement", "l2", { ipAddressPools: ["gold"] }), {
    ipAddressPools: [pool("golf", "10.0.0.0/24")],
  }, 'did you mean "golf"'],
  ["a peer before its BFD profile", peer("p", { bfdProfile: "fast" }), {}, "fast"],
  ["a peer before its Secret", peer("p", { passwordSecret: { name: "s" } }), {}, undefined],
  ["an advertisement before the name of its community", advertisement("adv", { communities: ["vip"] }), {}, "vip"],
  ["a peer with disableMP", peer("p", { disableMP: true }), {}, "spec.disableMP"],
  ["a good pool beside two that overlap", pool("c", "10.0.9.0/24"), {
    ipAddressPools: [pool("a", "10.0.0.0/24"), pool("b", "10.0.0.0/24")],
  }, undefined],
  ["a good pool beside one that cannot be decoded", pool("c", "10.0.9.0/24"), {
    ipAddressPools: [{ metadata: { name: "a" }, spec: "x" }, null],
  }, undefined],
  ["a good peer beside a bad one", peer("p"), {
    bgpPeers: [peer("o", { peerAddress: "x" })],
  }, undefined],
];

for (const [title, incoming, present, warning] of WARNED) {
  Deno.test(`Admission allows ${title}`, () => {
    const warnings = allowedWith(ask(incoming, { present }));
    if (warning === undefined) assertEquals(warnings, []);
    else assertStringIncludes(warnings.join("\n"), warning);
  });
}

Deno.test("Admission: what a refused object would have done to others is not told, what else is wrong with it is", () => {
  const present = {
    ipAddressPools: [pool("p", "10.0.0.0/24")],
    bgpAdvertisements: [object("BGPAdvertisement", "adv", { ipAddressPools: ["p"] })],
  };
  const overlapping = ask(pool("a-first", "10.0.0.0/24"), { present });
  assertStringIncludes(denial(overlapping).message, "overlaps");
  assertEquals(overlapping.warnings, []);
  const useless = ask(peer("b", { disableMP: true, holdTime: "1s" }), { present });
  denial(useless);
  assertEquals(useless.warnings, ["spec.disableMP: it has no effect; remove it"]);
});

Deno.test("Admission: an object that is bad already can be annotated, relabelled, mended in part and left with a finalizer", () => {
  const bad = object("IPAddressPool", "b", { addresses: ["10.0.0.0/24", "nonsense"] });
  const present = { ipAddressPools: [pool("a", "10.0.0.0/24"), bad] };
  const changed = (spec: Spec, metadata: Spec = {}) => object("IPAddressPool", "b", spec, metadata);
  const spec = bad["spec"] as Spec;
  assertEquals(allowedWith(ask(changed(spec, { annotations: { note: "x" } }), { present, old: bad })), []);
  assertEquals(allowedWith(ask(changed(spec, { labels: { a: "b" } }), { present, old: bad })).length, 2);
  const half = allowedWith(ask(changed({ addresses: ["10.0.0.0/24"] }), { present, old: bad }));
  assertEquals(half.length, 1);
  assertStringIncludes(half[0]!, "overlaps with already defined CIDR");
  const deleted = { deletionTimestamp: "2030-01-01T00:00:00Z" };
  assertEquals(allowedWith(ask(changed({ addresses: ["worse"] }, deleted), { present, old: bad })), []);
  denial(ask(changed({ addresses: ["10.0.0.0/24", "nonsense", "more"] }), { present, old: bad }));
});

Deno.test("Admission: mending one of three pools is not refused because two others then overlap", () => {
  const pools = [pool("a", "10.0.0.0/24"), pool("b", "10.0.0.0/24", "10.0.1.0/24"), pool("c", "10.0.1.0/24")];
  const present = { ipAddressPools: pools };
  assertEquals(allowedWith(ask(pool("a", "10.0.2.0/24"), { present, old: pools[0] })), []);
});

Deno.test("Admission: an update that grows into another pool is denied, one that shrinks is not", () => {
  const old = pool("a", "10.0.0.0/25");
  const present = { ipAddressPools: [old, pool("b", "10.0.0.128/25")] };
  assertStringIncludes(denial(ask(pool("a", "10.0.0.0/24"), { present, old })).message, '"b"');
  assertEquals(allowedWith(ask(pool("a", "10.0.0.0/26"), { present, old })), []);
});

Deno.test("Admission: a community that is renamed warns about the advertisement that used it", () => {
  const old = community("c", { name: "vip", value: "1:2" });
  const present = { communities: [old], bgpAdvertisements: [advertisement("adv", { communities: ["vip"] })] };
  const warnings = allowedWith(ask(community("c", { name: "vap", value: "1:2" }), { present, old }));
  assertStringIncludes(warnings.join("\n"), 'BGPAdvertisement "adv"');
});

function remove(
  kind: AdmissionKind,
  name: string,
  options: { namespace?: string; present?: Partial<ConfigObjects> } = {},
) {
  const { namespace = NAMESPACE, present } = options;
  const request = { operation: "DELETE", namespace, name, object: null, oldObject: null };
  return admit(request, { kind, namespace: NAMESPACE, present: { ...NONE, ...present } });
}

Deno.test("Admission: a BFD profile in use is not deleted; one that is not, or of another namespace, is", () => {
  const present = { bgpPeers: [peer("p", { bfdProfile: "fast" }), null, peer("q")] };
  const { message } = denial(remove("BFDProfile", "fast", { present }));
  assertStringIncludes(message, "failed to delete BFDProfile");
  assertStringIncludes(message, '"p"');
  assertEquals(allowedWith(remove("BFDProfile", "slow", { present })), []);
  assertEquals(allowedWith(remove("BFDProfile", "fast", { present, namespace: "default" })), []);
});

Deno.test("Admission: everything else may be deleted, whoever names it", () => {
  const present = { bgpAdvertisements: [advertisement("adv", { ipAddressPools: ["a"], communities: ["vip"] })] };
  for (const kind of ["IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "Community"] as const) {
    assertEquals(allowedWith(remove(kind, "a", { present })), []);
  }
});

Deno.test("Admission: a hundred mistakes make a short answer", () => {
  const { message } = denial(ask(pool("a", ...Array.from({ length: 100 }, (_, i) => `x${i}`))));
  assertEquals(message.split("; ").length < 20, true, message);
  const warnings = allowedWith(
    ask(object("L2Advertisement", "l2", { ipAddressPools: Array.from({ length: 50 }, (_, i) => `p${i}`) })),
  );
  assertEquals(warnings.length, 6);
});

Deno.test("Admission: what is decided without the other objects needs none read", () => {
  const target = { kind: "IPAddressPool", namespace: NAMESPACE } as const;
  const base = { namespace: NAMESPACE, name: "a", object: pool("a", "x"), oldObject: pool("a", "x") };
  assertEquals(admitAlone({ ...base, operation: "UPDATE" }, target)?.allowed, true);
  assertEquals(admitAlone({ ...base, operation: "CREATE" }, target), undefined);
  assertEquals(admitAlone({ ...base, operation: "CREATE", namespace: "x" }, target)?.allowed, false);
});

for (const hostile of [null, [], "x", 1, {}, { metadata: null }, { metadata: { name: 1 }, spec: [] }]) {
  Deno.test(`Admission never throws: ${JSON.stringify(hostile)}`, () => {
    for (
      const kind of [
        "IPAddressPool",
        "L2Advertisement",
        "BGPAdvertisement",
        "BGPPeer",
        "BFDProfile",
        "Community",
      ] as const
    ) {
      for (const operation of ["CREATE", "UPDATE", "DELETE", "CONNECT"]) {
        const request = { operation, namespace: NAMESPACE, name: "a", object: hostile, oldObject: hostile };
        admit(request, {
          kind,
          namespace: NAMESPACE,
          present: { ...NONE, ipAddressPools: [hostile], bgpPeers: [hostile] },
        });
      }
    }
  });
}
