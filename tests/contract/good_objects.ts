/**
 * Objects that MetalLB's definitions admit, so ours have to: the ends of every range, what may be left out, and what
 * MetalLB's guides tell their readers to write.
 */
import type { JsonObject } from "../../lib/base/json.ts";
import type { Kind } from "./bad_objects.ts";

export interface GoodRow {
  readonly rule: string;
  readonly kind: Kind;
  readonly object: JsonObject;
  /** The spec as the server completes it (reference §1: defaults). */
  readonly becomes?: JsonObject;
  /** The definition admits it, and that is all: resolving it finds something to say. */
  readonly isUnusable?: true;
}

type SpecRow = readonly [rule: string, spec: unknown, becomes?: unknown];

function specRows(kind: Kind, rows: readonly SpecRow[]): GoodRow[] {
  return rows.map(([rule, spec, becomes]) => ({
    rule,
    kind,
    object: spec === undefined ? {} : { spec } as JsonObject,
    ...(becomes === undefined ? {} : { becomes: becomes as JsonObject }),
  }));
}

const HOST = "kubernetes.io/hostname";

const POOLS: readonly SpecRow[] = [
  ["the least", { addresses: ["192.0.2.0/24"] }, {
    addresses: ["192.0.2.0/24"],
    autoAssign: true,
    avoidBuggyIPs: false,
  }],
  ["nulls for what is left out", { addresses: ["192.0.2.0/24"], autoAssign: null, serviceAllocation: null }, {
    addresses: ["192.0.2.0/24"],
    autoAssign: true,
    avoidBuggyIPs: false,
  }],
  ["single addresses", { addresses: ["192.0.2.0/32", "192.0.2.255/32", "2001:db8::/128"] }],
  ["the largest prefixes", { addresses: ["0.0.0.0/0", "::/0"] }],
  ["a prefix with host bits", { addresses: ["198.51.100.10/24"] }],
  ["ranges with spaces around the ends", { addresses: ["192.0.2.1 - 192.0.2.9", " 2001:db8::1-2001:db8::9 "] }],
  ["a range of one address", { addresses: ["192.0.2.1-192.0.2.1"] }],
  ["everything", {
    addresses: ["192.168.1.100-192.168.1.150", "192.168.1.200-192.168.1.220", "10.0.0.0/28", "fc00::1-fc00::10"],
    autoAssign: false,
    avoidBuggyIPs: true,
    serviceAllocation: {
      priority: 50,
      namespaces: ["shop", "stock"],
      namespaceSelectors: [{ matchLabels: { team: "a" } }],
      serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] }, {}],
    },
  }],
  ["a negative priority", { addresses: ["192.0.2.0/24"], serviceAllocation: { priority: -2147483648 } }],
  ["an empty allocation", { addresses: ["192.0.2.0/24"], serviceAllocation: {} }],
  ["a label of null, which counts as left out", {
    addresses: ["192.0.2.0/24"],
    serviceAllocation: { serviceSelectors: [{ matchLabels: { app: null } }] },
  }],
];

const L2: readonly SpecRow[] = [
  ["no spec: all pools, all nodes", undefined],
  ["an empty spec", {}],
  ["empty lists", { ipAddressPools: [], nodeSelectors: [], interfaces: [], serviceSelectors: [] }],
  ["edge nodes and zones", {
    nodeSelectors: [
      { matchLabels: { "node-role.kubernetes.io/edge": "true" } },
      { matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: ["zone-a", "zone-b"] }] },
    ],
  }],
  ["all operators", {
    nodeSelectors: [{
      matchExpressions: [
        { key: "a", operator: "In", values: ["b"] },
        { key: "c", operator: "NotIn", values: ["d", ""] },
        { key: "e", operator: "Exists" },
        { key: "f", operator: "DoesNotExist", values: [] },
      ],
    }],
  }],
  ["interfaces", { interfaces: ["eth0", "bond0"] }],
  ["the ends of weight", {
    preferredNodeSelectors: [
      { weight: 1, preference: { matchLabels: { [HOST]: "a" } } },
      { weight: 100, preference: {} },
    ],
  }],
  ["one preference twice, which is not refused", {
    preferredNodeSelectors: [{ weight: 1, preference: {} }, { weight: 1, preference: {} }],
  }],
];

const BGP: readonly SpecRow[] = [
  ["no spec", undefined],
  ["defaults", {}, { aggregationLength: 32, aggregationLengthV6: 128 }],
  ["the ends of the lengths", { aggregationLength: 1, aggregationLengthV6: 1 }],
  ["localPref of 32 bits", { localPref: 4294967295 }],
  ["communities of both sizes", { communities: ["65535:65281", "0:0", "large:64500:100:4294967295"] }],
  ["selectors with the default lengths", { serviceSelectors: [{ matchLabels: { app: "web" } }] }],
  ["no selectors with an aggregate", { serviceSelectors: [], aggregationLength: 24 }],
];

const peer = (more: JsonObject) => ({ myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254", ...more });

const PEERS: readonly SpecRow[] = [
  ["the least that works", peer({}), {
    ...peer({}),
    peerPort: 179,
    disableMP: false,
    dualStackAddressFamily: false,
  }],
  ["the ends of the AS numbers", peer({ myASN: 1, peerASN: 4294967295, localASN: 4294967294 })],
  ["the ends of the port", peer({ peerPort: 1 })],
  ["the other end of the port", peer({ peerPort: 16384 })],
  ["an unnumbered peer", { myASN: 64500, dynamicASN: "external", interface: "eth1" }],
  ["an internal one", { myASN: 64500, dynamicASN: "internal", peerAddress: "2001:db8::1" }],
  ["timers", peer({ holdTime: "1m30s", keepaliveTime: "30s", connectTime: "10s" })],
  ["timers that are off", peer({ holdTime: "0s", keepaliveTime: "0s" })],
  ["the ends of the timers", peer({ holdTime: "65535s", keepaliveTime: "65535s", connectTime: "65535s" })],
  ["the other ends of the timers", peer({ holdTime: "3s", keepaliveTime: "1s", connectTime: "1s" })],
  ["a duration with a fraction", peer({ holdTime: "1.5m" })],
  [
    "everything else",
    peer({
      sourceAddress: "192.0.2.1",
      routerID: "10.0.0.1",
      nodeSelectors: [{ matchLabels: { [HOST]: "a" } }, { matchExpressions: [{ key: "rack", operator: "Exists" }] }],
      password: "example",
      enableGracefulRestart: false,
      ebgpMultiHop: true,
      vrf: "red",
      disableMP: true,
      dualStackAddressFamily: true,
    }),
  ],
];

const PROFILES: readonly SpecRow[] = [
  ["no spec", undefined],
  ["the lower ends", {
    receiveInterval: 10,
    transmitInterval: 10,
    detectMultiplier: 2,
    echoInterval: 10,
    echoMode: false,
    passiveMode: false,
    minimumTtl: 1,
  }],
  ["the upper ends", {
    receiveInterval: 60000,
    transmitInterval: 60000,
    detectMultiplier: 255,
    echoInterval: 60000,
    echoMode: true,
    passiveMode: true,
    minimumTtl: 254,
  }],
];

const COMMUNITIES: readonly SpecRow[] = [
  ["no spec", undefined],
  ["names for both sizes", {
    communities: [{ name: "no-export", value: "65535:65281" }, { name: "ours", value: "large:64500:1:2" }],
  }],
];

const CONDITION = {
  type: "metallb.io/configReconcilerValid",
  status: "Unknown",
  reason: "A",
  message: "m".repeat(32768),
  lastTransitionTime: "2026-01-02T03:04:05Z",
};

const STATUSES: readonly GoodRow[] = [
  { rule: "no status", kind: "ServiceL2Status", object: {} },
  {
    rule: "a full one",
    kind: "ServiceL2Status",
    object: {
      spec: {},
      status: { node: "n1", serviceName: "web", serviceNamespace: "shop", interfaces: [{ name: "eth0" }, {}] },
    },
  },
  {
    rule: "a full one",
    kind: "ServiceBGPStatus",
    object: { spec: {}, status: { node: "n1", serviceName: "web", serviceNamespace: "shop", peers: ["tor-1"] } },
  },
  {
    rule: "a full one",
    kind: "ConfigurationState",
    object: {
      status: {
        result: "Valid",
        errorSummary: "",
        conditions: [CONDITION, { ...CONDITION, type: "other", reason: "R".repeat(1024), observedGeneration: 0 }],
      },
    },
  },
  {
    rule: "counters beyond 32 bits",
    kind: "IPAddressPool",
    object: {
      spec: { addresses: ["10.0.0.0/8"] },
      status: { assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 16777216, availableIPv6: 9007199254740991 },
    },
  },
];

export const GOOD_OBJECTS: readonly GoodRow[] = [
  ...specRows("IPAddressPool", POOLS),
  ...specRows("L2Advertisement", L2),
  ...specRows("BGPAdvertisement", BGP),
  ...specRows("BGPPeer", PEERS),
  ...specRows("BFDProfile", PROFILES),
  ...specRows("Community", COMMUNITIES),
  ...STATUSES,
  { rule: "only what the definition asks for", kind: "BGPPeer", object: { spec: { myASN: 0 } }, isUnusable: true },
];
