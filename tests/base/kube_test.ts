import { assertEquals } from "@std/assert/equals";
import { apiVersionOf, objectKey, resourcePath, RESOURCES } from "../../lib/base/kube.ts";

Deno.test("resourcePath: the paths of the Kubernetes API, core and named groups, with and without namespace", () => {
  const { services, nodes, ipAddressPools, bgpPeers, leases, endpointSlices } = RESOURCES;
  const rows = [
    [resourcePath(services), "/api/v1/services"],
    [resourcePath(services, { namespace: undefined }), "/api/v1/services"],
    // As everywhere in the Kubernetes API, the empty namespace is none.
    [resourcePath(services, { namespace: "" }), "/api/v1/services"],
    [resourcePath(services, { namespace: "shop" }), "/api/v1/namespaces/shop/services"],
    [resourcePath(services, { namespace: "shop", name: "web" }), "/api/v1/namespaces/shop/services/web"],
    [
      resourcePath(services, { namespace: "shop", name: "web", subresource: "status" }),
      "/api/v1/namespaces/shop/services/web/status",
    ],
    [resourcePath(nodes), "/api/v1/nodes"],
    [resourcePath(nodes, { name: "n1" }), "/api/v1/nodes/n1"],
    // A cluster-scoped kind has no namespace, whatever the caller holds.
    [resourcePath(nodes, { namespace: "shop", name: "n1" }), "/api/v1/nodes/n1"],
    [
      resourcePath(ipAddressPools, { namespace: "metallb-system", name: "first" }),
      "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/first",
    ],
    [resourcePath(bgpPeers), "/apis/metallb.io/v1beta2/bgppeers"],
    [resourcePath(leases), "/apis/coordination.k8s.io/v1/leases"],
    [resourcePath(endpointSlices), "/apis/discovery.k8s.io/v1/endpointslices"],
    // A name never becomes a path or a query of its own.
    [resourcePath(services, { namespace: "a/b", name: "c?d#e f" }), "/api/v1/namespaces/a%2Fb/services/c%3Fd%23e%20f"],
  ] as const;
  for (const [actual, expected] of rows) assertEquals(actual, expected);
});

Deno.test("apiVersionOf: the core group has no name", () => {
  assertEquals(apiVersionOf(RESOURCES.services), "v1");
  assertEquals(apiVersionOf(RESOURCES.bgpPeers), "metallb.io/v1beta2");
});

Deno.test("objectKey: namespace and name, or the name alone", () => {
  assertEquals(objectKey({ metadata: { name: "n1" } }), "n1");
  assertEquals(objectKey({ metadata: { name: "n1", namespace: "" } }), "n1");
  assertEquals(objectKey({ metadata: { name: "web", namespace: "shop" } }), "shop/web");
});

Deno.test("RESOURCES: no two kinds share a path", () => {
  const paths = Object.values(RESOURCES).map((resource) => resourcePath(resource));
  assertEquals(new Set(paths).size, paths.length);
});
