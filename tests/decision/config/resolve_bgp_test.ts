import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { BgpAdvertisement } from "../../../lib/decision/config/config.ts";
import { l2Object, nodeObject, poolObject } from "../objects.ts";
import { bfdObject, bgpObject, communityObject, peerObject, resolveAll } from "./bgp_objects.ts";

const POOLS = [poolObject("p", ["198.51.100.0/24", "fc00::/120"])];
const labelled = (key: string, value: string) => [{ matchLabels: { [key]: value } }];

function poolsOf(advertisement: BgpAdvertisement | undefined): string[] {
  return [...advertisement?.pools ?? []].sort();
}

Deno.test("BGPAdvertisement: a wrong one is disabled alone, and each rule has its path (reference §2.6)", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ aggregationLength: 0 }, "spec.aggregationLength invalidValue"],
    [{ aggregationLength: -5 }, "spec.aggregationLength invalidValue"],
    [{ aggregationLength: 33 }, "spec.aggregationLength invalidAggregation"],
    [{ aggregationLength: 2147483648 }, "spec.aggregationLength invalidValue"],
    [{ aggregationLength: 24.5 }, "spec.aggregationLength wrongType"],
    [{ aggregationLength: "24" }, "spec.aggregationLength wrongType"],
    [{ aggregationLengthV6: 0 }, "spec.aggregationLengthV6 invalidAggregation"],
    [{ aggregationLengthV6: -1 }, "spec.aggregationLengthV6 invalidAggregation"],
    [{ aggregationLengthV6: 129 }, "spec.aggregationLengthV6 invalidAggregation"],
    [{ aggregationLengthV6: 2147483648 }, "spec.aggregationLengthV6 invalidValue"],
    [{ localPref: -1 }, "spec.localPref invalidValue"],
    [{ localPref: 4294967296 }, "spec.localPref invalidValue"],
    [{ localPref: "100" }, "spec.localPref wrongType"],
    [{ communities: "65000:1" }, "spec.communities wrongType"],
    [{ communities: [74070] }, "spec.communities[0] wrongType"],
    [{ communities: ["1:1", "1:1"] }, "spec.communities[1] duplicateEntry"],
    [{ communities: ["1:1", "1:2:3"] }, "spec.communities[1] invalidCommunity"],
    [{ communities: ["70000:1"] }, "spec.communities[0] invalidCommunity"],
    [{ communities: ["big:1:2:3"] }, "spec.communities[0] invalidCommunity"],
    [{ communities: ["no-exprt"] }, "spec.communities[0] unknownCommunity"],
    [{ communities: ["broken"] }, "spec.communities[0] unknownCommunity"],
    [{ communities: Array.from({ length: 64 }, (_, i) => `1:${i}`) }, "spec.communities invalidValue"],
    [{ ipAddressPools: ["p", "p"] }, "spec.ipAddressPools[1] duplicateEntry"],
    [{ ipAddressPools: [5] }, "spec.ipAddressPools[0] wrongType"],
    [{ ipAddressPoolSelectors: [{}, {}] }, "spec.ipAddressPoolSelectors[1] duplicateEntry"],
    [{ nodeSelectors: [{}, {}] }, "spec.nodeSelectors[1] duplicateEntry"],
    [{ peers: ["r", "r"] }, "spec.peers[1] duplicateEntry"],
    [{ serviceSelectors: [{}, {}] }, "spec.serviceSelectors[1] duplicateEntry"],
    [{ serviceSelectors: labelled("a", "b"), aggregationLength: 24 }, "spec invalidValue"],
    [{ serviceSelectors: labelled("a", "b"), aggregationLengthV6: 127 }, "spec invalidValue"],
  ];
  const communities = [communityObject("c", [["no-export", "65535:65281"], ["broken", "x"]])];
  for (const [spec, expected] of table) {
    const { config, problems } = resolveAll({
      ipAddressPools: POOLS,
      bgpPeers: [peerObject("r")],
      communities,
      bgpAdvertisements: [bgpObject("bad", spec), bgpObject("good", { communities: ["no-export"] })],
    });
    const found = problems.filter(({ kind }) => kind === "BGPAdvertisement");
    assertEquals(
      found.map(({ severity, path, reason }) => `${severity} ${path} ${reason}`),
      [`error ${expected}`],
      JSON.stringify(spec),
    );
    assertEquals(config.bgpAdvertisements.map(({ name }) => name), ["good"], JSON.stringify(spec));
  }
});

Deno.test("BGPAdvertisement: a community that YAML took for a number is told to be put in quotes", () => {
  const { problems } = resolveAll({ bgpAdvertisements: [bgpObject("a", { communities: [74070] })] });
  assertStringIncludes(problems[0]!.message, "in quotes");
});

Deno.test("BGPAdvertisement: what names nothing that exists is warned about, and the rest is served", () => {
  const table: [Record<string, unknown>, string, string][] = [
    [{ ipAddressPools: ["pp"] }, "spec.ipAddressPools[0] unknownPool", 'did you mean "p"?'],
    [{ ipAddressPools: ["p", "broken"] }, "spec.ipAddressPools[1] disabledPool", "broken"],
    [{ peers: ["routr", "router"] }, "spec.peers[0] unknownPeer", 'did you mean "router"?'],
    [{ peers: ["router", "sick"] }, "spec.peers[1] disabledPeer", "sick"],
    [{ nodeSelectors: labelled("no", "such") }, "spec.nodeSelectors matchesNothing", "no node"],
    [{ ipAddressPoolSelectors: labelled("no", "such") }, "spec.ipAddressPoolSelectors matchesNothing", "IPAddressPool"],
  ];
  for (const [spec, expected, words] of table) {
    const { problems, config } = resolveAll({
      ipAddressPools: [...POOLS, poolObject("broken", [])],
      bgpPeers: [peerObject("router"), peerObject("sick", { myASN: 0 })],
      bgpAdvertisements: [bgpObject("a", spec)],
      nodes: [nodeObject("n")],
    });
    const found = problems.filter(({ kind }) => kind === "BGPAdvertisement");
    assertEquals(found.map(({ severity, path, reason }) => `${severity} ${path} ${reason}`), [`warning ${expected}`]);
    assertStringIncludes(found[0]!.message, words);
    assertEquals(config.bgpAdvertisements.length, 1);
  }
});

Deno.test("BGPAdvertisement: nothing is said about peers and communities that are not known", () => {
  const { short, config } = resolveAll({
    bgpPeers: undefined,
    communities: undefined,
    bgpAdvertisements: [bgpObject("a", { peers: ["x"], communities: ["no-export", "1:2"] })],
  });
  assertEquals([short, config.bgpAdvertisements[0]?.communities], [[], ["1:2"]]);
});

Deno.test("BGPAdvertisement: MetalLB's words (reference §9.3)", () => {
  const table: [Record<string, unknown>, string][] = [
    [
      { communities: ["no-export"] },
      'invalid community format: no-export\ninvalid community "no-export" in BGP advertisement',
    ],
    [{ communities: ["1:2:3"] }, 'invalid community format: 1:2:3\ninvalid community "1:2:3" in BGP advertisement'],
    [
      { serviceSelectors: [{}], aggregationLength: 24 },
      "serviceSelectors and aggregationLength are mutually exclusive",
    ],
    [
      { aggregationLength: 26 },
      "invalid aggregation length 26: prefix 28 in this pool is more specific than the aggregation length for " +
      "addresses 1.1.1.0/28",
    ],
    [
      // It prints the IPv4 length for IPv6 too.
      { aggregationLengthV6: 64 },
      "invalid aggregation length 32: prefix 124 in this pool is more specific than the aggregation length for " +
      "addresses fc00::/124",
    ],
  ];
  const ipAddressPools = [poolObject("p", ["1.1.1.0/28", "fc00::/124"])];
  for (const [spec, text] of table) {
    const { problems } = resolveAll({ ipAddressPools, bgpAdvertisements: [bgpObject("a", spec)] });
    assertEquals(problems.map(({ metallbText }) => metallbText), [text]);
  }
});

Deno.test("BGPAdvertisement: aggregation lengths against a pool, by its largest block (reference §11.2, §13)", () => {
  // Addresses, length for their family, and what is said.
  const table: [string, number, "" | "invalidAggregation" | "aggregateExceedsPool"][] = [
    ["1.1.1.0/28", 26, "invalidAggregation"],
    ["1.1.1.0/28", 27, "invalidAggregation"],
    ["1.1.1.0/28", 28, ""],
    ["1.1.1.0/28", 31, ""],
    ["1.1.1.0/28", 32, ""],
    ["1.1.1.5-1.1.1.255", 24, "invalidAggregation"],
    ["1.1.1.5-1.1.1.255", 25, "aggregateExceedsPool"],
    ["1.1.1.5-1.1.1.255", 32, ""],
    ["3.3.3.2-3.3.3.254", 25, "invalidAggregation"],
    ["3.3.3.2-3.3.3.254", 26, "aggregateExceedsPool"],
    ["3.3.3.2-3.3.3.255", 31, ""],
    ["10.0.0.0-10.0.0.255", 23, "invalidAggregation"],
    ["10.0.0.0-10.0.0.255", 24, ""],
    ["10.0.0.7-10.0.0.7", 31, "invalidAggregation"],
    ["0.0.0.0-255.255.255.255", 1, ""],
    ["fc00::/124", 123, "invalidAggregation"],
    ["fc00::/124", 124, ""],
    ["fc00::1-fc00::10", 123, "invalidAggregation"],
    ["fc00::1-fc00::10", 125, "aggregateExceedsPool"],
  ];
  for (const [addresses, length, reason] of table) {
    const field = addresses.includes(":") ? "aggregationLengthV6" : "aggregationLength";
    const { problems, config } = resolveAll({
      ipAddressPools: [poolObject("p", [addresses])],
      bgpAdvertisements: [bgpObject("a", { [field]: length })],
    });
    assertEquals(
      problems.map(({ path, reason }) => `${path} ${reason}`),
      reason === "" ? [] : [`spec.${field} ${reason}`],
      `${addresses} ${length}`,
    );
    assertEquals(poolsOf(config.bgpAdvertisements[0]), reason === "invalidAggregation" ? [] : ["p"]);
  }
});

Deno.test("BGPAdvertisement: a pool that is too small is left out alone; lines side by side are one stretch", () => {
  const { config, short } = resolveAll({
    ipAddressPools: [
      poolObject("large", ["10.0.0.0/16"]),
      poolObject("small", ["10.1.0.0/28"]),
      poolObject("joined", ["10.2.0.0-10.2.0.130", "10.2.0.131-10.2.0.255"]),
    ],
    bgpAdvertisements: [bgpObject("a", { aggregationLength: 26 })],
  });
  assertEquals(short, ["error a spec.aggregationLength invalidAggregation"]);
  assertEquals(poolsOf(config.bgpAdvertisements[0]), ["joined", "large"]);
});

Deno.test("BGPAdvertisement: local preferences that contradict each other (reference §11.3, §13)", () => {
  const dual = ["198.51.100.0/24", "fc00::/64"];
  const v4 = ["198.51.100.0/24"];
  const v6 = ["fc00::/64"];
  const rack = (name: string) => ({ nodeSelectors: labelled("rack", name) });
  const table: [string, string[], Record<string, unknown>, Record<string, unknown>, boolean][] = [
    ["different, nothing else", v4, { localPref: 1 }, { localPref: 2 }, true],
    ["one is not given, which is 0", v4, {}, { localPref: 2 }, true],
    ["dual pool, only IPv4 lengths differ", dual, { localPref: 1 }, { localPref: 2, aggregationLength: 24 }, true],
    ["dual pool, only IPv6 lengths differ", dual, { localPref: 1 }, { localPref: 2, aggregationLengthV6: 64 }, true],
    ["IPv6 pool, only IPv4 lengths differ", v6, { localPref: 1 }, { localPref: 2, aggregationLength: 24 }, true],
    ["one peer list meets all", v4, { localPref: 1, peers: ["a"] }, { localPref: 2 }, true],
    ["peer lists meet", v4, { localPref: 1, peers: ["a", "b"] }, { localPref: 2, peers: ["b"] }, true],
    ["node sets meet", v4, { localPref: 1, ...rack("a") }, { localPref: 2 }, true],
    ["equal", v4, { localPref: 1 }, { localPref: 1 }, false],
    ["IPv4 pool, lengths differ", v4, { localPref: 1 }, { localPref: 2, aggregationLength: 24 }, false],
    ["dual pool, both lengths differ", dual, { localPref: 1 }, {
      localPref: 2,
      aggregationLength: 24,
      aggregationLengthV6: 64,
    }, false],
    ["other peers", v4, { localPref: 1, peers: ["a"] }, { localPref: 2, peers: ["b"] }, false],
    ["other nodes", v4, { localPref: 1, ...rack("a") }, { localPref: 2, ...rack("b") }, false],
    ["no node at all", v4, { localPref: 1, ...rack("none") }, { localPref: 2 }, false],
    ["per Service", v4, { localPref: 1, serviceSelectors: [{}] }, { localPref: 2 }, false],
    ["other pools", v4, { localPref: 1, ipAddressPools: ["p"] }, { localPref: 2, ipAddressPools: ["q"] }, false],
  ];
  for (const [what, addresses, first, second, conflict] of table) {
    const { config, problems } = resolveAll({
      ipAddressPools: [poolObject("p", addresses), poolObject("q", ["203.0.113.0/24"])],
      bgpPeers: [peerObject("a"), peerObject("b", { peerAddress: "192.0.2.2" })],
      nodes: [nodeObject("n1", { labels: { rack: "a" } }), nodeObject("n2", { labels: { rack: "b" } })],
      // Listed against the order of names, which decides.
      bgpAdvertisements: [
        bgpObject("two", { ipAddressPools: ["p"], ...second }),
        bgpObject("one", { ipAddressPools: ["p"], ...first }),
      ],
    });
    const errors = problems.filter(({ severity }) => severity === "error");
    assertEquals(
      errors.map(({ name, path, reason }) => `${name} ${path} ${reason}`),
      conflict ? ["two spec.localPref conflictingLocalPref"] : [],
      what,
    );
    const [one, two] = config.bgpAdvertisements;
    assertEquals(poolsOf(one), ["p"], what);
    assertEquals(poolsOf(two).length, conflict ? 0 : 1, what);
  }
});

Deno.test("BGPAdvertisement: the one that gives way goes on for its other pools", () => {
  const { config, short } = resolveAll({
    ipAddressPools: [poolObject("p", ["10.0.0.0/24"]), poolObject("q", ["10.0.1.0/24"])],
    bgpAdvertisements: [
      bgpObject("a", { localPref: 1, ipAddressPools: ["p"] }),
      bgpObject("b", { localPref: 2 }),
      bgpObject("c", { localPref: 3, ipAddressPools: ["p"] }),
    ],
  });
  assertEquals(short, ["error b spec.localPref conflictingLocalPref", "error c spec.localPref conflictingLocalPref"]);
  assertEquals(config.bgpAdvertisements.map(poolsOf), [["p"], ["q"], []]);
});

Deno.test("BGPAdvertisement: fields arrive with their defaults, aliases resolved, communities once and in order", () => {
  const { config, short } = resolveAll({
    ipAddressPools: POOLS,
    bgpPeers: [peerObject("r")],
    communities: [communityObject("c", [["mine", "64500:7"], ["far", "large:64500:1:2"]])],
    bgpAdvertisements: [
      bgpObject("z"),
      bgpObject("a", {
        aggregationLength: null,
        communities: ["large:64500:1:2", "mine", "far", "0100:1", "64500:7"],
        peers: ["r"],
        localPref: 0,
      }),
    ],
  });
  assertEquals(short, []);
  const [a, z] = config.bgpAdvertisements;
  assertEquals(a?.communities, ["large:64500:1:2", "100:1", "64500:7"]);
  assertEquals([a?.peers, a?.localPref], [new Set(["r"]), 0]);
  assertEquals(z, {
    name: "z",
    namespace: "metallb-system",
    pools: new Set(["p"]),
    aggregationLength: 32,
    aggregationLengthV6: 128,
    localPref: 0,
    communities: [],
    nodeSelectors: [],
    peers: "all",
    serviceSelectors: [],
  });
});

Deno.test("Community: a wrong entry is left out alone, the first definition counts (reference §2.7)", () => {
  const { config, problems } = resolveAll({
    communities: [
      // By name, "a" comes first.
      communityObject("b", [["x", "2:2"], ["y", "1"], ["ok", "3:3"], [undefined, "4:4"], ["z", undefined]]),
      communityObject("a", [["x", "1:1"], ["x", "1:1"]]),
      communityObject("c", [["n", 5]]),
    ],
    bgpAdvertisements: [bgpObject("adv", { communities: ["x", "ok"] })],
  });
  assertEquals(problems.map(({ severity, name, path, reason }) => `${severity} ${name} ${path} ${reason}`), [
    "error a spec.communities[1].name duplicateEntry",
    "error b spec.communities[0].name duplicateEntry",
    "error b spec.communities[1].value invalidCommunity",
    "warning b spec.communities[3].name missingField",
    "error b spec.communities[4].value invalidCommunity",
    "error c spec.communities[0].value wrongType",
  ]);
  assertStringIncludes(problems[0]?.metallbText ?? "", "duplicate definition of community");
  assertEquals(config.bgpAdvertisements[0]?.communities, ["1:1", "3:3"]);
});

Deno.test("BFDProfile: bounds of every field, and FRR's defaults (reference §1.6)", () => {
  const bounds: [string, number, number][] = [
    ["receiveInterval", 10, 60000],
    ["transmitInterval", 10, 60000],
    ["detectMultiplier", 2, 255],
    ["echoInterval", 10, 60000],
    ["minimumTtl", 1, 254],
  ];
  for (const [field, min, max] of bounds) {
    for (const [value, reason] of [[min - 1, "invalidValue"], [max + 1, "invalidValue"], ["20", "wrongType"]]) {
      const { short, config } = resolveAll({ bfdProfiles: [bfdObject("b", { [field]: value }), bfdObject("good")] });
      assertEquals(short, [`error b spec.${field} ${reason}`]);
      assertEquals(config.bfdProfiles.map(({ name }) => name), ["good"]);
    }
    for (const value of [min, max, null]) {
      assertEquals(resolveAll({ bfdProfiles: [bfdObject("b", { [field]: value })] }).short, []);
    }
  }
  for (const field of ["echoMode", "passiveMode"]) {
    assertEquals(resolveAll({ bfdProfiles: [bfdObject("b", { [field]: "true" })] }).short, [
      `error b spec.${field} wrongType`,
    ]);
  }
  assertEquals(resolveAll({ bfdProfiles: [bfdObject("b")] }).config.bfdProfiles, [{
    name: "b",
    namespace: "metallb-system",
    receiveIntervalMs: 300,
    transmitIntervalMs: 300,
    detectMultiplier: 3,
    echoIntervalMs: 50,
    echoMode: false,
    passiveMode: false,
    minimumTtl: 254,
  }]);
});

Deno.test("IPAddressPool: one that no advertisement of either kind selects is warned about, when both are known", () => {
  const ipAddressPools = [poolObject("a", ["10.0.0.0/24"]), poolObject("b", ["10.0.1.0/24"]), poolObject("bad", [])];
  const l2 = l2Object("l", { ipAddressPools: ["a"] });
  const bgp = bgpObject("g", { ipAddressPools: ["b"] });
  const table: [unknown[] | undefined, unknown[] | undefined, string[]][] = [
    [[], [], ["a", "b"]],
    [[l2], [], ["b"]],
    [[], [bgp], ["a"]],
    [[l2], [bgp], []],
    [[], [bgpObject("all")], []],
    [[l2], undefined, []],
    [undefined, [bgp], []],
  ];
  for (const [l2Advertisements, bgpAdvertisements, expected] of table) {
    const { problems } = resolveAll({ ipAddressPools, l2Advertisements, bgpAdvertisements });
    const found = problems.filter(({ reason }) => reason === "notAdvertised");
    assertEquals(found.map(({ name }) => name), expected);
  }
});
