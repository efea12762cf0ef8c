/** Fields that no definition has: what people type instead of the right name, and fields of other versions. */
import type { JsonObject } from "../../lib/base/json.ts";
import type { Kind } from "./bad_objects.ts";

export type TypingError = readonly [kind: Kind, object: JsonObject, path: string];

const ADDRESSES = ["192.0.2.0/24"];

export const TYPING_ERRORS: readonly TypingError[] = [
  ["IPAddressPool", { spec: { addresses: ADDRESSES, adresses: ADDRESSES } }, "spec.adresses"],
  ["IPAddressPool", { spec: { addresses: ADDRESSES, "auto-assign": false } }, "spec.auto-assign"],
  ["IPAddressPool", { spec: { addresses: ADDRESSES, avoidBuggyIps: true } }, "spec.avoidBuggyIps"],
  ["IPAddressPool", { spec: { addresses: ADDRESSES, protocol: "layer2" } }, "spec.protocol"],
  ["IPAddressPool", { spec: { addresses: ADDRESSES }, addresses: ADDRESSES }, "addresses"],
  [
    "IPAddressPool",
    { spec: { addresses: ADDRESSES, serviceAllocation: { namespaceSelector: [] } } },
    "spec.serviceAllocation.namespaceSelector",
  ],
  ["L2Advertisement", { spec: { ipAddressPool: ["a"] } }, "spec.ipAddressPool"],
  ["L2Advertisement", { spec: { nodeSelectors: [{ matchLabel: {} }] } }, "spec.nodeSelectors[0].matchLabel"],
  [
    "L2Advertisement",
    { spec: { nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In", value: "b" }] }] } },
    "spec.nodeSelectors[0].matchExpressions[0].value",
  ],
  ["BGPAdvertisement", { spec: { localpref: 100 } }, "spec.localpref"],
  ["BGPAdvertisement", { spec: { "aggregation-length": 32 } }, "spec.aggregation-length"],
  ["BGPPeer", { spec: { myASN: 1, "peer-asn": 2 } }, "spec.peer-asn"],
  ["BGPPeer", { spec: { myASN: 1, port: 179 } }, "spec.port"],
  ["BGPPeer", { spec: { myASN: 1, passwordSecret: { name: "a", key: "password" } } }, "spec.passwordSecret.key"],
  ["BFDProfile", { spec: { minimumTTL: 254 } }, "spec.minimumTTL"],
  ["Community", { spec: { communities: [{ alias: "a", value: "1:2" }] } }, "spec.communities[0].alias"],
  ["ServiceL2Status", { spec: { node: "n1" } }, "spec.node"],
  ["ConfigurationState", { spec: {} }, "spec"],
];
