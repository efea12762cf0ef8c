/**
 * Resource versions: opaque text that the API server counts up, for every kind in every supported release, in decimal.
 * Two versions that both look like numbers are compared as such; about any others nothing is known.
 */
import type { KubeObject } from "../../base/kube.ts";

export function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? "";
}

export function compareVersions(a: string, b: string): "older" | "same" | "newer" | "unknown" {
  if (a === b) return "same";
  if (!/^[1-9][0-9]*$/.test(a) || !/^[1-9][0-9]*$/.test(b)) return "unknown";
  if (a.length !== b.length) return a.length < b.length ? "older" : "newer";
  return a < b ? "older" : "newer";
}
