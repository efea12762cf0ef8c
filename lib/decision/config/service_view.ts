/**
 * A Service as the decisions see it: every default applied, both annotation prefixes read, nothing judged yet.
 *
 * For each pair of annotations the `metallb.io/` key wins when it is present, even when its value is empty: empty
 * means "nothing requested" (reference §5.1).
 */
import type { IpFamily } from "../../base/ip.ts";
import { type KubeObject, objectKey } from "../../base/kube.ts";
import { annotationOf } from "./annotations.ts";
import { type Decoded, decodeObject } from "./decode.ts";
import { textsOf } from "./schema/common.ts";
import { type ServiceObject, serviceSchema } from "./schema/service.ts";

/** Written by the controller: the name of the pool that the addresses come from. */
export const ALLOCATED_FROM_POOL = "metallb.io/ip-allocated-from-pool";

export type Labels = Readonly<Record<string, string>>;

export interface ServicePort {
  readonly protocol: string;
  readonly port: number;
}

export interface ServiceView {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** RFC 3339; empty when the object has none. */
  readonly creationTimestamp: string;
  readonly type: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly loadBalancerClass: string | undefined;
  /** `clusterIPs`, or else `clusterIP` alone; `None` and empty texts are left out. */
  readonly clusterIps: readonly string[];
  readonly ipFamilies: readonly IpFamily[];
  readonly ipFamilyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly ports: readonly ServicePort[];
  readonly externalTrafficPolicy: "Cluster" | "Local";
  readonly selector: Labels;
  /** Texts of `status.loadBalancer.ingress[].ip` as they stand, valid or not. */
  readonly ingress: readonly string[];
  /** True when an ingress entry has no `ip`: a name that somebody else wrote. */
  readonly hasNamedIngress: boolean;
  /** Pool by annotation; `undefined` when none is requested. */
  readonly requestedPool: string | undefined;
  /** Text of the addresses annotation, not parsed; `undefined` when none are requested. */
  readonly requestedAddresses: string | undefined;
  /** `spec.loadBalancerIP`; `undefined` when empty. */
  readonly loadBalancerIp: string | undefined;
  /** Text of the sharing annotation; an empty one is present but shares nothing. */
  readonly sharingKey: string | undefined;
  /** The controller's own annotation as it stands. */
  readonly allocatedFromPool: string | undefined;
}

export function decodeService(object: KubeObject | unknown): Decoded<ServiceView> {
  const decoded = decodeObject(object, { schema: serviceSchema, kind: "Service" });
  return decoded.ok ? { ok: true, value: viewOf(decoded.value) } : decoded;
}

function viewOf(object: ServiceObject): ServiceView {
  const { metadata, spec, status } = object;
  const annotations = textsOf(metadata.annotations);
  const ingress = status?.loadBalancer?.ingress ?? [];
  const texts: string[] = [];
  for (const { ip } of ingress) if (typeof ip === "string" && ip !== "") texts.push(ip);
  return {
    key: objectKey({ metadata: { name: metadata.name, namespace: metadata.namespace ?? "" } }),
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    creationTimestamp: metadata.creationTimestamp ?? "",
    type: spec?.type ?? "ClusterIP",
    labels: textsOf(metadata.labels),
    annotations,
    loadBalancerClass: spec?.loadBalancerClass ?? undefined,
    clusterIps: clusterIpsOf(spec),
    ipFamilies: (spec?.ipFamilies ?? []).map((family) => family === "IPv6" ? 6 : 4),
    ipFamilyPolicy: policyOf(spec?.ipFamilyPolicy),
    ports: (spec?.ports ?? []).map(({ protocol, port }) => ({ protocol: protocol ?? "TCP", port })),
    externalTrafficPolicy: spec?.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
    selector: textsOf(spec?.selector),
    ingress: texts,
    hasNamedIngress: texts.length < ingress.length,
    requestedPool: emptyIsNone(eitherPrefix(annotations, "address-pool")),
    requestedAddresses: emptyIsNone(eitherPrefix(annotations, "loadBalancerIPs")),
    loadBalancerIp: emptyIsNone(spec?.loadBalancerIP),
    sharingKey: eitherPrefix(annotations, "allow-shared-ip"),
    allocatedFromPool: annotationOf(annotations, ALLOCATED_FROM_POOL),
  };
}

function clusterIpsOf(spec: ServiceObject["spec"]): string[] {
  const listed = spec?.clusterIPs ?? [];
  const texts = listed.length > 0 ? listed : [spec?.clusterIP ?? ""];
  return texts.filter((text) => text !== "" && text !== "None");
}

function policyOf(text: string | null | undefined): ServiceView["ipFamilyPolicy"] {
  return text === "PreferDualStack" || text === "RequireDualStack" ? text : "SingleStack";
}

/** The value of one of MetalLB's annotations under today's prefix, or else under the deprecated one. */
function eitherPrefix(annotations: Labels, name: string): string | undefined {
  return annotationOf(annotations, `metallb.io/${name}`) ?? annotationOf(annotations, `metallb.universe.tf/${name}`);
}

function emptyIsNone(text: string | null | undefined): string | undefined {
  return text === "" ? undefined : text ?? undefined;
}
