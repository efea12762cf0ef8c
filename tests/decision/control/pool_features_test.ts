/** What Herald adds to pools: classes, rest after use, counters in the status. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { poolObject } from "../objects.ts";
import { annotate, annotated, respec, Stage, unannotate } from "./stage.ts";

const CLASSES = "herald.dev/load-balancer-class";
const REUSE = "herald.dev/reuse-after";
const IPS = "metallb.io/loadBalancerIPs";

const p = (annotations: Record<string, string> = {}, addresses = ["192.0.2.0/31"]) =>
  annotated(poolObject("p", addresses), annotations);
const q = (annotations: Record<string, string> = {}) => annotated(poolObject("q", ["198.51.100.0/31"]), annotations);

Deno.test("Pool annotations: what cannot be read is a problem with the path of the annotation", () => {
  const table: [Record<string, string>, "error" | "warning", string, string][] = [
    [{ [REUSE]: "soon" }, "warning", REUSE, '"soon" is not a duration'],
    [{ [REUSE]: "" }, "warning", REUSE, '"" is not a duration'],
    [{ [REUSE]: "-5s" }, "warning", REUSE, '"-5s" is not a duration'],
    [{ [REUSE]: "10" }, "warning", REUSE, '"10" is not a duration'],
    [{ [REUSE]: "9999h" }, "warning", REUSE, "at most"],
    [{ [CLASSES]: "" }, "error", CLASSES, '"" is not a load balancer class'],
    [{ [CLASSES]: "a,,b" }, "error", CLASSES, '"" is not a load balancer class'],
    [{ [CLASSES]: "a/b/c" }, "error", CLASSES, '"a/b/c" is not a load balancer class'],
    [{ [CLASSES]: "a b" }, "error", CLASSES, '"a b" is not a load balancer class'],
  ];
  for (const [annotations, severity, name, message] of table) {
    const { config, problems } = resolveConfig({ ipAddressPools: [p(annotations)] });
    assertEquals(problems.map((one) => [one.severity, one.path, one.reason]), [[
      severity,
      `metadata.annotations["${name}"]`,
      "invalidValue",
    ]], JSON.stringify(annotations));
    assert(problems[0]!.message.includes(message), problems[0]!.message);
    assertEquals(config.pools.length, severity === "error" ? 0 : 1);
  }
  const durations = { "0": undefined, "0s": undefined, "90s": 90_000, "1h30m": 5_400_000, "1.5s": 1500, "1us": 1 };
  for (const [text, expected] of Object.entries(durations)) {
    const { config, problems } = resolveConfig({ ipAddressPools: [p({ [REUSE]: text })] });
    assertEquals([config.pools[0]?.reuseAfterMs, problems], [expected, []], text);
  }
  const { config } = resolveConfig({ ipAddressPools: [p({ [CLASSES]: "metallb.io/internal, b" })] });
  assertEquals([...config.pools[0]!.classes!], ["metallb.io/internal", "b"]);
});

Deno.test("Classes: a bound pool serves only its classes, and they come to it first; an unbound one serves all", () => {
  const stage = new Stage({ lbClasses: ["x", "y"] });
  stage.start(p(), q({ [CLASSES]: "x" }));
  stage.put("x", { spec: { loadBalancerClass: "x" } });
  stage.put("y", { spec: { loadBalancerClass: "y" } });
  assertEquals([stage.shown("x"), stage.shown("y")], ["198.51.100.0 (q)", "192.0.2.0 (p)"]);
  stage.put("wrong", { spec: { loadBalancerClass: "y" }, annotations: { "metallb.io/address-pool": "q" } });
  assert(stage.events.at(-1)!.includes("it serves only the load balancer class x"), stage.events.at(-1));
  stage.put("asks", { spec: { loadBalancerClass: "y" }, annotations: { [IPS]: "198.51.100.1" } });
  assertEquals([stage.shown("wrong"), stage.shown("asks")], ["-", "-"]);
  stage.pools(p({ [CLASSES]: "x" }), q({ [CLASSES]: "x" }));
  assertEquals(stage.shown("y"), "-");
  assert(stage.events.some((text) => text.includes('no available IPs: no pool serves load balancer class "y"')));
});

Deno.test("Classes: a class of ours that nobody serves gets one event; of a foreign class nothing is said", () => {
  const stage = new Stage();
  stage.start(p());
  stage.put("web", { spec: { loadBalancerClass: "metallb.io/internal" } });
  stage.change("web", annotate({ a: "b" }));
  stage.put("foreign", { spec: { loadBalancerClass: "example.com/lb" } });
  assertEquals(stage.events, [
    'web Warning LoadBalancerClassNotServed: loadBalancerClass "metallb.io/internal" is not served here: ' +
    "only Services without a class are, until --lb-class names some",
  ]);
  assertEquals(stage.machine.decisionOf("shop/web")?.kind, "ignored");
  // A pool that is bound to a class says that the class is ours.
  stage.pools(p({ [CLASSES]: "example.com/lb" }));
  assert(stage.events.at(-1)!.startsWith("foreign Warning LoadBalancerClassNotServed"), stage.events.at(-1));
});

Deno.test("Rest: an address that was given back is for nobody else before its time, then for who waits", () => {
  const stage = new Stage();
  stage.start(p({ [REUSE]: "10s" }, ["192.0.2.0/32"]));
  stage.put("web");
  stage.tick(5000);
  stage.remove("web");
  stage.put("next");
  assert(stage.events.at(-1)!.includes("no available IPs: the last free ones rest after use"), stage.events.at(-1));
  const counters = stage.machine.counters()[0]!;
  assertEquals([counters.assignedIPv4, counters.availableIPv4, counters.restingIPv4], [0n, 0n, 1n]);
  stage.settlePools();
  assertEquals(stage.machine.deadline(), { at: 15_000, why: "addressRested" });
  stage.tick(14_999);
  assertEquals(stage.shown("next"), "-");
  stage.tick(15_000);
  assertEquals(stage.shown("next"), "192.0.2.0 (p)");
});

Deno.test("Rest: the Service that had the address takes it back at once, also made anew, and so may who asks for it", () => {
  const stage = new Stage();
  stage.start(p({ [REUSE]: "10m" }, ["192.0.2.0/30"]));
  stage.put("first");
  stage.put("web");
  stage.remove("first");
  stage.remove("web");
  stage.put("other");
  stage.put("web");
  assertEquals([stage.shown("other"), stage.shown("web")], ["192.0.2.2 (p)", "192.0.2.1 (p)"]);
  stage.put("asks", { annotations: { [IPS]: "192.0.2.0" } });
  assertEquals(stage.shown("asks"), "192.0.2.0 (p)");
});

Deno.test("Rest: it ends with the annotation and with the process", () => {
  const stage = new Stage();
  stage.start(p({ [REUSE]: "10m" }, ["192.0.2.0/32"]));
  stage.put("web");
  stage.remove("web");
  stage.put("next");
  assertEquals(stage.shown("next"), "-");
  stage.pools(p({}, ["192.0.2.0/32"]));
  assertEquals(stage.shown("next"), "192.0.2.0 (p)");
  const again = new Stage();
  again.start(p({ [REUSE]: "10m" }, ["192.0.2.0/32"]));
  again.put("next");
  assertEquals(again.shown("next"), "192.0.2.0 (p)");
});

const numbers = (assigned: string, available: string) => ({
  assignedIPv4: assigned,
  assignedIPv6: "0",
  availableIPv4: available,
  availableIPv6: "0",
});

Deno.test("Pool status: a burst is one write, changes are one a second, the last state is written, and no echo", () => {
  const stage = new Stage();
  stage.start(p({}, ["192.0.2.0/28"]));
  for (const name of ["a", "b", "c"]) stage.put(name);
  assertEquals(stage.poolWrites, []);
  stage.tick(200);
  assertEquals(stage.poolWrites, [{
    kind: "patchPoolStatus",
    namespace: "metallb-system",
    name: "p",
    status: numbers("3", "13"),
  }]);
  stage.put("d");
  stage.tick(1199);
  assertEquals(stage.poolWrites.length, 1);
  stage.put("e");
  stage.tick(1200);
  assertEquals(stage.poolWrites.at(-1)?.status, numbers("5", "11"));
  // The first echo comes late: it is no edit.
  const shown = (assignedIPv4: number, availableIPv4: number) => ({
    ...p({}, ["192.0.2.0/28"]),
    status: { assignedIPv4, assignedIPv6: 0, availableIPv4, availableIPv6: 0 },
  });
  stage.pools(shown(3, 13));
  stage.pools(shown(5, 11));
  stage.settlePools();
  assertEquals([stage.poolWrites.length, stage.machine.deadline()], [2, undefined]);
  // Somebody edits it: it is put right.
  stage.pools(shown(7, 7));
  stage.settlePools();
  assertEquals(stage.poolWrites.length, 3);
  const next = new Stage();
  for (const object of stage.api.objects.values()) next.api.put(object);
  next.start(shown(5, 11));
  next.settlePools();
  assertEquals(next.poolWrites, [], "a restart writes nothing");
});

Deno.test("Pool status: numbers of int64 are written exactly, and read back as JSON rounds them", () => {
  const stage = new Stage();
  const huge = poolObject("p", ["fd00::/60"]);
  stage.start(huge);
  stage.settlePools();
  assertEquals(stage.poolWrites[0]?.status.availableIPv6, "9223372036854775807");
  const next = new Stage();
  const status = JSON.parse(
    '{"assignedIPv4":0,"assignedIPv6":0,"availableIPv4":0,"availableIPv6":9223372036854775807}',
  );
  next.start({ ...huge, status });
  next.settlePools();
  assertEquals(next.poolWrites, []);
});

Deno.test("Pool status: a write that fails is tried again, ever later; of a pool that is gone it is not", () => {
  const stage = new Stage();
  stage.start(p());
  const answer = (reason: "retryable" | "notFound", at: number) => {
    stage.now = at;
    stage.machine.handle({ kind: "tick" }, at);
    let writes = 0;
    for (let effect = stage.machine.poll(); effect !== undefined; effect = stage.machine.poll()) {
      if (effect.kind === "patchPoolStatus") writes++;
    }
    stage.handle({ kind: "poolWriteFailed", name: "p", reason, message: "no" });
    return writes;
  };
  assertEquals([answer("retryable", 200), stage.machine.deadline()?.at], [1, 1200]);
  assertEquals([answer("retryable", 1200), stage.machine.deadline()?.at], [1, 3200]);
  assertEquals([answer("notFound", 3200), stage.machine.deadline()], [1, undefined]);
});

Deno.test("Annotations: the deprecated prefix and a disagreement of both are said once each, and not by a restart", () => {
  const stage = new Stage();
  stage.start(p());
  const old = "metallb.universe.tf/address-pool";
  stage.put("web", { annotations: { [old]: "p" } });
  for (const value of ["1", "2"]) stage.change("web", annotate({ value }));
  stage.change("web", annotate({ "metallb.io/address-pool": "p" }));
  stage.change("web", annotate({ [old]: "q" }));
  stage.change("web", annotate({ value: "3" }));
  assertEquals(stage.events.map((text) => text.split(":")[0]), [
    "web Warning deprecatedAnnotation",
    "web Normal IPAllocated",
    "web Warning conflictingAnnotations",
  ]);
  const next = new Stage();
  for (const object of stage.api.objects.values()) next.api.put(object);
  next.start(p());
  assertEquals(next.events, []);
  next.change("web", unannotate(old));
  next.change("web", respec({ type: "LoadBalancer" }));
  assertEquals(next.events, []);
});
