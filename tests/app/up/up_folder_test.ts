/** The files of `herald up` and the embedded API, in process. */
import { assertEquals } from "@std/assert/equals";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { customResourceDefinitions } from "../../../lib/app/crds.ts";
import { folderObjects } from "../../../lib/app/up/folder_objects.ts";
import { changePatch } from "../../../lib/app/up/folder_sync.ts";
import { UpFolder } from "../../../lib/app/up/up_folder.ts";
import { EmbeddedApi } from "../../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../../lib/edge/kube/client.ts";
import { memoryFiles } from "../cli/cli_world.ts";

const NAMES = { node: "machine", metallbNamespace: "metallb-system" };
const POOL = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first, labels: {a: b}, uid: x, resourceVersion: "7"}
spec: {addresses: [192.0.2.0/24], avoidBuggyIPs: true}
status: {assignedIPv4: 3}
`;
const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
`;

function object(apiVersion: string, kind: string, metadata: KubeObject["metadata"], more = {}): KubeObject {
  return { apiVersion, kind, metadata, ...more };
}

Deno.test("herald up: what the files want, with what has to be there besides", () => {
  const { objects, leftOut } = folderObjects([
    object("v1", "Service", { name: "web", namespace: "shop" }, { spec: { type: "LoadBalancer" }, status: {} }),
    object("v1", "Service", { name: "inner" }, { spec: { type: "ClusterIP" } }),
    object("v1", "Node", { name: "another" }),
    object("v1", "Pod", { name: "p" }),
    object("example.com/v1", "Service", { name: "no" }),
    object("metallb.io/v1beta1", "IPAddressPool", { name: "first" }),
    object("metallb.io/v1beta1", "IPAddressPool", { name: "alien", namespace: "other" }),
    object("metallb.io/v1beta1", "IPAddressPool", { name: "first", namespace: "metallb-system" }),
  ], NAMES);
  assertEquals(objects.map(({ id, isDerived }) => `${id}${isDerived ? " (derived)" : ""}`), [
    "Namespace metallb-system (derived)",
    "Namespace shop (derived)",
    "Namespace default (derived)",
    "Node machine (derived)",
    "IPAddressPool metallb-system/first",
    "Service shop/web",
    "Service default/inner",
    "EndpointSlice shop/web-this-machine (derived)",
  ]);
  assertEquals(objects.find(({ id }) => id === "Service shop/web")!.object["status"], undefined);
  assertEquals(leftOut.map((line) => line.split(" ").slice(0, 2).join(" ")), [
    "Node another",
    "Pod p",
    "Service no",
    "IPAddressPool metallb-system/alien".replace("metallb-system", "other"),
    "IPAddressPool metallb-system/first",
  ]);
});

Deno.test("herald up: a Node and a slice of the user's own are taken as they are", () => {
  const labels = { "kubernetes.io/service-name": "web" };
  const { objects } = folderObjects([
    object("v1", "Node", { name: "machine", labels: { rack: "1" } }, {
      status: { conditions: [{ type: "NetworkUnavailable", status: "True" }] },
    }),
    object("v1", "Service", { name: "web" }, { spec: { type: "LoadBalancer" } }),
    object("discovery.k8s.io/v1", "EndpointSlice", { name: "mine", labels }, { endpoints: [] }),
  ], NAMES);
  const ids = objects.map(({ id }) => id);
  assertEquals(ids.filter((id) => /^(Node|EndpointSlice) /.test(id)), ["Node machine", "EndpointSlice default/mine"]);
  const node = objects.find(({ id }) => id === "Node machine")!.object;
  assertEquals([node.metadata.labels, node["status"] !== undefined], [{ rack: "1" }, true]);
});

Deno.test("changePatch: what is gone is null, lists are replaced, what is equal is left out", () => {
  const table: [object, object, object][] = [
    [{ a: 1 }, { a: 1 }, {}],
    [{ a: 1, b: { c: 1, d: 2 } }, { b: { c: 1 } }, { a: null, b: { d: null } }],
    [{ list: [1, 2] }, { list: [2] }, { list: [2] }],
    [{ a: "text" }, { a: { b: 1 } }, { a: { b: 1 } }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    [{}, { a: {} }, { a: {} }],
  ];
  for (const [before, after, patch] of table) {
    assertEquals(JSON.stringify(changePatch(before, after)), JSON.stringify(patch), JSON.stringify([before, after]));
  }
});

/** Files that the test changes, and what is told of it. */
function stage(files: Record<string, string>) {
  const clock = { now: () => 0, wallMs: () => 1_700_000_000_000 };
  const deps = { clock, rng: new SeededRng(1), log: () => {} };
  const api = new EmbeddedApi({ crds: customResourceDefinitions(), token: "t" }, deps);
  const client = new KubeClient({ baseUrl: "http://api" }, { fetch: api.fetch });
  const told: string[] = [];
  const folder = new UpFolder({ ...NAMES, filenames: ["d"] }, {
    client,
    files: memoryFiles(files),
    tell: (line) => told.push(line),
  });
  const reload = async () => {
    const isGood = await folder.reload();
    return [isGood, ...told.splice(0)];
  };
  const names = async (resource: (typeof RESOURCES)[keyof typeof RESOURCES]) => {
    const listed = await client.list(resource);
    return listed.ok ? listed.value.items.map(({ metadata }) => metadata.name) : [];
  };
  return { files, reload, names, client };
}

Deno.test("herald up: objects are created, changed and deleted by what changed in the files, and nothing else is touched", async () => {
  const { files, reload, names, client } = stage({ "d/pool.yaml": POOL, "d/web.yaml": SERVICE });
  assertEquals(await reload(), [true, "IPAddressPool metallb-system/first created", "Service shop/web created"]);
  const patch = { metadata: { annotations: { by: "kubectl" } } };
  await client.patch(RESOURCES.services, { namespace: "shop", name: "web" }, { type: "merge", body: patch });
  assertEquals(await reload(), [true]);

  files["d/pool.yaml"] = POOL.replace(", avoidBuggyIPs: true", "").replace("labels: {a: b}, ", "");
  files["d/web.yaml"] = SERVICE.replace("port: 80", "port: 81");
  assertEquals(await reload(), [true, "IPAddressPool metallb-system/first changed", "Service shop/web changed"]);
  const pool = await client.get(RESOURCES.ipAddressPools, { namespace: "metallb-system", name: "first" });
  const web = await client.get(RESOURCES.services, { namespace: "shop", name: "web" });
  if (!pool.ok || !web.ok) throw new Error("they are gone");
  const { avoidBuggyIPs } = pool.value["spec"] as { avoidBuggyIPs?: boolean };
  assertEquals([avoidBuggyIPs ?? false, pool.value.metadata.labels, pool.value["status"]], [
    false,
    undefined,
    undefined,
  ]);
  const { clusterIP, ports } = web.value["spec"] as { clusterIP: string; ports: { port: number }[] };
  assertEquals([clusterIP !== "", ports.map(({ port }) => port), web.value.metadata.annotations], [true, [81], {
    by: "kubectl",
  }]);

  delete files["d/web.yaml"];
  assertEquals(await reload(), [true, "Service shop/web deleted"]);
  assertEquals(
    [await names(RESOURCES.services), await names(RESOURCES.endpointSlices), await names(RESOURCES.ipAddressPools)],
    [[], [], ["first"]],
  );
});

Deno.test("herald up: while a file cannot be read nothing is changed, and it is told once", async () => {
  const { files, reload, names } = stage({ "d/pool.yaml": POOL, "d/web.yaml": SERVICE });
  await reload();
  files["d/web.yaml"] = "kind: [";
  const [isGood, ...lines] = await reload();
  assertEquals([isGood, lines.length, lines.at(-1)], [false, 2, "nothing is changed before the files can be read"]);
  assertEquals(await reload(), [false]);
  assertEquals(await names(RESOURCES.services), ["web"]);
  delete files["d/pool.yaml"];
  delete files["d/web.yaml"];
  // The folder is gone: it is not empty, it cannot be read.
  assertEquals((await reload())[0], false);
  assertEquals(await names(RESOURCES.ipAddressPools), ["first"]);
  files["d/web.yaml"] = SERVICE;
  assertEquals(await reload(), [true, "IPAddressPool metallb-system/first deleted"]);
});

Deno.test("herald up: what the API refuses is told once, keeps its last state, and comes when it is mended", async () => {
  const { files, reload, names, client } = stage({ "d/web.yaml": SERVICE, "d/pool.yaml": POOL });
  await reload();
  files["d/web.yaml"] = SERVICE.replace("port: 80", "port: 80, protocol: MAYBE");
  files["d/pool.yaml"] = POOL.replace("name: first", "name: second");
  const [isGood, ...lines] = await reload();
  assertEquals([isGood, lines.slice(0, 2)], [false, [
    "IPAddressPool metallb-system/first deleted",
    "IPAddressPool metallb-system/second created",
  ]]);
  assertEquals(/^Service shop\/web is refused: .*; it stays as it was$/.test(String(lines[2])), true, String(lines[2]));
  assertEquals(await reload(), [true]);
  const web = await client.get(RESOURCES.services, { namespace: "shop", name: "web" });
  const { ports } = (web.ok ? web.value["spec"] : {}) as { ports: { protocol: string }[] };
  assertEquals(ports.map(({ protocol }) => protocol), ["TCP"]);
  files["d/web.yaml"] = SERVICE.replace("port: 80", "port: 80, protocol: UDP");
  assertEquals(await reload(), [true, "Service shop/web changed"]);
  assertEquals(await names(RESOURCES.services), ["web"]);
});
