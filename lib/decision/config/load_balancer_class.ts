/** Which Services are ours by `spec.loadBalancerClass` (reference §4.2). */

/** `undefined`: only Services without a class. A list: only Services whose class is in it. */
export type LoadBalancerClasses = readonly string[] | undefined;

export function classIsOurs(loadBalancerClass: string | undefined, classes: LoadBalancerClasses): boolean {
  if (classes === undefined || classes.length === 0) return loadBalancerClass === undefined;
  return loadBalancerClass !== undefined && classes.includes(loadBalancerClass);
}
