/** Reference §5.7 row by row, with what its §13 pins, and with R-4: what may stay is not lost. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { poolObject, serviceObject } from "../objects.ts";
import { shownBy } from "./fake_api.ts";
import { annotate, POOL_ANNOTATION, respec, Stage, unannotate } from "./stage.ts";

const POOL = "metallb.io/address-pool";
const IPS = "metallb.io/loadBalancerIPs";
const KEY = "metallb.io/allow-shared-ip";

const p = (spec: Record<string, unknown> = {}) => poolObject("p", ["192.0.2.0/30"], spec);
const q = (spec: Record<string, unknown> = {}) => poolObject("q", ["198.51.100.0/31"], spec);

/** Pools p and q, and the Service `web` with the first address of p. */
function stageWithWeb(): Stage {
  const stage = new Stage();
  stage.start(p(), q());
  stage.put("web");
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  stage.events.length = 0;
  stage.patches.length = 0;
  return stage;
}

function unmetOf({ machine }: Stage) {
  const decision = machine.decisionOf("shop/web");
  return decision?.kind === "assigned" ? decision.unmet : undefined;
}

const reasons = (stage: Stage) => stage.events.map((text) => text.split(":")[0]!);

Deno.test("Life cycle: a pool that is removed gives its Services to another, or takes their address away", () => {
  const stage = stageWithWeb();
  stage.pools(q());
  assertEquals(stage.shown("web"), "198.51.100.0 (q)");
  assertEquals(reasons(stage), ["web Normal ClearAssignment", "web Normal IPAllocated"]);
  stage.pools(poolObject("off", ["203.0.113.0/24"], { autoAssign: false }));
  assertEquals(stage.shown("web"), "-");
  assertEquals(reasons(stage).slice(2), ["web Normal ClearAssignment", "web Warning AllocationFailed"]);
});

Deno.test("Life cycle: a pool that shrinks moves only those that are outside; one that grows moves nobody", () => {
  const stage = stageWithWeb();
  stage.put("two");
  stage.pools(poolObject("p", ["192.0.2.1/32", "192.0.2.4/31"]), q());
  assertEquals([stage.shown("web"), stage.shown("two")], ["192.0.2.4 (p)", "192.0.2.1 (p)"]);
  const writes = stage.patches.length;
  stage.pools(poolObject("p", ["192.0.2.0/24"]), q());
  assertEquals([stage.shown("web"), stage.shown("two")], ["192.0.2.4 (p)", "192.0.2.1 (p)"]);
  assertEquals(stage.patches.length, writes);
});

Deno.test("Life cycle: a pool renamed at one stroke keeps the address and moves the annotation", () => {
  const stage = stageWithWeb();
  stage.pools(poolObject("renamed", ["192.0.2.0/30"]), q());
  assertEquals([stage.shown("web"), stage.events], ["192.0.2.0 (renamed)", []]);
  assertEquals(stage.machine.counters().map(({ name, assignedIPv4 }) => [name, assignedIPv4]), [["q", 0n], [
    "renamed",
    1n,
  ]]);
});

Deno.test("Life cycle: autoAssign turned off keeps what is given", () => {
  const stage = stageWithWeb();
  stage.pools(p({ autoAssign: false }), q());
  stage.put("next");
  assertEquals([stage.shown("web"), stage.shown("next")], ["192.0.2.0 (p)", "198.51.100.0 (q)"]);
});

Deno.test("Life cycle: serviceAllocation tightened moves those that are not admitted any more", () => {
  const stage = stageWithWeb();
  stage.pools(p({ serviceAllocation: { namespaces: ["bank"] } }), q());
  assertEquals(stage.shown("web"), "198.51.100.0 (q)");
  assertEquals(reasons(stage), ["web Normal ClearAssignment", "web Normal IPAllocated"]);
});

Deno.test("Life cycle: without any pool every Service loses its address, and has one again when pools come back", () => {
  const stage = stageWithWeb();
  stage.pools();
  assertEquals(stage.shown("web"), "-");
  stage.pools(p(), q());
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
});

Deno.test("Life cycle: a Service that is of another type is cleared, and its address is for others", () => {
  const stage = stageWithWeb();
  stage.change("web", respec({ type: "ClusterIP" }));
  stage.put("next");
  assertEquals([stage.shown("web"), stage.shown("next")], ["-", "192.0.2.0 (p)"]);
  assertEquals(stage.machine.decisionOf("shop/web")?.kind, "ignored");
});

Deno.test("Life cycle: R-5, a Service that loses its class with its type is cleared too", () => {
  const stage = new Stage({ lbClasses: ["x"] });
  stage.start(p());
  stage.put("web", { spec: { loadBalancerClass: "x" } });
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  stage.change("web", respec({ type: "ClusterIP", loadBalancerClass: undefined }));
  assertEquals(stage.shown("web"), "-");
});

Deno.test("Life cycle: a deleted Service gives its address to the one that waits longest", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/32"]));
  stage.put("web");
  stage.put("b", { creationTimestamp: "2026-01-03T00:00:00Z" });
  stage.put("a", { creationTimestamp: "2026-01-02T00:00:00Z" });
  stage.remove("web");
  assertEquals([stage.shown("a"), stage.shown("b")], ["192.0.2.0 (p)", "-"]);
});

Deno.test("Life cycle: another address-pool moves the Service in one write; none keeps it where it is", () => {
  const stage = stageWithWeb();
  stage.change("web", annotate({ [POOL]: "q" }));
  assertEquals([stage.shown("web"), stage.patches.length], ["198.51.100.0 (q)", 1]);
  stage.change("web", unannotate(POOL));
  assertEquals([stage.shown("web"), stage.patches.length], ["198.51.100.0 (q)", 1]);
});

Deno.test("Life cycle: R-4, a pool that has no address or is unknown leaves the Service what it has, with an event", () => {
  const stage = stageWithWeb();
  for (const name of ["b", "c"]) stage.put(name, { annotations: { [POOL]: "q" } });
  stage.events.length = 0;
  for (const [pool, why] of [["q", "no available IPs in pool q"], ["nope", 'unknown pool "nope"']] as const) {
    stage.change("web", annotate({ [POOL]: pool }));
    assertEquals(stage.shown("web"), "192.0.2.0 (p)");
    assert(stage.events.at(-1)!.startsWith("web Warning AllocationFailed"), stage.events.at(-1));
    assert(stage.events.at(-1)!.includes(why), stage.events.at(-1));
    assertEquals(unmetOf(stage)?.message, why);
  }
  stage.change("web", annotate({ [POOL]: "q" }));
  stage.remove("b");
  assertEquals(stage.shown("web"), "198.51.100.0 (q)", "it moves as soon as the pool has one");
});

Deno.test("Life cycle: other loadBalancerIPs move the Service in one write; none keeps it where it is", () => {
  const stage = stageWithWeb();
  stage.change("web", annotate({ [IPS]: "198.51.100.1" }));
  assertEquals([stage.shown("web"), stage.patches.length], ["198.51.100.1 (q)", 1]);
  stage.change("web", unannotate(IPS));
  assertEquals([stage.shown("web"), stage.patches.length], ["198.51.100.1 (q)", 1]);
});

Deno.test("Life cycle: R-4, a requested address that is taken leaves the Service what it has until it is free", () => {
  const stage = stageWithWeb();
  stage.put("other", { annotations: { [IPS]: "198.51.100.1" } });
  stage.change("web", annotate({ [IPS]: "198.51.100.1" }));
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  const why = 'can\'t change sharing key for "shop/web", address also in use by shop/other';
  assert(stage.events.at(-1)!.includes(why), stage.events.at(-1));
  assertEquals(stage.machine.decisionOf("shop/web")?.kind, "assigned");
  const restarted = new Stage();
  for (const object of stage.api.objects.values()) restarted.api.put(object);
  restarted.start(p(), q());
  assertEquals([restarted.shown("web"), restarted.patches.length], ["192.0.2.0 (p)", 0]);
  stage.remove("other");
  assertEquals(stage.shown("web"), "198.51.100.1 (q)");
});

Deno.test("Life cycle: a requested address that can never be had costs the old one (pinned by MetalLB's tests)", () => {
  for (const request of ["203.0.113.9", "fd00::1", "192.0.2.1,fd00::1"]) {
    const stage = stageWithWeb();
    stage.change("web", annotate({ [IPS]: request }));
    assertEquals(stage.shown("web"), "-", request);
    assertEquals(reasons(stage), ["web Normal ClearAssignment", "web Warning AllocationFailed"], request);
  }
});

Deno.test("Life cycle: the output annotation is rewritten when somebody edits or deletes it", () => {
  const stage = stageWithWeb();
  stage.change("web", annotate({ [POOL_ANNOTATION]: "mine" }));
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  stage.change("web", unannotate(POOL_ANNOTATION));
  assertEquals([stage.shown("web"), stage.events], ["192.0.2.0 (p)", []]);
});

Deno.test("Life cycle: another free address of a pool in the status is adopted; one that is not is put right", () => {
  const stage = stageWithWeb();
  stage.put("other");
  const show = (...ips: string[]) =>
    stage.change("web", (object) => ({ ...object, status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } } }));
  show("192.0.2.3");
  assertEquals(stage.shown("web"), "192.0.2.3 (p)");
  for (const wrong of ["192.0.2.1", "203.0.113.9", "oops"]) {
    show(wrong);
    assertEquals(stage.shown("web"), "192.0.2.3 (p)", wrong);
  }
  show();
  assertEquals(stage.shown("web"), "192.0.2.3 (p)");
});

Deno.test("Life cycle: other ports stay in place where they may; on a conflict the Service gets another address", () => {
  const stage = new Stage();
  stage.start(p());
  const shared = (port: number) => ({ annotations: { [KEY]: "k" }, spec: { ports: [{ port, protocol: "TCP" }] } });
  stage.put("a", shared(80));
  stage.put("b", shared(443));
  assertEquals([stage.shown("a"), stage.shown("b")], ["192.0.2.0 (p)", "192.0.2.0 (p)"]);
  stage.change("b", respec({ ports: [{ port: 8443, protocol: "TCP" }] }));
  assertEquals(stage.shown("b"), "192.0.2.0 (p)");
  stage.events.length = 0;
  stage.change("b", respec({ ports: [{ port: 80, protocol: "TCP" }] }));
  assertEquals(stage.shown("b"), "192.0.2.1 (p)");
  assert(stage.events[0]!.includes('port TCP/80 is already in use on "192.0.2.0" by shop/a'), stage.events[0]);
});

Deno.test("Life cycle: a restart rebuilds everything from the API and writes nothing", () => {
  const stage = stageWithWeb();
  stage.put("asked", { annotations: { [IPS]: "192.0.2.3" } });
  stage.put("a", { annotations: { [KEY]: "k" } });
  stage.put("b", { annotations: { [KEY]: "k" }, spec: { ports: [{ port: 443, protocol: "TCP" }] } });
  const next = new Stage();
  for (const object of stage.api.objects.values()) next.api.put(object);
  next.start(p(), q());
  assertEquals([next.patches, next.events], [[], []]);
  assertEquals(["asked", "a", "b"].map((name) => next.shown(name)), [
    "192.0.2.3 (p)",
    "192.0.2.1 (p)",
    "192.0.2.1 (p)",
  ]);
  assertEquals(
    next.machine.counters().map(({ assignedIPv4 }) => assignedIPv4),
    [3n, 0n],
    "a shared address counts once",
  );
});

Deno.test("Life cycle: a pool that is broken at the start takes nothing away", () => {
  const stage = stageWithWeb();
  const next = new Stage();
  for (const object of stage.api.objects.values()) next.api.put(object);
  next.start(poolObject("p", ["192.0.2.0/30", "oops"]), q());
  assertEquals([next.shown("web"), next.patches], ["192.0.2.0 (p)", []]);
});

Deno.test("Life cycle: three addresses in the status are a Warning and in the same pass a fresh address", () => {
  const stage = new Stage();
  stage.api.put({
    ...stageWithWeb().api.objects.get("shop/web")!,
    status: { loadBalancer: { ingress: ["192.0.2.1", "192.0.2.2", "fd00::1"].map((ip) => ({ ip })) } },
  });
  stage.start(p());
  assertEquals(stage.shown("web"), "192.0.2.1 (p)");
  assertEquals(reasons(stage)[0], "web Warning nolbIPsIPFamily");
});

Deno.test("Life cycle: a Service without a cluster address waits without an event, and gets its address with one", () => {
  const stage = new Stage();
  stage.start(p());
  stage.put("web", { clusterIps: [] });
  assertEquals([stage.shown("web"), stage.events], ["-", []]);
  stage.change("web", respec({ clusterIPs: ["10.96.0.7"] }));
  assertEquals(stage.shown("web"), "192.0.2.0 (p)");
});

Deno.test("Life cycle: dual stack, R-2: one cluster address and a dual-stack pool give one address and stay so", () => {
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/30", "fd00::/126"]));
  stage.put("web", { spec: { ipFamilyPolicy: "PreferDualStack" } });
  stage.change("web", annotate({ a: "b" }));
  assertEquals([stage.shown("web"), stage.patches.length, stage.events.length], ["192.0.2.0 (p)", 1, 1]);
});

Deno.test("Life cycle: dual stack, R-3: a second address that cannot be had is said once, and not of a pool without the family", () => {
  const both = { clusterIps: ["10.96.0.1", "fd01::1"], spec: { ipFamilyPolicy: "PreferDualStack" } };
  const stage = new Stage();
  stage.start(poolObject("p", ["192.0.2.0/30", "fd00::/128"]));
  stage.put("six", { clusterIps: ["fd01::9"] });
  stage.put("web", both);
  for (const value of ["1", "2", "3"]) stage.change("web", annotate({ value }));
  assertEquals(reasons(stage).filter((text) => text.includes("Additional")), ["web Normal AdditionalAssignFailed"]);
  assertEquals(unmetOf(stage)?.reason, "secondExhausted");
  const single = new Stage();
  single.start(p());
  single.put("web", both);
  single.change("web", annotate({ a: "b" }));
  assertEquals(reasons(single), ["web Normal IPAllocated"]);
  assertEquals(unmetOf(single)?.reason, "secondNotInPool");
});

Deno.test("Life cycle: of two Services with one address, the one with our annotation stays, then the older, then the lesser name", () => {
  const show = (name: string, options: { from?: string; day: number }) => ({
    name,
    ingress: ["192.0.2.1"],
    creationTimestamp: `2026-01-0${options.day}T00:00:00Z`,
    annotations: options.from === undefined ? {} : { [POOL_ANNOTATION]: options.from },
  });
  const table: [ReturnType<typeof show>[], string][] = [
    [[show("a", { day: 1 }), show("b", { day: 2, from: "p" })], "b"],
    [[show("a", { day: 2, from: "p" }), show("b", { day: 1, from: "p" })], "b"],
    [[show("b", { day: 1, from: "p" }), show("a", { day: 1, from: "p" })], "a"],
  ];
  for (const [services, winner] of table) {
    const stage = new Stage();
    for (const { name, ...options } of services) stage.put(name, options);
    stage.start(p());
    for (const { name } of services) {
      assertEquals(stage.shown(name), name === winner ? "192.0.2.1 (p)" : "192.0.2.0 (p)", name);
    }
    assertEquals(stage.events.filter((text) => text.includes("ClearAssignment")).length, 1);
  }
});

Deno.test("Life cycle: an address that two show stays taken as long as one of them does", () => {
  const stage = new Stage();
  const annotations = { [POOL_ANNOTATION]: "p" };
  stage.put("old", { ingress: ["192.0.2.0"], annotations, creationTimestamp: "2026-01-01T00:00:00Z" });
  stage.put("young", { ingress: ["192.0.2.0"], annotations, creationTimestamp: "2026-01-02T00:00:00Z" });
  stage.holdWrites = true;
  stage.start(poolObject("p", ["192.0.2.0/31"]));
  // The repair of `young` is on its way; meanwhile `old` goes, and somebody new comes.
  stage.remove("old");
  stage.put("new");
  assertEquals(stage.machine.decisionOf("shop/new")?.kind, "pending");
  stage.holdWrites = false;
  for (let write = stage.waiting.shift(); write !== undefined; write = stage.waiting.shift()) stage.carryOut(write);
  assertEquals(stage.shown("young").length > 1 && stage.shown("new").length > 1, true);
  assert(stage.shown("young") !== stage.shown("new"));
});

Deno.test("Life cycle: a pool that another one overlaps and disables loses no address to the other's terms", () => {
  const pinned = poolObject("a", ["192.0.2.0/31"], { serviceAllocation: { namespaces: ["lab"] } });
  for (const annotations of [{}, { [POOL]: "p" }] as Record<string, string>[]) {
    const stage = stageWithWeb();
    stage.change("web", annotate(annotations));
    stage.pools(pinned, p(), q());
    assertEquals(stage.shown("web"), "192.0.2.0 (p)");
    assertEquals([stage.machine.decisionOf("shop/web")?.kind, stage.patches, stage.events], ["left", [], []]);
    // The other pool gives only what is free.
    stage.api.put({
      ...serviceObject("other"),
      metadata: { name: "other", namespace: "lab", uid: "other", creationTimestamp: "2026-01-02T00:00:00Z" },
    });
    stage.deliver();
    assertEquals(shownBy(stage.api.objects.get("lab/other")!), ["192.0.2.1"]);
    // Mended, it goes on as before.
    stage.pools(p(), q());
    assertEquals(stage.shown("web"), "192.0.2.0 (p)");
  }
});

Deno.test("Life cycle: nor does it pass to the other pool, which other advertisements select, before the first is gone", () => {
  const stage = stageWithWeb();
  const other = poolObject("a", ["192.0.2.0/31"]);
  stage.pools(other, p(), q());
  assertEquals([stage.shown("web"), stage.machine.decisionOf("shop/web")?.kind], ["192.0.2.0 (p)", "left"]);
  assertEquals([stage.patches, stage.events], [[], []]);
  stage.put("next");
  assertEquals(stage.shown("next"), "192.0.2.1 (a)");
  // Who asks for the other pool gets it, and once the first is gone all that it gave is the other's.
  const asking = stageWithWeb();
  asking.change("web", annotate({ [POOL]: "a" }));
  asking.pools(other, p(), q());
  assertEquals(asking.shown("web"), "192.0.2.0 (a)");
  stage.pools(other, q());
  assertEquals(stage.shown("web"), "192.0.2.0 (a)");
});
