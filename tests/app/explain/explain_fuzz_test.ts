/** Worlds with something broken anywhere in them: explained all the same, without a throw, the same each time. */
import { assertEquals } from "@std/assert/equals";
import type { Json, JsonObject } from "../../../lib/base/json.ts";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { below, type Rng, SeededRng } from "../../../lib/base/rng.ts";
import { explainJson } from "../../../lib/app/explain/explain_json.ts";
import { writeExplanation } from "../../../lib/app/explain/explain_text.ts";
import { sortWorld } from "../../../lib/app/explain/world_input.ts";
import { explainWorld } from "../../../lib/decision/control/explain_world.ts";

const META = "metallb.io/v1beta1";
const WORLD: readonly Json[] = [
  {
    apiVersion: META,
    kind: "IPAddressPool",
    metadata: { name: "p" },
    spec: { addresses: ["192.0.2.0/30", "2001:db8::/126"] },
  },
  {
    apiVersion: META,
    kind: "L2Advertisement",
    metadata: { name: "l2" },
    spec: { ipAddressPools: ["p"], interfaces: ["eth0"] },
  },
  {
    apiVersion: META,
    kind: "BGPAdvertisement",
    metadata: { name: "bgp" },
    spec: { aggregationLength: 30, communities: ["alias", "1:2"], localPref: 5, peers: ["tor"] },
  },
  {
    apiVersion: META,
    kind: "Community",
    metadata: { name: "c" },
    spec: { communities: [{ name: "alias", value: "64500:1" }] },
  },
  {
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name: "tor" },
    spec: { myASN: 1, peerASN: 2, peerAddress: "192.0.2.9", passwordSecret: { name: "s" } },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, type: "Opaque", data: { password: "eA==" } },
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { a: "b" } } },
  {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n1", labels: { a: "b" } },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  },
  { apiVersion: "v1", kind: "Node", metadata: { name: "n2" } },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", annotations: { "metallb.io/allow-shared-ip": "k" } },
    spec: { type: "LoadBalancer", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "api", namespace: "shop" },
    spec: {
      type: "LoadBalancer",
      ipFamilyPolicy: "PreferDualStack",
      externalTrafficPolicy: "Local",
      ports: [{ port: 80 }],
    },
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    endpoints: [{ addresses: ["10.1.0.1"], nodeName: "n1", conditions: { ready: true } }],
  },
];

const JUNK: readonly Json[] = [
  null,
  true,
  -1,
  1e300,
  "",
  "x".repeat(300),
  "192.0.2.0/33",
  "::",
  "\u001b[2J",
  [],
  {},
  [[[]]],
  { "": null },
  ["p", "p"],
  { matchLabels: { "a/b/c": "" } },
];

/** Replaces or removes one value anywhere, but for what makes it an object with a kind and a name. */
function breakOne(value: Json, { rng, depth = 0 }: { rng: Rng; depth?: number }): Json {
  const inner = { rng, depth: depth + 1 };
  if (depth > 0 && below(rng, 4) === 0) return JUNK[below(rng, JUNK.length)]!;
  if (Array.isArray(value)) {
    const at = below(rng, value.length + 1);
    return at === value.length
      ? [...value, JUNK[below(rng, JUNK.length)]!]
      : value.map((one, index) => index === at ? breakOne(one, inner) : one);
  }
  if (typeof value !== "object" || value === null) return JUNK[below(rng, JUNK.length)]!;
  const map = value as JsonObject;
  const names = Object.keys(map).filter((name) => depth > 0 || !["apiVersion", "kind"].includes(name));
  const name = names[below(rng, names.length)];
  if (name === undefined) return JUNK[below(rng, JUNK.length)]!;
  if (depth === 0 && name === "metadata") {
    const { name: kept, ...rest } = map["metadata"] as { name: string };
    return { ...map, metadata: { ...(breakMap(rest, rng)), name: kept } };
  }
  return { ...map, [name]: breakOne(map[name]!, inner) };
}

function breakMap(value: Readonly<Record<string, Json>>, rng: Rng): Record<string, Json> {
  const members = ["namespace", "labels", "annotations", "creationTimestamp", "resourceVersion", "uid"];
  return { ...value, [members[below(rng, members.length)]!]: JUNK[below(rng, JUNK.length)]! };
}

function explained(objects: readonly KubeObject[]): string {
  const sorted = sortWorld(objects, { services: "default", metallb: undefined });
  const world = explainWorld(sorted.objects, { lbClasses: undefined, ignoreExcludeLb: false, speakers: undefined });
  let text = "";
  const { services } = world;
  writeExplanation({ write: (part) => void (text += part), color: false, columns: 80 }, world, {
    services,
    context: {
      isLive: false,
      hasNodes: true,
      hasPeers: true,
      hasBgpAdvertisements: true,
      networks: new Map(),
      notes: [],
    },
  });
  assertEquals(text.includes("\u001b"), false, "a control character reached the terminal");
  return JSON.stringify(explainJson(world)) + text;
}

Deno.test("herald explain: nothing that stands in an object makes it throw, and the same input gives the same answer", () => {
  for (let seed = 1; seed <= 600; seed++) {
    const rng = new SeededRng(seed);
    let objects = [...WORLD];
    for (let i = 0; i <= below(rng, 4); i++) {
      const at = below(rng, objects.length);
      objects = objects.map((object, index) => index === at ? breakOne(object, { rng }) : object);
    }
    const world = objects as unknown as KubeObject[];
    try {
      assertEquals(explained(world), explained(structuredClone(world)));
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(objects)}`, { cause: error });
    }
  }
});

Deno.test("herald explain: the world that is not broken is served whole", () => {
  const answer = explained(WORLD as unknown as KubeObject[]);
  assertEquals(answer.includes('"prefix":"192.0.2.0/30"'), true);
  assertEquals(answer.includes('"announcer":"n'), true);
});
