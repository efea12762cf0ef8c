/** Everything in the simulated API that a plan is made of, decoded as `herald explain` does. */
import { type KubeObject, type Resource, RESOURCES } from "../../lib/base/kube.ts";
import type { Decoded } from "../../lib/decision/config/decode.ts";
import { decodeEndpointSlice, type EndpointView } from "../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../lib/decision/config/node_view.ts";
import { resolveConfig } from "../../lib/decision/config/resolve.ts";
import { decodeService } from "../../lib/decision/config/service_view.ts";
import type { L2World } from "../../lib/decision/plan/l2_plan.ts";
import type { SimApi } from "./sim_api.ts";

export async function readWorld(api: SimApi): Promise<L2World> {
  const read = async <T>(resource: Resource, decode: (object: KubeObject) => Decoded<T>) =>
    (await api.list(resource)).map((object) => decode(object)).flatMap((result) => result.ok ? [result.value] : []);
  const endpoints = new Map<string, EndpointView[]>();
  for (const slice of await read(RESOURCES.endpointSlices, decodeEndpointSlice)) {
    const key = slice.serviceKey ?? "";
    endpoints.set(key, [...endpoints.get(key) ?? [], slice]);
  }
  const { config } = resolveConfig({
    ipAddressPools: await api.list(RESOURCES.ipAddressPools),
    l2Advertisements: await api.list(RESOURCES.l2Advertisements),
    nodes: await api.list(RESOURCES.nodes),
  });
  return {
    services: await read(RESOURCES.services, decodeService),
    endpoints,
    nodes: await read(RESOURCES.nodes, decodeNode),
    config,
  };
}
