import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { CONFIG_MAPS, configMap, EmbeddedStage, pod, PODS, pool, POOLS } from "./embedded_stage.ts";

Deno.test("Watch: a version below the kept window gets an ERROR event with 410, then the end", async () => {
  const stage = new EmbeddedStage({ eventsMax: 5 });
  for (let i = 0; i < 10; i++) await stage.post(CONFIG_MAPS, configMap(`a${i}`));
  const watch = await stage.watch(CONFIG_MAPS, "&resourceVersion=1");
  assertEquals(watch.code, 200);
  const event = await watch.next();
  assertEquals([event?.type, event?.object.code, event?.object.reason], ["ERROR", 410, "Expired"]);
  assertEquals(await watch.next(), undefined);
});

Deno.test("Watch: the oldest version that is kept still works, the one before it does not", async () => {
  const stage = new EmbeddedStage({ eventsMax: 3 });
  for (let i = 0; i < 10; i++) await stage.post(CONFIG_MAPS, configMap(`a${i}`));
  const now = stage.api.resourceVersion;
  const kept = await stage.watch(CONFIG_MAPS, `&resourceVersion=${now - 3}`);
  assertEquals(await kept.take(3), ["ADDED a7", "ADDED a8", "ADDED a9"]);
  const gone = await stage.watch(CONFIG_MAPS, `&resourceVersion=${now - 4}`);
  assertEquals(await gone.take(2), ["ERROR 410", "END"]);
});

Deno.test("Watch: from the version of a list, nothing is missed and nothing comes twice", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("a"));
  const list = (await stage.get(CONFIG_MAPS)).body;
  await stage.post(CONFIG_MAPS, configMap("b"));
  await stage.post(POOLS, pool("p"));
  const watch = await stage.watch(CONFIG_MAPS, `&resourceVersion=${list.metadata.resourceVersion}`);
  await stage.patch(`${CONFIG_MAPS}/a`, { data: { x: "1" } });
  await stage.delete(`${CONFIG_MAPS}/b`);
  assertEquals(await watch.take(3), ["ADDED b", "MODIFIED a", "DELETED b"]);
});

Deno.test("Watch: without a version it begins with everything that is there", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("b"));
  await stage.post(CONFIG_MAPS, configMap("a"));
  for (const query of ["", "&resourceVersion=0"]) {
    const watch = await stage.watch(CONFIG_MAPS, query);
    assertEquals(await watch.take(2), ["ADDED a", "ADDED b"]);
    await watch.cancel();
  }
  assertEquals(stage.api.watchCount, 0);
});

Deno.test("Watch: events carry kind, apiVersion and the version of the change, deletions as well", async () => {
  const stage = new EmbeddedStage();
  const watch = await stage.watch(CONFIG_MAPS);
  await stage.post(CONFIG_MAPS, configMap("a"));
  await stage.delete(`${CONFIG_MAPS}/a`);
  const added = (await watch.next())!.object;
  const deleted = (await watch.next())!.object;
  assertEquals([added.kind, added.apiVersion], ["ConfigMap", "v1"]);
  assertEquals(Number(deleted.metadata.resourceVersion), Number(added.metadata.resourceVersion) + 1);
});

Deno.test("Watch: an object that begins or ceases to match a selector is added or deleted", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PODS, pod("a", { labels: { app: "x" } }));
  const byLabel = await stage.watch(PODS, `&labelSelector=app%3Dx&resourceVersion=${stage.api.resourceVersion}`);
  const byField = await stage.watch(PODS, "&fieldSelector=status.phase%3DRunning");
  await stage.patch(`${PODS}/a`, { metadata: { labels: { app: "y" } } });
  await stage.patch(`${PODS}/a/status`, { status: { phase: "Running" } });
  await stage.patch(`${PODS}/a`, { metadata: { labels: { app: "x" } } });
  await stage.patch(`${PODS}/a/status`, { status: { phase: "Failed" } });
  const left = await byLabel.next();
  assertEquals([left?.type, left?.object.metadata.labels], ["DELETED", { app: "x" }], "the last state that matched");
  assertEquals(await byLabel.take(2), ["ADDED a", "MODIFIED a"]);
  assertEquals(await byField.take(3), ["ADDED a", "MODIFIED a", "DELETED a"]);
});

Deno.test("Watch: namespaces and single objects are told apart", async () => {
  const stage = new EmbeddedStage();
  await stage.post("/api/v1/namespaces", { metadata: { name: "shop" } });
  const all = await stage.watch("/api/v1/configmaps");
  const shop = await stage.watch("/api/v1/namespaces/shop/configmaps");
  const one = await stage.watch(CONFIG_MAPS, "&fieldSelector=metadata.name%3Db");
  await stage.post(CONFIG_MAPS, configMap("a"));
  await stage.post("/api/v1/namespaces/shop/configmaps", configMap("a"));
  await stage.post(CONFIG_MAPS, configMap("b"));
  assertEquals(await all.take(3), ["ADDED a", "ADDED a", "ADDED b"]);
  assertEquals((await shop.next())?.object.metadata.namespace, "shop");
  assertEquals(await one.take(1), ["ADDED b"]);
});

Deno.test("Watch: bookmarks come every minute and at the end, with the version of the whole server", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("a"));
  const watch = await stage.watch(CONFIG_MAPS, "&allowWatchBookmarks=true&timeoutSeconds=90&resourceVersion=1000000");
  stage.advance(60_000);
  await stage.post(POOLS, pool("p"));
  stage.advance(30_000);
  const first = await watch.next();
  const second = await watch.next();
  assertEquals([first?.type, first?.object.kind, second?.type], ["BOOKMARK", "ConfigMap", "BOOKMARK"]);
  assertEquals(Number(second?.object.metadata.resourceVersion), stage.api.resourceVersion);
  assertEquals(await watch.next(), undefined);
  assertEquals(stage.api.watchCount, 0);
});

Deno.test("Watch: without bookmarks asked for, the end comes silently", async () => {
  const stage = new EmbeddedStage();
  const watch = await stage.watch(CONFIG_MAPS, "&timeoutSeconds=5");
  stage.advance(4_999);
  assertEquals(stage.api.watchCount, 1);
  stage.advance(1);
  assertEquals(await watch.next(), undefined);
});

Deno.test("Watch: who does not read is cut off and can come back with the last version", async () => {
  const stage = new EmbeddedStage({ eventsMax: 50_000 });
  await stage.post(CONFIG_MAPS, configMap("a"));
  const response = await stage.api.fetch(
    new Request(`http://api${CONFIG_MAPS}?watch=true&resourceVersion=${stage.api.resourceVersion}`),
  );
  for (let i = 0; i < 10_050; i++) await stage.patch(`${CONFIG_MAPS}/a`, { data: { i: String(i) } });
  assertEquals(stage.api.watchCount, 0);
  const text = await response.text();
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.length, 10_000);
  const last = JSON.parse(lines.at(-1)!).object.metadata.resourceVersion;
  const again = await stage.watch(CONFIG_MAPS, `&resourceVersion=${last}`);
  assertEquals((await again.next())?.object.data.i, "10000");
  await again.cancel();
});

Deno.test("Watch: closing the server ends every watch", async () => {
  const stage = new EmbeddedStage();
  const watches = [await stage.watch(CONFIG_MAPS), await stage.watch(PODS)];
  stage.api.close();
  for (const watch of watches) assertEquals(await watch.next(), undefined);
});

Deno.test("Watch: tables name their columns once", async () => {
  const stage = new EmbeddedStage();
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const watch = await stage.watch(CONFIG_MAPS, "&allowWatchBookmarks=true", accept);
  await stage.post(CONFIG_MAPS, configMap("a", { data: { x: "1" } }));
  await stage.post(CONFIG_MAPS, configMap("b"));
  const first = (await watch.next())!.object;
  const second = (await watch.next())!.object;
  assertEquals(first.columnDefinitions.map((column: { name: string }) => column.name), ["Name", "Data", "Age"]);
  assertEquals(first.rows[0].cells, ["a", 1, "0s"]);
  assertEquals([second.columnDefinitions, second.rows[0].cells[0]], [[], "b"]);
  assertMatch(second.rows[0].object.kind, /^PartialObjectMetadata$/);
  stage.advance(60_000);
  assertEquals((await watch.next())!.object.kind, "Table");
});

Deno.test("Watch: a version that is still to come is waited for", async () => {
  const stage = new EmbeddedStage();
  const watch = await stage.watch(CONFIG_MAPS, `&resourceVersion=${stage.api.resourceVersion + 2}`);
  for (const name of ["a", "b", "c"]) await stage.post(CONFIG_MAPS, configMap(name));
  assertEquals(await watch.take(1), ["ADDED c"]);
  await watch.cancel();
});

Deno.test("Watch: too many at once are turned away with 429, and there is room again when one ends", async () => {
  const stage = new EmbeddedStage({ watchesMax: 2 });
  const first = await stage.watch(CONFIG_MAPS);
  await stage.watch(PODS);
  const third = await stage.get(`${POOLS}?watch=true`);
  assertEquals([third.code, third.body.reason, third.headers.get("retry-after")], [429, "TooManyRequests", "1"]);
  await first.cancel();
  assertEquals((await stage.watch(POOLS)).code, 200);
});
