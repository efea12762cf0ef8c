/** Which namespace is meant when nobody says it. */

/** Where MetalLB's manifests install, and so Herald's. */
export const DEFAULT_NAMESPACE = "metallb-system";
