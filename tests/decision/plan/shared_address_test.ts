import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { decodeEndpointSlice } from "../../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../../lib/decision/config/node_view.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { decodeService } from "../../../lib/decision/config/service_view.ts";
import { explainAddress } from "../../../lib/decision/plan/explain.ts";
import { planLayer2 } from "../../../lib/decision/plan/l2_plan.ts";
import { l2Object, nodeObject, poolObject, serviceObject, sliceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";

/** For which the order of the hashes is a, c, b (reference §6.4). */
const ADDRESS = "192.168.1.240";
const SECOND = "1000::1";

interface Sharer {
  readonly policy?: "Local" | "Cluster";
  /** Nodes with an endpoint that can serve, in letters. */
  readonly on: string;
  readonly ingress?: readonly string[];
}

interface Advertised {
  readonly spec?: Record<string, unknown>;
  readonly annotations?: Record<string, string>;
}

function plan(sharers: Record<string, Sharer>, options: { advertisements?: Advertised[]; node?: string } = {}) {
  const { config } = resolveConfig({
    ipAddressPools: [poolObject("p", ["192.168.1.240-192.168.1.250", "1000::/120"])],
    l2Advertisements: (options.advertisements ?? [{}]).map(({ spec = {}, annotations = {} }, index) => {
      const object = l2Object(`ad${index}`, spec);
      return { ...object, metadata: { ...object.metadata, annotations } };
    }),
  });
  const entries = Object.entries(sharers);
  const services = entries.map(([name, { policy = "Local", ingress = [ADDRESS] }]) =>
    valueOf(decodeService(serviceObject(name, {
      ingress,
      annotations: { "metallb.io/allow-shared-ip": "key" },
      spec: { externalTrafficPolicy: policy },
    })))
  );
  const endpoints = new Map(entries.map(([name, { on }]) => {
    const slice = sliceObject(name, [...on].map((letter) => ({ nodeName: `node-${letter}` })));
    return [`shop/${name}`, [valueOf(decodeEndpointSlice(slice))]] as const;
  }));
  const nodes = ["a", "b", "c"].map((letter) =>
    valueOf(decodeNode(nodeObject(`node-${letter}`, { labels: { letter } })))
  );
  return planLayer2({ services, endpoints, nodes, config }, { node: options.node });
}

Deno.test("one owner per address: Services with Local policy are announced from where all of them can be served", () => {
  const table: [Record<string, Sharer>, string, boolean][] = [
    [{ api: { on: "abc" }, web: { on: "abc" } }, "acb", true],
    [{ api: { on: "ab" }, web: { on: "bc" } }, "b", true],
    [{ api: { on: "ac" }, web: { on: "abc" } }, "ac", true],
    // A Service with Cluster policy can be served from everywhere.
    [{ api: { on: "a", policy: "Cluster" }, web: { on: "b" } }, "b", true],
    // One that nobody can serve anywhere has no say.
    [{ api: { on: "" }, web: { on: "b" } }, "b", true],
    // No node for all: the first Service decides, whoever is listed first.
    [{ web: { on: "b" }, api: { on: "ac" } }, "ac", false],
    [{ api: { on: "a" }, web: { on: "b" }, xyz: { on: "ab" } }, "a", false],
  ];
  for (const [sharers, expected, agree] of table) {
    const world = plan(sharers);
    const order = world.addresses.get(ADDRESS)!.candidates.map((node) => node.slice(-1)).join("");
    assertEquals(order, expected, JSON.stringify(sharers));
    const explained = explainAddress(ADDRESS, { plan: world, isLiving: () => true })!;
    assertEquals(explained.announcer, `node-${expected[0]}`);
    assertEquals(explained.warnings.map(({ reason }) => reason), agree ? [] : ["sharersDisagree"]);
  }
});

Deno.test("one owner per address: a node that one of the Services cannot be served from is excluded, and whose fault it is", () => {
  const explained = explainAddress(ADDRESS, {
    plan: plan({ api: { on: "ab" }, web: { on: "bc" } }),
    isLiving: () => true,
  })!;
  assertEquals(explained.excluded.map(({ node, reason }) => [node, reason]), [
    ["node-a", "noLocalEndpoint"],
    ["node-c", "noLocalEndpoint"],
  ]);
  assertStringIncludes(explained.excluded[0]!.message, "shop/web");
  assertStringIncludes(explained.excluded[1]!.message, "shop/api");
});

Deno.test("one owner per address: all addresses of a Service follow its first one, also one that another Service holds", () => {
  const { addresses } = plan({ api: { on: "abc", ingress: [ADDRESS, SECOND] }, web: { on: "abc", ingress: [SECOND] } });
  assertEquals(addresses.get(ADDRESS)?.candidates, addresses.get(SECOND)?.candidates);
  const alone = plan({ web: { on: "abc", ingress: [SECOND] } });
  assertEquals(alone.addresses.get(SECOND)?.candidates, ["node-a", "node-b", "node-c"]);
});

Deno.test("interfaces by node: only where they differ from those of this node, and only of candidates", () => {
  const select = (letter: string, interfaces?: string[]): Advertised => ({
    spec: { nodeSelectors: [{ matchLabels: { letter } }], ...(interfaces === undefined ? {} : { interfaces }) },
  });
  const advertisements = [select("a", ["eth1"]), select("a", ["eth0"]), select("b"), select("c", ["eth0", "eth1"])];
  const sharers = { web: { on: "abc", policy: "Cluster" as const } };
  const of = (node?: string) => {
    const wanted = plan(sharers, { advertisements, ...(node === undefined ? {} : { node }) }).addresses.get(ADDRESS)!;
    return [wanted.interfaces, wanted.interfacesByNode];
  };
  assertEquals(of("node-a"), [["eth0", "eth1"], { "node-b": "all" }]);
  assertEquals(of("node-b"), ["all", { "node-a": ["eth0", "eth1"], "node-c": ["eth0", "eth1"] }]);
  assertEquals(of(), ["all", { "node-a": ["eth0", "eth1"], "node-c": ["eth0", "eth1"] }]);
  const local = plan({ web: { on: "b" } }, { advertisements, node: "node-b" });
  assertEquals(local.addresses.get(ADDRESS)?.interfacesByNode, undefined);
  // The announcer's own are told.
  const world = plan(sharers, { advertisements });
  const announcedBy = (node: string) => explainAddress(ADDRESS, { plan: world, isLiving: (one) => one === node });
  assertEquals(announcedBy("node-c")?.interfaces, ["eth0", "eth1"]);
  assertEquals(announcedBy("node-b")?.interfaces, "all");
  // Of one advertisement nothing is to be told.
  assertEquals(
    plan(sharers, { advertisements: [select("a", ["eth1"])] }).addresses.get(ADDRESS)?.interfacesByNode,
    undefined,
  );
});

Deno.test("policy: the strictest advertisement decides for all Services of an address; explain says which", () => {
  const annotated = (annotations: Record<string, string>): Advertised => ({ annotations });
  const advertisements = [
    annotated({ "herald.dev/failback": "after=5m", "herald.dev/link-probe": "192.168.1.1" }),
    annotated({ "herald.dev/failback": "never" }),
    {},
  ];
  const world = plan({ api: { on: "abc" }, web: { on: "abc" } }, { advertisements });
  assertEquals(world.addresses.get(ADDRESS)?.policy, {
    failback: "never",
    probe: "beside",
    linkProbes: ["192.168.1.1"],
  });
  const { policy } = explainAddress(ADDRESS, { plan: world, isLiving: () => true })!;
  assertEquals(policy.decidedBy, { failback: "ad1", probe: undefined, linkProbes: { "192.168.1.1": "ad0" } });
  assertEquals(plan({ web: { on: "a" } }).addresses.get(ADDRESS)?.policy, undefined);
});

Deno.test("explain: a candidate that stands back is excluded with its reason, unless a member is not Herald", () => {
  const world = plan({ web: { on: "abc" } });
  const standsBack = (node: string) => node === "node-a" ? "noCarrier" as const : undefined;
  const options = { plan: world, isLiving: () => true, standsBack };
  const explained = explainAddress(ADDRESS, options)!;
  assertEquals([explained.announcer, explained.candidates], ["node-c", ["node-c", "node-b"]]);
  assertEquals(explained.order.map(({ node }) => node), ["node-a", "node-c", "node-b"]);
  assertEquals(explained.excluded.map(({ node, reason }) => [node, reason]), [["node-a", "noCarrier"]]);
  const mixed = explainAddress(ADDRESS, { ...options, foreignMembers: ["node-b"] })!;
  assertEquals([mixed.announcer, mixed.excluded], ["node-a", []]);
  assertEquals(mixed.warnings.map(({ reason }) => reason), ["notAllHerald"]);
  assertStringIncludes(mixed.warnings[0]!.message, "node-b");
});

Deno.test("explain: who stands back for want of interfaces is told their names, of each node its own", () => {
  const world = plan({ web: { on: "abc" } }, {
    advertisements: [{ spec: { interfaces: ["eth7", "eth9"], nodeSelectors: [{ matchLabels: { letter: "a" } }] } }, {
      spec: { nodeSelectors: [{ matchLabels: { letter: "b" } }] },
    }],
    node: "node-b",
  });
  const standsBack = () => "noInterface" as const;
  const { excluded } = explainAddress(ADDRESS, { plan: world, isLiving: () => true, standsBack })!;
  const text = "it stands back: it has no interface that the address is to be announced on and that is in use";
  assertEquals(excluded.filter(({ reason }) => reason === "noInterface").map(({ node, message }) => [node, message]), [
    ["node-a", `${text} (eth7, eth9)`],
    ["node-b", text],
  ]);
});

Deno.test("explain: when a link probe answers nobody, the first that has a link announces, and a warning says so", () => {
  const world = plan({ web: { on: "abc" } });
  const standsBack = (node: string) => node === "node-a" ? "noCarrier" as const : "linkProbeFailed" as const;
  const explained = explainAddress(ADDRESS, { plan: world, isLiving: () => true, standsBack })!;
  assertEquals([explained.announcer, explained.candidates], ["node-c", ["node-c", "node-b"]]);
  assertEquals(explained.excluded.map(({ node, reason }) => [node, reason]), [["node-a", "noCarrier"]]);
  assertEquals(explained.warnings.map(({ reason }) => reason), ["noLinkProbeAnswers"]);
  const nowhere = explainAddress(ADDRESS, { plan: world, isLiving: () => true, standsBack: () => "noCarrier" })!;
  assertEquals([nowhere.announcer, nowhere.warnings], [null, []]);
});

Deno.test("explain: the order says which preference put a node there", () => {
  const preferredNodeSelectors = [{ weight: 7, preference: { matchLabels: { letter: "b" } } }];
  const world = plan({ web: { on: "abc" } }, { advertisements: [{ spec: { preferredNodeSelectors } }] });
  assertEquals(explainAddress(ADDRESS, { plan: world, isLiving: () => true })?.order, [
    { node: "node-b", preference: 7 },
    { node: "node-a", preference: 0 },
    { node: "node-c", preference: 0 },
  ]);
});

Deno.test("explain: a failback policy keeps the address where its status says it is, while that node is able", () => {
  const world = plan({ web: { on: "abc" } }, {
    advertisements: [{ annotations: { "herald.dev/failback": "after=5m" } }],
  });
  const table: [Partial<Parameters<typeof explainAddress>[1]>, string, string[]][] = [
    [{}, "node-a", []],
    [{ holderOf: () => "node-b" }, "node-b", ["kept"]],
    [{ holderOf: () => "node-a" }, "node-a", []],
    [{ holderOf: () => undefined }, "node-a", []],
    // What the status says is a moment old, and so it is said where it differs.
    [{ holderOf: () => "node-x" }, "node-a", ["statusDiffers"]],
    [{ holderOf: () => "node-b", isLiving: (node) => node !== "node-b" }, "node-a", ["statusDiffers"]],
    [{ holderOf: () => "node-b", foreignMembers: ["node-c"] }, "node-a", ["statusDiffers", "notAllHerald"]],
  ];
  for (const [more, announcer, warnings] of table) {
    const explained = explainAddress(ADDRESS, { plan: world, isLiving: () => true, ...more })!;
    assertEquals([explained.announcer, explained.candidates[0]], [announcer, announcer]);
    assertEquals(explained.warnings.map(({ reason }) => reason), warnings);
    assertEquals(explained.order.map(({ node }) => node), ["node-a", "node-c", "node-b"]);
  }
  const immediate = explainAddress(ADDRESS, {
    plan: plan({ web: { on: "abc" } }),
    isLiving: () => true,
    holderOf: () => "node-b",
  });
  assertEquals(immediate?.announcer, "node-a");
  assertEquals(immediate?.warnings.map(({ message }) => message), [
    "by what the speakers report node-a should announce it, but the ServiceL2Status says that node-b does: " +
    "a move is under way, or they do not see the same",
  ]);
});
