/** Which Services are ours by `spec.loadBalancerClass` (reference §4.2). */

/** `undefined`: only Services without a class. A list: only Services whose class is in it. */
export type LoadBalancerClasses = readonly string[] | undefined;

export function classIsOurs(loadBalancerClass: string | undefined, classes: LoadBalancerClasses): boolean {
  if (classes === undefined || classes.length === 0) return loadBalancerClass === undefined;
  return loadBalancerClass !== undefined && classes.includes(loadBalancerClass);
}

/** Prefixes of classes that are meant for us: MetalLB's guides use the first. */
const OUR_PREFIXES = ["metallb.io/", "herald.dev/"];

/**
 * True for a class that nobody else will serve. Of any other class another load balancer may take care: nothing is said
 * about it.
 */
export function classIsMeantForUs(loadBalancerClass: string): boolean {
  return OUR_PREFIXES.some((prefix) => loadBalancerClass.startsWith(prefix));
}

/** Why a Service that is not ours is not. */
export function notServedText(loadBalancerClass: string | undefined, classes: LoadBalancerClasses): string {
  const served = classes === undefined || classes.length === 0
    ? "only Services without a class are, until --lb-class names some"
    : `only ${classes.slice(0, 8).map((one) => JSON.stringify(one)).join(", ")} of --lb-class`;
  return loadBalancerClass === undefined
    ? `a Service without loadBalancerClass is not served here: ${served}`
    : `loadBalancerClass ${JSON.stringify(loadBalancerClass.slice(0, 253))} is not served here: ${served}`;
}
