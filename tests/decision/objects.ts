/** Objects as the API holds them, in few words, for the tests of `lib/decision`. */
import type { KubeObject } from "../../lib/base/kube.ts";

type Members = Readonly<Record<string, unknown>>;

export function poolObject(name: string, addresses: unknown, spec: Members = {}): KubeObject {
  return { kind: "IPAddressPool", metadata: { name, namespace: "metallb-system" }, spec: { addresses, ...spec } };
}

export function l2Object(name: string, spec?: Members): KubeObject {
  const metadata = { name, namespace: "metallb-system" };
  return { kind: "L2Advertisement", metadata, ...(spec === undefined ? {} : { spec }) };
}

export function nodeObject(name: string, options: {
  labels?: Record<string, string>;
  networkUnavailable?: boolean;
} = {}): KubeObject {
  const status = options.networkUnavailable === true ? "True" : "False";
  return {
    kind: "Node",
    metadata: { name, labels: options.labels ?? {} },
    status: { conditions: [{ type: "Ready", status: "True" }, { type: "NetworkUnavailable", status }] },
  };
}

export function sliceObject(service: string, endpoints: Members[], name = `${service}-1`): KubeObject {
  const metadata = { name, namespace: "shop", labels: { "kubernetes.io/service-name": service } };
  return { kind: "EndpointSlice", metadata, endpoints };
}

export interface ServiceOptions {
  namespace?: string;
  type?: string;
  ingress?: readonly string[];
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  clusterIps?: readonly string[];
  creationTimestamp?: string;
  resourceVersion?: string;
  spec?: Members;
}

export function serviceObject(name: string, options: ServiceOptions = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: options.namespace ?? "shop",
      uid: `uid-${name}`,
      resourceVersion: options.resourceVersion ?? "1",
      creationTimestamp: options.creationTimestamp ?? "2026-01-01T00:00:00Z",
      annotations: options.annotations ?? {},
      labels: options.labels ?? {},
    },
    spec: {
      type: options.type ?? "LoadBalancer",
      clusterIPs: options.clusterIps ?? ["10.96.0.10"],
      ports: [{ port: 80, protocol: "TCP" }],
      ...options.spec,
    },
    status: { loadBalancer: { ingress: (options.ingress ?? []).map((ip) => ({ ip, ipMode: "VIP" })) } },
  };
}
