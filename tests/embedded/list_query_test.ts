import { assertEquals } from "@std/assert/equals";
import { CONFIG_MAPS, configMap, EmbeddedStage, pod, PODS, pool, POOLS, service, SERVICES } from "./embedded_stage.ts";

async function names(stage: EmbeddedStage, path: string): Promise<string[]> {
  return (await stage.get(path)).body.items.map((item: { metadata: { name: string } }) => item.metadata.name);
}

Deno.test("Lists: pages show one moment, whatever happens meanwhile", async () => {
  const stage = new EmbeddedStage();
  for (const name of ["a", "b", "c", "d", "e"]) await stage.post(CONFIG_MAPS, configMap(name));
  const first = (await stage.get(`${CONFIG_MAPS}?limit=2`)).body;
  assertEquals([first.items.length, first.metadata.remainingItemCount], [2, 3]);
  await stage.delete(`${CONFIG_MAPS}/c`);
  await stage.post(CONFIG_MAPS, configMap("cc"));
  const second = (await stage.get(`${CONFIG_MAPS}?limit=2&continue=${first.metadata.continue}`)).body;
  const third = (await stage.get(`${CONFIG_MAPS}?limit=2&continue=${second.metadata.continue}`)).body;
  const all = [first, second, third].flatMap((page) => page.items).map((item: { metadata: { name: string } }) =>
    item.metadata.name
  );
  assertEquals(all, ["a", "b", "c", "d", "e"]);
  assertEquals(new Set([first, second, third].map((page) => page.metadata.resourceVersion)).size, 1);
  assertEquals([third.metadata.continue, third.metadata.remainingItemCount], [undefined, undefined]);
});

Deno.test("Lists: a page whose moment is forgotten is 410", async () => {
  const stage = new EmbeddedStage({ eventsMax: 3 });
  for (const name of ["a", "b", "c"]) await stage.post(CONFIG_MAPS, configMap(name));
  const first = (await stage.get(`${CONFIG_MAPS}?limit=1`)).body;
  for (let i = 0; i < 4; i++) await stage.patch(`${CONFIG_MAPS}/a`, { data: { i: String(i) } });
  const next = await stage.get(`${CONFIG_MAPS}?limit=1&continue=${first.metadata.continue}`);
  assertEquals([next.code, next.body.reason], [410, "Expired"]);
});

Deno.test("Lists: an exact version shows the past, or 410", async () => {
  const stage = new EmbeddedStage({ eventsMax: 4 });
  await stage.post(CONFIG_MAPS, configMap("a", { data: { x: "1" } }));
  const then = stage.api.resourceVersion;
  await stage.patch(`${CONFIG_MAPS}/a`, { data: { x: "2" } });
  await stage.post(CONFIG_MAPS, configMap("b"));
  await stage.delete(`${CONFIG_MAPS}/a`);
  const exact = `${CONFIG_MAPS}?resourceVersion=${then}&resourceVersionMatch=Exact`;
  const past = (await stage.get(exact)).body;
  assertEquals([past.metadata.resourceVersion, past.items.length, past.items[0].data], [String(then), 1, { x: "1" }]);
  assertEquals(await names(stage, `${CONFIG_MAPS}?resourceVersion=${then}&resourceVersionMatch=NotOlderThan`), ["b"]);
  assertEquals(await names(stage, `${CONFIG_MAPS}?resourceVersion=0`), ["b"]);
  for (let i = 0; i < 4; i++) await stage.patch(`${CONFIG_MAPS}/b`, { data: { i: String(i) } });
  assertEquals((await stage.get(exact)).code, 410);
});

Deno.test("Lists: items of built-in kinds carry no kind, those of custom kinds do", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("a"));
  await stage.post(POOLS, pool("p"));
  const maps = (await stage.get("/api/v1/configmaps")).body;
  const pools = (await stage.get("/apis/metallb.io/v1beta1/ipaddresspools")).body;
  assertEquals([maps.kind, maps.apiVersion, maps.items[0].kind], ["ConfigMapList", "v1", undefined]);
  assertEquals([pools.kind, pools.apiVersion, pools.items[0].kind], [
    "IPAddressPoolList",
    "metallb.io/v1beta1",
    "IPAddressPool",
  ]);
});

Deno.test("Lists: label selectors in every form", async () => {
  const stage = new EmbeddedStage();
  const labels: Record<string, Record<string, string>> = {
    a: { app: "web", "example.com/tier": "front" },
    b: { app: "web" },
    c: { app: "db", size: "10" },
    d: {},
  };
  for (const [name, each] of Object.entries(labels)) {
    await stage.post(CONFIG_MAPS, { metadata: { name, labels: each } });
  }
  const rows: readonly [string, string][] = [
    ["app=web", "a,b"],
    ["app==web", "a,b"],
    ["app!=web", "c,d"],
    ["app", "a,b,c"],
    ["!app", "d"],
    ["app in (web,db)", "a,b,c"],
    ["app notin (web)", "c,d"],
    ["app in (web),example.com/tier", "a"],
    ["app,app!=web", "c"],
    ["app=", ""],
    ["size>9", "c"],
    ["size<9", ""],
    ["", "a,b,c,d"],
  ];
  for (const [selector, expected] of rows) {
    const found = await names(stage, `${CONFIG_MAPS}?labelSelector=${encodeURIComponent(selector)}`);
    assertEquals(found.join(","), expected, selector);
  }
});

Deno.test("Lists: field selectors of the kinds that have them", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PODS, pod("a", { labels: {}, spec: { nodeName: "n1" } }));
  await stage.post(PODS, pod("b", { labels: {} }));
  await stage.patch(`${PODS}/a/status`, { status: { phase: "Running" } });
  await stage.post(SERVICES, service("web", { type: "LoadBalancer" }));
  await stage.post(SERVICES, service("plain"));
  const events = "/api/v1/namespaces/default/events";
  const involvedObject = { kind: "Service", namespace: "default", name: "web", uid: "u1" };
  await stage.post(events, { metadata: { name: "e1" }, involvedObject, type: "Normal", reason: "IPAllocated" });
  await stage.post(events, {
    metadata: { name: "e2" },
    involvedObject: { ...involvedObject, name: "x" },
    type: "Warning",
  });
  const rows: readonly [string, string, string][] = [
    [PODS, "spec.nodeName=n1", "a"],
    [PODS, "spec.nodeName=", "b"],
    [PODS, "status.phase!=Running", "b"],
    [PODS, "metadata.name=b,metadata.namespace=default", "b"],
    ["/api/v1/pods", "metadata.namespace!=default", ""],
    [SERVICES, "spec.type=LoadBalancer", "web"],
    [events, "involvedObject.kind=Service,involvedObject.name=web,involvedObject.uid=u1", "e1"],
    [events, "type=Warning", "e2"],
    [events, "reason=IPAllocated", "e1"],
    ["/apis/events.k8s.io/v1/events", "regarding.name=x", "e2"],
  ];
  for (const [path, selector, expected] of rows) {
    assertEquals(
      (await names(stage, `${path}?fieldSelector=${encodeURIComponent(selector)}`)).join(","),
      expected,
      selector,
    );
  }
});
