import { assertEquals } from "@std/assert/equals";
import { decodeEndpointSlice } from "../../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../../lib/decision/config/node_view.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { decodeService } from "../../../lib/decision/config/service_view.ts";
import { explainAddress, explainService } from "../../../lib/decision/plan/explain.ts";
import { planLayer2 } from "../../../lib/decision/plan/l2_plan.ts";
import type { L2PlanOptions } from "../../../lib/decision/plan/service_l2_plan.ts";
import { l2Object, nodeObject, poolObject, serviceObject, type ServiceOptions, sliceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";

const ADDRESS = "192.168.1.240";
const EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers";

interface World {
  service?: ServiceOptions;
  status?: unknown;
  more?: [string, ServiceOptions][];
  endpoints?: Record<string, unknown>[];
  advertisements?: Record<string, unknown>[];
  nodes?: Parameters<typeof nodeObject>[1][];
  pool?: Record<string, unknown>;
  options?: L2PlanOptions;
}

function plan(world: World) {
  const { config } = resolveConfig({
    ipAddressPools: [
      poolObject("p", ["192.168.1.240-192.168.1.250", "1000::/120"], world.pool),
      poolObject("q", ["10.20.30.0/24"]),
    ],
    l2Advertisements: (world.advertisements ?? [{}]).map((spec, i) => l2Object(`ad${i}`, spec)),
  });
  const nodes = (world.nodes ?? [{}, {}, {}]).map((options, i) => nodeObject(`node-${"abc"[i]}`, options));
  const endpoints = new Map<string, ReturnType<typeof slice>[]>();
  const slice = (name: string) =>
    valueOf(decodeEndpointSlice(sliceObject(name, world.endpoints ?? [{ nodeName: "node-b" }])));
  const services = [["web", { ingress: [ADDRESS], ...world.service }] as const, ...world.more ?? []].map(
    ([name, options]) => {
      endpoints.set(`shop/${name}`, [slice(name)]);
      const object = serviceObject(name, options);
      return valueOf(
        decodeService(name === "web" && world.status !== undefined ? { ...object, status: world.status } : object),
      );
    },
  );
  return planLayer2(
    { services, endpoints, nodes: nodes.map((one) => valueOf(decodeNode(one))), config },
    world.options,
  );
}

Deno.test("planLayer2: why a Service is announced nowhere (reference §6.4, §11.9)", () => {
  const shared = { annotations: { "metallb.universe.tf/allow-shared-ip": "" }, ingress: [ADDRESS] };
  const table: [World, string][] = [
    [{ service: { type: "ClusterIP" } }, "notLoadBalancer"],
    [{ service: { spec: { loadBalancerClass: "x" } } }, "otherClass"],
    [{ options: { lbClasses: ["x"] } }, "otherClass"],
    [{ service: { ingress: [] } }, "noIPAllocated"],
    [{ status: { loadBalancer: { ingress: [{ hostname: "lb.example" }] } } }, "invalidIP"],
    [{ status: { loadBalancer: { ingress: [{ ip: ADDRESS }, { hostname: "lb.example" }] } } }, "invalidIP"],
    [{ service: { ingress: ["192.168.1.300"] } }, "invalidIP"],
    [{ service: { ingress: ["172.16.0.1"] } }, "ipNotAllowed"],
    [{ service: { ingress: [ADDRESS, "10.20.30.1"] } }, "ipNotAllowed"],
    [{ endpoints: [] }, "noReadyEndpoint"],
    [{ endpoints: [{ nodeName: "node-a", conditions: { ready: false } }] }, "noReadyEndpoint"],
    [{ advertisements: [] }, "noMatchingAdvertisement"],
    [{ advertisements: [{ ipAddressPools: ["q"] }] }, "noMatchingAdvertisement"],
    [{ advertisements: [{ serviceSelectors: [{ matchLabels: { a: "b" } }] }] }, "noMatchingAdvertisement"],
    [{
      service: { ...shared, labels: { a: "b" } },
      advertisements: [{}, { serviceSelectors: [{ matchLabels: { a: "b" } }] }],
    }, "sharedIPWithServiceSelector"],
    [{
      service: { annotations: { "metallb.io/allow-shared-ip": "k" }, labels: { a: "b" }, ingress: [ADDRESS] },
      advertisements: [{ serviceSelectors: [{ matchLabels: { a: "b" } }] }],
    }, "sharedIPWithServiceSelector"],
    [{ nodes: [{ networkUnavailable: true }] }, "notOwner"],
    [{ advertisements: [{ nodeSelectors: [{ matchLabels: { rack: "7" } }] }] }, "notOwner"],
    [{ nodes: [] }, "notOwner"],
    [{ service: { spec: { externalTrafficPolicy: "Local" } }, endpoints: [{}] }, "notOwner"],
  ];
  for (const [world, reason] of table) {
    const { services, addresses } = plan(world);
    const web = services.get("shop/web");
    assertEquals([web?.reason, web?.addresses, addresses.size], [reason, [], 0], `${reason} ${JSON.stringify(world)}`);
    assertEquals(web!.message.length > 0, true);
  }
});

Deno.test("planLayer2: candidates in MetalLB's order, each excluded node with its reason", () => {
  const table: [World, string[], string[]][] = [
    [{}, ["node-a", "node-c", "node-b"], []],
    [{ nodes: [{ networkUnavailable: true }, {}, {}] }, ["node-c", "node-b"], ["node-a networkUnavailable"]],
    [{ nodes: [{}, {}, { labels: { [EXCLUDE]: "" } }] }, ["node-a", "node-b"], ["node-c excludedByLabel"]],
    [{ nodes: [{}, {}, { labels: { [EXCLUDE]: "" } }], options: { ignoreExcludeLb: true } }, [
      "node-a",
      "node-c",
      "node-b",
    ], []],
    [
      {
        nodes: [{}, { labels: { rack: "1" } }, {}],
        advertisements: [{ nodeSelectors: [{ matchLabels: { rack: "1" } }] }],
      },
      ["node-b"],
      ["node-a nodeSelectors", "node-c nodeSelectors"],
    ],
    [
      {
        service: { spec: { externalTrafficPolicy: "Local" } },
        endpoints: [{ nodeName: "node-b" }, { nodeName: "node-c" }],
      },
      ["node-c", "node-b"],
      ["node-a noLocalEndpoint"],
    ],
    // Weights of all matching advertisements add up: b has 30 + 30, c has 50.
    [
      {
        nodes: [{}, { labels: { rack: "1" } }, { labels: { rack: "2" } }],
        advertisements: [
          { preferredNodeSelectors: [{ weight: 30, preference: { matchLabels: { rack: "1" } } }] },
          {
            preferredNodeSelectors: [{ weight: 30, preference: { matchLabels: { rack: "1" } } }, {
              weight: 50,
              preference: { matchLabels: { rack: "2" } },
            }],
          },
        ],
      },
      ["node-b", "node-c", "node-a"],
      [],
    ],
    // An advertisement prefers only nodes that it selects; one that does not match the Service prefers none.
    [
      {
        nodes: [{}, { labels: { rack: "1" } }, { labels: { rack: "2" } }],
        advertisements: [
          {},
          {
            nodeSelectors: [{ matchLabels: { rack: "2" } }],
            preferredNodeSelectors: [{ weight: 90, preference: { matchLabels: { rack: "1" } } }],
          },
          {
            serviceSelectors: [{ matchLabels: { not: "ours" } }],
            preferredNodeSelectors: [{ weight: 90, preference: { matchLabels: { rack: "1" } } }],
          },
        ],
      },
      ["node-a", "node-c", "node-b"],
      [],
    ],
    // Only a sharing annotation and selectors together silence a Service.
    [
      { service: { labels: { a: "b" } }, advertisements: [{ serviceSelectors: [{ matchLabels: { a: "b" } }] }] },
      ["node-a", "node-c", "node-b"],
      [],
    ],
    // Local filters before preference.
    [
      {
        nodes: [{}, { labels: { rack: "1" } }, {}],
        service: { spec: { externalTrafficPolicy: "Local" } },
        endpoints: [{ nodeName: "node-a" }],
        advertisements: [{ preferredNodeSelectors: [{ weight: 100, preference: { matchLabels: { rack: "1" } } }] }],
      },
      ["node-a"],
      ["node-b noLocalEndpoint", "node-c noLocalEndpoint"],
    ],
    // All addresses follow the first one's order, which for 1000::1 is a, b, c.
    [{ service: { ingress: ["1000:0::1", ADDRESS] } }, ["node-a", "node-b", "node-c"], []],
  ];
  for (const [world, candidates, excluded] of table) {
    const { services, addresses } = plan(world);
    const web = services.get("shop/web")!;
    assertEquals(addresses.get(ADDRESS)?.candidates, candidates, JSON.stringify(world));
    assertEquals(web.excluded.map(({ node, reason }) => `${node} ${reason}`), excluded);
    assertEquals([web.reason, web.pool], [undefined, "p"]);
  }
});

Deno.test("planLayer2: interfaces are the union of the advertisements; one that names none means all", () => {
  const rack = { nodeSelectors: [{ matchLabels: { rack: "1" } }] };
  const nodes = [{ labels: { rack: "1" } }, {}, {}];
  const table: [World, unknown][] = [
    [{ advertisements: [{ interfaces: ["eth1", "eth0"] }] }, ["eth0", "eth1"]],
    [{ advertisements: [{ interfaces: ["eth1"] }, { interfaces: ["eth0", "eth1"] }] }, ["eth0", "eth1"]],
    [{ advertisements: [{ interfaces: ["eth1"] }, {}] }, "all"],
    [{ nodes, advertisements: [{ interfaces: ["eth1"] }, rack] }, "all"],
    [{ nodes, advertisements: [{ interfaces: ["eth1"] }, rack], options: { node: "node-b" } }, ["eth1"]],
    [{ nodes, advertisements: [{ interfaces: ["eth1"] }, rack], options: { node: "node-a" } }, "all"],
  ];
  for (const [world, expected] of table) {
    assertEquals(plan(world).addresses.get(ADDRESS)?.interfaces, expected, JSON.stringify(world));
  }
});

Deno.test("planLayer2: Services that hold one address are merged", () => {
  const more: [string, ServiceOptions][] = [["api", { ingress: [ADDRESS] }], ["lost", { ingress: ["172.16.0.1"] }]];
  const { addresses, services } = plan({ more });
  assertEquals(addresses.get(ADDRESS)?.services, ["shop/api", "shop/web"]);
  assertEquals([addresses.size, services.size], [1, 3]);
});

Deno.test("explain: the announcer is the first candidate that lives, the dead are excluded", () => {
  const world = plan({ nodes: [{ networkUnavailable: true }, {}, {}] });
  const explained = explainAddress(ADDRESS, { plan: world, isLiving: () => true });
  assertEquals([explained?.announcer, explained?.candidates], ["node-c", ["node-c", "node-b"]]);
  assertEquals(explained?.excluded.map(({ node }) => node), ["node-a"]);
  const one = explainAddress(ADDRESS, { plan: world, isLiving: (node) => node === "node-b" });
  assertEquals([one?.announcer, one?.candidates], ["node-b", ["node-b"]]);
  assertEquals(one?.excluded.map(({ node, reason }) => `${node} ${reason}`), [
    "node-a networkUnavailable",
    "node-c noSpeaker",
  ]);
  assertEquals(explainAddress(ADDRESS, { plan: world, isLiving: () => false })?.announcer, null);
  assertEquals(explainAddress("192.0.2.1", { plan: world, isLiving: () => true }), undefined);
});

Deno.test("explain: where nobody announces, every node is excluded, by its own reason or by the common one", () => {
  const service = { key: "shop/web", addresses: [ADDRESS] };
  const table: [World, string[], string[]][] = [
    [{ endpoints: [] }, ["node-a", "node-b"], ["node-a noReadyEndpoint", "node-b noReadyEndpoint"]],
    [{ endpoints: [] }, [], ["* noReadyEndpoint"]],
    [{ nodes: [{ networkUnavailable: true }] }, ["node-a"], ["node-a networkUnavailable"]],
  ];
  for (const [world, nodes, expected] of table) {
    const explained = explainService(service, { plan: plan(world), isLiving: () => true, nodes });
    const [address, ...more] = explained!.addresses;
    assertEquals([more, address!.announcer, address!.candidates], [[], null, []]);
    assertEquals(address!.excluded.map(({ node, reason }) => `${node} ${reason}`), expected);
  }
  const unknown = { key: "shop/other", addresses: [] };
  assertEquals(explainService(unknown, { plan: plan({}), isLiving: () => true, nodes: [] }), undefined);
});

Deno.test("planLayer2: what a pool gave before somebody broke it goes on being announced, to whom it was given", () => {
  const broken = { addresses: ["192.168.1.240-192.168.1.250", "typo"] };
  const given = { annotations: { "metallb.io/ip-allocated-from-pool": "p" } };
  const table: [World, string | undefined][] = [
    [{ pool: broken }, "ipNotAllowed"],
    [{ pool: broken, service: { annotations: { "metallb.io/ip-allocated-from-pool": "other" } } }, "ipNotAllowed"],
    [{ pool: broken, service: given, advertisements: [{ ipAddressPools: ["q"] }] }, "noMatchingAdvertisement"],
    [{ pool: broken, service: given }, undefined],
    [{ pool: broken, service: given, advertisements: [{ ipAddressPools: ["p"] }] }, undefined],
  ];
  for (const [world, reason] of table) {
    const { services, addresses } = plan({ ...world, service: { ingress: [ADDRESS], ...world.service } });
    assertEquals(services.get("shop/web")?.reason, reason, JSON.stringify(world));
    assertEquals(addresses.has(ADDRESS), reason === undefined, JSON.stringify(world));
  }
});

Deno.test("planLayer2: so does what a pool gave that another one overlaps and disables", () => {
  const annotations = { "metallb.io/ip-allocated-from-pool": "q" };
  const { services } = plan({
    pool: { addresses: ["10.20.30.0/28"] },
    service: { annotations, ingress: ["10.20.30.5"] },
    advertisements: [{ ipAddressPools: ["q"] }],
  });
  const { pool, reason, addresses } = services.get("shop/web")!;
  assertEquals([pool, reason, addresses.length], ["q", undefined, 1]);
});
