/**
 * Tells the ConfigMap of MetalLB 0.12 and older from any other (reference §10.1). Users could rename it by `--config`,
 * so it is what stands in it that counts.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";

const KEYS = /^\s*["']?(address-pools|peers|bgp-communities|bfd-profiles|peer-autodiscovery)["']?\s*:/m;

export function isLegacyConfigMap(object: KubeObject): boolean {
  const data = object["data"];
  return object.kind === "ConfigMap" && isRecord(data) && typeof data["config"] === "string" &&
    KEYS.test(data["config"]);
}
