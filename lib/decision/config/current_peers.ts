/**
 * BGPPeers all in v1beta2. The API server hands out no other, but files may hold v1beta1 (reference §1.5): it is held
 * against its own schema, converted as the webhook does it, and warned about as the API server does.
 */
import { isRecord } from "../../base/json.ts";
import { convertBgpPeer } from "./bgp_peer_conversion.ts";
import { decodeObject } from "./decode.ts";
import { identityOf, type ObjectIdentity } from "./identity.ts";
import type { Problem } from "./problem.ts";
import { bgpPeerV1beta1Schema } from "./schema/bgp_peer_v1beta1.ts";

export interface CurrentPeers {
  readonly objects: readonly unknown[];
  /** Those of v1beta1 that could not be read. */
  readonly broken: readonly ObjectIdentity[];
  readonly problems: readonly Problem[];
}

const KIND = "BGPPeer";
const OLD = "metallb.io/v1beta1";
const NEW = "metallb.io/v1beta2";

export function currentPeers(given: readonly unknown[]): CurrentPeers {
  const objects: unknown[] = [];
  const broken: ObjectIdentity[] = [];
  const problems: Problem[] = [];
  for (const object of given) {
    if (!isRecord(object) || object["apiVersion"] !== OLD) {
      objects.push(object);
      continue;
    }
    const identity = identityOf(object, KIND);
    const decoded = decodeObject(object, { schema: bgpPeerV1beta1Schema, kind: KIND });
    const converted = convertBgpPeer({ ...object, kind: KIND }, NEW);
    if (!decoded.ok) {
      broken.push(identity);
      for (const problem of decoded.problems) problems.push(problem);
    } else if (!converted.ok) {
      broken.push(identity);
      problems.push({ severity: "error", ...identity, path: "", reason: "invalidValue", message: converted.message });
    } else {
      const message = `${OLD} is deprecated for this kind; write apiVersion: ${NEW}`;
      problems.push({ severity: "warning", ...identity, path: "apiVersion", reason: "deprecatedField", message });
      objects.push(converted.object);
    }
  }
  return { objects, broken, problems };
}
