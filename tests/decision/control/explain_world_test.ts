import { assertEquals } from "@std/assert/equals";
import type { KubeObject } from "../../../lib/base/kube.ts";
import {
  explainWorld,
  type ServiceExplanation,
  type WorldObjects,
  type WorldOptions,
} from "../../../lib/decision/control/explain_world.ts";
import { l2Object, nodeObject, poolObject, serviceObject, type ServiceOptions, sliceObject } from "../objects.ts";

const ANNOTATION = "metallb.io/ip-allocated-from-pool";
const NODES = ["node-a", "node-b", "node-c"];

function world(
  services: Record<string, ServiceOptions>,
  more: Partial<WorldObjects> = {},
  options: Partial<WorldOptions> = {},
) {
  const names = Object.keys(services);
  return explainWorld({
    services: names.map((name) => serviceObject(name, services[name])),
    ipAddressPools: [poolObject("first", ["192.168.1.240-192.168.1.241"]), poolObject("second", ["10.20.30.1/32"])],
    l2Advertisements: [l2Object("all")],
    nodes: NODES.map((name) => nodeObject(name)),
    endpointSlices: names.map((name) => sliceObject(name, [{ nodeName: "node-b" }])),
    ...more,
  }, { lbClasses: undefined, ignoreExcludeLb: false, speakers: undefined, ...options });
}

function brief({ name, allocation }: ServiceExplanation): string {
  const { outcome, pool, addresses, reason, events } = allocation;
  const told = events.map((event) => `${event.type} ${event.reason}`);
  return [name, outcome, reason, pool, addresses.join(","), ...told].filter(Boolean).join(" | ");
}

Deno.test("explainWorld: what becomes of a Service, with the events of the controller", () => {
  const mine = { [ANNOTATION]: "first" };
  const table: [Record<string, ServiceOptions>, string[], Partial<WorldOptions>?][] = [
    [{ web: { type: "ClusterIP" } }, ["web | ignored | notLoadBalancer"]],
    [{ web: { spec: { loadBalancerClass: "x" } } }, ["web | ignored | otherClass"]],
    [{ web: { clusterIps: [] } }, ["web | pending | noClusterIP"]],
    [{ web: { annotations: { "metallb.io/address-pool": "nope" } } }, [
      "web | pending | unknownPool | Warning AllocationFailed",
    ]],
    // Two Services want one address: the older one by name gets it, the other one is told who has it.
    [
      {
        a: { annotations: { "metallb.io/loadBalancerIPs": "10.20.30.1" } },
        b: { annotations: { "metallb.io/loadBalancerIPs": "10.20.30.1" } },
      },
      [
        "a | assigned | requestedAddress | second | 10.20.30.1 | Normal IPAllocated",
        "b | pending | addressInUse | Warning AllocationFailed",
      ],
    ],
    [{ web: {} }, ["web | assigned | autoAssign | first | 192.168.1.240 | Normal IPAllocated"]],
    [{ web: { annotations: { "metallb.io/address-pool": "second" } } }, [
      "web | assigned | requestedPool | second | 10.20.30.1 | Normal IPAllocated",
    ]],
    [{ web: { spec: { loadBalancerClass: "x" } } }, [
      "web | assigned | autoAssign | first | 192.168.1.240 | Normal IPAllocated",
    ], { lbClasses: ["x"] }],
    // An address in the status stays where it may, and the new one goes beside it.
    [
      { new: {}, old: { ingress: ["192.168.1.240"], annotations: mine } },
      [
        "new | assigned | autoAssign | first | 192.168.1.241 | Normal IPAllocated",
        "old | kept | mayStay | first | 192.168.1.240",
      ],
    ],
    // Without our annotation it is adopted all the same.
    [{ old: { ingress: ["192.168.1.241"] } }, ["old | kept | mayStay | first | 192.168.1.241"]],
    // Outside of all pools: a new one.
    [{ old: { ingress: ["172.16.0.1"], annotations: mine } }, [
      "old | assigned | autoAssign | first | 192.168.1.240 | Normal ClearAssignment | Normal IPAllocated",
    ]],
    // Dual stack is preferred and the pool has no IPv6: what it lacks is told, with the address that it has.
    [{ web: { clusterIps: ["10.96.0.10", "fd00::10"], spec: { ipFamilyPolicy: "PreferDualStack" } } }, [
      "web | assigned | secondNotInPool | first | 192.168.1.240 | Normal IPAllocated",
    ]],
    [{ old: { type: "ClusterIP", ingress: ["192.168.1.240"], annotations: mine } }, [
      "old | released | notLoadBalancer",
    ]],
  ];
  for (const [services, expected, options] of table) {
    assertEquals(world(services, {}, options).services.map(brief), expected);
  }
});

Deno.test("explainWorld: what one Service gives up, another one gets, as in a cluster", () => {
  const { services, pools } = world({
    leaving: { type: "ClusterIP", ingress: ["10.20.30.1"], annotations: { [ANNOTATION]: "second" } },
    waiting: { annotations: { "metallb.io/loadBalancerIPs": "10.20.30.1" } },
  });
  const [leaving, waiting] = services;
  assertEquals([leaving!.allocation.outcome, leaving!.allocation.addresses], ["released", []]);
  assertEquals([waiting!.allocation.outcome, waiting!.allocation.addresses], ["assigned", ["10.20.30.1"]]);
  assertEquals(pools.map(({ name, assignedIPv4, availableIPv4 }) => [name, assignedIPv4, availableIPv4]), [
    ["first", 0n, 2n],
    ["second", 1n, 0n],
  ]);
});

Deno.test("explainWorld: layer 2 in the order of the hashes, with those that do not live (reference §6.4)", () => {
  const table: [ServiceOptions, Partial<WorldOptions>, string, string[], string[]][] = [
    [{}, {}, "node-a", ["node-a", "node-c", "node-b"], []],
    [{}, { speakers: new Set(["node-b", "node-c"]) }, "node-c", ["node-c", "node-b"], ["node-a noSpeaker"]],
    [{ annotations: { "metallb.io/address-pool": "second" } }, {}, "node-b", ["node-b", "node-c", "node-a"], []],
    [
      { spec: { externalTrafficPolicy: "Local" } },
      { speakers: new Set(["node-a", "node-b"]) },
      "node-b",
      ["node-b"],
      ["node-a noLocalEndpoint", "node-c noLocalEndpoint"],
    ],
  ];
  for (const [service, options, announcer, candidates, excluded] of table) {
    const [web] = world({ web: service }, {}, options).services;
    const [address, ...more] = web!.layer2!.addresses;
    assertEquals([more, address!.announcer, address!.candidates], [[], announcer, candidates]);
    assertEquals(address!.excluded.map(({ node, reason }) => `${node} ${reason}`), excluded);
    assertEquals(web!.bgp, []);
  }
});

Deno.test("explainWorld: what cannot be read is told and harms nobody else", () => {
  const broken = { ...serviceObject("broken"), spec: { type: "LoadBalancer", ports: "eighty" } } as KubeObject;
  const explained = world({ web: {} }, {
    services: [broken, serviceObject("web")],
    ipAddressPools: [poolObject("bad", ["10.0.0.0/33"]), poolObject("good", ["192.168.1.240/32"])],
  });
  const [first, second] = explained.services.map(({ allocation }) => allocation);
  assertEquals([first!.outcome, first!.reason], ["pending", "undecodable"]);
  assertEquals([second!.outcome, second!.pool], ["assigned", "good"]);
  assertEquals(explained.problems.map(({ kind, name, path }) => [kind, name, path]), [
    ["IPAddressPool", "bad", "spec.addresses[0]"],
    ["Service", "broken", "spec.ports"],
  ]);
});

Deno.test("explainWorld: a Service whose name comes twice, and an empty world", () => {
  const twice = [serviceObject("web"), serviceObject("web", { labels: { a: "b" } })];
  assertEquals(world({}, { services: twice }).services.length, 1);
  assertEquals(world({}, { ipAddressPools: [], nodes: [] }).services, []);
});

Deno.test("explainWorld: a pool that nothing announces is told with the Service that suffers", () => {
  const explained = world({ web: {} }, { l2Advertisements: [], bgpAdvertisements: [] });
  assertEquals(explained.problems.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`), [
    "IPAddressPool first notAdvertised",
    "IPAddressPool second notAdvertised",
    "Service web notAnnounced",
  ]);
});
