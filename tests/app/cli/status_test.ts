/** What `herald status` makes of the objects of a cluster; the way to a cluster is tested in tests/cluster/explain_test.ts. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { explainWorld } from "../../../lib/decision/control/explain_world.ts";
import type { NodeInterfaces } from "../../../lib/app/explain/live_cluster.ts";
import { type StatusInput, type StatusReport, statusReport } from "../../../lib/app/status/status_report.ts";
import { ageText } from "../../../lib/app/status/age_text.ts";
import { statusJson, writeStatus } from "../../../lib/app/status/status_text.ts";
import { l2Object, nodeObject, poolObject, serviceObject, sliceObject } from "../../decision/objects.ts";
import { herald } from "./cli_world.ts";

const NOW = "2026-01-01T01:00:00Z";

function input(services: KubeObject[], more: Partial<StatusInput> = {}): StatusInput {
  const objects = {
    services,
    ipAddressPools: [poolObject("first", ["192.168.1.240-192.168.1.243"])],
    l2Advertisements: [l2Object("all")],
    nodes: [nodeObject("node-a")],
    endpointSlices: [],
  };
  return {
    services,
    world: explainWorld(objects, { lbClasses: undefined, ignoreExcludeLb: false, speakers: undefined }),
    lbClasses: undefined,
    l2Statuses: [],
    bgpStatuses: [],
    events: [],
    speakers: [],
    controllers: [],
    lease: undefined,
    configurationStates: [],
    members: [],
    interfaces: [],
    notes: [],
    ...more,
  };
}

function l2Status(node: string, service: string): KubeObject {
  return {
    metadata: { name: `l2-${node}`, namespace: "metallb-system", creationTimestamp: "2026-01-01T00:10:00Z" },
    status: { node, serviceName: service, serviceNamespace: "shop" },
  };
}

function assigned(node: string, service: string, at: string, protocol = "layer2"): KubeObject {
  return {
    metadata: { name: `${service}.${at}`, namespace: "shop" },
    involvedObject: { kind: "Service", namespace: "shop", name: service },
    reason: "nodeAssigned",
    message: `announcing from node "${node}" with protocol "${protocol}"`,
    lastTimestamp: at,
  };
}

function pod(name: string, node: string, ready = true): KubeObject {
  return {
    metadata: { name, namespace: "metallb-system" },
    spec: { nodeName: node },
    status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

Deno.test("herald status: who announces is told by the status objects, else by the last event", () => {
  const services = [
    serviceObject("web", { ingress: ["192.168.1.240"] }),
    serviceObject("other", { type: "ClusterIP" }),
  ];
  const events = [
    assigned("node-b", "web", "2026-01-01T00:20:00Z"),
    assigned("node-c", "web", "2026-01-01T00:40:00Z"),
    assigned("node-a", "web", "2026-01-01T00:30:00Z"),
    { ...assigned("node-x", "web", "2026-01-01T00:50:00Z"), message: "something else" },
    { ...assigned("node-x", "web", "2026-01-01T00:50:00Z"), reason: "other" },
  ];
  const brief = (more: Partial<StatusInput>) =>
    statusReport(input(services, more)).services.map(({ name, announcedBy }) => [
      name,
      ...announcedBy.map(({ node, protocol, source, since }) => `${node} ${protocol} ${source} ${since}`),
    ]);
  assertEquals(brief({}), [["web"]]);
  assertEquals(brief({ events }), [["web", "node-c layer2 event 2026-01-01T00:40:00Z"]]);
  assertEquals(brief({ events, l2Statuses: [l2Status("node-a", "web")] }), [
    ["web", "node-a layer2 status 2026-01-01T00:10:00Z"],
  ]);
  // Not filled in yet, or of another Service.
  const empty = { metadata: { name: "l2-new" } };
  assertEquals(brief({ l2Statuses: [empty, l2Status("node-a", "api")] }), [["web"]]);
  assertEquals(brief({ events: undefined, l2Statuses: undefined, bgpStatuses: undefined }), [["web"]]);
  const bgp = {
    ...l2Status("node-a", "web"),
    status: { ...l2Status("node-a", "web")["status"] as object, peers: ["tor"] },
  };
  const [web] = statusReport(input(services, { bgpStatuses: [bgp] })).services;
  assertEquals(web!.announcedBy.map(({ protocol, peers }) => [protocol, peers]), [["bgp", ["tor"]]]);
});

Deno.test("herald status: why a Service waits is what explain says; without a reason the controller is late", () => {
  const services = [serviceObject("late"), serviceObject("lost", { annotations: { "metallb.io/address-pool": "no" } })];
  assertEquals(statusReport(input(services)).services.map(({ name, pending }) => [name, pending?.reason]), [
    ["late", "notYet"],
    ["lost", "unknownPool"],
  ]);
});

Deno.test("herald status: the pod that holds the lease leads", () => {
  const lease = {
    metadata: { name: "herald-controller" },
    spec: { holderIdentity: "controller-10_x", acquireTime: "2026-01-01T00:00:00Z" },
  };
  const controllers = [pod("controller-1", "node-a"), pod("controller-10", "node-b", false)];
  const { programs, leader } = statusReport(input([], { lease, controllers, speakers: [pod("speaker-a", "node-a")] }));
  assertEquals(leader, { holder: "controller-10_x", since: "2026-01-01T00:00:00Z" });
  assertEquals(programs.map(({ pod, ready, leads }) => [pod, ready, leads]), [
    ["controller-1", true, false],
    ["controller-10", false, true],
    ["speaker-a", true, null],
  ]);
  assertEquals(statusReport(input([], { controllers })).programs.map(({ leads }) => leads), [null, null]);
});

function state(name: string, message: string): KubeObject {
  const condition = { type: "herald.dev/UnknownPool", status: "True", reason: "Warning", message };
  return { metadata: { name }, status: { result: "Valid", errorSummary: "", conditions: [condition] } };
}

Deno.test("herald status: for people, each problem once however many speakers say it", () => {
  let out = "";
  const report = statusReport(input([
    serviceObject("web", { ingress: ["192.168.1.240"], annotations: { "metallb.io/ip-allocated-from-pool": "first" } }),
    serviceObject("lost", { annotations: { "metallb.io/address-pool": "no" } }),
  ], {
    l2Statuses: [l2Status("node-a", "web")],
    controllers: [pod("controller-1", "node-a")],
    configurationStates: ["speaker-b", "speaker-a"].map((name) => state(name, "L2Advertisement x: no pool y")),
  }));
  writeStatus({ write: (text) => void (out += text), color: false, columns: undefined }, report, {
    nowMs: Date.parse(NOW),
  });
  assertEquals(
    out,
    `PROGRAM     POD           NODE    STATE
controller  controller-1  node-a  ready

SERVICE    ADDRESS        POOL   ANNOUNCED BY                     SINCE
shop/lost  pending        -      unknown pool "no" (unknownPool)
shop/web   192.168.1.240  first  node-a (layer2)                  50m

POOL   IPV4 USED/FREE  IPV6 USED/FREE
first  1/3             -

warning: L2Advertisement x: no pool y (speaker-a, speaker-b)
`,
  );
});

Deno.test("herald status: where one namespace was asked for, it has no Service, not the cluster", () => {
  const nothing = { services: [], pools: [], programs: [], configuration: [], members: [], interfaces: [], notes: [] };
  const empty: StatusReport = { ...nothing, leader: null };
  for (
    const [namespace, line] of [["", "no Service of type LoadBalancer"], ["shop", "LoadBalancer in namespace shop"]]
  ) {
    let out = "";
    const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
    writeStatus(output, empty, { nowMs: 0, namespace: namespace! });
    assertStringIncludes(out, `${line}\n\n`);
  }
});

Deno.test("herald status -o json: the shape that its header promises", () => {
  const report = statusReport(input([serviceObject("web", { ingress: ["192.168.1.240"] })]));
  assertEquals(statusJson(report), {
    services: [{
      namespace: "shop",
      name: "web",
      addresses: ["192.168.1.240"],
      pool: null,
      pending: null,
      announcedBy: [],
      notAnnounced: {
        reason: "noReadyEndpoint",
        message: "no endpoint of the Service can serve",
      },
      warnings: [],
    }],
    pools: [{
      ...{ name: "first", assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 3, availableIPv6: 0 },
      ...{ restingIPv4: 0, restingIPv6: 0, skippedIPv4: 0 },
    }],
    programs: [],
    leader: null,
    configuration: [],
    members: null,
    interfaces: null,
    sessions: null,
    notes: [],
  });
});

Deno.test("herald status: who sees whom in the gossip, and that a speaker is not Herald", () => {
  const members = [
    { node: "node-a", isHerald: true, version: "0.1.0", aliveTo: ["node-a", "node-b"], deadTo: [] },
    { node: "node-b", isHerald: true, version: "0.1.0", aliveTo: ["node-b"], deadTo: ["node-a"] },
    { node: "node-c", isHerald: false, version: undefined, aliveTo: ["node-a"], deadTo: ["node-b"] },
    { node: "node-d", isHerald: undefined, version: undefined, aliveTo: ["node-a", "node-b"], deadTo: [] },
  ];
  const report = statusReport(input([], { members }));
  let out = "";
  const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
  writeStatus(output, report, { nowMs: 0 });
  const table = `MEMBER  SPEAKER       SEEN BY THE OTHERS AS
node-a  Herald 0.1.0  alive
node-b  Herald 0.1.0  dead
node-c  not Herald    dead by node-b, alive by node-a
node-d  unknown       alive
`;
  assertStringIncludes(out, table);
  assertStringIncludes(out, "note: the speaker of node-c is not Herald: the order of candidates is MetalLB's");
  assertEquals((statusJson(report)["members"] as unknown[])[2], {
    node: "node-c",
    herald: false,
    version: null,
    aliveTo: ["node-a"],
    deadTo: ["node-b"],
  });
});

Deno.test("herald status: ages in one unit; without a cluster it ends with 1", async () => {
  const ages: [number, string][] = [[NaN, "?"], [-5, "0s"], [119_999, "119s"], [120_000, "2m"], [7_200_000, "2h"], [
    172_800_000,
    "2d",
  ]];
  for (const [ageMs, text] of ages) assertEquals(ageText(ageMs), text);
  const { code, err } = await herald(["status"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "herald status: no API server");
});

Deno.test("herald status: on what each node announces, why not on the rest, and which link probe is silent", () => {
  const shown = (interfaces: StatusInput["interfaces"]) => {
    let out = "";
    const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
    writeStatus(output, statusReport(input([], { interfaces })), { nowMs: 0 });
    return out;
  };
  const node = (name: string, more: Partial<NodeInterfaces> = {}): NodeInterfaces => ({
    ...{ node: name, usableInterfaces: [], refused: [], failedLinkProbes: [] },
    ...more,
  });
  assertEquals(shown([]).includes("ANNOUNCES ON"), false);
  const refused = [{ name: "eth1", reason: "noCarrier" }, { name: "eth2", reason: "enslaved" }, {
    name: "x0",
    reason: "ofAnotherVersion",
  }];
  assertStringIncludes(
    shown([node("node-a", { usableInterfaces: ["bond0", "eth0"], refused }), node("node-b")]),
    `NODE    ANNOUNCES ON  NOT ON
node-a  bond0, eth0   eth1 (no link), eth2 (part of a bridge, bond, team or VRF), x0 (ofAnotherVersion)
node-b  -             -
`,
  );
  assertStringIncludes(
    shown([node("node-a", { usableInterfaces: ["eth0"], failedLinkProbes: ["192.0.2.1"] }), node("node-b")]),
    `NODE    ANNOUNCES ON  NOT ON  LINK PROBES WITHOUT AN ANSWER
node-a  eth0          -       192.0.2.1
node-b  -             -       -
`,
  );
  assertStringIncludes(
    shown([node("node-a", { usableInterfaces: ["eth0", "eth1"], ipv4OnlyInterfaces: ["eth1"] }), node("node-b")]),
    `NODE    ANNOUNCES ON            NOT ON
node-a  eth0, eth1 (IPv4 only)  -
node-b  -                       -
`,
  );
});

Deno.test("herald status: of a node that is dead to the others the last word is shown as that", () => {
  const members = [{ node: "node-a", isHerald: true, version: "0.1.0", aliveTo: ["node-a"], deadTo: ["node-b"] }];
  const interfaces = [{ node: "node-a", usableInterfaces: ["eth0"], refused: [], failedLinkProbes: [] }];
  let out = "";
  const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
  writeStatus(output, statusReport(input([], { members, interfaces })), { nowMs: 0 });
  assertStringIncludes(out, "node-a (dead to the others)  eth0          -\n");
});

Deno.test("herald status: more nodes that say they announce a Service than it has addresses are told", () => {
  const services = [
    serviceObject("web", { ingress: ["192.168.1.240"] }),
    serviceObject("dual", { ingress: ["192.168.1.241", "2001:db8::1"] }),
  ];
  const statuses = ["node-a", "node-b"].flatMap((node) => [l2Status(node, "web"), l2Status(node, "dual")]);
  const told = (l2Statuses: KubeObject[]) =>
    statusReport(input(services, { l2Statuses })).services.map(({ name, warnings }) => [
      name,
      ...warnings.map(({ message }) => message),
    ]);
  assertEquals(told(statuses), [["dual"], [
    "web",
    "node-a, node-b say that they announce it: one of them is about to stop, or they do not hear each other",
  ]]);
  assertEquals(told([l2Status("node-a", "web")]), [["dual"], ["web"]]);
});

Deno.test("herald status: why nobody announces what has an address, in the words of explain", () => {
  const address = { ingress: ["192.168.1.240"] };
  const silence = (services: KubeObject[], more: Partial<Parameters<typeof explainWorld>[0]>, speakers?: string[]) => {
    const made = input(services);
    const objects = {
      services,
      ipAddressPools: [poolObject("first", ["192.168.1.240-192.168.1.243"])],
      l2Advertisements: [l2Object("all")],
      nodes: [nodeObject("node-a")],
      endpointSlices: [sliceObject("web", [{ nodeName: "node-a" }])],
      ...more,
    };
    const options = {
      lbClasses: undefined,
      ignoreExcludeLb: false,
      speakers: speakers === undefined ? undefined : new Set(speakers),
    };
    const { notAnnounced } = statusReport({ ...made, world: explainWorld(objects, options) }).services[0]!;
    return `${notAnnounced?.reason}: ${notAnnounced?.message}`;
  };
  const web = serviceObject("web", address);
  assertEquals(silence([web], { endpointSlices: [] }), "noReadyEndpoint: no endpoint of the Service can serve");
  assertEquals(silence([web], {}, []), "noSpeaker: node-a: no speaker is alive on the node");
  assertEquals(
    silence([web], {}),
    "notYet: node-a should announce it and does not say so; its speaker may just be at it, or see something else",
  );
  assertStringIncludes(silence([web], { l2Advertisements: [] }), "noMatchingAdvertisement: ");
});

Deno.test("herald status: what explain warns of stands below, once for each sentence", () => {
  const web = serviceObject("web", { ingress: ["192.168.1.240"] });
  const made = input([web]);
  const [service] = made.world.services;
  const warnings = [{ reason: "kept" as const, message: "node-a comes first" }];
  const [address] = explainAddressOf("192.168.1.240");
  const layer2 = { reason: undefined, message: "", addresses: [{ ...address!, warnings }, { ...address!, warnings }] };
  const report = statusReport({ ...made, world: { ...made.world, services: [{ ...service!, layer2 }] } });
  assertEquals(report.services[0]!.warnings, warnings);
  let out = "";
  const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
  writeStatus(output, report, { nowMs: 0 });
  assertStringIncludes(out, "note: node-a comes first (shop/web)\n");
});

function explainAddressOf(text: string) {
  const { world } = input([serviceObject("web", { ingress: [text] })]);
  return world.services[0]!.layer2!.addresses;
}
