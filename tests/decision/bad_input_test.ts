import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../lib/base/rng.ts";
import type { Decoded } from "../../lib/decision/config/decode.ts";
import { decodeEndpointSlice } from "../../lib/decision/config/endpoint_view.ts";
import { decodeNode } from "../../lib/decision/config/node_view.ts";
import { decodePod } from "../../lib/decision/config/pod_view.ts";
import { PROBLEMS_PER_OBJECT_MAX } from "../../lib/decision/config/problem.ts";
import { resolveConfig } from "../../lib/decision/config/resolve.ts";
import { decodeService } from "../../lib/decision/config/service_view.ts";
import { ConvergeMachine } from "../../lib/decision/control/converge.ts";
import type { KubeObject } from "../../lib/base/kube.ts";
import { l2Object, poolObject, serviceObject, sliceObject } from "./objects.ts";
import { problemsOf } from "./value_of.ts";

const DECODERS: Record<string, (object: unknown) => Decoded<unknown>> = {
  Service: decodeService,
  EndpointSlice: decodeEndpointSlice,
  Node: decodeNode,
  Pod: decodePod,
};

const NO_OBJECTS: unknown[] = [null, undefined, 0, NaN, "", "x", true, [], [{}], () => 0, Symbol("s"), 10n];

Deno.test("Bad input: what is no object at all is a problem, never an exception", () => {
  for (const [kind, decode] of Object.entries(DECODERS)) {
    for (const object of NO_OBJECTS) {
      const [problem] = problemsOf(decode(object));
      assertEquals([problem?.kind, problem?.reason], [kind, "notAnObject"]);
    }
    for (const object of [{}, { metadata: null }, { metadata: [] }, { metadata: {} }, { metadata: { name: "" } }]) {
      const [problem] = problemsOf(decode(object), `${kind} ${JSON.stringify(object)}`);
      assert(problem?.path.startsWith("metadata"), problem?.path);
    }
  }
});

/** Every field that is read, by kind, and what it must be. */
const FIELDS: Record<string, Record<string, "string" | "object" | "list" | "number">> = {
  Service: {
    metadata: "object",
    "metadata.name": "string",
    "metadata.namespace": "string",
    "metadata.uid": "string",
    "metadata.resourceVersion": "string",
    "metadata.creationTimestamp": "string",
    "metadata.labels": "object",
    "metadata.labels.a": "string",
    "metadata.annotations": "object",
    "metadata.annotations.a": "string",
    spec: "object",
    "spec.type": "string",
    "spec.clusterIP": "string",
    "spec.clusterIPs": "list",
    "spec.clusterIPs[0]": "string",
    "spec.ipFamilies": "list",
    "spec.ipFamilies[0]": "string",
    "spec.ipFamilyPolicy": "string",
    "spec.loadBalancerClass": "string",
    "spec.loadBalancerIP": "string",
    "spec.externalTrafficPolicy": "string",
    "spec.selector": "object",
    "spec.selector.a": "string",
    "spec.ports": "list",
    "spec.ports[0]": "object",
    "spec.ports[0].port": "number",
    "spec.ports[0].protocol": "string",
    status: "object",
    "status.loadBalancer": "object",
    "status.loadBalancer.ingress": "list",
    "status.loadBalancer.ingress[0]": "object",
    "status.loadBalancer.ingress[0].ip": "string",
    "status.loadBalancer.ingress[0].hostname": "string",
  },
  EndpointSlice: {
    endpoints: "list",
    "endpoints[0]": "object",
    "endpoints[0].nodeName": "string",
    "endpoints[0].conditions": "object",
    "endpoints[0].conditions.ready": "number",
    "endpoints[0].conditions.serving": "number",
  },
  Node: {
    status: "object",
    "status.conditions": "list",
    "status.conditions[0]": "object",
    "status.conditions[0].type": "string",
    "status.conditions[0].status": "string",
    "status.addresses": "list",
    "status.addresses[0].type": "string",
    "status.addresses[0].address": "string",
  },
  Pod: {
    spec: "object",
    "spec.nodeName": "string",
    status: "object",
    "status.phase": "string",
    "status.podIP": "string",
    "status.podIPs": "list",
    "status.podIPs[0]": "object",
    "status.podIPs[0].ip": "string",
  },
};

/** Required members next to a field, so that only the field itself is wrong. */
const COMPANIONS: Record<string, Record<string, unknown>> = {
  "spec.ports[0].protocol": { port: 80 },
  "status.conditions[0].type": { status: "True" },
  "status.conditions[0].status": { type: "Ready" },
  "status.addresses[0].type": { address: "10.0.0.1" },
  "status.addresses[0].address": { type: "InternalIP" },
};

function objectWith(path: string, value: unknown): unknown {
  const parts = path.split(/[.[\]]+/).filter((part) => part !== "");
  let built: unknown = value;
  for (const [i, part] of [...parts.entries()].reverse()) {
    const isLast = i === parts.length - 1;
    built = /^\d+$/.test(part) ? [built] : { ...(isLast ? COMPANIONS[path] : {}), [part]: built };
  }
  const object = built as { metadata?: Record<string, unknown> };
  if (path === "metadata") return object;
  return { ...object, metadata: { name: "x", namespace: "y", ...object.metadata } };
}

Deno.test("Bad input: a wrong type in any field of any kind names that field", () => {
  const wrong: Record<string, unknown[]> = {
    string: [5, true, {}, []],
    number: ["5", {}, []],
    object: [5, "x", true, []],
    list: [5, "x", true, {}],
  };
  let rows = 0;
  for (const [kind, fields] of Object.entries(FIELDS)) {
    for (const [path, type] of Object.entries(fields)) {
      for (const value of wrong[type]!) {
        const problems = problemsOf(
          DECODERS[kind]!(objectWith(path, value)),
          `${kind} ${path} ${JSON.stringify(value)}`,
        );
        assertEquals(problems.map((problem) => problem.path), [path], `${kind} ${JSON.stringify(value)}`);
        assert(problems[0]!.message.startsWith(path), problems[0]!.message);
        rows++;
      }
    }
  }
  assert(rows > 200, `${rows} rows`);
});

Deno.test("Bad input: hostile names are data, not members of anything", () => {
  const hostile = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "\u0000",
    "../../etc",
    "a".repeat(100_000),
  ];
  for (const name of hostile) {
    const { config, problems } = resolveConfig({
      ipAddressPools: [poolObject(name, ["192.0.2.0/24"]), poolObject("good", ["198.51.100.0/24"])],
      l2Advertisements: [l2Object("l", { ipAddressPools: [name, `${name}x`] })],
    });
    assertEquals(config.pools.length, 2);
    assertEquals(config.l2Advertisements[0]?.pools.has(name), true);
    assertEquals(problems.map(({ reason }) => reason), ["unknownPool"]);
    assert(problems[0]!.message.length < 1000, "a message repeats a hostile name in full");
    const labels = JSON.parse(`{"${name.replace("\u0000", "")}":"x"}`);
    assert(decodeService({ metadata: { name: "s", namespace: "n", labels, annotations: labels } }).ok);
  }
});

Deno.test("Bad input: a hundred thousand address lines are resolved or refused in bounded time and space", () => {
  const good: string[] = [];
  for (let i = 0; i < 100_000; i++) good.push(`10.${i >> 14}.${(i >> 6) & 0xff}.${(i & 63) << 2}/31`);
  const started = resolveConfig({ ipAddressPools: [poolObject("many", good), poolObject("next", ["10.0.0.2/32"])] });
  assertEquals([started.problems, started.config.pools[0]?.ranges.length], [[], 100_000]);

  const bad = good.map((line) => `${line}x`);
  const overlapping = resolveConfig({
    ipAddressPools: [poolObject("a", ["10.0.0.0/8"]), poolObject("bad", bad), poolObject("same", good)],
  });
  assertEquals(overlapping.config.pools.map(({ name }) => name), ["a"]);
  for (const name of ["bad", "same"]) {
    const problems = overlapping.problems.filter((problem) => problem.name === name);
    assertEquals(problems.length, PROBLEMS_PER_OBJECT_MAX + 1);
    assertEquals(problems.at(-1)?.reason, "moreProblems");
  }
});

Deno.test("Bad input: random damage to good objects never throws and never hurts the others", () => {
  const seed = 20261121;
  const rng = new SeededRng(seed);
  const junk: unknown[] = [null, 0, -1, 1e300, "", "x", "10.0.0.0/8", [], {}, [null], { a: null }, true, ["__proto__"]];
  const damage = (value: unknown): unknown => {
    if (below(rng, 12) === 0) return junk[below(rng, junk.length)];
    if (Array.isArray(value)) return value.map(damage);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, damage(member)]));
  };
  const pool = poolObject("m", ["192.0.2.0/24"], {
    autoAssign: true,
    serviceAllocation: { priority: 1, namespaces: ["a"], serviceSelectors: [{ matchLabels: { a: "b" } }] },
  });
  const advertisement = l2Object("l", {
    ipAddressPools: ["m"],
    nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }],
    preferredNodeSelectors: [{ weight: 1, preference: {} }],
  });
  for (let round = 0; round < 3000; round++) {
    try {
      const { config } = resolveConfig({
        ipAddressPools: [damage(pool), poolObject("good", ["198.51.100.0/24"])],
        l2Advertisements: [damage(advertisement), l2Object("good", { ipAddressPools: ["good"] })],
        nodes: [damage({ metadata: { name: "n", labels: { a: "b" } } })],
        namespaces: [damage({ metadata: { name: "n", labels: { a: "b" } } })],
      });
      const names = config.pools.map(({ name }) => name);
      // Random damage can write 10.0.0.0/8 but never the good pool's own addresses.
      assert(names.includes("good"), `the good pool is gone: ${names}`);
      assert(config.l2Advertisements.some(({ name }) => name === "good"));
      DECODERS["Service"]!(damage(serviceObject("s", { ingress: ["1.2.3.4"], annotations: { a: "b" } })));
      DECODERS["EndpointSlice"]!(damage(sliceObject("s", [{ nodeName: "n", conditions: { ready: true } }])));
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${(error as Error).message}`, { cause: error });
    }
  }
});

Deno.test("Bad input: a Service that cannot be read is left alone and its address is given to nobody", () => {
  const machine = new ConvergeMachine();
  const broken = { ...serviceObject("broken", { ingress: ["192.0.2.0"] }), spec: { type: 5 } } as KubeObject;
  machine.handle(
    { kind: "pools", ipAddressPools: [poolObject("p", ["192.0.2.0/31"]), null as unknown as KubeObject] },
    0,
  );
  machine.handle({ kind: "service", key: "shop/broken", object: broken }, 0);
  machine.handle({ kind: "service", key: "shop/web", object: serviceObject("web") }, 0);
  machine.handle({ kind: "service", key: "shop/nothing", object: {} as KubeObject }, 0);
  machine.handle({ kind: "synced" }, 0);
  const patched: string[] = [];
  const reasons = new Set<string>();
  for (let effect = machine.poll(); effect !== undefined; effect = machine.poll()) {
    if (effect.kind === "patchStatus") patched.push(effect.key);
    if (effect.kind === "problems") { for (const { kind, path } of effect.problems) reasons.add(`${kind} ${path}`); }
  }
  assertEquals(patched, ["shop/web"]);
  assertEquals(machine.decisionOf("shop/web"), { kind: "assigned", pool: "p", addresses: ["192.0.2.1"] });
  assertEquals([...reasons].sort(), ["IPAddressPool ", "Service metadata", "Service spec.type"]);
});
