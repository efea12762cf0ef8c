/**
 * What every announcement begins with, whatever the protocol: is the Service ours, has it addresses, and in which pool
 * are they (reference §11.9)?
 */
import { formatIp, type Ip, parseIp } from "../../base/ip.ts";
import type { Config } from "../config/config.ts";
import { classIsOurs, type LoadBalancerClasses } from "../config/load_balancer_class.ts";
import type { ServiceView } from "../config/service_view.ts";

/** Closed set: why a Service has nothing to announce. MetalLB's words where it has one. */
export type NoAddressReason =
  | "notLoadBalancer"
  /** Its `loadBalancerClass` is not one of ours. */
  | "otherClass"
  | "noIPAllocated"
  | "invalidIP"
  /** Its addresses are not in one pool. */
  | "ipNotAllowed";

export type ServiceAddresses =
  | { readonly ok: true; readonly ips: readonly Ip[]; readonly pool: string }
  | { readonly ok: false; readonly reason: NoAddressReason; readonly message: string };

export function serviceAddresses(
  service: ServiceView,
  options: {
    readonly config: Config;
    readonly lbClasses: LoadBalancerClasses;
    /** Name of the pool that all addresses are in. */
    readonly poolOf: (ips: readonly Ip[]) => string | undefined;
  },
): ServiceAddresses {
  if (service.type !== "LoadBalancer") {
    return none("notLoadBalancer", `the Service is of type ${service.type}, not LoadBalancer`);
  }
  if (!classIsOurs(service.loadBalancerClass, options.lbClasses)) {
    return none(
      "otherClass",
      `loadBalancerClass ${JSON.stringify(service.loadBalancerClass ?? "")} is not served here`,
    );
  }
  if (service.ingress.length === 0 && !service.hasNamedIngress) {
    return none("noIPAllocated", "the Service has no address yet");
  }
  const ips = service.ingress.map(parseIp).filter((ip) => ip !== undefined);
  if (service.hasNamedIngress || ips.length < service.ingress.length) {
    return none("invalidIP", "an ingress entry of its status holds no IP address");
  }
  const pool = disabledPoolOf(service, options.config) ?? options.poolOf(ips);
  if (pool === undefined) {
    return none("ipNotAllowed", `${ips.slice(0, 4).map(formatIp).join(", ")} is not in one pool of the configuration`);
  }
  return { ok: true, ips, pool };
}

/**
 * The pool that gave the addresses before somebody broke it. The controller leaves them where they are, so they must not
 * go dark either; the annotation is the only thing that still tells where they come from. It counts for more than a pool
 * that overlaps the broken one.
 */
function disabledPoolOf({ allocatedFromPool }: ServiceView, { disabledPools }: Config): string | undefined {
  return allocatedFromPool !== undefined && disabledPools.has(allocatedFromPool) ? allocatedFromPool : undefined;
}

function none(reason: NoAddressReason, message: string): ServiceAddresses {
  return { ok: false, reason, message };
}
