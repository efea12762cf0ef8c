/**
 * One EndpointSlice as the planner sees it: which Service it belongs to and where that can be served.
 *
 * "Can serve" is ready being absent or true, or else serving being true; terminating is never looked at
 * (reference §11.8).
 */
import { type KubeObject, objectKey } from "../../base/kube.ts";
import { type Decoded, decodeObject } from "./decode.ts";
import { textsOf } from "./schema/common.ts";
import { endpointSliceSchema } from "./schema/endpoint_slice.ts";

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

export interface EndpointView {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** `namespace/name` of the Service; `undefined` when the slice carries no label that names one. */
  readonly serviceKey: string | undefined;
  /** True when at least one endpoint can serve, with or without a node. */
  readonly canServe: boolean;
  /** Names of the nodes with at least one endpoint that can serve, each once, sorted. */
  readonly servingNodes: readonly string[];
}

export function decodeEndpointSlice(object: KubeObject | unknown): Decoded<EndpointView> {
  const decoded = decodeObject(object, { schema: endpointSliceSchema, kind: "EndpointSlice" });
  if (!decoded.ok) return decoded;
  const { metadata, endpoints } = decoded.value;
  const namespace = metadata.namespace ?? "";
  const labels = textsOf(metadata.labels);
  const service = Object.hasOwn(labels, SERVICE_NAME_LABEL) ? labels[SERVICE_NAME_LABEL] : undefined;
  const nodes = new Set<string>();
  let canServe = false;
  for (const { nodeName, conditions } of endpoints ?? []) {
    const serves = (conditions?.ready ?? true) || conditions?.serving === true;
    if (!serves) continue;
    canServe = true;
    if (typeof nodeName === "string" && nodeName !== "") nodes.add(nodeName);
  }
  return {
    ok: true,
    value: {
      key: objectKey({ metadata: { name: metadata.name, namespace } }),
      serviceKey: service === undefined || service === ""
        ? undefined
        : objectKey({ metadata: { name: service, namespace } }),
      canServe,
      servingNodes: [...nodes].sort(),
    },
  };
}
