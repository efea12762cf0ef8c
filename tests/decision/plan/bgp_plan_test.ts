import { assertEquals } from "@std/assert/equals";
import type { BgpAdvertisement, BgpPeer, Config } from "../../../lib/decision/config/config.ts";
import { decodeEndpointSlice } from "../../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../../lib/decision/config/node_view.ts";
import { ProblemList } from "../../../lib/decision/config/problem.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { compileSelectors } from "../../../lib/decision/config/selector.ts";
import { decodeService } from "../../../lib/decision/config/service_view.ts";
import { planBgp } from "../../../lib/decision/plan/bgp_plan.ts";
import { compareCommunities } from "../../../lib/decision/config/community.ts";
import type { BgpPlanOptions } from "../../../lib/decision/plan/service_bgp_plan.ts";
import { nodeObject, poolObject, serviceObject, type ServiceOptions, sliceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";
import { bgpPeer } from "./bgp_peer.ts";

const ADDRESS = "198.51.100.7";
const EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers";

interface World {
  service?: ServiceOptions;
  more?: [string, ServiceOptions][];
  endpoints?: Record<string, unknown>[];
  advertisements?: Partial<BgpAdvertisement>[];
  peers?: Partial<BgpPeer>[];
  nodes?: Parameters<typeof nodeObject>[1][];
  pool?: string[];
  options?: BgpPlanOptions;
}

function selectors(...labels: Record<string, string>[]) {
  const problems = new ProblemList({ kind: "", namespace: "", name: "" });
  return compileSelectors(labels.map((matchLabels) => ({ matchLabels, matchExpressions: [] })), { path: [], problems });
}

function advertisement(name: string, fields: Partial<BgpAdvertisement>): BgpAdvertisement {
  return {
    name,
    namespace: "metallb-system",
    pools: new Set(["p"]),
    aggregationLength: 32,
    aggregationLengthV6: 128,
    localPref: 0,
    communities: [],
    nodeSelectors: [],
    peers: "all",
    serviceSelectors: [],
    ...fields,
  };
}

function plan(world: World) {
  const { config } = resolveConfig({
    ipAddressPools: [poolObject("p", world.pool ?? ["198.51.100.0/24"]), poolObject("q", ["10.20.30.0/24"])],
  });
  const full: Config = {
    ...config,
    bgpAdvertisements: (world.advertisements ?? [{}]).map((fields, i) => advertisement(`ad${i}`, fields)),
    bgpPeers: (world.peers ?? [{}]).map((fields, i) => bgpPeer(`tor${i}`, fields)),
  };
  const nodes = (world.nodes ?? [{}]).map((options, i) => valueOf(decodeNode(nodeObject(`n${i + 1}`, options))));
  const list: [string, ServiceOptions][] = [["web", { ingress: [ADDRESS], ...world.service }], ...world.more ?? []];
  const services = list.map(([name, options]) => valueOf(decodeService(serviceObject(name, options))));
  const endpoints = new Map(
    list.map(([name]) =>
      [
        `shop/${name}`,
        [valueOf(decodeEndpointSlice(sliceObject(name, world.endpoints ?? [{ nodeName: "n1" }])))],
      ] as const
    ),
  );
  return planBgp({ services, endpoints, nodes, config: full }, world.options);
}

/** `n1 tor0: 198.51.100.7/32 150 64500:7 | reason` */
function lines(world: World): string[] {
  return plan(world).services.get("shop/web")!.announcements.map(({ node, peer, announced, excluded }) => {
    const routes = announced.map(({ prefix, localPref, communities }) => [prefix, localPref, ...communities].join(" "));
    return `${node} ${peer}: ${[...routes, ...excluded.map(({ reason }) => reason)].join(" | ")}`;
  });
}

Deno.test("planBgp: why a node announces nothing, the first rule that fails (reference §7.2, §11.9)", () => {
  const label = { a: "b" };
  const table: [World, string][] = [
    [{ service: { type: "ClusterIP" } }, "notLoadBalancer"],
    [{ options: { lbClasses: ["x"] } }, "otherClass"],
    [{ service: { ingress: [] } }, "noIPAllocated"],
    [{ service: { ingress: ["198.51.100.300"] } }, "invalidIP"],
    [{ service: { ingress: [ADDRESS, "10.20.30.1"] } }, "ipNotAllowed"],
    [{ advertisements: [] }, "notOwner"],
    [{ advertisements: [{ pools: new Set(["q"]) }] }, "notOwner"],
    [{ advertisements: [{ nodeSelectors: selectors(label) }] }, "notOwner"],
    [{ advertisements: [{ serviceSelectors: selectors(label) }] }, "noMatchingAdvertisement"],
    [{ advertisements: [{ localPref: 1 }, { localPref: 2 }] }, "conflictingAdvertisements"],
    [{ nodes: [{ networkUnavailable: true }] }, "nodeNetworkUnavailable"],
    [{ nodes: [{ labels: { [EXCLUDE]: "" } }] }, "nodeLabeledExcludeBalancers"],
    [
      { service: { spec: { externalTrafficPolicy: "Local" } }, endpoints: [{ nodeName: "other" }, {}] },
      "noLocalEndpoints",
    ],
    [{ endpoints: [] }, "noEndpoints"],
    [{ endpoints: [{ nodeName: "n1", conditions: { ready: false, serving: false } }] }, "noEndpoints"],
    [{ advertisements: [{ peers: new Set(["other"]) }] }, "peerNotListed"],
    [{ peers: [{ peerAddress: "2001:db8::1" }] }, "addressFamily"],
    // No session at all comes first, whatever else is wrong.
    [{ peers: [{ nodeSelectors: selectors(label) }], advertisements: [] }, "peerNodeSelectors"],
    // The order of the rules: each of these breaks the next one as well.
    [{ advertisements: [], nodes: [{ networkUnavailable: true }] }, "notOwner"],
    [
      { advertisements: [{ localPref: 1 }, { localPref: 2 }], nodes: [{ networkUnavailable: true }] },
      "conflictingAdvertisements",
    ],
    [{ nodes: [{ networkUnavailable: true, labels: { [EXCLUDE]: "" } }] }, "nodeNetworkUnavailable"],
    [{ nodes: [{ labels: { [EXCLUDE]: "" } }], endpoints: [] }, "nodeLabeledExcludeBalancers"],
    [{ service: { spec: { externalTrafficPolicy: "Local" } }, endpoints: [] }, "noLocalEndpoints"],
  ];
  for (const [world, reason] of table) {
    const [announcement, ...more] = plan(world).services.get("shop/web")!.announcements;
    assertEquals(more, []);
    assertEquals(announcement!.announced, [], reason);
    assertEquals(announcement!.excluded.map((one) => one.reason), [reason], JSON.stringify(world));
    assertEquals(announcement!.excluded[0]!.message.length > 0, true);
    assertEquals(plan(world).routes.size, 0);
  }
});

Deno.test("planBgp: prefixes by node and peer, masked to the aggregation length (reference §7.3, §12.7)", () => {
  const table: [World, string[]][] = [
    [{ peers: [] }, []],
    [{ nodes: [] }, []],
    [
      { advertisements: [{ localPref: 150, communities: ["64500:7", "large:64500:1:2"] }] },
      ["n1 tor0: 198.51.100.7/32 150 64500:7 large:64500:1:2"],
    ],
    [{ advertisements: [{ aggregationLength: 24 }] }, ["n1 tor0: 198.51.100.0/24 0"]],
    [{ advertisements: [{}, { aggregationLength: 26, localPref: 7 }] }, [
      "n1 tor0: 198.51.100.0/26 7 | 198.51.100.7/32 0",
    ]],
    // Equal prefixes are one route with the communities of both, in numeric order.
    [{ advertisements: [{ communities: ["64500:10"] }, { communities: ["64500:9", "64500:10"] }] }, [
      "n1 tor0: 198.51.100.7/32 0 64500:9 64500:10",
    ]],
    // With Local policy only the nodes that can serve.
    [
      { nodes: [{}, {}], service: { spec: { externalTrafficPolicy: "Local" } } },
      ["n1 tor0: 198.51.100.7/32 0", "n2 tor0: noLocalEndpoints"],
    ],
    [{ nodes: [{ labels: { [EXCLUDE]: "" } }], options: { ignoreExcludeLb: true } }, ["n1 tor0: 198.51.100.7/32 0"]],
    // Each advertisement has its own peers.
    [
      {
        peers: [{}, {}],
        advertisements: [{ peers: new Set(["tor1"]), localPref: 5 }, { peers: new Set(["tor0"]), localPref: 6 }],
      },
      ["n1 tor0: 198.51.100.7/32 6", "n1 tor1: 198.51.100.7/32 5"],
    ],
    // An IPv6 prefix takes a session that carries it.
    [
      {
        pool: ["198.51.100.0/24", "2001:db8::/64"],
        service: { ingress: [ADDRESS, "2001:db8::7:1"] },
        advertisements: [{ aggregationLengthV6: 112 }],
        peers: [{}, { dualStackAddressFamily: true }, { peerAddress: undefined, interfaceName: "eth0" }],
      },
      [
        "n1 tor0: 198.51.100.7/32 0 | addressFamily",
        "n1 tor1: 198.51.100.7/32 0 | 2001:db8::7:0/112 0",
        "n1 tor2: 198.51.100.7/32 0 | 2001:db8::7:0/112 0",
      ],
    ],
  ];
  for (const [world, expected] of table) assertEquals(lines(world), expected, JSON.stringify(world));
});

Deno.test("planBgp: the table of local preference conflicts (reference §11.3)", () => {
  const [rack1, rack2] = [selectors({ rack: "1" }), selectors({ rack: "2" })];
  const dual = ["198.51.100.0/24", "2001:db8::/64"];
  const table: [Pick<World, "pool" | "nodes">, Partial<BgpAdvertisement>, Partial<BgpAdvertisement>, boolean][] = [
    [{}, { localPref: 7 }, { localPref: 7 }, false],
    [{}, { localPref: 1, aggregationLength: 32 }, { localPref: 2, aggregationLength: 24 }, false],
    [{ pool: dual }, { localPref: 1, aggregationLength: 32 }, { localPref: 2, aggregationLength: 24 }, true],
    [{ pool: dual }, { localPref: 1 }, { localPref: 2, aggregationLength: 24, aggregationLengthV6: 64 }, false],
    [{}, { localPref: 1, peers: new Set(["a"]) }, { localPref: 2, peers: new Set(["b"]) }, false],
    [{}, { localPref: 1, peers: new Set(["a"]) }, { localPref: 2 }, true],
    [
      { nodes: [{ labels: { rack: "1" } }, { labels: { rack: "2" } }] },
      { localPref: 1, nodeSelectors: rack1 },
      { localPref: 2, nodeSelectors: rack2 },
      false,
    ],
  ];
  for (const [world, a, b, isConflict] of table) {
    const text = lines({ ...world, advertisements: [a, b], peers: [{}] }).join("\n");
    assertEquals(text.includes("conflictingAdvertisements"), isConflict, JSON.stringify([world, a, b]));
  }
});

Deno.test("planBgp: an aggregate is announced while one Service needs it, and told with all that do", () => {
  const { routes } = plan({
    advertisements: [{ aggregationLength: 24, communities: ["64500:1"] }],
    more: [["api", { ingress: ["198.51.100.9"] }], ["lost", { ingress: ["172.16.0.1"] }]],
  });
  assertEquals([...routes.get("n1")!.get("tor0")!.values()], [
    { prefix: "198.51.100.0/24", localPref: 0, communities: ["64500:1"], services: ["shop/api", "shop/web"] },
  ]);
});

Deno.test("planBgp: where two Services on one address disagree, the one whose key sorts first decides", () => {
  const blue = selectors({ colour: "blue" });
  const red = selectors({ colour: "red" });
  const { routes } = plan({
    advertisements: [
      { serviceSelectors: blue, localPref: 1, communities: ["64500:2"] },
      { serviceSelectors: red, localPref: 2, communities: ["64500:1"] },
    ],
    service: { labels: { colour: "blue" }, ingress: [ADDRESS] },
    more: [["api", { labels: { colour: "red" }, ingress: [ADDRESS] }]],
  });
  assertEquals([...routes.get("n1")!.get("tor0")!.values()], [
    {
      prefix: `${ADDRESS}/32`,
      localPref: 2,
      communities: ["64500:1", "64500:2"],
      services: ["shop/api", "shop/web"],
    },
  ]);
});

Deno.test("Communities are ordered by number, standard and large ones together (reference §2.7)", () => {
  const sorted = ["large:1:2:3", "large:1:10:0", "0:9", "0:10", "1:0", "large:65537:0:0", "1:2"];
  assertEquals(sorted.toSorted(compareCommunities), [
    "large:1:2:3",
    "large:1:10:0",
    "0:9",
    "0:10",
    "1:0",
    "large:65537:0:0",
    "1:2",
  ]);
});
