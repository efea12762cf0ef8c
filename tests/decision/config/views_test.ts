import { assertEquals } from "@std/assert/equals";
import { decodeEndpointSlice } from "../../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../../lib/decision/config/node_view.ts";
import { addressReachedFrom, decodePod } from "../../../lib/decision/config/pod_view.ts";
import { decodeService } from "../../../lib/decision/config/service_view.ts";
import { nodeObject, serviceObject, sliceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";

Deno.test("decodeService: today's annotation prefix wins, even when it is empty", () => {
  const table: [Record<string, string>, string | undefined][] = [
    [{}, undefined],
    [{ "metallb.io/address-pool": "" }, undefined],
    [{ "metallb.io/address-pool": "", "metallb.universe.tf/address-pool": "old" }, undefined],
    [{ "metallb.universe.tf/address-pool": "old" }, "old"],
    [{ "metallb.io/address-pool": "new", "metallb.universe.tf/address-pool": "old" }, "new"],
  ];
  for (const [annotations, expected] of table) {
    assertEquals(valueOf(decodeService(serviceObject("web", { annotations }))).requestedPool, expected);
  }
});

Deno.test("decodeService: absent and null members take their defaults", () => {
  for (
    const object of [
      { metadata: { name: "web", namespace: "shop" } },
      { metadata: { name: "web", namespace: "shop", labels: null, annotations: null }, spec: null, status: null },
      {
        metadata: { name: "web", namespace: "shop" },
        spec: { ports: null, selector: null, clusterIPs: null },
        status: {},
      },
    ]
  ) {
    const view = valueOf(decodeService(object));
    assertEquals([view.key, view.type, view.externalTrafficPolicy, view.ipFamilyPolicy], [
      "shop/web",
      "ClusterIP",
      "Cluster",
      "SingleStack",
    ]);
    assertEquals([view.clusterIps, view.ports, view.ingress, view.hasNamedIngress], [[], [], [], false]);
  }
});

Deno.test("decodeService: cluster IPs come from the list, else from the single field; None is none", () => {
  const table: [Record<string, unknown>, string[]][] = [
    [{ clusterIPs: null, clusterIP: "None" }, []],
    [{ clusterIPs: ["None"], clusterIP: "None" }, []],
    [{ clusterIPs: [], clusterIP: "10.0.0.1" }, ["10.0.0.1"]],
    [{ clusterIPs: ["10.0.0.1", "fd00::1"], clusterIP: "10.0.0.1" }, ["10.0.0.1", "fd00::1"]],
  ];
  for (const [spec, expected] of table) {
    assertEquals(valueOf(decodeService(serviceObject("web", { spec }))).clusterIps, expected, JSON.stringify(spec));
  }
});

Deno.test("decodeService: an ingress entry without an address is noticed", () => {
  const object = {
    ...serviceObject("web"),
    status: { loadBalancer: { ingress: [{ hostname: "lb.example" }, { ip: "x" }] } },
  };
  const view = valueOf(decodeService(object));
  assertEquals([view.ingress, view.hasNamedIngress], [["x"], true]);
});

Deno.test("decodeEndpointSlice: who can serve, by the table of reference §11.8", () => {
  const table: [boolean | null | undefined, boolean | null | undefined, boolean][] = [
    [undefined, undefined, true],
    [null, false, true],
    [true, false, true],
    [true, undefined, true],
    [false, true, true],
    [false, false, false],
    [false, undefined, false],
    [false, null, false],
  ];
  for (const [ready, serving, expected] of table) {
    for (const terminating of [undefined, true, false]) {
      const slice = sliceObject("web", [{ nodeName: "n1", conditions: { ready, serving, terminating } }]);
      const view = valueOf(decodeEndpointSlice(slice));
      assertEquals([view.canServe, view.servingNodes], [expected, expected ? ["n1"] : []], `${ready} ${serving}`);
    }
  }
});

Deno.test("decodeEndpointSlice: it names its Service by label, and nodes once", () => {
  const slice = sliceObject("web", [{ nodeName: "b" }, { nodeName: "a" }, { nodeName: "b" }, {}]);
  assertEquals(valueOf(decodeEndpointSlice(slice)), {
    key: "shop/web-1",
    serviceKey: "shop/web",
    canServe: true,
    servingNodes: ["a", "b"],
  });
  assertEquals(valueOf(decodeEndpointSlice({ metadata: { name: "x", namespace: "y" } })).serviceKey, undefined);
});

Deno.test("decodeNode: the condition and the label that bar it from announcing", () => {
  const label = "node.kubernetes.io/exclude-from-external-load-balancers";
  assertEquals(valueOf(decodeNode(nodeObject("n", { networkUnavailable: true }))).networkUnavailable, true);
  assertEquals(valueOf(decodeNode(nodeObject("n"))).networkUnavailable, false);
  assertEquals(valueOf(decodeNode(nodeObject("n", { labels: { [label]: "" } }))).excluded, true);
  assertEquals(valueOf(decodeNode({ metadata: { name: "n" } })).excluded, false);
});

Deno.test("addressReachedFrom: of a pod with two families the one of the caller, else the primary", () => {
  const both = ["10.0.0.1", "fd00::1"];
  assertEquals([undefined, "10.0.0.9", "fd00::9"].map((own) => addressReachedFrom(own, both)), [
    "10.0.0.1",
    "10.0.0.1",
    "fd00::1",
  ]);
  assertEquals(addressReachedFrom("fd00::9", ["10.0.0.1"]), undefined);
});

Deno.test("decodePod: addresses are canonical, each once, the primary first", () => {
  const pod = {
    metadata: { name: "speaker-1", namespace: "m", deletionTimestamp: "2026-01-01T00:00:00Z" },
    spec: { nodeName: "n1" },
    status: { phase: "Running", podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }, { ip: "FD00::1" }, { ip: "x" }, {}] },
  };
  const view = valueOf(decodePod(pod));
  assertEquals([view.ips, view.nodeName, view.phase, view.deleting], [["10.0.0.1", "fd00::1"], "n1", "Running", true]);
  assertEquals(valueOf(decodePod({ metadata: { name: "p" } })).nodeName, undefined);
});
