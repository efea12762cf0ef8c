/** Status and metadata that an API server refuses (reference §1.2, §1.8-§1.10; RFC 1123 names). */
import type { JsonObject } from "../../lib/base/json.ts";
import type { Kind, SchemaRow } from "./bad_objects.ts";

type StatusRow = readonly [rule: string, status: unknown, path: string, isDecoded?: false];

function statusRows(kind: Kind, rows: readonly StatusRow[]): SchemaRow[] {
  const spec = kind === "IPAddressPool" ? { spec: { addresses: ["192.0.2.0/24"] } } : {};
  return rows.map(([rule, status, path, isDecoded]) => ({
    rule,
    kind,
    before: spec,
    object: { ...spec, status } as JsonObject,
    path,
    isDecoded: isDecoded ?? kind !== "IPAddressPool",
  }));
}

const COUNTERS = { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 255, availableIPv6: 0 };

const POOL: readonly StatusRow[] = [
  ["a pool's status is a text", "full", "status"],
  ["no assignedIPv4", { ...COUNTERS, assignedIPv4: null }, "status.assignedIPv4"],
  ["no assignedIPv6", { ...COUNTERS, assignedIPv6: null }, "status.assignedIPv6"],
  ["no availableIPv4", { ...COUNTERS, availableIPv4: null }, "status.availableIPv4"],
  ["no availableIPv6", { ...COUNTERS, availableIPv6: null }, "status.availableIPv6"],
  ["a counter is a text", { ...COUNTERS, assignedIPv4: "1" }, "status.assignedIPv4"],
  ["a counter has a fraction", { ...COUNTERS, availableIPv6: 0.5 }, "status.availableIPv6"],
];

const L2_STATUS: readonly StatusRow[] = [
  ["a layer-2 status is a text", "n1", "status"],
  ["node is a number", { node: 1 }, "status.node"],
  ["serviceName is a list", { serviceName: ["web"] }, "status.serviceName"],
  ["serviceNamespace is a truth value", { serviceNamespace: true }, "status.serviceNamespace"],
  ["interfaces are a text", { interfaces: "eth0" }, "status.interfaces"],
  ["an interface is a text", { interfaces: ["eth0"] }, "status.interfaces[0]"],
  ["an interface's name is a number", { interfaces: [{ name: 0 }] }, "status.interfaces[0].name"],
];

const BGP_STATUS: readonly StatusRow[] = [
  ["a BGP status is a list", [], "status"],
  ["node is an object", { node: { name: "n1" } }, "status.node"],
  ["serviceName is a number", { serviceName: 1 }, "status.serviceName"],
  ["serviceNamespace is a number", { serviceNamespace: 1 }, "status.serviceNamespace"],
  ["peers are a text", { peers: "tor-1" }, "status.peers"],
  ["a peer is an object", { peers: ["tor-1", { name: "tor-2" }] }, "status.peers[1]"],
];

const CONDITION = {
  type: "configReconcilerValid",
  status: "True",
  reason: "SyncStateSuccess",
  message: "",
  lastTransitionTime: "2026-01-02T03:04:05Z",
};
const conditions = (...more: JsonObject[]) => ({ conditions: more.map((one) => ({ ...CONDITION, ...one })) });

const STATE: readonly StatusRow[] = [
  ["a state's status is a number", 1, "status"],
  ["result is another word", { result: "Good" }, "status.result"],
  ["result in small letters", { result: "valid" }, "status.result"],
  ["result is empty", { result: "" }, "status.result"],
  ["result is a truth value", { result: true }, "status.result"],
  ["errorSummary is a list", { errorSummary: ["a", "b"] }, "status.errorSummary"],
  ["conditions are one object", { conditions: CONDITION }, "status.conditions"],
  ["a condition is a text", { conditions: ["Valid"] }, "status.conditions[0]"],
  ["a condition without type", conditions({ type: null }), "status.conditions[0].type"],
  ["a condition without status", conditions({ status: null }), "status.conditions[0].status"],
  ["a condition without reason", conditions({ reason: null }), "status.conditions[0].reason"],
  ["a condition without message", conditions({ message: null }), "status.conditions[0].message"],
  ["a condition without time", conditions({ lastTransitionTime: null }), "status.conditions[0].lastTransitionTime"],
  ["a condition's status is a truth value", conditions({ status: true }), "status.conditions[0].status"],
  ["a condition's status in small letters", conditions({ status: "true" }), "status.conditions[0].status"],
  ["a condition's reason is empty", conditions({ reason: "" }), "status.conditions[0].reason"],
  ["a condition's reason with spaces", conditions({ reason: "not good" }), "status.conditions[0].reason"],
  ["a condition's reason begins with a digit", conditions({ reason: "1st" }), "status.conditions[0].reason"],
  ["a condition's reason is too long", conditions({ reason: "R".repeat(1025) }), "status.conditions[0].reason"],
  ["a condition's message is too long", conditions({ message: "m".repeat(32769) }), "status.conditions[0].message"],
  ["a condition's type with spaces", conditions({ type: "is valid" }), "status.conditions[0].type"],
  ["a condition's type is too long", conditions({ type: "T".repeat(317) }), "status.conditions[0].type"],
  [
    "a condition's time is no time",
    conditions({ lastTransitionTime: "yesterday" }),
    "status.conditions[0].lastTransitionTime",
    false,
  ],
  ["a negative generation", conditions({ observedGeneration: -1 }), "status.conditions[0].observedGeneration"],
  ["a generation is a text", conditions({ observedGeneration: "1" }), "status.conditions[0].observedGeneration"],
  ["two conditions of one type", conditions({}, { type: "other" }, {}), "status.conditions[2]", false],
];

/** What a speaker reported once, about another node, Service or namespace. */
function changes(kind: Kind): SchemaRow[] {
  const before = { node: "n1", serviceName: "web", serviceNamespace: "shop" };
  return Object.keys(before).map((field) => ({
    rule: `${field} changes`,
    kind,
    before: { status: before },
    object: { status: { ...before, [field]: "other" } },
    path: `status.${field}`,
    isDecoded: false,
  }));
}

const METADATA: readonly (readonly [rule: string, metadata: JsonObject, path: string])[] = [
  ["a name in capitals", { name: "First" }, "metadata.name"],
  ["a name with an underscore", { name: "first_pool" }, "metadata.name"],
  ["a name that begins with a dash", { name: "-first" }, "metadata.name"],
  ["a name that ends with a dot", { name: "first." }, "metadata.name"],
  ["a name of 254 characters", { name: "a".repeat(254) }, "metadata.name"],
  ["a name with a line break", { name: "first\npool" }, "metadata.name"],
  ["a name outside of ASCII", { name: "erster-pöol" }, "metadata.name"],
  ["a label of 64 characters", { name: "x", labels: { a: "b".repeat(64) } }, "metadata.labels"],
  ["a label with a space", { name: "x", labels: { a: "b c" } }, "metadata.labels"],
  ["a label's key with two slashes", { name: "x", labels: { "a/b/c": "d" } }, "metadata.labels"],
  ["an annotation's key with a space", { name: "x", annotations: { "a b": "c" } }, "metadata.annotations"],
  ["annotations beyond 256 KiB", { name: "x", annotations: { a: "b".repeat(262_144) } }, "metadata.annotations"],
];

export const BAD_STATUS: readonly SchemaRow[] = [
  ...statusRows("IPAddressPool", POOL),
  ...statusRows("ServiceL2Status", L2_STATUS),
  ...statusRows("ServiceBGPStatus", BGP_STATUS),
  ...statusRows("ConfigurationState", STATE),
  ...changes("ServiceL2Status"),
  ...changes("ServiceBGPStatus"),
  ...METADATA.map(([rule, metadata, path]): SchemaRow => ({
    rule,
    kind: "IPAddressPool",
    object: { metadata, spec: { addresses: ["192.0.2.0/24"] } },
    path,
    isDecoded: false,
  })),
];
