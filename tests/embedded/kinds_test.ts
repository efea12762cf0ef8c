import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { CONFIG_MAPS, configMap, EmbeddedStage, pod, PODS, pool, POOLS, service, SERVICES } from "./embedded_stage.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async function rows(stage: EmbeddedStage, path: string): Promise<unknown[][]> {
  const table = (await stage.get(path, TABLE)).body;
  assertEquals(table.kind, "Table");
  const shown = table.columnDefinitions.map((column: { priority: number }) => column.priority === 0);
  return [
    table.columnDefinitions.map((column: { name: string }) => column.name).filter((_: unknown, index: number) =>
      shown[index]
    ),
    ...table.rows.map((row: { cells: unknown[] }) => row.cells.filter((_, index) => shown[index])),
  ];
}

Deno.test("Tables: a Service shows what people look for", async () => {
  const stage = new EmbeddedStage();
  const ports = [{ name: "a", port: 80, nodePort: 30080 }, { name: "b", port: 53, protocol: "UDP", nodePort: 30053 }];
  await stage.post(SERVICES, service("web", { type: "LoadBalancer", clusterIP: "10.96.1.2", ports }));
  await stage.post(SERVICES, service("plain", { clusterIP: "None" }));
  stage.advance(200_000);
  assertEquals(await rows(stage, SERVICES), [
    ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"],
    ["plain", "ClusterIP", "None", "<none>", "80/TCP", "3m20s"],
    ["web", "LoadBalancer", "10.96.1.2", "<pending>", "80:30080/TCP,53:30053/UDP", "3m20s"],
  ]);
  await stage.patch(`${SERVICES}/web/status`, {
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }] } },
  });
  assertEquals((await rows(stage, SERVICES))[2]![3], "192.0.2.1,2001:db8::1");
});

Deno.test("Tables: Pods, Nodes, Namespaces, Events and custom kinds", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PODS, pod("a", { labels: {} }));
  await stage.patch(`${PODS}/a/status`, {
    status: { phase: "Running", containerStatuses: [{ name: "main", ready: true, restartCount: 2 }] },
  });
  assertEquals(await rows(stage, PODS), [["Name", "Ready", "Status", "Restarts", "Age"], [
    "a",
    "1/1",
    "Running",
    "2",
    "0s",
  ]]);
  await stage.post("/api/v1/nodes", {
    metadata: { name: "n1", labels: { "node-role.kubernetes.io/control-plane": "" } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: "Ready", status: "True" }], nodeInfo: { kubeletVersion: "v1.34.2" } },
  });
  assertEquals((await rows(stage, "/api/v1/nodes"))[1], [
    "n1",
    "Ready,SchedulingDisabled",
    "control-plane",
    "0s",
    "v1.34.2",
  ]);
  assertEquals((await rows(stage, "/api/v1/namespaces"))[1], ["default", "Active", "0s"]);
  await stage.post("/api/v1/namespaces/default/events", {
    metadata: { name: "e" },
    involvedObject: { kind: "Service", namespace: "default", name: "web" },
    type: "Normal",
    reason: "IPAllocated",
    message: "it has one",
    lastTimestamp: "2026-01-02T03:04:00Z",
  });
  assertEquals((await rows(stage, "/api/v1/events"))[1], ["5s", "Normal", "IPAllocated", "service/web", "it has one"]);
  await stage.post(POOLS, pool("p"));
  assertEquals(await rows(stage, POOLS), [
    ["Name", "Auto Assign", "Avoid Buggy IPs", "Addresses"],
    ["p", true, false, '["192.0.2.0/24"]'],
  ]);
});

Deno.test("Tables: rows carry metadata, the object, or nothing", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("a", { data: { x: "y" } }));
  const row = async (include: string) =>
    (await stage.get(`${CONFIG_MAPS}?includeObject=${include}`, TABLE)).body.rows[0].object;
  assertEquals([(await row("Metadata")).kind, (await row("Object")).data, await row("None")], [
    "PartialObjectMetadata",
    { x: "y" },
    undefined,
  ]);
  const partial = await stage.get(CONFIG_MAPS, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
  assertEquals([partial.body.kind, partial.body.items[0].data], ["PartialObjectMetadataList", undefined]);
});

Deno.test("Namespaces: going takes everything inside along, and nothing new comes in meanwhile", async () => {
  const stage = new EmbeddedStage();
  const shop = "/api/v1/namespaces/shop";
  const made = await stage.post("/api/v1/namespaces", { metadata: { name: "shop" } });
  assertEquals([made.body.status.phase, made.body.metadata.labels], ["Active", {
    "kubernetes.io/metadata.name": "shop",
  }]);
  await stage.post(`${shop}/services`, service("web"));
  await stage.post("/apis/metallb.io/v1beta1/namespaces/shop/ipaddresspools", pool("p"));
  await stage.post(`${shop}/configmaps`, { metadata: { name: "held", finalizers: ["example.com/hold"] } });
  const going = await stage.delete(shop);
  assertEquals(going.body.status.phase, "Terminating");
  const left = async (path: string) => (await stage.get(path)).body.items.length;
  assertEquals(await left(`${shop}/services`), 0);
  assertEquals(await left("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"), 0);
  assertEquals(await left("/apis/metallb.io/v1beta1/namespaces/shop/ipaddresspools"), 0);
  const late = await stage.post(`${shop}/configmaps`, configMap("late"));
  assertEquals([late.code, late.body.reason], [403, "Forbidden"]);
  await stage.patch(`${shop}/configmaps/held`, { metadata: { finalizers: null } });
  assertEquals((await stage.get(shop)).code, 404);
  assertEquals((await stage.get("/api/v1/namespaces/default")).code, 200);
});

Deno.test("Secrets: stringData becomes data, and data must be base64", async () => {
  const stage = new EmbeddedStage();
  const path = "/api/v1/namespaces/default/secrets";
  const made = (await stage.post(path, { metadata: { name: "s" }, stringData: { password: "grün" } })).body;
  assertEquals([made.type, made.data, made.stringData], ["Opaque", { password: "Z3LDvG4=" }, undefined]);
  assertEquals((await stage.post(path, { metadata: { name: "t" }, data: { a: "no base64!" } })).code, 400);
  assertEquals((await stage.patch(`${path}/s`, { type: "kubernetes.io/basic-auth" })).code, 422);
  await stage.patch(`${path}/s`, { immutable: true });
  assertEquals((await stage.patch(`${path}/s`, { stringData: { password: "x" } })).code, 422);
});

Deno.test("Leases: are made by PUT as well, and updated only with a version", async () => {
  const stage = new EmbeddedStage();
  const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/herald";
  const spec = { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-01-02T03:04:05.123456Z" };
  const made = await stage.put(path, { metadata: { name: "herald" }, spec });
  assertEquals([made.code, made.body.spec], [201, spec]);
  assertEquals((await stage.put(path, { metadata: { name: "herald" }, spec })).code, 422);
  const { resourceVersion } = made.body.metadata;
  const renewed = { metadata: { name: "herald", resourceVersion }, spec: { ...spec, holderIdentity: "b" } };
  assertEquals([(await stage.put(path, renewed)).code, (await stage.put(path, renewed)).code], [200, 409]);
  const bad = await stage.patch(path, { spec: { renewTime: "yesterday", leaseDurationSeconds: 0 } });
  assertEquals(bad.body.details.causes.map((cause: { field: string }) => cause.field), [
    "spec.renewTime",
    "spec.leaseDurationSeconds",
  ]);
});

Deno.test("Events: both forms are one object", async () => {
  const stage = new EmbeddedStage();
  const involvedObject = { kind: "Service", namespace: "default", name: "web" };
  await stage.post("/apis/events.k8s.io/v1/namespaces/default/events", {
    metadata: { name: "e" },
    regarding: involvedObject,
    note: "text",
    eventTime: "2026-01-02T03:04:05.000000Z",
    reportingController: "herald-controller",
    type: "Normal",
  });
  const core = (await stage.get("/api/v1/namespaces/default/events/e")).body;
  assertEquals([core.involvedObject, core.message, core.reportingComponent], [
    involvedObject,
    "text",
    "herald-controller",
  ]);
  const wrong = await stage.post("/api/v1/namespaces/kube-system/events", { metadata: { name: "f" }, involvedObject });
  assertEquals(wrong.code, 422);
});

Deno.test("Pods: a node is given once, and the rest of the spec stays", async () => {
  const stage = new EmbeddedStage();
  await stage.post(PODS, pod("a", { labels: {} }));
  const bind = () => stage.post(`${PODS}/a/binding`, { target: { kind: "Node", name: "n1" } });
  assertEquals([(await bind()).code, (await bind()).code], [201, 409]);
  const bound = (await stage.get(`${PODS}/a`)).body;
  assertEquals([bound.spec.nodeName, bound.status.phase], ["n1", "Pending"]);
  assertEquals((await stage.patch(`${PODS}/a`, { spec: { hostNetwork: true } })).code, 422);
  assertEquals(
    (await stage.post(PODS, { metadata: { name: "b" }, spec: {} })).body.details.causes[0].field,
    "spec.containers",
  );
});

Deno.test("Reviews: tokens are known or not, administrators may everything, others nothing", async () => {
  const stage = new EmbeddedStage({
    tokens: [{ token: "t2", username: "prometheus", groups: ["monitoring"], admin: false }],
  });
  const review = async (token: string) =>
    (await stage.post("/apis/authentication.k8s.io/v1/tokenreviews", { kind: "TokenReview", spec: { token } })).body
      .status;
  assertEquals((await review("wrong")).authenticated, undefined);
  assertEquals((await review("")).authenticated, undefined);
  assertEquals((await review("t2")).user, { username: "prometheus", groups: ["monitoring"] });
  const admin = await review("secret");
  assertEquals(admin.authenticated, true);
  const may = async (user: string, groups: string[] = []) =>
    (await stage.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec: { user, groups } })).body.status
      .allowed;
  assertEquals([
    await may("prometheus", ["monitoring"]),
    await may("nobody"),
    await may(admin.user.username, admin.user.groups),
  ], [false, false, true]);
  assertEquals((await stage.get("/apis/authentication.k8s.io/v1/tokenreviews")).code, 405);
});

Deno.test("Definitions: can be read as what they are", async () => {
  const stage = new EmbeddedStage();
  const found =
    (await stage.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ipaddresspools.metallb.io")).body;
  assertEquals([found.kind, found.spec.names.kind], ["CustomResourceDefinition", "IPAddressPool"]);
  assertEquals(found.status.conditions.find((each: { type: string }) => each.type === "Established").status, "True");
  assertMatch(found.metadata.uid, /^[0-9a-f-]{36}$/);
});
