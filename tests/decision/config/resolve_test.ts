import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { formatRange } from "../../../lib/base/cidr.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { l2Object, nodeObject, poolObject } from "../objects.ts";

function resolve(ipAddressPools: unknown[], l2Advertisements: unknown[] = [], nodes?: unknown[]) {
  const { config, problems } = resolveConfig({
    ipAddressPools,
    l2Advertisements,
    ...(nodes === undefined ? {} : { nodes }),
  });
  return {
    config,
    pools: config.pools.map(({ name }) => name),
    problems,
    short: problems.map(({ severity, name, path, reason }) => `${severity} ${name} ${path} ${reason}`),
  };
}

Deno.test("resolveConfig: a bad pool is disabled and named, the others are served", () => {
  const table: [unknown, string][] = [
    [poolObject("bad", []), "error bad spec.addresses emptyAddresses"],
    [poolObject("bad", undefined), "error bad spec.addresses missingField"],
    [poolObject("bad", "10.0.0.0/24"), "error bad spec.addresses wrongType"],
    [poolObject("bad", [5]), "error bad spec.addresses[0] wrongType"],
    [poolObject("bad", ["10.0.0.1"]), "error bad spec.addresses[0] invalidAddress"],
    [poolObject("bad", [" 10.0.0.0/8"]), "error bad spec.addresses[0] invalidAddress"],
    [poolObject("bad", ["10.0.0.5-10.0.0.1"]), "error bad spec.addresses[0] invalidAddress"],
    [poolObject("bad", ["10.0.0.1-fc00::1"]), "error bad spec.addresses[0] invalidAddress"],
    [poolObject("bad", ["10.0.0.0/24", "10.0.0.0/33"]), "error bad spec.addresses[1] invalidAddress"],
    [poolObject("bad", ["10.0.0.0/24", "10.0.0.7/32"]), "error bad spec.addresses[1] overlappingAddresses"],
    [poolObject("bad", ["10.0.0.7/32", "10.0.0.0/24"]), "error bad spec.addresses[1] overlappingAddresses"],
    [poolObject("bad", ["192.0.2.3/32"]), "error bad spec.addresses[0] overlappingAddresses"],
    [poolObject("bad", ["10.0.0.0/24"], { autoAssign: "yes" }), "error bad spec.autoAssign wrongType"],
    [poolObject("bad", ["10.0.0.0/24"], { avoidBuggyIPs: 1 }), "error bad spec.avoidBuggyIPs wrongType"],
    [
      poolObject("bad", ["10.0.0.0/24"], { serviceAllocation: { priority: 1.5 } }),
      "error bad spec.serviceAllocation.priority wrongType",
    ],
    [
      poolObject("bad", ["10.0.0.0/24"], { serviceAllocation: { priority: 2147483648 } }),
      "error bad spec.serviceAllocation.priority invalidValue",
    ],
    [
      poolObject("bad", ["10.0.0.0/24"], { serviceAllocation: { namespaces: ["a", "a"] } }),
      "error bad spec.serviceAllocation.namespaces[1] duplicateEntry",
    ],
    [
      poolObject("bad", ["10.0.0.0/24"], { serviceAllocation: { serviceSelectors: [{}, {}] } }),
      "error bad spec.serviceAllocation.serviceSelectors[1] duplicateEntry",
    ],
  ];
  for (const [object, problem] of table) {
    const { pools, short, config } = resolve([object, poolObject("a-good", ["192.0.2.0/24"])]);
    assertEquals([pools, short], [["a-good"], [problem]], JSON.stringify(object));
    assertEquals([...config.disabledPools.keys()], ["bad"]);
  }
});

Deno.test("resolveConfig: of overlapping pools the one that sorts first is kept, and both and the overlap are named", () => {
  const { pools, problems } = resolve([
    poolObject("zone-b", ["10.0.0.0/8"]),
    poolObject("zone-a", ["192.0.2.0/24", "10.1.2.0-10.1.2.9"]),
    // It overlaps only the disabled pool.
    poolObject("zone-c", ["10.200.0.0/16"]),
  ]);
  assertEquals(pools, ["zone-a", "zone-c"]);
  assertEquals(problems.length, 1);
  assertEquals([problems[0]?.name, problems[0]?.path], ["zone-b", "spec.addresses[0]"]);
  for (const part of ['"zone-a"', '"zone-b"', "10.1.2.0-10.1.2.9"]) assertStringIncludes(problems[0]!.message, part);
});

Deno.test("resolveConfig: two pools of one name are told apart by namespace, the later is disabled", () => {
  const second = { ...poolObject("p", ["198.51.100.0/24"]), metadata: { name: "p", namespace: "other" } };
  const { config, short } = resolve([second, poolObject("p", ["192.0.2.0/24"])]);
  assertEquals(config.pools.map(({ namespace }) => namespace), ["metallb-system"]);
  assertEquals(short, ["error p metadata.name duplicateName"]);
  assertEquals([...config.disabledPools.keys()], []);
});

Deno.test("resolveConfig: ranges are sorted, defaults applied, IPv6 and host bits understood", () => {
  const { config, problems } = resolve([
    poolObject("p", ["fc00:f853:ccd:e799::/124", "192.168.9.1 - 192.168.9.5", "198.51.100.10/24", "10.0.0.1-10.0.0.1"]),
  ]);
  assertEquals(problems, []);
  const [pool] = config.pools;
  assertEquals(pool?.ranges.map(formatRange), [
    "10.0.0.1",
    "192.168.9.1-192.168.9.5",
    "198.51.100.0-198.51.100.255",
    "fc00:f853:ccd:e799::-fc00:f853:ccd:e799::f",
  ]);
  assertEquals([pool?.autoAssign, pool?.avoidBuggyIps, pool?.allocation], [true, false, undefined]);
});

Deno.test("resolveConfig: all problems of all objects come in one pass", () => {
  const { short, pools } = resolve([
    poolObject("a", ["x", "y"], { serviceAllocation: { serviceSelectors: [{ matchLabels: { "?": "" } }] } }),
    poolObject("b", []),
    poolObject("ok", ["192.0.2.0/24"]),
  ], [l2Object("l", { nodeSelectors: [{ matchExpressions: [{ key: "k", operator: "is" }] }] })]);
  assertEquals(pools, ["ok"]);
  assertEquals(short, [
    "error a spec.addresses[0] invalidAddress",
    "error a spec.addresses[1] invalidAddress",
    'error a spec.serviceAllocation.serviceSelectors[0].matchLabels["?"] invalidSelector',
    "error b spec.addresses emptyAddresses",
    "error l spec.nodeSelectors[0].matchExpressions[0].operator invalidSelector",
  ]);
});

Deno.test("resolveConfig: an advertisement selects pools by name and by label together, broken ones too; neither means all", () => {
  const pools = [
    { ...poolObject("a", ["10.0.0.0/24"]), metadata: { name: "a", namespace: "m", labels: { zone: "x" } } },
    poolObject("b", ["10.0.1.0/24"]),
    poolObject("c", ["10.0.2.0/24"]),
    { ...poolObject("broken", []), metadata: { name: "broken", namespace: "m", labels: { zone: "y" } } },
  ];
  const table: [Record<string, unknown> | undefined, string[]][] = [
    [undefined, ["a", "b", "broken", "c"]],
    [{}, ["a", "b", "broken", "c"]],
    [{ ipAddressPools: ["broken"] }, ["broken"]],
    [{ ipAddressPoolSelectors: [{ matchLabels: { zone: "y" } }] }, ["broken"]],
    [{ ipAddressPools: ["b"] }, ["b"]],
    [{ ipAddressPoolSelectors: [{ matchLabels: { zone: "x" } }] }, ["a"]],
    [{ ipAddressPools: ["c", "a"], ipAddressPoolSelectors: [{ matchLabels: { zone: "x" } }] }, ["a", "c"]],
    [{ ipAddressPools: ["nope"] }, []],
  ];
  for (const [spec, expected] of table) {
    const { config } = resolve(pools, [l2Object("l", spec)]);
    assertEquals([...config.l2Advertisements[0]!.pools].sort(), expected, JSON.stringify(spec));
  }
});

Deno.test("resolveConfig: an advertisement that names an unknown pool is warned about with the nearest name", () => {
  const { problems, config } = resolve([poolObject("production", ["10.0.0.0/24"]), poolObject("broken", [])], [
    l2Object("l", { ipAddressPools: ["prodution", "zzz", "broken", "production"] }),
  ]);
  const warnings = problems.filter(({ severity }) => severity === "warning");
  assertEquals(warnings.map(({ path, reason }) => `${path} ${reason}`), [
    "spec.ipAddressPools[0] unknownPool",
    "spec.ipAddressPools[1] unknownPool",
    "spec.ipAddressPools[2] disabledPool",
  ]);
  assertStringIncludes(warnings[0]!.message, 'did you mean "production"?');
  assertEquals(warnings[1]!.message.includes("did you mean"), false);
  assertEquals([...config.l2Advertisements[0]!.pools].sort(), ["broken", "production"]);
});

Deno.test("resolveConfig: advertisements are refused or warned about for what they cannot mean", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ ipAddressPools: ["p", "p"] }, "error l spec.ipAddressPools[1] duplicateEntry"],
    [{ interfaces: "eth0" }, "error l spec.interfaces wrongType"],
    [
      { preferredNodeSelectors: [{ weight: 0, preference: {} }] },
      "error l spec.preferredNodeSelectors[0].weight invalidValue",
    ],
    [
      { preferredNodeSelectors: [{ weight: 101, preference: {} }] },
      "error l spec.preferredNodeSelectors[0].weight invalidValue",
    ],
    [{ preferredNodeSelectors: [{ weight: 5 }] }, "error l spec.preferredNodeSelectors[0].preference missingField"],
    [{ interfaces: ["eth0", "eth0"] }, "warning l spec.interfaces[1] duplicateEntry"],
    [{ nodeSelectors: [{ matchLabels: { no: "such" } }] }, "warning l spec.nodeSelectors matchesNothing"],
    [
      { ipAddressPoolSelectors: [{ matchLabels: { no: "such" } }] },
      "warning l spec.ipAddressPoolSelectors matchesNothing",
    ],
  ];
  for (const [spec, problem] of table) {
    const { short, config } = resolve([poolObject("p", ["10.0.0.0/24"])], [l2Object("l", spec)], [nodeObject("n1")]);
    assertEquals(short, [problem], JSON.stringify(spec));
    assertEquals(config.l2Advertisements.length, problem.startsWith("error") ? 0 : 1);
  }
});

Deno.test("resolveConfig: namespace selectors add the namespaces they match; matching none admits nobody", () => {
  const pool = poolObject("p", ["10.0.0.0/24"], {
    serviceAllocation: { namespaces: ["a"], namespaceSelectors: [{ matchLabels: { team: "x" } }] },
  });
  const namespaces = [{ metadata: { name: "b", labels: { team: "x" } } }, { metadata: { name: "c" } }, null];
  const { config } = resolveConfig({ ipAddressPools: [pool], namespaces });
  assertEquals(config.pools[0]?.allocation?.namespaces, new Set(["a", "b"]));
  const only = poolObject("p", ["10.0.0.0/24"], {
    serviceAllocation: { namespaceSelectors: [{ matchLabels: { t: "y" } }] },
  });
  const none = resolveConfig({ ipAddressPools: [only], namespaces });
  assertEquals(none.config.pools[0]?.allocation?.namespaces, new Set());
});
