/**
 * Wrong objects of all kinds, each written by hand and wrong for one reason, with the path that everybody has to name:
 * kube-apiserver, the embedded API and Herald's own decoding (DESIGN §3).
 *
 * What the definitions refuse is in the tables of bad_objects_layer2.ts, bad_objects_bgp.ts and bad_objects_status.ts;
 * what they admit and only Herald can see is in bad_semantics.ts; what must be admitted is in good_objects.ts.
 */
import type { JsonObject } from "../../lib/base/json.ts";
import type { ConfigObjects } from "../../lib/decision/config/resolve.ts";

export type Kind =
  | "IPAddressPool"
  | "L2Advertisement"
  | "BGPAdvertisement"
  | "BGPPeer"
  | "BFDProfile"
  | "Community"
  | "ServiceL2Status"
  | "ServiceBGPStatus"
  | "ConfigurationState";

export const PLURALS: Readonly<Record<Kind, string>> = {
  IPAddressPool: "ipaddresspools",
  L2Advertisement: "l2advertisements",
  BGPAdvertisement: "bgpadvertisements",
  BGPPeer: "bgppeers",
  BFDProfile: "bfdprofiles",
  Community: "communities",
  ServiceL2Status: "servicel2statuses",
  ServiceBGPStatus: "servicebgpstatuses",
  ConfigurationState: "configurationstates",
};

/** Where the resolver of the configuration takes them; what is not here it does not read. */
export const CONFIG_LISTS: Readonly<Partial<Record<Kind | "Secret", keyof ConfigObjects>>> = {
  IPAddressPool: "ipAddressPools",
  L2Advertisement: "l2Advertisements",
  BGPAdvertisement: "bgpAdvertisements",
  BGPPeer: "bgpPeers",
  BFDProfile: "bfdProfiles",
  Community: "communities",
  Secret: "secrets",
};

/** Refused by the definition. */
export interface SchemaRow {
  /** What is wrong, as a sentence would say it. */
  readonly rule: string;
  readonly kind: Kind;
  /** v1beta1, or v1beta2 for BGPPeer, if not given. */
  readonly version?: "v1beta1";
  /** `spec`, `status` and `metadata` as far as they are not ordinary. */
  readonly object: JsonObject;
  /** What the object was before, for rules about changes. */
  readonly before?: JsonObject;
  readonly path: string;
  /** False for what Herald only writes, and for rules that take two objects: its decoding does not look there. */
  readonly isDecoded: boolean;
}

export type SpecRow = readonly [rule: string, spec: unknown, path: string];

/** Rows that are wrong in their `spec`. */
export function specRows(kind: Kind, rows: readonly SpecRow[]): SchemaRow[] {
  return rows.map(([rule, spec, path]) => ({ rule, kind, object: { spec } as JsonObject, path, isDecoded: true }));
}

function apiVersionOf(kind: Kind, version?: "v1beta1"): string {
  return kind === "BGPPeer" && version === undefined ? "metallb.io/v1beta2" : "metallb.io/v1beta1";
}

/** The whole object under a name of its own. */
export function wholeObject(
  kind: Kind,
  object: JsonObject,
  options: { name: string; namespace: string; version?: "v1beta1" | undefined },
): JsonObject {
  const { name, namespace, version } = options;
  const metadata = { name, namespace, ...(object["metadata"] as JsonObject | undefined) };
  return { apiVersion: apiVersionOf(kind, version), kind, ...object, metadata };
}
