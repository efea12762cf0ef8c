import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { type MigratedObject, migrateLegacyConfig } from "../../../lib/decision/config/legacy_config.ts";
import { formatGoDuration } from "../../../lib/decision/config/legacy_duration.ts";
import { LEGACY_PROBLEMS_MAX } from "../../../lib/decision/config/legacy_fields.ts";
import { fixedName } from "../../../lib/decision/config/legacy_names.ts";
import { randomFrom } from "../../support/random_data.ts";

const migrate = (value: unknown, passwordsToSecrets = false) =>
  migrateLegacyConfig(value, { namespace: "lb", passwordsToSecrets });
const errors = (value: unknown) =>
  migrate(value).problems.filter(({ severity }) => severity === "error").map(({ reason, path }) => [reason, path]);
const specs = (objects: readonly MigratedObject[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata, spec }) => [metadata.name, spec]);

const PEER = { "my-asn": 64500, "peer-asn": 64501, "peer-address": "192.0.2.254" };
const POOL = { name: "pub", protocol: "bgp", addresses: ["198.51.100.0/24"] };

/** Each is exactly one error: its reason and its path in the old words. */
const BAD: readonly (readonly [string, unknown, string, string])[] = [
  ["a text", "address-pools", "notAnObject", ""],
  ["a list", [], "notAnObject", ""],
  ["an unknown key", { "adress-pools": [] }, "unknownKey", "adress-pools"],
  ["peers found by themselves", { "peer-autodiscovery": { "from-labels": [] } }, "notSupported", "peer-autodiscovery"],
  ["peers that are no list", { peers: {} }, "wrongType", "peers"],
  ["a peer that is empty", { peers: [null] }, "notAnObject", "peers[0]"],
  ["a peer without its own number", { peers: [{ ...PEER, "my-asn": undefined }] }, "missingField", "peers[0].my-asn"],
  ["a number in quotes", { peers: [{ ...PEER, "peer-asn": "64501" }] }, "wrongType", "peers[0].peer-asn"],
  ["a number beyond 32 bits", { peers: [{ ...PEER, "my-asn": 4294967296 }] }, "wrongType", "peers[0].my-asn"],
  ["a port beyond today's schema", { peers: [{ ...PEER, "peer-port": 50000 }] }, "wrongType", "peers[0].peer-port"],
  ["a time that is none", { peers: [{ ...PEER, "hold-time": "90" }] }, "invalidValue", "peers[0].hold-time"],
  ["an unknown key of a peer", { peers: [{ ...PEER, "holdtime": "90s" }] }, "unknownKey", "peers[0].holdtime"],
  ["an unknown BFD profile", { peers: [{ ...PEER, "bfd-profile": "no" }] }, "invalidValue", "peers[0].bfd-profile"],
  [
    "a selector in today's words",
    { peers: [{ ...PEER, "node-selectors": [{ matchLabels: {} }] }] },
    "unknownKey",
    "peers[0].node-selectors[0].matchLabels",
  ],
  [
    "an expression without its operator",
    { peers: [{ ...PEER, "node-selectors": [{ "match-expressions": [{ key: "a" }] }] }] },
    "missingField",
    "peers[0].node-selectors[0].match-expressions[0].operator",
  ],
  [
    "a pool without a name",
    { "address-pools": [{ ...POOL, name: undefined }] },
    "missingField",
    "address-pools[0].name",
  ],
  [
    "a name without a letter",
    { "address-pools": [{ ...POOL, name: "_1-2" }] },
    "invalidValue",
    "address-pools[0].name",
  ],
  ["the same pool twice", { "address-pools": [POOL, POOL] }, "duplicateName", "address-pools[1].name"],
  [
    "a pool without addresses",
    { "address-pools": [{ ...POOL, addresses: null }] },
    "missingField",
    "address-pools[0].addresses",
  ],
  [
    "an address that is a number",
    { "address-pools": [{ ...POOL, addresses: [7] }] },
    "wrongType",
    "address-pools[0].addresses[0]",
  ],
  [
    "an unknown protocol",
    { "address-pools": [{ ...POOL, protocol: "l2" }] },
    "invalidValue",
    "address-pools[0].protocol",
  ],
  ["no protocol", { "address-pools": [{ ...POOL, protocol: undefined }] }, "missingField", "address-pools[0].protocol"],
  [
    "advertisements of a layer-2 pool",
    { "address-pools": [{ ...POOL, protocol: "layer2", "bgp-advertisements": [{}] }] },
    "notSupported",
    "address-pools[0].bgp-advertisements",
  ],
  [
    "an aggregation that is too long",
    { "address-pools": [{ ...POOL, "bgp-advertisements": [{ "aggregation-length": 33 }] }] },
    "wrongType",
    "address-pools[0].bgp-advertisements[0].aggregation-length",
  ],
  ["a community that is a number", { "bgp-communities": { "a.b": 7 } }, "wrongType", 'bgp-communities["a.b"]'],
  ["a BFD profile without a name", { "bfd-profiles": [{}] }, "missingField", "bfd-profiles[0].name"],
  [
    "a BFD interval that is too short",
    { "bfd-profiles": [{ name: "f", "echo-interval": 9 }] },
    "wrongType",
    "bfd-profiles[0].echo-interval",
  ],
];

for (const [why, value, reason, path] of BAD) {
  Deno.test(`migrateLegacyConfig: ${why} is said`, () => assertEquals(errors(value), [[reason, path]]));
}

Deno.test("migrateLegacyConfig: what is wrong with one thing leaves everything else", () => {
  const { objects } = migrate({
    peers: [{ ...PEER, "hold-time": "x" }, PEER],
    "address-pools": [{ ...POOL, protocol: "x" }],
  });
  assertEquals(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`), [
    "BGPPeer peer1",
    "BGPPeer peer2",
    "IPAddressPool pub",
  ]);
});

// The three examples of reference §12.10.
Deno.test("migrateLegacyConfig: a peer gets its hold time written", () => {
  const { objects, problems } = migrate({ peers: [PEER] });
  assertEquals([objects, problems], [[{
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name: "peer1", namespace: "lb" },
    spec: { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254", holdTime: "1m30s" },
  }], []]);
});

Deno.test("migrateLegacyConfig: a layer-2 pool and its advertisement, by the pool's new name", () => {
  const pools = [{ name: "Lab_Pool", protocol: "layer2", addresses: ["192.0.2.128/26"] }];
  const { objects, problems } = migrate({ "address-pools": pools });
  assertEquals(objects.map(({ apiVersion, kind, metadata, spec }) => [apiVersion, kind, metadata.name, spec]), [
    ["metallb.io/v1beta1", "IPAddressPool", "lab-pool", { addresses: ["192.0.2.128/26"] }],
    ["metallb.io/v1beta1", "L2Advertisement", "l2advertisement1", { ipAddressPools: ["lab-pool"] }],
  ]);
  assertEquals(problems.map(({ severity, reason }) => [severity, reason]), [["warning", "renamed"]]);
});

Deno.test("migrateLegacyConfig: BGP advertisements are numbered over all pools, aliases are kept by name", () => {
  const { objects, problems } = migrate({
    "address-pools": [
      {
        ...POOL,
        "bgp-advertisements": [{ "aggregation-length": 32, communities: ["no-export"] }, { "aggregation-length": 24 }],
      },
      { ...POOL, name: "two", addresses: ["203.0.113.0/24"], "auto-assign": false, "avoid-buggy-ips": true },
      {
        ...POOL,
        name: "six",
        addresses: ["2001:db8::/64"],
        "bgp-advertisements": [{ "aggregation-length-v6": 64, localpref: 0 }],
      },
    ],
    "bgp-communities": { "no-export": "65535:65281", "a": "1234:30" },
  });
  assertEquals(specs(objects, "IPAddressPool")[1], ["two", {
    addresses: ["203.0.113.0/24"],
    autoAssign: false,
    avoidBuggyIPs: true,
  }]);
  assertEquals(specs(objects, "BGPAdvertisement"), [
    ["bgpadvertisement1", { aggregationLength: 32, communities: ["no-export"], ipAddressPools: ["pub"] }],
    ["bgpadvertisement2", { aggregationLength: 24, ipAddressPools: ["pub"] }],
    ["bgpadvertisement3", { ipAddressPools: ["two"] }],
    ["bgpadvertisement4", { aggregationLengthV6: 64, localPref: 0, ipAddressPools: ["six"] }],
  ]);
  assertEquals(specs(objects, "Community"), [["communities", {
    communities: [{ name: "a", value: "1234:30" }, { name: "no-export", value: "65535:65281" }],
  }]]);
  assertEquals(problems, []);
});

Deno.test("migrateLegacyConfig: every field of a peer and of a BFD profile", () => {
  const { objects, problems } = migrate({
    peers: [{
      ...PEER,
      "source-address": "192.0.2.1",
      "peer-port": 1179,
      "hold-time": "180s",
      "keepalive-time": "1m",
      "router-id": "192.0.2.1",
      "node-selectors": [{ "match-labels": { rack: "1" } }, {
        "match-expressions": [{ key: "a", operator: "In", values: ["b"] }, { key: "c", operator: "Exists" }],
      }, {}],
      "bfd-profile": "Fast",
      "ebgp-multihop": true,
    }, { ...PEER, "peer-port": 0, "ebgp-multihop": false, bfdProfile: "Fast" }],
    "bfd-profiles": [{
      name: "Fast",
      "receive-interval": 100,
      "transmit-interval": 200,
      "detect-multiplier": 5,
      "echo-interval": 60,
      "echo-mode": true,
      "minimum-ttl": 250,
    }],
  });
  assertEquals(specs(objects, "BGPPeer"), [["peer1", {
    myASN: 64500,
    peerASN: 64501,
    peerAddress: "192.0.2.254",
    sourceAddress: "192.0.2.1",
    peerPort: 1179,
    holdTime: "3m0s",
    keepaliveTime: "1m0s",
    routerID: "192.0.2.1",
    nodeSelectors: [{ matchLabels: { rack: "1" } }, {
      matchExpressions: [{ key: "a", operator: "In", values: ["b"] }, { key: "c", operator: "Exists" }],
    }, {}],
    bfdProfile: "fast",
    ebgpMultiHop: true,
  }], ["peer2", { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254", holdTime: "1m30s", bfdProfile: "fast" }]]);
  assertEquals(specs(objects, "BFDProfile"), [["fast", {
    receiveInterval: 100,
    transmitInterval: 200,
    detectMultiplier: 5,
    echoInterval: 60,
    echoMode: true,
    passiveMode: false,
    minimumTtl: 250,
  }]]);
  assertEquals(problems.map(({ severity, reason, path }) => [severity, reason, path]), [
    ["warning", "renamed", "bfd-profiles[0].name"],
    ["warning", "misspelledKey", "peers[1].bfdProfile"],
  ]);
});

Deno.test("migrateLegacyConfig: a password stays where it was, with a warning that does not show it, or becomes a Secret", () => {
  const value = { peers: [{ ...PEER, password: "pa55" }] };
  const plain = migrate(value);
  assertEquals((plain.objects[0]!["spec"] as { password: string }).password, "pa55");
  assertEquals(plain.problems.map(({ severity, reason }) => [severity, reason]), [["warning", "plainPassword"]]);
  assert(!JSON.stringify(plain.problems).includes("pa55"));
  const { objects, problems } = migrate(value, true);
  assertEquals(problems, []);
  assertEquals(objects[0], {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "peer1-password", namespace: "lb" },
    type: "kubernetes.io/basic-auth",
    stringData: { password: "pa55" },
  });
  const spec = objects[1]!["spec"] as { password?: string; passwordSecret: unknown };
  assertEquals([spec.password, spec.passwordSecret], [undefined, { name: "peer1-password" }]);
});

Deno.test("migrateLegacyConfig: two names that become one are told apart, and the one that fits keeps its own", () => {
  const pools = ["Web_Pool", "web-pool", "WEB-POOL"].map((name, index) => ({
    name,
    protocol: "layer2",
    addresses: [`10.0.${index}.0/24`],
  }));
  const { objects, problems } = migrate({ "address-pools": pools });
  assertEquals(specs(objects, "IPAddressPool").map(([name]) => name), ["web-pool-2", "web-pool", "web-pool-3"]);
  assertEquals(
    specs(objects, "L2Advertisement").map(([, spec]) => (spec as { ipAddressPools: unknown }).ipAddressPools),
    [
      ["web-pool-2"],
      ["web-pool"],
      ["web-pool-3"],
    ],
  );
  assertEquals(problems.map(({ path }) => path), ["address-pools[0].name", "address-pools[2].name"]);
});

for (
  const [name, fixed] of [
    ["___", undefined],
    ["123", undefined],
    ["", undefined],
    ["Ünü", "n"],
    ["pool", "pool"],
    ["a", "a"],
    ["Lab_Pool", "lab-pool"],
    ["1st_pool", "st-pool"],
    ["pool-", "pool"],
    ["my pool/x", "my-pool-x"],
    ["pool..b", "pool.b"],
    ["x".repeat(70), "x".repeat(63)],
  ] as const
) {
  Deno.test(`fixedName: ${JSON.stringify(name.slice(0, 20))}`, () => assertEquals(fixedName(name), fixed));
}

// As Go's time.Duration prints them.
for (
  const [nanoseconds, text] of [
    [0n, "0s"],
    [1n, "1ns"],
    [1_500n, "1.5µs"],
    [2_500_000n, "2.5ms"],
    [90_000_000_000n, "1m30s"],
    [180_000_000_000n, "3m0s"],
    [3_600_000_000_000n, "1h0m0s"],
    [-1_500_000_000n, "-1.5s"],
    [35_996_400_000_000_000n, "9999h0m0s"],
  ] as const
) {
  Deno.test(`formatGoDuration: ${text}`, () => assertEquals(formatGoDuration(nanoseconds), text));
}

Deno.test("migrateLegacyConfig: a thousand random values of every shape are no crash, and what is wrong is said", () => {
  const random = randomFrom(20_260_101);
  const words = [
    "peers",
    "address-pools",
    "bgp-communities",
    "bfd-profiles",
    "name",
    "protocol",
    "addresses",
    "my-asn",
  ];
  for (let round = 0; round < 1000; round++) {
    const { objects, problems } = migrate(random.value({ words, depth: 5 }));
    assert(problems.length <= LEGACY_PROBLEMS_MAX + 1);
    for (const { metadata } of objects) assert(/^[a-z]([-a-z0-9.]*[a-z0-9])?$/.test(metadata.name), metadata.name);
  }
});

Deno.test("migrateLegacyConfig: a huge list of bad things is told up to a limit", () => {
  const { problems } = migrate({ peers: Array.from({ length: 100_000 }, () => 7) });
  assertEquals(problems.length, LEGACY_PROBLEMS_MAX + 1);
  assertEquals(problems.at(-1)?.reason, "moreProblems");
});
