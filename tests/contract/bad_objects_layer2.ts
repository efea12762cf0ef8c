/** IPAddressPools and L2Advertisements that the definitions refuse (reference §1.2, §1.3). */
import { type SchemaRow, type SpecRow, specRows } from "./bad_objects.ts";

const ADDRESSES = ["192.0.2.0/24"];

const POOLS: readonly SpecRow[] = [
  ["no spec", undefined, "spec"],
  ["spec is null", null, "spec"],
  ["spec is a text", "192.0.2.0/24", "spec"],
  ["spec is a list", [ADDRESSES], "spec"],
  ["spec is a number", 192, "spec"],
  ["no addresses", {}, "spec.addresses"],
  ["addresses are null", { addresses: null }, "spec.addresses"],
  ["addresses are one text", { addresses: "192.0.2.0/24" }, "spec.addresses"],
  ["addresses are an object", { addresses: { start: "192.0.2.1", end: "192.0.2.9" } }, "spec.addresses"],
  ["addresses are a number", { addresses: 10 }, "spec.addresses"],
  ["an address is a number", { addresses: [10.1] }, "spec.addresses[0]"],
  ["an address is null", { addresses: ["192.0.2.0/24", null] }, "spec.addresses[1]"],
  ["an address is a list", { addresses: ["192.0.2.0/24", ["198.51.100.0/24"]] }, "spec.addresses[1]"],
  ["an address is an object", { addresses: [{ cidr: "192.0.2.0/24" }] }, "spec.addresses[0]"],
  ["an address is a truth value", { addresses: [true] }, "spec.addresses[0]"],
  ["autoAssign is a word", { addresses: ADDRESSES, autoAssign: "no" }, "spec.autoAssign"],
  ["autoAssign is a number", { addresses: ADDRESSES, autoAssign: 1 }, "spec.autoAssign"],
  ["autoAssign is a quoted truth value", { addresses: ADDRESSES, autoAssign: "false" }, "spec.autoAssign"],
  ["avoidBuggyIPs is a word", { addresses: ADDRESSES, avoidBuggyIPs: "yes" }, "spec.avoidBuggyIPs"],
  ["avoidBuggyIPs is a list", { addresses: ADDRESSES, avoidBuggyIPs: [true] }, "spec.avoidBuggyIPs"],
  ["serviceAllocation is a text", allocation("shop"), "spec.serviceAllocation"],
  ["serviceAllocation is a list", allocation([{ priority: 1 }]), "spec.serviceAllocation"],
  ["priority is a text", allocation({ priority: "1" }), "spec.serviceAllocation.priority"],
  ["priority has a fraction", allocation({ priority: 1.5 }), "spec.serviceAllocation.priority"],
  ["priority is a truth value", allocation({ priority: true }), "spec.serviceAllocation.priority"],
  ["namespaces are one text", allocation({ namespaces: "shop" }), "spec.serviceAllocation.namespaces"],
  ["namespaces are an object", allocation({ namespaces: { shop: true } }), "spec.serviceAllocation.namespaces"],
  ["a namespace is a number", allocation({ namespaces: ["shop", 7] }), "spec.serviceAllocation.namespaces[1]"],
  ["a namespace is null", allocation({ namespaces: [null] }), "spec.serviceAllocation.namespaces[0]"],
  [
    "namespace selectors are one object",
    allocation({ namespaceSelectors: { matchLabels: { team: "a" } } }),
    "spec.serviceAllocation.namespaceSelectors",
  ],
  [
    "a namespace selector is a text",
    allocation({ namespaceSelectors: ["team=a"] }),
    "spec.serviceAllocation.namespaceSelectors[0]",
  ],
  [
    "a namespace's labels are a list",
    allocation({ namespaceSelectors: [{ matchLabels: ["team"] }] }),
    "spec.serviceAllocation.namespaceSelectors[0].matchLabels",
  ],
  [
    "a namespace's label is a truth value",
    allocation({ namespaceSelectors: [{ matchLabels: { lab: true } }] }),
    "spec.serviceAllocation.namespaceSelectors[0].matchLabels.lab",
  ],
  [
    "a namespace's label is a number",
    allocation({ namespaceSelectors: [{}, { matchLabels: { rack: 7 } }] }),
    "spec.serviceAllocation.namespaceSelectors[1].matchLabels.rack",
  ],
  [
    "service selectors are a text",
    allocation({ serviceSelectors: "app=web" }),
    "spec.serviceAllocation.serviceSelectors",
  ],
  [
    "a service selector is a list",
    allocation({ serviceSelectors: [[]] }),
    "spec.serviceAllocation.serviceSelectors[0]",
  ],
  [
    "a service selector is null",
    allocation({ serviceSelectors: [null] }),
    "spec.serviceAllocation.serviceSelectors[0]",
  ],
  [
    "expressions are one object",
    allocation({ serviceSelectors: [{ matchExpressions: { key: "app", operator: "Exists" } }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions",
  ],
  [
    "an expression is a text",
    allocation({ serviceSelectors: [{ matchExpressions: ["app in (web)"] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0]",
  ],
  [
    "an expression has no key",
    allocation({ serviceSelectors: [{ matchExpressions: [{ operator: "Exists" }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].key",
  ],
  [
    "an expression has no operator",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: "app" }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator",
  ],
  [
    "a key is a number",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: 1, operator: "Exists" }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].key",
  ],
  [
    "an operator is a list",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: "app", operator: ["In"] }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator",
  ],
  [
    "values are one text",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "In", values: "web" }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].values",
  ],
  [
    "a value is a number",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "In", values: ["a", 8] }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].values[1]",
  ],
  [
    "a value is null",
    allocation({ serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "In", values: [null] }] }] }),
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].values[0]",
  ],
];

function allocation(serviceAllocation: unknown): unknown {
  return { addresses: ADDRESSES, serviceAllocation };
}

const ADVERTISEMENTS: readonly SpecRow[] = [
  ["spec is a text", "first-pool", "spec"],
  ["spec is a list of pools", ["first-pool"], "spec"],
  ["pools are one text", { ipAddressPools: "first-pool" }, "spec.ipAddressPools"],
  ["a pool is a number", { ipAddressPools: [1] }, "spec.ipAddressPools[0]"],
  ["a pool is an object", { ipAddressPools: [{ name: "first-pool" }] }, "spec.ipAddressPools[0]"],
  ["a pool is null", { ipAddressPools: ["first-pool", null] }, "spec.ipAddressPools[1]"],
  ["pool selectors are one object", { ipAddressPoolSelectors: { matchLabels: {} } }, "spec.ipAddressPoolSelectors"],
  ["a pool selector is a text", { ipAddressPoolSelectors: ["zone=a"] }, "spec.ipAddressPoolSelectors[0]"],
  [
    "a pool's labels are a text",
    { ipAddressPoolSelectors: [{ matchLabels: "zone=a" }] },
    "spec.ipAddressPoolSelectors[0].matchLabels",
  ],
  [
    "a pool expression without key",
    { ipAddressPoolSelectors: [{ matchExpressions: [{ operator: "In", values: ["a"] }] }] },
    "spec.ipAddressPoolSelectors[0].matchExpressions[0].key",
  ],
  ["node selectors are a text", { nodeSelectors: "all" }, "spec.nodeSelectors"],
  ["a node selector is a name", { nodeSelectors: ["node-1"] }, "spec.nodeSelectors[0]"],
  [
    "a node's label is a truth value",
    { nodeSelectors: [{ matchLabels: { edge: true } }] },
    "spec.nodeSelectors[0].matchLabels.edge",
  ],
  [
    "a node expression without operator",
    { nodeSelectors: [{ matchExpressions: [{ key: "edge", values: ["a"] }] }] },
    "spec.nodeSelectors[0].matchExpressions[0].operator",
  ],
  [
    "a node expression's values are an object",
    { nodeSelectors: [{ matchExpressions: [{ key: "edge", operator: "In", values: { a: "b" } }] }] },
    "spec.nodeSelectors[0].matchExpressions[0].values",
  ],
  ["interfaces are one text", { interfaces: "eth0" }, "spec.interfaces"],
  ["an interface is an object", { interfaces: [{ name: "eth0" }] }, "spec.interfaces[0]"],
  ["an interface is a number", { interfaces: ["eth0", 1] }, "spec.interfaces[1]"],
  ["service selectors are one object", { serviceSelectors: {} }, "spec.serviceSelectors"],
  ["a service selector is a number", { serviceSelectors: [0] }, "spec.serviceSelectors[0]"],
  [
    "a service's label is an object",
    { serviceSelectors: [{ matchLabels: { app: { name: "web" } } }] },
    "spec.serviceSelectors[0].matchLabels.app",
  ],
  ["preferred nodes are one object", preferred({ weight: 1, preference: {} }, false), "spec.preferredNodeSelectors"],
  ["a preferred node is a text", preferred("node-1"), "spec.preferredNodeSelectors[0]"],
  ["no weight", preferred({ preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  ["no preference", preferred({ weight: 1 }), "spec.preferredNodeSelectors[0].preference"],
  ["weight 0", preferred({ weight: 0, preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  ["a negative weight", preferred({ weight: -1, preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  ["weight 101", preferred({ weight: 101, preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  ["weight is a text", preferred({ weight: "50", preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  ["weight has a fraction", preferred({ weight: 0.5, preference: {} }), "spec.preferredNodeSelectors[0].weight"],
  [
    "a preference is a list",
    preferred({ weight: 1, preference: [{ matchLabels: {} }] }),
    "spec.preferredNodeSelectors[0].preference",
  ],
  [
    "a preferred node's label is a number",
    preferred({ weight: 1, preference: { matchLabels: { rack: 4 } } }),
    "spec.preferredNodeSelectors[0].preference.matchLabels.rack",
  ],
  [
    "a preference without operator",
    preferred({ weight: 1, preference: { matchExpressions: [{ key: "rack" }] } }),
    "spec.preferredNodeSelectors[0].preference.matchExpressions[0].operator",
  ],
];

function preferred(entry: unknown, isListed = true): unknown {
  return { preferredNodeSelectors: isListed ? [entry] : entry };
}

export const BAD_LAYER2: readonly SchemaRow[] = [
  ...specRows("IPAddressPool", POOLS),
  ...specRows("L2Advertisement", ADVERTISEMENTS),
];
