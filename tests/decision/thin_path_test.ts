import { assertEquals } from "@std/assert/equals";
import { Allocator } from "../../lib/decision/alloc/allocator.ts";
import { decodeEndpointSlice } from "../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../lib/decision/config/node_view.ts";
import { resolveConfig } from "../../lib/decision/config/resolve.ts";
import { decodeService } from "../../lib/decision/config/service_view.ts";
import { explainAddress } from "../../lib/decision/plan/explain.ts";
import { planLayer2 } from "../../lib/decision/plan/l2_plan.ts";
import { WantedDiff } from "../../lib/decision/plan/wanted_diff.ts";
import { l2Object, nodeObject, poolObject, serviceObject, sliceObject } from "./objects.ts";
import { valueOf } from "./value_of.ts";

Deno.test("Decision: a pool, an advertisement and a Service give an address and its candidates", () => {
  const { config, problems } = resolveConfig({
    ipAddressPools: [poolObject("first", ["192.168.1.240-192.168.1.250"])],
    l2Advertisements: [l2Object("all")],
  });
  assertEquals(problems, []);
  const allocator = new Allocator();
  allocator.setPools(config.pools);
  const request = { serviceKey: "shop/web", namespace: "shop", labels: {}, families: [4 as const], oneIsEnough: false };
  assertEquals(allocator.assign(request), { ok: true, pool: "first", addresses: ["192.168.1.240"] });

  const service = valueOf(decodeService(serviceObject("web", { ingress: ["192.168.1.240"] })));
  const slice = valueOf(decodeEndpointSlice(sliceObject("web", [{ nodeName: "node-b", conditions: { ready: true } }])));
  const nodes = ["node-a", "node-b", "node-c"].map((name) => valueOf(decodeNode(nodeObject(name))));
  const plan = planLayer2({ services: [service], endpoints: new Map([["shop/web", [slice]]]), nodes, config });
  const wanted = plan.addresses.get("192.168.1.240");
  // The order of reference §6.4.
  assertEquals(wanted?.candidates, ["node-a", "node-c", "node-b"]);
  assertEquals(wanted?.services, ["shop/web"]);
  const explained = explainAddress("192.168.1.240", { plan, isLiving: (node) => node !== "node-a" });
  assertEquals(explained?.announcer, "node-c");

  const [delta, ...more] = new WantedDiff().next({ addresses: plan.addresses, peers: [] });
  assertEquals(more, []);
  assertEquals(delta?.upsertAddresses, [wanted]);
  assertEquals([delta?.generation, delta?.complete], [1, true]);
});
