import { assertEquals } from "@std/assert/equals";
import { EmbeddedStage, pod, PODS, service, SERVICES, STRATEGIC_PATCH } from "./embedded_stage.ts";

Deno.test("Strategic patch: a list item without its merge key, and a strange directive, are refused", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  for (
    const patch of [{ spec: { ports: [{ name: "x" }] } }, { spec: { ports: ["x"] } }, { spec: { $patch: "explode" } }]
  ) {
    assertEquals((await stage.patch(`${SERVICES}/web`, patch, STRATEGIC_PATCH)).code, 400, JSON.stringify(patch));
  }
});

Deno.test("Strategic patch: ports are found by number, changed, added and deleted", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web", { ports: [{ name: "a", port: 80 }, { name: "b", port: 443 }] }));
  const ports = async (patch: unknown) =>
    (await stage.patch(`${SERVICES}/web`, patch, STRATEGIC_PATCH)).body.spec.ports
      .map((port: { name: string; port: number; targetPort: number }) => [port.name, port.port, port.targetPort]);
  assertEquals(await ports({ spec: { ports: [{ port: 443, targetPort: 8443 }] } }), [["a", 80, 80], ["b", 443, 8443]]);
  assertEquals(await ports({ spec: { ports: [{ port: 53, name: "c" }] } }), [["a", 80, 80], ["b", 443, 8443], [
    "c",
    53,
    53,
  ]]);
  assertEquals(await ports({ spec: { ports: [{ port: 80, $patch: "delete" }] } }), [["b", 443, 8443], ["c", 53, 53]]);
  assertEquals(await ports({ spec: { "$setElementOrder/ports": [{ port: 53 }, { port: 443 }] } }), [["c", 53, 53], [
    "b",
    443,
    8443,
  ]]);
  assertEquals(await ports({ spec: { ports: [{ port: 1 }, { $patch: "replace" }] } }), [[undefined, 1, 1]]);
});

Deno.test("Strategic patch: conditions are merged by type, containers by name, finalizers as a set", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PODS, pod("a", { labels: { app: "web" } }));
  const status = (type: string, value: string) => ({ status: { conditions: [{ type, status: value }] } });
  await stage.patch(`${PODS}/a/status`, status("Ready", "False"), STRATEGIC_PATCH);
  await stage.patch(`${PODS}/a/status`, status("Initialized", "True"), STRATEGIC_PATCH);
  const conditions =
    (await stage.patch(`${PODS}/a/status`, status("Ready", "True"), STRATEGIC_PATCH)).body.status.conditions;
  assertEquals(conditions, [{ type: "Ready", status: "True" }, { type: "Initialized", status: "True" }]);
  const image = { spec: { containers: [{ name: "main", image: "web:2" }] } };
  const patched = (await stage.patch(`${PODS}/a`, image, STRATEGIC_PATCH)).body.spec.containers;
  assertEquals([patched.length, patched[0].image, patched[0].ports.length], [1, "web:2", 1]);
  await stage.patch(`${PODS}/a`, { metadata: { finalizers: ["x/a"] } }, STRATEGIC_PATCH);
  const both = await stage.patch(`${PODS}/a`, { metadata: { finalizers: ["x/b", "x/a"] } }, STRATEGIC_PATCH);
  assertEquals(both.body.metadata.finalizers, ["x/a", "x/b"]);
  const one = await stage.patch(
    `${PODS}/a`,
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["x/a"] } },
    STRATEGIC_PATCH,
  );
  assertEquals(one.body.metadata.finalizers, ["x/b"]);
});

Deno.test("Strategic patch: maps merge, null removes, $patch replaces, $retainKeys keeps only what it names", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  const selector = async (value: unknown) =>
    (await stage.patch(`${SERVICES}/web`, { spec: { selector: value } }, STRATEGIC_PATCH)).body.spec.selector;
  assertEquals(await selector({ tier: "front" }), { app: "web", tier: "front" });
  assertEquals(await selector({ app: null }), { tier: "front" });
  assertEquals(await selector({ $patch: "replace", a: "b", c: "d" }), { a: "b", c: "d" });
  assertEquals(await selector({ $retainKeys: ["c", "e"], e: "f" }), { c: "d", e: "f" });
});
