/** A Pod as speaker discovery sees it: where it runs and how it is reached. */
import { canonicalIp } from "../../base/ip.ts";
import { type KubeObject, objectKey } from "../../base/kube.ts";
import { type Decoded, decodeObject } from "./decode.ts";
import { podSchema } from "./schema/pod.ts";
import type { Labels } from "./service_view.ts";

export interface PodView {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  /** `undefined` until it is scheduled. */
  readonly nodeName: string | undefined;
  /** Canonical texts, the primary address first; what is no address is left out. */
  readonly ips: readonly string[];
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`, or empty. */
  readonly phase: string;
  /** It has a deletion timestamp: it is going. */
  readonly deleting: boolean;
}

export function decodePod(object: KubeObject | unknown): Decoded<PodView> {
  const decoded = decodeObject(object, { schema: podSchema, kind: "Pod" });
  if (!decoded.ok) return decoded;
  const { metadata, spec, status } = decoded.value;
  const namespace = metadata.namespace ?? "";
  const ips = new Set<string>();
  for (const text of [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)]) {
    const canonical = text === undefined ? undefined : canonicalIp(text);
    if (canonical !== undefined) ips.add(canonical);
  }
  return {
    ok: true,
    value: {
      key: objectKey({ metadata: { name: metadata.name, namespace } }),
      namespace,
      name: metadata.name,
      labels: metadata.labels,
      nodeName: spec?.nodeName === "" ? undefined : spec?.nodeName,
      ips: [...ips],
      phase: status?.phase ?? "",
      deleting: metadata.deletionTimestamp !== undefined,
    },
  };
}

/**
 * Which of a pod's addresses is called from `own`: a socket reaches its own family only, and on two stacks a pod has an
 * address in each. Without `own` the primary one.
 */
export function addressReachedFrom(own: string | undefined, ips: readonly string[]): string | undefined {
  return own === undefined ? ips[0] : ips.find((ip) => ip.includes(":") === own.includes(":"));
}
