/**
 * What a Service asks for, read from its spec and annotations (reference §5.1, §5.2, §5.4), or why it cannot be given
 * anything before somebody changes it.
 */
import { type Ip, type IpFamily, parseIp } from "../../base/ip.ts";
import type { AllocRequest } from "../alloc/alloc_request.ts";
import { shareOf } from "../alloc/share.ts";
import type { ServiceView } from "../config/service_view.ts";

/** Closed set. */
export type RequestReason =
  /** The API server has not given it a cluster address yet; it gets no event, as in MetalLB. */
  | "noClusterIP"
  | "notEnoughClusterIPs"
  | "unknownFamilies"
  /** Two cluster addresses, but a policy that allows one. */
  | "contradictoryFamilies"
  | "invalidRequest";

export interface RequestRefusal {
  readonly reason: RequestReason;
  readonly message: string;
  /** True when an address that the Service has is left alone; false when it is cleared. */
  readonly keepsAddress: boolean;
  /** Reason of the Warning event in MetalLB's words; `undefined` for none. */
  readonly eventReason: string | undefined;
}

export type RequestResult =
  | { readonly ok: true; readonly request: AllocRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

export function requestOf(service: ServiceView): RequestResult {
  const families = familiesOf(service);
  if (!Array.isArray(families)) return { ok: false, refusal: families as RequestRefusal };
  const requested = requestedAddresses(service);
  if (typeof requested === "string") {
    const refusal: RequestRefusal = {
      reason: "invalidRequest",
      message: requested,
      keepsAddress: true,
      eventReason: "LoadBalancerFailed",
    };
    return { ok: false, refusal };
  }
  return {
    ok: true,
    request: {
      serviceKey: service.key,
      namespace: service.namespace,
      labels: service.labels,
      loadBalancerClass: service.loadBalancerClass,
      share: shareOf(service),
      families,
      oneIsEnough: service.ipFamilyPolicy === "PreferDualStack",
      pool: service.requestedPool,
      addresses: requested,
    },
  };
}

/** Families of the cluster addresses, the primary one first: `PreferDualStack` falls back on it. */
function familiesOf(service: ServiceView): IpFamily[] | RequestRefusal {
  const { clusterIps, ipFamilyPolicy } = service;
  if (clusterIps.length === 0) {
    const message = "the Service has no cluster IP yet";
    return { reason: "noClusterIP", message, keepsAddress: false, eventReason: undefined };
  }
  const families = clusterIps.map((text) => parseIp(text)?.family).filter((family) => family !== undefined);
  const distinct = [...new Set(families)];
  if (families.length < clusterIps.length || distinct.length < clusterIps.length) {
    const message = `the families of the cluster IPs ${listed(clusterIps)} cannot be told`;
    return { reason: "unknownFamilies", message, keepsAddress: true, eventReason: "noclusterIPsIPFamily" };
  }
  if (distinct.length < 2 && ipFamilyPolicy === "RequireDualStack") {
    const message = `dual stack is required, but the Service has only the cluster IP ${listed(clusterIps)}`;
    return { reason: "notEnoughClusterIPs", message, keepsAddress: false, eventReason: "not enough clusterips" };
  }
  if (distinct.length === 2 && ipFamilyPolicy === "SingleStack") {
    const message = "the Service has cluster IPs of both families, but its ipFamilyPolicy is SingleStack";
    return { reason: "contradictoryFamilies", message, keepsAddress: false, eventReason: "AllocationFailed" };
  }
  const primary = service.ipFamilies[0];
  return distinct.sort((a, b) => Number(b === primary) - Number(a === primary));
}

/** `undefined` when none are requested; a text that says what is wrong when they cannot be read. */
function requestedAddresses(service: ServiceView): readonly Ip[] | undefined | string {
  const { requestedAddresses: annotation, loadBalancerIp } = service;
  if (annotation !== undefined && loadBalancerIp !== undefined) {
    return "spec.loadBalancerIP and the annotation metallb.io/loadBalancerIPs are both set; use the annotation alone";
  }
  const text = annotation ?? loadBalancerIp;
  if (text === undefined) return undefined;
  const parts = annotation === undefined
    ? [text]
    : text.slice(0, REQUEST_TEXT_MAX).split(",").map((part) => part.trim());
  const ips: Ip[] = [];
  for (const part of parts) {
    const ip = parseIp(part);
    if (ip === undefined) return `requested ${JSON.stringify(part.slice(0, 64))} is not an IP address`;
    ips.push(ip);
  }
  if (ips.length > 2) return `${ips.length} addresses are requested; one per family is possible`;
  if (ips.length === 2 && ips[0]!.family === ips[1]!.family) {
    return `two IPv${ips[0]!.family} addresses are requested; one per family is possible`;
  }
  return ips;
}

/** Two addresses are shorter; a longer text is wrong whatever it says. */
const REQUEST_TEXT_MAX = 256;

/** For a message: a hostile list is cut. */
function listed(texts: readonly string[]): string {
  return texts.slice(0, 4).map((text) => text.slice(0, 64)).join(", ");
}
