/**
 * Objects that the definitions admit and that cannot be used all the same, each for one reason (reference §2, §13).
 * MetalLB's webhooks refuse most of them; where it admits one, or stops working because of it, the row says so.
 */
import type { JsonObject } from "../../lib/base/json.ts";
import type { Kind } from "./bad_objects.ts";

export interface SemanticRow {
  readonly rule: string;
  readonly kind: Kind;
  readonly object: JsonObject;
  /** Good objects that it is together with. */
  readonly beside?: readonly (readonly [kind: Kind | "Secret", object: JsonObject])[];
  readonly path: string;
}

type SpecRow = readonly [rule: string, spec: unknown, path: string, beside?: SemanticRow["beside"]];

function specRows(kind: Kind, rows: readonly SpecRow[]): SemanticRow[] {
  return rows.map(([rule, spec, path, beside]) => ({
    rule,
    kind,
    object: spec === undefined ? {} : { spec } as JsonObject,
    path,
    ...(beside === undefined ? {} : { beside }),
  }));
}

/** A line of a pool that is wrong by itself. */
function lines(rows: readonly (readonly [rule: string, line: string])[]): SpecRow[] {
  return rows.map(([rule, line]) => [rule, { addresses: ["203.0.113.0/24", line] }, "spec.addresses[1]"]);
}

const LINES = lines([
  ["an address without length", "192.0.2.1"],
  ["an IPv6 address without length", "2001:db8::1"],
  ["an empty line", ""],
  ["a space", " "],
  ["a space before a prefix", " 192.0.2.0/24"],
  ["a space after a prefix", "192.0.2.0/24 "],
  ["a line break after a prefix", "192.0.2.0/24\n"],
  ["a slash without length", "192.0.2.0/"],
  ["a length without address", "/24"],
  ["a length beyond 32", "192.0.2.0/33"],
  ["a length beyond 128", "2001:db8::/129"],
  ["a signed length", "192.0.2.0/+24"],
  ["a length with a fraction", "192.0.2.0/24.5"],
  ["a mask for a length", "192.0.2.0/255.255.255.0"],
  ["two slashes", "192.0.2.0/24/25"],
  ["three octets", "192.0.2/24"],
  ["five octets", "192.0.2.0.0/24"],
  ["an octet of 256", "192.0.256.0/24"],
  ["an octet with a leading zero", "192.0.02.0/24"],
  ["a hexadecimal octet", "0xc0.0.2.0/24"],
  ["one number", "3221225984/24"],
  ["a host name", "pool.example.com"],
  ["a URL", "http://192.0.2.1/24"],
  ["two prefixes in one line", "192.0.2.0/25,192.0.2.128/25"],
  ["a wildcard", "192.0.2.*"],
  ["IPv6 in brackets", "[2001:db8::]/64"],
  ["IPv6 with a zone", "fe80::1%eth0/64"],
  ["IPv6 with two double colons", "2001::db8::/64"],
  ["IPv6 with too many groups", "1:2:3:4:5:6:7:8:9/64"],
  ["IPv6 with a long group", "2001:0db80::/64"],
  ["digits that are not ASCII", "１９２.0.2.0/24"],
  ["a dash that is not ASCII", "192.0.2.1–192.0.2.9"],
  ["a dash alone", "-"],
  ["a range without end", "192.0.2.1-"],
  ["a range without start", "-192.0.2.9"],
  ["a range with the last octet only", "192.0.2.1-9"],
  ["a range of two dashes", "192.0.2.1--192.0.2.9"],
  ["a range of three addresses", "192.0.2.1-192.0.2.5-192.0.2.9"],
  ["a range of prefixes", "192.0.2.0/28-192.0.2.64/28"],
  ["a range in the wrong order", "192.0.2.9-192.0.2.1"],
  ["an IPv6 range in the wrong order", "2001:db8::9-2001:db8::1"],
  ["a range from IPv4 to IPv6, which MetalLB takes for an empty one", "192.0.2.1-2001:db8::1"],
  ["a range from IPv6 to IPv4", "2001:db8::1-192.0.2.1"],
]);

const FIRST_POOL: JsonObject = {
  metadata: { name: "a-first" },
  spec: { addresses: ["192.0.2.0/24", "2001:db8::/64"] },
};
const beside: SemanticRow["beside"] = [["IPAddressPool", FIRST_POOL]];

const allocation = (serviceAllocation: unknown) => ({ addresses: ["192.0.2.0/24"], serviceAllocation });
const selecting = (selector: unknown) => allocation({ serviceSelectors: [selector] });
const SELECTOR = "spec.serviceAllocation.serviceSelectors[0]";

const POOLS: readonly SpecRow[] = [
  ["no line at all", { addresses: [] }, "spec.addresses"],
  ...LINES,
  ["one prefix twice", { addresses: ["192.0.2.0/24", "192.0.2.0/24"] }, "spec.addresses[1]"],
  ["one prefix in two spellings", { addresses: ["192.0.2.0/24", "192.0.2.77/24"] }, "spec.addresses[1]"],
  ["a prefix in another", { addresses: ["198.51.0.0/16", "203.0.113.0/24", "198.51.100.0/24"] }, "spec.addresses[2]"],
  ["a range in a prefix", { addresses: ["192.0.2.0/24", "192.0.2.10-192.0.2.20"] }, "spec.addresses[1]"],
  [
    "a range that begins in another",
    { addresses: ["192.0.2.1-192.0.2.9", "192.0.2.9-192.0.2.12"] },
    "spec.addresses[1]",
  ],
  ["an IPv6 prefix in another", { addresses: ["2001:db8::/32", "2001:db8:1::/64"] }, "spec.addresses[1]"],
  ["a mapped IPv4 prefix twice", { addresses: ["192.0.2.0/24", "::ffff:192.0.2.0/120"] }, "spec.addresses[1]"],
  ["a line of another pool", { addresses: ["192.0.2.128/25"] }, "spec.addresses[0]", beside],
  ["a range around another pool", { addresses: ["192.0.1.0-192.0.3.255"] }, "spec.addresses[0]", beside],
  ["one address of another pool", { addresses: ["203.0.113.0/24", "192.0.2.255/32"] }, "spec.addresses[1]", beside],
  ["an IPv6 line of another pool", { addresses: ["2001:db8::ffff/128"] }, "spec.addresses[0]", beside],
  ["one namespace twice", allocation({ namespaces: ["a", "b", "a"] }), "spec.serviceAllocation.namespaces[2]"],
  ["priority beyond 32 bits", allocation({ priority: 2147483648 }), "spec.serviceAllocation.priority"],
  [
    "one namespace selector twice",
    allocation({ namespaceSelectors: [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }] }),
    "spec.serviceAllocation.namespaceSelectors[1]",
  ],
  [
    "one selector in two orders",
    allocation({
      serviceSelectors: [
        { matchExpressions: [{ key: "a", operator: "In", values: ["x", "y"] }] },
        { matchExpressions: [{ key: "a", operator: "In", values: ["y", "x"] }] },
      ],
    }),
    "spec.serviceAllocation.serviceSelectors[1]",
  ],
  [
    "an unknown operator",
    selecting({ matchExpressions: [{ key: "a", operator: "Is", values: ["b"] }] }),
    `${SELECTOR}.matchExpressions[0].operator`,
  ],
  [
    "an operator in small letters",
    selecting({ matchExpressions: [{ key: "a", operator: "in", values: ["b"] }] }),
    `${SELECTOR}.matchExpressions[0].operator`,
  ],
  [
    "In without values",
    selecting({ matchExpressions: [{ key: "a", operator: "In" }] }),
    `${SELECTOR}.matchExpressions[0].values`,
  ],
  [
    "NotIn with an empty list",
    selecting({ matchExpressions: [{ key: "a", operator: "NotIn", values: [] }] }),
    `${SELECTOR}.matchExpressions[0].values`,
  ],
  [
    "Exists with values",
    selecting({ matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] }),
    `${SELECTOR}.matchExpressions[0].values`,
  ],
  [
    "DoesNotExist with values",
    selecting({ matchExpressions: [{ key: "a", operator: "DoesNotExist", values: [""] }] }),
    `${SELECTOR}.matchExpressions[0].values`,
  ],
  [
    "an empty key",
    selecting({ matchExpressions: [{ key: "", operator: "Exists" }] }),
    `${SELECTOR}.matchExpressions[0].key`,
  ],
  [
    "a key with a space",
    selecting({ matchExpressions: [{ key: "a b", operator: "Exists" }] }),
    `${SELECTOR}.matchExpressions[0].key`,
  ],
  [
    "a key with two slashes",
    selecting({ matchExpressions: [{ key: "a/b/c", operator: "Exists" }] }),
    `${SELECTOR}.matchExpressions[0].key`,
  ],
  [
    "a key of 64 characters",
    selecting({ matchExpressions: [{ key: "a".repeat(64), operator: "Exists" }] }),
    `${SELECTOR}.matchExpressions[0].key`,
  ],
  [
    "a value that is no label",
    selecting({ matchExpressions: [{ key: "a", operator: "In", values: ["b", "c d"] }] }),
    `${SELECTOR}.matchExpressions[0].values[1]`,
  ],
  [
    "one value twice",
    selecting({ matchExpressions: [{ key: "a", operator: "In", values: ["b", "c", "b"] }] }),
    `${SELECTOR}.matchExpressions[0].values[2]`,
  ],
  [
    "one expression twice",
    selecting({ matchExpressions: [{ key: "a", operator: "Exists" }, { key: "a", operator: "Exists" }] }),
    `${SELECTOR}.matchExpressions[1]`,
  ],
  ["a label's value of 64 characters", selecting({ matchLabels: { a: "b".repeat(64) } }), `${SELECTOR}.matchLabels.a`],
  ["a label's value with a slash", selecting({ matchLabels: { a: "b/c" } }), `${SELECTOR}.matchLabels.a`],
  ["a label's key that is no key", selecting({ matchLabels: { _a: "b" } }), `${SELECTOR}.matchLabels._a`],
];

const L2: readonly SpecRow[] = [
  ["one pool twice", { ipAddressPools: ["a", "b", "a"] }, "spec.ipAddressPools[2]"],
  ["one pool selector twice", { ipAddressPoolSelectors: [{}, {}] }, "spec.ipAddressPoolSelectors[1]"],
  [
    "a pool selector without values",
    { ipAddressPoolSelectors: [{ matchExpressions: [{ key: "a", operator: "In" }] }] },
    "spec.ipAddressPoolSelectors[0].matchExpressions[0].values",
  ],
  ["one node selector twice", { nodeSelectors: [{}, { matchLabels: {} }] }, "spec.nodeSelectors[1]"],
  [
    "a node's label that is none",
    { nodeSelectors: [{ matchLabels: { rack: "first rack" } }] },
    "spec.nodeSelectors[0].matchLabels.rack",
  ],
  [
    "one service selector twice",
    {
      serviceSelectors: [{ matchLabels: { a: "b" } }, {
        matchExpressions: [{ key: "a", operator: "In", values: ["b"] }],
      }],
    },
    "spec.serviceSelectors[1]",
  ],
  [
    "a preference with an unknown operator",
    { preferredNodeSelectors: [{ weight: 1, preference: { matchExpressions: [{ key: "a", operator: "Gt" }] } }] },
    "spec.preferredNodeSelectors[0].preference.matchExpressions[0].operator",
  ],
];

const communities = (...texts: string[]) => ({ communities: texts });

const BGP: readonly SpecRow[] = [
  ["aggregationLength 33", { aggregationLength: 33 }, "spec.aggregationLength"],
  [
    "aggregationLength beyond 32 bits, at which MetalLB stops",
    { aggregationLength: 2147483648 },
    "spec.aggregationLength",
  ],
  ["aggregationLengthV6 129", { aggregationLengthV6: 129 }, "spec.aggregationLengthV6"],
  ["aggregationLengthV6 0, which MetalLB admits", { aggregationLengthV6: 0 }, "spec.aggregationLengthV6"],
  ["aggregationLengthV6 below 0, which MetalLB admits", { aggregationLengthV6: -1 }, "spec.aggregationLengthV6"],
  ["aggregationLengthV6 beyond 32 bits", { aggregationLengthV6: -2147483649 }, "spec.aggregationLengthV6"],
  ["an aggregate larger than a line", { aggregationLength: 23 }, "spec.aggregationLength", beside],
  ["an IPv6 aggregate larger than a line", { aggregationLengthV6: 63 }, "spec.aggregationLengthV6", beside],
  ["localPref below 0, at which MetalLB stops", { localPref: -1 }, "spec.localPref"],
  ["localPref beyond 32 bits", { localPref: 4294967296 }, "spec.localPref"],
  [
    "another localPref for the same routes",
    { localPref: 200 },
    "spec.localPref",
    [["IPAddressPool", FIRST_POOL], ["BGPAdvertisement", { metadata: { name: "a-first" }, spec: { localPref: 100 } }]],
  ],
  ["a community of one number", communities("64500"), "spec.communities[0]"],
  ["an empty community", communities(""), "spec.communities[0]"],
  ["a community beyond 16 bits", communities("65536:1"), "spec.communities[0]"],
  ["a community's second part beyond 16 bits", communities("1:65536"), "spec.communities[0]"],
  ["a community below 0", communities("1:-1"), "spec.communities[0]"],
  ["a hexadecimal community", communities("0x1:1"), "spec.communities[0]"],
  ["a community with a missing part", communities("64500:"), "spec.communities[0]"],
  ["a community with spaces", communities("64500: 1"), "spec.communities[0]"],
  ["a community of three numbers", communities("64500:1", "64500:1:2"), "spec.communities[1]"],
  ["a large community of two numbers", communities("large:64500:1"), "spec.communities[0]"],
  ["a large community with another mark", communities("big:64500:1:2"), "spec.communities[0]"],
  ["a large community in capitals", communities("LARGE:64500:1:2"), "spec.communities[0]"],
  ["a large community beyond 32 bits", communities("large:4294967296:1:2"), "spec.communities[0]"],
  ["a large community with a missing part", communities("large:64500::2"), "spec.communities[0]"],
  ["an extended community", communities("rt:64500:1:2:3"), "spec.communities[0]"],
  ["a well-known name that nobody defines", communities("no-export"), "spec.communities[0]"],
  ["one community twice", communities("64500:1", "64500:1"), "spec.communities[1]"],
  [
    "more communities than one route takes",
    communities(...Array.from({ length: 64 }, (_, index) => `64500:${index}`)),
    "spec.communities",
  ],
  ["one pool twice", { ipAddressPools: ["a", "a"] }, "spec.ipAddressPools[1]"],
  ["one peer twice", { peers: ["tor-1", "tor-2", "tor-2"] }, "spec.peers[2]"],
  ["one node selector twice", { nodeSelectors: [{}, {}] }, "spec.nodeSelectors[1]"],
  [
    "a service selector with a bad key",
    { serviceSelectors: [{ matchLabels: { "-": "b" } }] },
    'spec.serviceSelectors[0].matchLabels["-"]',
  ],
];

const peer = (more: JsonObject) => ({ myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254", ...more });
const secret = (data: JsonObject, type = "kubernetes.io/basic-auth"): NonNullable<SemanticRow["beside"]> => [
  ["Secret", { metadata: { name: "bgp" }, type, data }],
];
const PASSWORD = { passwordSecret: { name: "bgp" } };

const PEERS: readonly SpecRow[] = [
  ["no spec, which the definition admits", undefined, "spec"],
  ["myASN 0", peer({ myASN: 0 }), "spec.myASN"],
  ["no AS number of the peer", { myASN: 64500, peerAddress: "192.0.2.254" }, "spec.peerASN"],
  ["peerASN 0", peer({ peerASN: 0 }), "spec.peerASN"],
  ["peerASN and dynamicASN", peer({ dynamicASN: "external" }), "spec.dynamicASN"],
  ["ebgpMultiHop inside of one AS", peer({ peerASN: 64500, ebgpMultiHop: true }), "spec.ebgpMultiHop"],
  ["localASN inside of one AS", peer({ peerASN: 64500, localASN: 64999 }), "spec.localASN"],
  ["localASN is the peer's", peer({ localASN: 64501 }), "spec.localASN"],
  ["neither address nor interface", { myASN: 64500, peerASN: 64501 }, "spec.peerAddress"],
  ["an empty address", peer({ peerAddress: "" }), "spec.peerAddress"],
  ["address and interface", peer({ interface: "eth1" }), "spec.interface"],
  ["the peer's host name", peer({ peerAddress: "tor-1.example.com" }), "spec.peerAddress"],
  ["the peer's address with a length", peer({ peerAddress: "192.0.2.254/24" }), "spec.peerAddress"],
  ["the peer's address with a port", peer({ peerAddress: "192.0.2.254:179" }), "spec.peerAddress"],
  ["the peer's address with an octet of 256", peer({ peerAddress: "192.0.2.256" }), "spec.peerAddress"],
  ["the peer's address with a zone", peer({ peerAddress: "fe80::1%eth0" }), "spec.peerAddress"],
  ["the peer's address with a space", peer({ peerAddress: " 192.0.2.254" }), "spec.peerAddress"],
  ["a source that is no address", peer({ sourceAddress: "eth0" }), "spec.sourceAddress"],
  ["a source of the other family", peer({ sourceAddress: "2001:db8::1" }), "spec.sourceAddress"],
  ["a router ID that is no address", peer({ routerID: "router-1" }), "spec.routerID"],
  ["a router ID of IPv6, of which MetalLB dies", peer({ routerID: "2001:db8::1" }), "spec.routerID"],
  ["router ID 0.0.0.0", peer({ routerID: "0.0.0.0" }), "spec.routerID"],
  ["holdTime is no duration, at which MetalLB stops", peer({ holdTime: "abc" }), "spec.holdTime"],
  ["holdTime without a unit", peer({ holdTime: "90" }), "spec.holdTime"],
  ["holdTime is empty", peer({ holdTime: "" }), "spec.holdTime"],
  ["holdTime of days", peer({ holdTime: "1d" }), "spec.holdTime"],
  ["holdTime with a space", peer({ holdTime: "90 s" }), "spec.holdTime"],
  ["holdTime of one second", peer({ holdTime: "1s" }), "spec.holdTime"],
  ["holdTime just below three seconds", peer({ holdTime: "2.9s" }), "spec.holdTime"],
  ["holdTime below 0", peer({ holdTime: "-90s" }), "spec.holdTime"],
  ["holdTime beyond 16 bits, which MetalLB admits", peer({ holdTime: "65536s" }), "spec.holdTime"],
  ["holdTime of a year", peer({ holdTime: "9999h" }), "spec.holdTime"],
  ["keepaliveTime is no duration", peer({ keepaliveTime: "often" }), "spec.keepaliveTime"],
  ["keepaliveTime below 0", peer({ holdTime: "90s", keepaliveTime: "-1s" }), "spec.keepaliveTime"],
  ["keepaliveTime above holdTime", peer({ holdTime: "90s", keepaliveTime: "91s" }), "spec.keepaliveTime"],
  [
    "keepaliveTime so short that holdTime follows as one second",
    peer({ keepaliveTime: "400ms" }),
    "spec.keepaliveTime",
  ],
  ["connectTime with a nanosecond, which CEL lets through", peer({ connectTime: "1s1ns" }), "spec.connectTime"],
  ["one node selector twice", peer({ nodeSelectors: [{}, {}] }), "spec.nodeSelectors[1]"],
  [
    "a node selector with an unknown operator",
    peer({ nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "=", values: ["b"] }] }] }),
    "spec.nodeSelectors[0].matchExpressions[0].operator",
  ],
  ["password and passwordSecret", peer({ password: "example", ...PASSWORD }), "spec.password"],
  ["a password beyond 80 bytes", peer({ password: "é".repeat(41) }), "spec.password"],
  ["a Secret that is not there", peer(PASSWORD), "spec.passwordSecret.name"],
  [
    "a Secret of another type",
    peer(PASSWORD),
    "spec.passwordSecret.name",
    secret({ password: "YQ==" }, "kubernetes.io/tls"),
  ],
  ["a Secret without password", peer(PASSWORD), "spec.passwordSecret.name", secret({ pass: "YQ==" })],
  ["a Secret with an empty password", peer(PASSWORD), "spec.passwordSecret.name", secret({ password: "" })],
  ["a Secret that is not base64", peer(PASSWORD), "spec.passwordSecret.name", secret({ password: "%%%" })],
  ["a BFD profile that is not there", peer({ bfdProfile: "fast" }), "spec.bfdProfile"],
  [
    "a second session to one router",
    peer({ peerASN: 64502 }),
    "spec.peerAddress",
    [["BGPPeer", { metadata: { name: "a-first" }, spec: peer({}) }]],
  ],
  [
    "a second session on one interface",
    { myASN: 64500, dynamicASN: "external", interface: "eth1" },
    "spec.interface",
    [["BGPPeer", { metadata: { name: "a-first" }, spec: { myASN: 64500, peerASN: 64501, interface: "eth1" } }]],
  ],
];

const aliases = (...entries: JsonObject[]) => ({ communities: entries });

const COMMUNITIES: readonly SpecRow[] = [
  ["a value of one number", aliases({ name: "a", value: "64500" }), "spec.communities[0].value"],
  ["a value that is another alias", aliases({ name: "a", value: "no-export" }), "spec.communities[0].value"],
  ["no value", aliases({ name: "a" }), "spec.communities[0].value"],
  ["a value beyond 16 bits", aliases({ name: "a", value: "64500:65536" }), "spec.communities[0].value"],
  ["a large value of two numbers", aliases({ name: "a", value: "large:1:2" }), "spec.communities[0].value"],
  ["a large value with another mark", aliases({ name: "a", value: "l:1:2:3" }), "spec.communities[0].value"],
  [
    "one name twice",
    aliases({ name: "a", value: "1:2" }, { name: "b", value: "1:3" }, { name: "a", value: "1:4" }),
    "spec.communities[2].name",
  ],
  [
    "a name of another object",
    aliases({ name: "b", value: "1:2" }, { name: "a", value: "1:2" }),
    "spec.communities[1].name",
    [["Community", { metadata: { name: "a-first" }, spec: aliases({ name: "a", value: "1:2" }) }]],
  ],
];

export const BAD_SEMANTICS: readonly SemanticRow[] = [
  ...specRows("IPAddressPool", POOLS),
  ...specRows("L2Advertisement", L2),
  ...specRows("BGPAdvertisement", BGP),
  ...specRows("BGPPeer", PEERS),
  ...specRows("Community", COMMUNITIES),
];
