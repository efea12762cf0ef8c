/** A small world for the programs: one ready node with one ready Pod behind every Service, one pool, one advertisement. */
import { NAMESPACE, NODE } from "./stage.ts";
import type { ApiRequest } from "./stage_calls.ts";

const NOW = "2026-01-01T00:00:00Z";
const METALLB = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}`;

export const SERVICES_PATH = "/api/v1/namespaces/default/services";

/** In this order. */
export function worldRequests(): ApiRequest[] {
  const ready = [{ type: "Ready", status: "True", lastTransitionTime: NOW }];
  return [
    post("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
    post("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: NODE.name } }),
    patch(`/api/v1/nodes/${NODE.name}/status`, {
      status: { conditions: ready, addresses: [{ type: "InternalIP", address: NODE.address }] },
    }),
    post("/api/v1/namespaces/default/pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web-1", labels: { app: "web" } },
      spec: { nodeName: NODE.name, containers: [{ name: "server", image: "nginx" }] },
    }),
    patch("/api/v1/namespaces/default/pods/web-1/status", {
      status: { phase: "Running", podIP: "10.244.1.2", podIPs: [{ ip: "10.244.1.2" }], conditions: ready },
    }),
    post(`${METALLB}/ipaddresspools`, {
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name: "first-pool", namespace: NAMESPACE },
      spec: { addresses: ["10.20.0.0/16"] },
    }),
    post(`${METALLB}/l2advertisements`, {
      apiVersion: "metallb.io/v1beta1",
      kind: "L2Advertisement",
      metadata: { name: "on-the-lan", namespace: NAMESPACE },
      spec: { ipAddressPools: ["first-pool"] },
    }),
  ];
}

export function createService(name: string, type: "LoadBalancer" | "ClusterIP" = "LoadBalancer"): ApiRequest {
  return post(SERVICES_PATH, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type, selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  });
}

/** What the controller writes when it gives an address. */
export function giveAddress(name: string, ip: string): ApiRequest {
  const status = { loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } };
  const metadata = { annotations: { "metallb.io/ip-allocated-from-pool": "first-pool" } };
  return patch(`${SERVICES_PATH}/${name}/status`, { metadata, status });
}

export function patch(path: string, body: unknown): ApiRequest {
  return { method: "PATCH", path, body };
}

function post(path: string, body: unknown): ApiRequest {
  return { method: "POST", path, body };
}
