/** A Node as the planner sees it: its labels, and the two facts that bar it from announcing (reference §6.4). */
import type { KubeObject } from "../../base/kube.ts";
import { type Decoded, decodeObject } from "./decode.ts";
import { nodeSchema } from "./schema/node.ts";
import type { Labels } from "./service_view.ts";

const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

export interface NodeView {
  readonly name: string;
  readonly labels: Labels;
  /** Condition `NetworkUnavailable` is `True`. */
  readonly networkUnavailable: boolean;
  /** The label that excludes it from load balancers is present, whatever its value. */
  readonly excluded: boolean;
  /** Texts of the addresses of type `InternalIP`. */
  readonly internalIps: readonly string[];
}

export function decodeNode(object: KubeObject | unknown): Decoded<NodeView> {
  const decoded = decodeObject(object, { schema: nodeSchema, kind: "Node" });
  if (!decoded.ok) return decoded;
  const { metadata, status } = decoded.value;
  const conditions = status?.conditions ?? [];
  return {
    ok: true,
    value: {
      name: metadata.name,
      labels: metadata.labels,
      networkUnavailable: conditions.some(({ type, status }) => type === "NetworkUnavailable" && status === "True"),
      excluded: Object.hasOwn(metadata.labels, EXCLUDE_LABEL),
      internalIps: (status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address),
    },
  };
}
