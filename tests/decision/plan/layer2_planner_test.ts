import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import type { WantedAddress } from "../../../lib/base/wanted.ts";
import { EMPTY_CONFIG } from "../../../lib/decision/config/config.ts";
import { decodeEndpointSlice, type EndpointView } from "../../../lib/decision/config/endpoint_view.ts";
import { decodeNode, type NodeView } from "../../../lib/decision/config/node_view.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { decodeService, type ServiceView } from "../../../lib/decision/config/service_view.ts";
import { planLayer2 } from "../../../lib/decision/plan/l2_plan.ts";
import { Layer2Planner } from "../../../lib/decision/plan/layer2_planner.ts";
import { WantedDiff } from "../../../lib/decision/plan/wanted_diff.ts";
import { l2Object, nodeObject, poolObject, serviceObject, sliceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";

const CONFIGS = [
  EMPTY_CONFIG,
  resolveConfig({ ipAddressPools: [poolObject("p", ["192.0.2.0/24"])], l2Advertisements: [l2Object("all")] }).config,
  resolveConfig({
    ipAddressPools: [poolObject("p", ["192.0.2.0/29"]), poolObject("q", ["192.0.2.8/29"])],
    l2Advertisements: [
      l2Object("p", { ipAddressPools: ["p"], interfaces: ["eth0"], nodeSelectors: [{ matchLabels: { rack: "1" } }] }),
      l2Object("q", {
        ipAddressPools: ["q"],
        preferredNodeSelectors: [{ weight: 9, preference: { matchLabels: { rack: "0" } } }],
        serviceSelectors: [{ matchLabels: { v: "1" } }],
      }),
    ],
  }).config,
];

function byKey<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("Layer2Planner: over random histories its plan equals the plan from scratch, and so do the deltas told", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const rng = new SeededRng(seed);
    const planner = new Layer2Planner();
    const diff = new WantedDiff();
    const told = new Map<string, WantedAddress>();
    const services = new Map<string, ServiceView>();
    const slices = new Map<string, EndpointView>();
    const nodes = new Map<string, NodeView>();
    let config = EMPTY_CONFIG;
    for (let step = 0; step < 60; step++) {
      const dice = below(rng, 20);
      const name = `s${below(rng, 6)}`;
      if (dice < 7) {
        const view = valueOf(decodeService(serviceObject(name, {
          ingress: below(rng, 5) === 0 ? [] : [`192.0.2.${below(rng, 16)}`],
          labels: { v: String(below(rng, 2)) },
          type: below(rng, 8) === 0 ? "ClusterIP" : "LoadBalancer",
          spec: { externalTrafficPolicy: below(rng, 3) === 0 ? "Local" : "Cluster" },
        })));
        services.set(view.key, view);
        planner.upsertService(view);
      } else if (dice < 9) {
        services.delete(`shop/${name}`);
        planner.removeService(`shop/${name}`);
      } else if (dice < 14) {
        // Two slices of one Service, and sometimes one that moves to another Service.
        const endpoints = [{ nodeName: `n${below(rng, 4)}`, conditions: { ready: below(rng, 4) > 0 } }];
        const slice = valueOf(decodeEndpointSlice(sliceObject(name, endpoints, `slice${below(rng, 9)}`)));
        slices.set(slice.key, slice);
        planner.upsertSlice(slice);
      } else if (dice < 15) {
        const key = `shop/slice${below(rng, 9)}`;
        slices.delete(key);
        planner.removeSlice(key);
      } else if (dice < 18) {
        const node = valueOf(decodeNode(nodeObject(`n${below(rng, 4)}`, {
          labels: { rack: String(below(rng, 2)) },
          networkUnavailable: below(rng, 5) === 0,
        })));
        nodes.set(node.name, node);
        planner.upsertNode(node);
      } else if (dice < 19) {
        const node = `n${below(rng, 4)}`;
        nodes.delete(node);
        planner.removeNode(node);
      } else {
        config = CONFIGS[below(rng, CONFIGS.length)]!;
        planner.setConfig(config);
      }
      if (below(rng, 3) === 0) continue;
      const { addresses } = planner.refresh();
      const endpoints = new Map<string, EndpointView[]>();
      for (const slice of slices.values()) {
        if (slice.serviceKey === undefined) continue;
        endpoints.set(slice.serviceKey, [...endpoints.get(slice.serviceKey) ?? [], slice]);
      }
      const scratch = planLayer2({ services: services.values(), endpoints, nodes: nodes.values(), config });
      const context = `seed ${seed}, step ${step}`;
      assertEquals(byKey(planner.plan.services), byKey(scratch.services), context);
      assertEquals(byKey(planner.plan.addresses), byKey(scratch.addresses), context);
      for (const delta of diff.next({ addresses: planner.plan.addresses, peers: [] }, { changed: addresses })) {
        for (const address of delta.removeAddresses) told.delete(address);
        for (const wanted of delta.upsertAddresses) told.set(wanted.address, wanted);
      }
      assertEquals(byKey(told), byKey(scratch.addresses), context);
    }
  }
});

Deno.test("Layer2Planner: a change of one Service touches only that Service, a Node's heartbeat touches none", () => {
  const planner = new Layer2Planner();
  planner.setConfig(CONFIGS[1]!);
  const node = valueOf(decodeNode(nodeObject("n1")));
  planner.upsertNode(node);
  for (let i = 0; i < 5; i++) {
    planner.upsertService(valueOf(decodeService(serviceObject(`s${i}`, { ingress: [`192.0.2.${i}`] }))));
    planner.upsertSlice(valueOf(decodeEndpointSlice(sliceObject(`s${i}`, [{ nodeName: "n1" }]))));
  }
  assertEquals(planner.refresh().services.size, 5);
  planner.upsertService(valueOf(decodeService(serviceObject("s3", { ingress: ["192.0.2.77"] }))));
  const changes = planner.refresh();
  assertEquals([[...changes.services], [...changes.addresses].sort()], [["shop/s3"], ["192.0.2.3", "192.0.2.77"]]);
  planner.upsertNode({ ...node, labels: { ...node.labels } });
  assertEquals(planner.refresh().services.size, 0);
  planner.upsertNode({ ...node, networkUnavailable: true });
  assertEquals(planner.refresh().services.size, 5);
});
