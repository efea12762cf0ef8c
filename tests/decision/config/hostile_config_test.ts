import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { configurationStateStatus } from "../../../lib/decision/config/configuration_state.ts";
import { type ConfigObjects, resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { l2Object, nodeObject, poolObject } from "../objects.ts";
import { bfdObject, bgpObject, communityObject, peerObject, secretObject } from "./bgp_objects.ts";

type Lists = Record<keyof ConfigObjects, readonly unknown[]>;

/** Sorts first, so that no other object can win over these. */
const CONTROL = "0-control";

function worldOf(name: string, octet: number): Lists {
  const selectors = [{ matchLabels: { a: "b" }, matchExpressions: [{ key: "c", operator: "In", values: ["d"] }] }, {}];
  return {
    ipAddressPools: [
      poolObject(name, [`10.${octet}.0.0/24`, `10.${octet}.1.1-10.${octet}.1.99`], {
        serviceAllocation: {
          priority: 1,
          namespaces: ["x"],
          namespaceSelectors: selectors,
          serviceSelectors: selectors,
        },
      }),
    ],
    l2Advertisements: [
      l2Object(name, {
        ipAddressPools: [name],
        ipAddressPoolSelectors: selectors,
        nodeSelectors: selectors,
        interfaces: ["eth0"],
        serviceSelectors: selectors,
        preferredNodeSelectors: [{ weight: 5, preference: {} }],
      }),
    ],
    bgpAdvertisements: [
      bgpObject(name, {
        aggregationLength: 28,
        localPref: 100,
        communities: [`${name}-alias`, "65000:1"],
        ipAddressPools: [name],
        peers: [name],
        nodeSelectors: selectors,
      }),
    ],
    bgpPeers: [
      peerObject(name, {
        peerAddress: `192.0.2.${octet}`,
        holdTime: "90s",
        keepaliveTime: "30s",
        connectTime: "5s",
        routerID: "192.0.2.200",
        nodeSelectors: selectors,
        passwordSecret: { name },
        bfdProfile: name,
      }),
    ],
    bfdProfiles: [bfdObject(name, { receiveInterval: 50, echoMode: true })],
    communities: [communityObject(name, [[`${name}-alias`, "64500:1"]])],
    secrets: [secretObject(name, { type: "Opaque", data: { password: btoa("x") } })],
    nodes: [nodeObject(name, { labels: { a: "b", c: "d" } })],
    namespaces: [{ metadata: { name: "x", labels: {} } }],
  };
}

function deeplyNested(depth: number): unknown {
  let value: unknown = {};
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { spec: value };
  return value;
}

/** Made anew each time, because changes go into them. */
const VALUES: readonly (() => unknown)[] = [
  () => null,
  () => undefined,
  () => true,
  () => -1,
  () => 0,
  () => 1.5,
  () => NaN,
  () => Infinity,
  () => 2 ** 53,
  () => "",
  () => "x",
  () => "-",
  () => ":",
  () => "/",
  () => "-5s",
  () => "0.0.0.0-::",
  () => "::/0",
  () => "\u0000",
  () => "__proto__",
  () => "é".repeat(300),
  () => "9".repeat(100_000),
  () => [],
  () => ({}),
  () => [[]],
  () => [null, {}, "x", 5],
  () => Array.from({ length: 2000 }, (_, i) => `${i}`),
  () => Array.from({ length: 500 }, () => ({})),
  () => ({ name: "x", spec: {}, constructor: 5 }),
  () => JSON.parse('{"__proto__": {"addresses": ["10.0.0.0/8"]}, "toString": 1}'),
  () => deeplyNested(5000),
];

/** Every place in a value, the value itself left out. */
function placesOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => [[...path, key], ...placesOf(one, [...path, key])]);
}

function replaceAt(object: unknown, path: readonly string[], value: unknown): void {
  let at = object as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    if (typeof next !== "object" || next === null) return;
    at = next as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}

Deno.test("Bad configuration: whatever stands anywhere, problems have words and a place, and the rest is served", () => {
  const whole = new Set(["notAnObject", "notAdvertised", "moreProblems"]);
  for (let seed = 1; seed <= 500; seed++) {
    const rng = new SeededRng(seed);
    const control = worldOf(CONTROL, 1);
    const victim = structuredClone(worldOf("victim", 2));
    const kinds = Object.keys(victim) as (keyof Lists)[];
    const changes = Array.from({ length: 1 + below(rng, 3) }, () => {
      const list = victim[kinds[below(rng, kinds.length)]!];
      const places = placesOf(list);
      return [list, places[below(rng, places.length)]!] as const;
    });
    for (const [list, place] of changes) replaceAt(list, place, VALUES[below(rng, VALUES.length)]!());
    const objects = Object.fromEntries(kinds.map((kind) => [kind, [...victim[kind], ...control[kind]]]));
    const { config, problems } = resolveConfig(objects as unknown as ConfigObjects);
    for (const { path, message, reason, kind } of problems) {
      assert(message.length > 0 && message.length < 2000, `seed ${seed}: ${kind} ${path}: ${message.slice(0, 200)}`);
      assert(path.length < 1000 && (path !== "" || whole.has(reason)), `seed ${seed}: ${kind} ${reason} ${message}`);
    }
    const served = [
      config.pools,
      config.l2Advertisements,
      config.bgpAdvertisements,
      config.bgpPeers,
      config.bfdProfiles,
    ].map((list) => (list as readonly { name: string }[]).some(({ name }) => name === CONTROL));
    assertEquals(served, [true, true, true, true, true], `seed ${seed}`);
    const [first] = config.bgpAdvertisements;
    // One whose name was made to sort before it may have announced the pool with another preference.
    if (first?.name === CONTROL) assertEquals(first.pools.has(CONTROL), true, `seed ${seed}`);
    configurationStateStatus({ conditionType: "poolReconcilerValid", problems, previous: [], now: "now" });
  }
});

Deno.test("Bad configuration: lists of the wrong things are problems one by one", () => {
  const rubbish = [null, undefined, 0, NaN, "", true, [], [{}], {}, { metadata: {} }, { metadata: { name: 5 } }, 10n];
  const kinds = Object.keys(worldOf("x", 1)) as (keyof Lists)[];
  const objects = Object.fromEntries(kinds.map((kind) => [kind, rubbish]));
  const { config, problems } = resolveConfig(objects as unknown as ConfigObjects);
  // Secrets, nodes and namespaces are looked at only where something names them.
  assertEquals(new Set(problems.map(({ kind }) => kind)).size, 6);
  assert(problems.every(({ severity, message }) => severity === "error" && message !== ""));
  assertEquals([config.pools, config.bgpPeers, config.bgpAdvertisements], [[], [], []]);
});

/** Each of these takes far less than a second; with a cost that grows with the square it would take minutes. */
const LARGE: Record<string, () => ConfigObjects> = {
  "one pool of 100,000 ranges, announced in aggregates": () => ({
    ipAddressPools: [poolObject("p", lines(100_000, (i) => `${tenNet(i * 2)}-${tenNet(i * 2)}`))],
    bgpAdvertisements: lines(50, (i) => bgpObject(`a${i}`, { aggregationLength: 24 + i % 9 })),
    l2Advertisements: [],
  }),
  "one pool of 100,000 lines that are all the same": () => ({
    ipAddressPools: [poolObject("p", lines(100_000, () => "10.0.0.1-10.0.255.254"))],
  }),
  "two pools of 50,000 lines that meet everywhere": () => ({
    ipAddressPools: [
      poolObject("p", lines(50_000, (i) => `${tenNet(i * 4)}-${tenNet(i * 4 + 2)}`)),
      poolObject("q", lines(50_000, (i) => `${tenNet(i * 4 + 1)}-${tenNet(i * 4 + 3)}`)),
    ],
  }),
  "10,000 pools, each with its namespaces, and 1,000 advertisements of all": () => ({
    ipAddressPools: lines(
      10_000,
      (i) => poolObject(`p${i}`, [`${tenNet(i * 256)}/24`], { serviceAllocation: { namespaces: [`n${i}`, `x${i}`] } }),
    ),
    namespaces: lines(10_000, (i) => ({ metadata: { name: `n${i}` } })),
    l2Advertisements: lines(1000, (i) => l2Object(`l${i}`)),
    bgpAdvertisements: lines(1000, (i) => bgpObject(`b${i}`, { localPref: i })),
  }),
  "10,000 peers to one router, and as many to others": () => ({
    ipAddressPools: [],
    bgpPeers: [
      ...lines(10_000, (i) => peerObject(`same${i}`, { myASN: i + 1, peerASN: 99_999 })),
      ...lines(10_000, (i) => peerObject(`other${i}`, { peerAddress: tenNet(i), nodeSelectors: rack(i) })),
    ],
    nodes: lines(100, (i) => nodeObject(`n${i}`, { labels: { rack: `${i}` } })),
  }),
  "an advertisement that names 100,000 things that do not exist": () => ({
    ipAddressPools: lines(1000, (i) => poolObject(`pool-with-a-long-name-${i}`, [`${tenNet(i)}/32`])),
    bgpPeers: lines(1000, (i) => peerObject(`peer-with-a-long-name-${i}`, { peerAddress: tenNet(i) })),
    communities: [],
    bgpAdvertisements: [
      bgpObject("a", {
        ipAddressPools: lines(100_000, (i) => `pool-with-a-lost-name-${i}`),
        peers: lines(100_000, (i) => `peer-with-a-lost-name-${i}`),
        communities: lines(100_000, (i) => `community-${i}`),
      }),
    ],
  }),
  "100,000 aliases": () => ({
    ipAddressPools: [],
    communities: [communityObject("c", lines(100_000, (i) => [`a${i % 50_000}`, `1:${i % 70_000}`]))],
  }),
};

function lines<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function tenNet(offset: number): string {
  return `10.${offset >> 16 & 255}.${offset >> 8 & 255}.${offset & 255}`;
}

function rack(index: number): unknown {
  return [{ matchLabels: { rack: `${index % 200}` } }];
}

for (const [what, make] of Object.entries(LARGE)) {
  Deno.test(`Large configuration: ${what}`, () => {
    const { problems } = resolveConfig(make());
    assert(JSON.stringify(problems).length < 20_000_000);
  });
}
