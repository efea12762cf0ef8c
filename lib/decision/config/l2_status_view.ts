/**
 * A `ServiceL2Status` as its writers and readers see it (reference §1.8, §6.7). It is made without a status first, so its
 * labels say whose it is; once the status is there it has the last word, for its names cannot be changed.
 */
import type { KubeObject } from "../../base/kube.ts";
import { type Decoded, decodeObject } from "./decode.ts";
import { nodeLabel } from "./node_label.ts";
import { serviceL2StatusSchema } from "./schema/service_l2_status.ts";

export const L2_STATUS_LABELS = {
  node: "metallb.io/node",
  serviceName: "metallb.io/service-name",
  serviceNamespace: "metallb.io/service-namespace",
} as const;

export interface L2StatusView {
  readonly name: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly ownerUids: readonly string[];
  /** `namespace/name`; empty when neither labels nor status tell. */
  readonly serviceKey: string;
  /** As a label has it (`nodeLabel`) until the status is there. */
  readonly node: string;
  /** It has a status with all three names. */
  readonly isFilled: boolean;
  /** Names of interfaces, as they stand. */
  readonly interfaces: readonly string[];
  /** Its status names something else than its labels. */
  readonly isContradictory: boolean;
}

export function decodeL2Status(object: KubeObject): Decoded<L2StatusView> {
  const decoded = decodeObject(object, { schema: serviceL2StatusSchema, kind: "ServiceL2Status" });
  if (!decoded.ok) return decoded;
  const { metadata, status } = decoded.value;
  // The whole name of a node has no room in a label; where both say the same, the status has all of it.
  const label = metadata.labels[L2_STATUS_LABELS.node];
  const whole = status?.node !== undefined && nodeLabel(status.node) === label ? status.node : label;
  const pairs = [
    [status?.node, whole],
    [status?.serviceNamespace, metadata.labels[L2_STATUS_LABELS.serviceNamespace]],
    [status?.serviceName, metadata.labels[L2_STATUS_LABELS.serviceName]],
  ] as const;
  const [node, namespace, name] = pairs.map(([shown, label]) => label ?? shown ?? "") as [string, string, string];
  return {
    ok: true,
    value: {
      name: metadata.name,
      uid: metadata.uid ?? "",
      creationTimestamp: metadata.creationTimestamp ?? "",
      ownerUids: (object.metadata.ownerReferences ?? []).map(({ uid }) => uid),
      serviceKey: name === "" ? "" : `${namespace}/${name}`,
      node,
      isFilled: pairs.every(([shown]) => shown !== undefined && shown !== ""),
      interfaces: (status?.interfaces ?? []).flatMap((one) => one.name ?? []),
      isContradictory: pairs.some(([shown, label]) => shown !== undefined && label !== undefined && shown !== label),
    },
  };
}
