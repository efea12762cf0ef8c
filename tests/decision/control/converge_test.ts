import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { poolObject, serviceObject, type ServiceOptions } from "../objects.ts";
import { type Patch, shownBy } from "./fake_api.ts";
import { annotate, POOL_ANNOTATION, spec, Stage } from "./stage.ts";

Deno.test("ConvergeMachine: nothing is decided before pools and all caches are there", () => {
  const stage = new Stage();
  stage.put("web", { ingress: ["192.0.2.5"], annotations: { [POOL_ANNOTATION]: "p" } });
  stage.handle({ kind: "synced" });
  assertEquals([stage.effects, stage.machine.decisionOf("shop/web")], [[], undefined]);
  const other = new Stage();
  other.put("web");
  other.pools(poolObject("p", ["192.0.2.0/24"]));
  assertEquals(other.patches, []);
});

Deno.test("ConvergeMachine: a new Service gets the lowest address in one patch with precondition and annotation", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("web");
  assertEquals(stage.patches, [{
    kind: "patchStatus",
    key: "shop/web",
    namespace: "shop",
    name: "web",
    resourceVersion: "101",
    body: {
      metadata: { resourceVersion: "101", annotations: { [POOL_ANNOTATION]: "p" } },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.0" }] } },
    },
  }]);
  assertEquals(stage.events, ['web Normal IPAllocated: Assigned IP ["192.0.2.0"]']);
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
});

Deno.test("ConvergeMachine: its own echo, a label change and a restart write nothing", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("web");
  stage.change("web", (object) => ({ ...object, metadata: { ...object.metadata, labels: { a: "b" } } }));
  stage.pools(poolObject("p", ["192.0.2.0/24"]));
  assertEquals([stage.patches.length, stage.events.length], [1, 1]);
  const next = new Stage();
  for (const object of stage.api.objects.values()) next.api.put(object);
  next.start(poolObject("p", ["192.0.2.0/24"]));
  assertEquals([next.patches, next.events], [[], []]);
});

Deno.test("ConvergeMachine: all existing addresses are adopted before anything new is given, the oldest served first", () => {
  const stage = new Stage();
  stage.api.put(serviceObject("young", { creationTimestamp: "2026-01-03T00:00:00Z" }));
  stage.api.put(serviceObject("old", { creationTimestamp: "2026-01-01T00:00:00Z" }));
  stage.api.put(serviceObject("has", {
    creationTimestamp: "2026-01-04T00:00:00Z",
    ingress: ["192.0.2.0"],
    annotations: { [POOL_ANNOTATION]: "p" },
  }));
  stage.start(poolObject("p", ["192.0.2.0/30"]));
  assertEquals(["has", "old", "young"].map((name) => stage.shown(name)), [
    "192.0.2.0 (p)",
    "192.0.2.1 (p)",
    "192.0.2.2 (p)",
  ]);
  assertEquals(stage.patches.length, 2);
});

Deno.test("ConvergeMachine: of two Services with one address the older keeps it, the other is repaired with an event", () => {
  const stage = new Stage();
  const annotations = { [POOL_ANNOTATION]: "p" };
  for (const [name, day] of [["young", 2], ["old", 1]] as const) {
    stage.api.put(
      serviceObject(name, { ingress: ["192.0.2.7"], annotations, creationTimestamp: `2026-01-0${day}T00:00:00Z` }),
    );
  }
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  assertEquals([stage.shown("old"), stage.shown("young")], ["192.0.2.7 (p)", "192.0.2.0 (p)"]);
  assertEquals(stage.events.map((text) => text.split(":")[0]), [
    "young Normal ClearAssignment",
    "young Normal IPAllocated",
  ]);
  assert(
    stage.events[0]!.includes("192.0.2.7") && stage.events[0]!.includes("address also in use by shop/old"),
    stage.events[0],
  );
});

Deno.test("ConvergeMachine: a full pool is one event, and a release serves the oldest that waits", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]));
  stage.put("one");
  stage.put("three", { creationTimestamp: "2026-01-03T00:00:00Z" });
  stage.put("two", { creationTimestamp: "2026-01-02T00:00:00Z" });
  stage.change("two", (object) => ({ ...object, metadata: { ...object.metadata, labels: { a: "b" } } }));
  assertEquals(stage.events.slice(1), [
    'three Warning AllocationFailed: Failed to allocate IP for "shop/three": no available IPs',
    'two Warning AllocationFailed: Failed to allocate IP for "shop/two": no available IPs',
  ]);
  stage.remove("one");
  assertEquals([stage.shown("two"), stage.shown("three")], ["192.0.2.0 (p)", "-"]);
  assertEquals(stage.events.length, 4);
  stage.pools(poolObject("p", ["192.0.2.0/31"]));
  assertEquals(stage.shown("three"), "192.0.2.1 (p)");
});

Deno.test("ConvergeMachine: requests by pool, and why they fail", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]), poolObject("off", ["198.51.100.0/24"], { autoAssign: false }));
  stage.put("web", { annotations: { "metallb.universe.tf/address-pool": "off" } });
  assertEquals(stage.shown("web"), "198.51.100.0 (off)");
  stage.put("lost", { annotations: { "metallb.io/address-pool": "nope" } });
  stage.put("a", { annotations: { "metallb.io/address-pool": "p" } });
  stage.put("b", { annotations: { "metallb.io/address-pool": "p" } });
  assertEquals(stage.events.filter((text) => text.includes("Warning")), [
    "web Warning deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/address-pool; " +
    "use metallb.io/address-pool instead",
    'lost Warning AllocationFailed: Failed to allocate IP for "shop/lost": unknown pool "nope"',
    'b Warning AllocationFailed: Failed to allocate IP for "shop/b": no available IPs in pool p',
  ]);
  // Taking the request away keeps the address; another pool moves it, in one write.
  stage.change("web", annotate({ "metallb.universe.tf/address-pool": "" }));
  assertEquals(stage.shown("web"), "198.51.100.0 (off)");
  const before = stage.patches.length;
  stage.remove("a");
  stage.remove("b");
  stage.change("web", annotate({ "metallb.io/address-pool": "p" }));
  assertEquals([stage.shown("web"), stage.patches.length - before], ["192.0.2.0 (p)", 2]);
  assertEquals(stage.machine.counters().map(({ assignedIPv4 }) => assignedIPv4), [0n, 1n]);
});

Deno.test("ConvergeMachine: requested addresses are given, malformed ones leave the Service as it is", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24", "fd00::/120"]));
  stage.put("web", { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.9" } });
  stage.put("spec", { spec: { loadBalancerIP: "192.0.2.10" } });
  stage.put("dual", {
    annotations: { "metallb.io/loadBalancerIPs": " fd00::5 , 192.0.2.11 " },
    clusterIps: ["10.96.0.1", "fd01::1"],
    spec: { ipFamilyPolicy: "RequireDualStack" },
  });
  assertEquals(["web", "spec", "dual"].map((name) => stage.shown(name)), [
    "192.0.2.9 (p)",
    "192.0.2.10 (p)",
    "fd00::5 192.0.2.11 (p)",
  ]);
  const before = stage.patches.length;
  for (const text of ["x", "192.0.2.1,192.0.2.2", "192.0.2.1,fd00::1,fd00::2", ","]) {
    stage.change("web", annotate({ "metallb.io/loadBalancerIPs": text }));
    assertEquals([stage.shown("web"), stage.machine.decisionOf("shop/web")?.kind], ["192.0.2.9 (p)", "left"], text);
    assert(stage.events.at(-1)!.startsWith("web Warning LoadBalancerFailed"), stage.events.at(-1));
  }
  stage.change("web", annotate({ "metallb.io/loadBalancerIPs": "192.0.2.9" }));
  assertEquals([stage.patches.length, stage.machine.decisionOf("shop/web")?.kind], [before, "assigned"]);
});

Deno.test("ConvergeMachine: a Service that is no load balancer any more is cleared, and its address is free then", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]));
  stage.put("web");
  stage.put("next");
  stage.holdWrites = true;
  stage.change("web", (object) => ({ ...object, spec: { ...spec(object), type: "ClusterIP" } }));
  assertEquals(stage.waiting.map(({ body }) => body["status"]), [{ loadBalancer: null }]);
  assertEquals(stage.shown("next"), "-", "the API still shows the address elsewhere");
  stage.holdWrites = false;
  stage.carryOut(stage.waiting.shift()!);
  assertEquals([stage.shown("web"), stage.shown("next")], ["-", "192.0.2.0 (p)"]);
});

Deno.test("ConvergeMachine: Services of another class are left to others, and given up when they change hands", () => {
  const stage = new Stage({ lbClasses: ["x", "y"] });
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("none", { ingress: ["203.0.113.1"] });
  stage.put("x", { spec: { loadBalancerClass: "x" } });
  stage.put("y", { spec: { loadBalancerClass: "y" } });
  assertEquals(["none", "x", "y"].map((name) => stage.shown(name)), [
    "203.0.113.1 (undefined)",
    "192.0.2.0 (p)",
    "192.0.2.1 (p)",
  ]);
  stage.change("y", (object) => ({ ...object, spec: { ...spec(object), loadBalancerClass: "z" } }));
  assertEquals(stage.shown("y"), "-");
  // Somebody else has written there meanwhile: only our annotation goes.
  stage.change("x", (object) => ({
    ...object,
    spec: { ...spec(object), loadBalancerClass: "z" },
    status: { loadBalancer: { ingress: [{ ip: "203.0.113.9" }] } },
  }));
  assertEquals(stage.shown("x"), "203.0.113.9 (undefined)");
});

Deno.test("ConvergeMachine: pools that shrink, go, are renamed or turn avoidBuggyIPs on", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/30"]));
  for (const name of ["a", "b", "c"]) stage.put(name);
  stage.events.length = 0;
  stage.pools(poolObject("renamed", ["192.0.2.0/30"]));
  assertEquals(["a", "b", "c"].map((name) => stage.shown(name)), [
    "192.0.2.0 (renamed)",
    "192.0.2.1 (renamed)",
    "192.0.2.2 (renamed)",
  ]);
  assertEquals(stage.events, []);
  const before = stage.patches.length;
  stage.pools(poolObject("renamed", ["192.0.2.0/30"], { avoidBuggyIPs: true }));
  assertEquals([stage.shown("a"), stage.patches.length - before], ["192.0.2.3 (renamed)", 1]);
  assertEquals(stage.events.map((text) => text.split(":")[0]), ["a Normal ClearAssignment", "a Normal IPAllocated"]);
  stage.pools(poolObject("renamed", ["192.0.2.2/31"]));
  assertEquals(["a", "b", "c"].map((name) => stage.shown(name)), ["192.0.2.3 (renamed)", "-", "192.0.2.2 (renamed)"]);
  stage.pools(poolObject("renamed", ["192.0.2.2/31"], { autoAssign: false }));
  assertEquals(stage.shown("a"), "192.0.2.3 (renamed)");
  stage.pools();
  assertEquals(["a", "b", "c"].map((name) => stage.shown(name)), ["-", "-", "-"]);
});

Deno.test("ConvergeMachine: an error in a pool takes no address away, and the pool's repair writes nothing", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/30"]), poolObject("q", ["198.51.100.0/30"]));
  stage.put("web");
  const before = stage.patches.length;
  stage.pools(poolObject("p", ["192.0.2.0/30", "oops"]), poolObject("q", ["198.51.100.0/30"]));
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  assertEquals(stage.machine.decisionOf("shop/web")?.kind, "left");
  stage.put("new");
  assertEquals(stage.shown("new"), "198.51.100.0 (q)");
  stage.pools(poolObject("p", ["192.0.2.0/30"]), poolObject("q", ["198.51.100.0/30"]));
  assertEquals([stage.patches.length - before, stage.machine.decisionOf("shop/web")?.kind], [1, "assigned"]);
  const problems = stage.effects.filter((effect) => effect.kind === "problems").map(({ problems }) => problems.length);
  assertEquals(problems, [1, 0]);
});

Deno.test("ConvergeMachine: dual stack by policy (reference §5.4)", () => {
  const both = ["10.96.0.1", "fd01::1"];
  const table: [ServiceOptions, string, string | undefined][] = [
    [{ clusterIps: [] }, "-", undefined],
    [{ clusterIps: ["10.96.0.1"], spec: { ipFamilyPolicy: "RequireDualStack" } }, "-", "not enough clusterips"],
    [{ clusterIps: both }, "-", "AllocationFailed"],
    [{ clusterIps: ["x"] }, "-", "noclusterIPsIPFamily"],
    [{ clusterIps: ["10.96.0.1", "10.96.0.2"] }, "-", "noclusterIPsIPFamily"],
    [{ clusterIps: ["10.96.0.1"], spec: { ipFamilyPolicy: "PreferDualStack" } }, "192.0.2.0 (both)", "IPAllocated"],
    [{ clusterIps: ["fd01::1"] }, "fd00:: (both)", "IPAllocated"],
    [{ clusterIps: both, spec: { ipFamilyPolicy: "RequireDualStack" } }, "192.0.2.0 fd00:: (both)", "IPAllocated"],
    [{ clusterIps: both, spec: { ipFamilyPolicy: "PreferDualStack" } }, "192.0.2.0 fd00:: (both)", "IPAllocated"],
  ];
  for (const [options, shown, event] of table) {
    const stage = new Stage();
    stage.start(poolObject("both", ["192.0.2.0/24", "fd00::/120"]));
    stage.put("web", options);
    assertEquals(
      [stage.shown("web"), stage.events.length],
      [shown, event === undefined ? 0 : 1],
      JSON.stringify(options),
    );
    if (event !== undefined) assert(stage.events[0]!.includes(` ${event}: `), stage.events[0]);
  }
});

Deno.test("ConvergeMachine: a preferring Service keeps its one address and gains the second with the pool", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("web", {
    clusterIps: ["fd01::1", "10.96.0.1"],
    spec: { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6", "IPv4"] },
  });
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  stage.pools(poolObject("p", ["192.0.2.0/24", "fd00::/120"]));
  assertEquals(stage.shown("web"), "192.0.2.0 fd00:: (p)");
  assertEquals(stage.events.at(-1), 'web Normal IPAllocated: Assigned additional IP "fd00::"');
  assertEquals(stage.events.length, 2);
});

Deno.test("ConvergeMachine: a preferring Service gains its second address when another Service gives it back", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24", "fd00::/128"]));
  stage.put("six", { clusterIps: ["fd01::9"] });
  const dual = { clusterIps: ["10.96.0.1", "fd01::1"], spec: { ipFamilyPolicy: "PreferDualStack" } };
  stage.put("younger", { ...dual, creationTimestamp: "2026-01-03T00:00:00Z" });
  stage.put("older", { ...dual, creationTimestamp: "2026-01-02T00:00:00Z" });
  assertEquals([stage.shown("younger"), stage.shown("older")], ["192.0.2.0 (p)", "192.0.2.1 (p)"]);
  const before = stage.patches.length;
  stage.remove("six");
  assertEquals([stage.shown("younger"), stage.shown("older")], ["192.0.2.0 (p)", "192.0.2.1 fd00:: (p)"]);
  assertEquals(stage.patches.length - before, 1);
});

Deno.test("ConvergeMachine: no more writes in flight than allowed; the rest follows answer by answer", () => {
  const stage = new Stage({ inFlightMax: 16 });
  stage.holdWrites = true;
  for (let i = 0; i < 40; i++) stage.api.put(serviceObject(`s${i}`));
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  assertEquals(stage.waiting.length, 16);
  stage.carryOut(stage.waiting.shift()!);
  assertEquals(stage.waiting.length, 16);
  stage.holdWrites = false;
  while (stage.waiting.length > 0) stage.carryOut(stage.waiting.shift()!);
  assertEquals([stage.patches.length, stage.events.length], [40, 40]);
});

Deno.test("ConvergeMachine: after a conflict the newer object decides, without waiting", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.holdWrites = true;
  stage.put("web");
  stage.change("web", annotate({ a: "b" }));
  assertEquals(stage.waiting.length, 1, "one write in flight per Service");
  stage.holdWrites = false;
  stage.carryOut(stage.waiting.shift()!);
  assertEquals([stage.shown("web"), stage.patches.length, stage.events.length], ["192.0.2.0 (p)", 2, 1]);
});

Deno.test("ConvergeMachine: a conflict without a newer object is tried again by the clock", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.holdWrites = true;
  stage.put("web");
  stage.settlePools();
  const failedAt = stage.now;
  stage.handle({ kind: "writeFailed", key: "shop/web", reason: "conflict", message: "conflict" });
  assertEquals([stage.waiting.length, stage.machine.deadline()], [1, { at: failedAt + 1000, why: "retryWrite" }]);
  stage.tick(failedAt + 1000);
  assertEquals(stage.waiting.length, 2);
});

Deno.test("ConvergeMachine: a write that is refused is said once and not hammered", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.holdWrites = true;
  stage.put("web");
  stage.settlePools();
  const startedAt = stage.now;
  for (let round = 0; round < 5; round++) {
    stage.handle({ kind: "writeFailed", key: "shop/web", reason: "rejected", message: "forbidden" });
    stage.tick(stage.machine.deadline()!.at);
  }
  assertEquals(stage.events, ['web Warning AllocationFailed: Failed to allocate IP for "shop/web": forbidden']);
  assertEquals(stage.now - startedAt, 5000 * (1 + 2 + 4 + 8 + 16));
});

Deno.test("ConvergeMachine: a Service deleted while its write is in flight gives its address back with the answer", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]));
  stage.holdWrites = true;
  stage.put("web");
  stage.put("next");
  stage.remove("web");
  assertEquals(stage.machine.decisionOf("shop/next")?.kind, "pending");
  stage.holdWrites = false;
  stage.carryOut(stage.waiting.shift()!);
  assertEquals(stage.shown("next"), "192.0.2.0 (p)");
});

Deno.test("ConvergeMachine: answers that nobody asked for, doubled ticks and unknown keys are harmless", () => {
  const stage = new Stage();
  stage.handle({ kind: "written", key: "shop/none", resourceVersion: "1" });
  stage.handle({ kind: "writeFailed", key: "shop/none", reason: "conflict", message: "" });
  stage.handle({ kind: "service", key: "shop/none", object: undefined });
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("web");
  stage.handle({ kind: "written", key: "shop/web", resourceVersion: "999" });
  stage.handle({ kind: "tick" });
  stage.handle({ kind: "tick" });
  stage.handle({ kind: "synced" });
  assertEquals([stage.patches.length, stage.shown("web")], [1, "192.0.2.0 (p)"]);
});

Deno.test("ConvergeMachine: from scratch the lowest addresses go to the oldest, whatever order the objects come in", () => {
  const names = Array.from({ length: 9 }, (_, i) => `s${i}`);
  for (const order of [names, [...names].reverse(), [...names].sort((a, b) => Number(a[1]) % 4 - Number(b[1]) % 4)]) {
    const stage = new Stage();
    for (const name of order) {
      stage.api.put(
        serviceObject(name, { creationTimestamp: `2026-01-01T00:00:0${Math.floor(Number(name[1]) / 2)}Z` }),
      );
    }
    stage.start(poolObject("b", ["192.0.2.0/24"]), poolObject("a", ["198.51.100.8/30", "198.51.100.0/31"]));
    assertEquals(names.map((name) => stage.shown(name)), [
      "198.51.100.0 (a)",
      "198.51.100.1 (a)",
      "198.51.100.8 (a)",
      "198.51.100.9 (a)",
      "198.51.100.10 (a)",
      "198.51.100.11 (a)",
      "192.0.2.0 (b)",
      "192.0.2.1 (b)",
      "192.0.2.2 (b)",
    ]);
  }
});

Deno.test("ConvergeMachine: a waiting Service whose write is in flight holds up nobody that waits behind it", () => {
  const stage = new Stage({ inFlightMax: 1 });
  for (const [name, ip] of [["a", "192.0.2.0"], ["b", "192.0.2.1"], ["c", "10.0.0.1"], ["d", "10.0.0.2"]] as const) {
    stage.api.put(serviceObject(name, { ingress: [ip], annotations: { [POOL_ANNOTATION]: "p" } }));
  }
  stage.holdWrites = true;
  stage.start(poolObject("p", ["192.0.2.0/31"]));
  assertEquals(stage.waiting.map(({ key }) => key), ["shop/c"]);
  stage.remove("a");
  stage.remove("b");
  stage.holdWrites = false;
  stage.carryOut(stage.waiting.shift()!);
  assertEquals([stage.shown("c"), stage.shown("d")], ["192.0.2.1 (p)", "192.0.2.0 (p)"]);
});

Deno.test("ConvergeMachine: a pool's status writes nothing, and a Service made anew starts anew", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/31"]));
  stage.put("web");
  stage.pools({ ...poolObject("p", ["192.0.2.0/31"]), status: { assignedIPv4: 1 } });
  assertEquals(stage.patches.length, 1);
  // Deleted and made anew, and only the new one was seen.
  stage.put("other");
  const anew = serviceObject("web", { creationTimestamp: "2026-02-01T00:00:00Z" });
  stage.api.put({ ...anew, metadata: { ...anew.metadata, uid: "uid-anew" } });
  stage.deliver();
  assertEquals([stage.shown("web"), stage.shown("other")], ["192.0.2.0 (p)", "192.0.2.1 (p)"]);
});

Deno.test("ConvergeMachine: what the watch brings of the time between two own writes is not taken for news", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/31"]));
  stage.holdWrites = true;
  stage.put("web");
  const answer = (patch: Patch) => {
    const result = stage.api.patch(patch);
    if (!result.ok) throw new Error(result.reason);
    stage.handle({ kind: "written", key: "shop/web", resourceVersion: result.resourceVersion });
  };
  answer(stage.waiting.shift()!);
  stage.pools(poolObject("p", ["192.0.2.1/32"]));
  answer(stage.waiting.shift()!);
  stage.pools(poolObject("p", ["192.0.2.0/31"]));
  // The echo of the first write shows 192.0.2.0, which the Service gave up with the second.
  const first = stage.api.events.at(-2)!;
  assertEquals(shownBy(first.object!), ["192.0.2.0"]);
  stage.handle({ kind: "service", key: "shop/web", object: first.object });
  assertEquals(stage.machine.decisionOf("shop/web"), { kind: "assigned", pool: "p", addresses: ["192.0.2.1"] });
  stage.deliver();
  assertEquals([stage.waiting, stage.shown("web")], [[], "192.0.2.1 (p)"]);
});

Deno.test("ConvergeMachine: an address of a write without an answer is given to nobody before it is known what became of it", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]));
  stage.holdWrites = true;
  stage.put("web");
  // It happens, but neither its answer nor its echo has come yet.
  stage.api.patch(stage.waiting.shift()!);
  stage.handle({ kind: "writeFailed", key: "shop/web", reason: "retryable", message: "timeout" });
  stage.pools(poolObject("p", ["192.0.2.0/32"], { serviceAllocation: { namespaces: ["other"] } }));
  stage.handle({ kind: "service", key: "other/next", object: serviceObject("next", { namespace: "other" }) });
  assertEquals(stage.machine.decisionOf("other/next")?.kind, "pending");
  stage.holdWrites = false;
  stage.deliver();
  stage.now = 250;
  stage.handle({ kind: "tick" });
  assertEquals(stage.shown("web"), "-");
  assertEquals(stage.machine.decisionOf("other/next"), { kind: "assigned", pool: "p", addresses: ["192.0.2.0"] });
});

Deno.test("ConvergeMachine: against another program that writes the same status it does not fight without end", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/24"]));
  stage.put("web");
  const own = stage.patches.length;
  // Somebody who puts his own address there as soon as he sees another.
  for (let second = 0; second < 600; second++) {
    for (let turn = 0; turn < 20; turn++) {
      stage.change("web", (object) => ({ ...object, status: { loadBalancer: { ingress: [{ ip: "203.0.113.9" }] } } }));
    }
    stage.tick(stage.now + 1000);
  }
  const { length } = stage.patches.slice(own);
  assert(length > 5 && length < 40, `${length} writes in ten minutes`);
  const said = stage.events.filter((text) => text.includes("StatusOverwritten"));
  assertEquals(said.length, 1);
  assertStringIncludes(said[0]!, "loadBalancerClass");
  // The address is still its own: nobody else gets it.
  stage.put("next");
  assertEquals(stage.shown("next"), "192.0.2.1 (p)");
  // The other one gives up: what is right is there after the pause at the latest.
  stage.tick(stage.now + 60_000);
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
});
