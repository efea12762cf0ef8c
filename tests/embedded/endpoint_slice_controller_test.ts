import { assertEquals } from "@std/assert/equals";
import { EmbeddedStage, pod, PODS, service, SERVICES, SLICES } from "./embedded_stage.ts";

const READY = [{ type: "Ready", status: "True" }];

async function slicesOf(stage: EmbeddedStage, name: string) {
  return (await stage.get(`${SLICES}?labelSelector=kubernetes.io/service-name%3D${name}`)).body.items;
}

async function runPod(stage: EmbeddedStage, name: string, ip: string, conditions: unknown = READY) {
  await stage.post(PODS, pod(name, { labels: { app: "web" }, spec: { nodeName: "n1" } }));
  await stage.patch(`${PODS}/${name}/status`, { status: { phase: "Running", podIP: ip, conditions } });
}

Deno.test("EndpointSlices: a Pod that the selector finds is in the slice of its Service", async () => {
  const stage = new EmbeddedStage();
  const made =
    (await stage.post(SERVICES, service("web", { ports: [{ name: "http", port: 80, targetPort: "http" }] }))).body;
  await runPod(stage, "a", "10.1.0.1");
  const [slice, ...others] = await slicesOf(stage, "web");
  const uid = (await stage.get(`${PODS}/a`)).body.metadata.uid;
  assertEquals(others, []);
  assertEquals([slice.addressType, slice.ports], ["IPv4", [{ name: "http", port: 8080, protocol: "TCP" }]]);
  assertEquals(slice.endpoints, [{
    addresses: ["10.1.0.1"],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: "n1",
    targetRef: { kind: "Pod", name: "a", namespace: "default", uid },
  }]);
  assertEquals(slice.metadata.labels["endpointslice.kubernetes.io/managed-by"], "endpointslice-controller.k8s.io");
  const [owner] = slice.metadata.ownerReferences;
  assertEquals([owner.kind, owner.name, owner.uid, owner.controller], ["Service", "web", made.metadata.uid, true]);
});

Deno.test("EndpointSlices: conditions follow the Pod through its life", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  await runPod(stage, "a", "10.1.0.1", []);
  const conditions = async () =>
    (await slicesOf(stage, "web"))[0].endpoints.map((each: { conditions: unknown }) => each.conditions);
  assertEquals(await conditions(), [{ ready: false, serving: false, terminating: false }]);
  await stage.patch(`${PODS}/a/status`, { status: { conditions: READY } });
  assertEquals(await conditions(), [{ ready: true, serving: true, terminating: false }]);
  await stage.delete(`${PODS}/a`, { gracePeriodSeconds: 30 });
  assertEquals(await conditions(), [{ ready: false, serving: true, terminating: true }]);
  stage.advance(30_000);
  assertEquals((await stage.get(`${PODS}/a`)).code, 404);
  assertEquals(await conditions(), []);
});

Deno.test("EndpointSlices: finished Pods, Pods without address and Pods of others are left out", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  await stage.post(PODS, pod("waiting", { labels: { app: "web" } }));
  await stage.post(PODS, pod("other", { labels: { app: "db" } }));
  await runPod(stage, "done", "10.1.0.1");
  await stage.patch(`${PODS}/done/status`, { status: { phase: "Succeeded" } });
  const [slice] = await slicesOf(stage, "web");
  assertEquals(slice.endpoints, []);
});

Deno.test("EndpointSlices: publishNotReadyAddresses makes every endpoint ready", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web", { publishNotReadyAddresses: true }));
  await runPod(stage, "a", "10.1.0.1", []);
  assertEquals((await slicesOf(stage, "web"))[0].endpoints[0].conditions, {
    ready: true,
    serving: false,
    terminating: false,
  });
});

Deno.test("EndpointSlices: selector, label and Service may go, and the slice goes with them", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  await runPod(stage, "a", "10.1.0.1");
  await stage.patch(`${PODS}/a`, { metadata: { labels: { app: "x" } } });
  assertEquals((await slicesOf(stage, "web"))[0].endpoints, []);
  await stage.patch(`${SERVICES}/web`, { spec: { selector: { app: "x" } } });
  assertEquals((await slicesOf(stage, "web"))[0].endpoints.length, 1);
  await stage.delete(`${SERVICES}/web`);
  assertEquals(await slicesOf(stage, "web"), []);
});

Deno.test("EndpointSlices: nothing is written when nothing changed", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  await runPod(stage, "a", "10.1.0.1");
  const before = (await slicesOf(stage, "web"))[0].metadata.resourceVersion;
  await stage.patch(`${PODS}/a`, { metadata: { annotations: { x: "y" } } });
  await stage.patch(`${SERVICES}/web`, { metadata: { annotations: { x: "y" } } });
  assertEquals((await slicesOf(stage, "web"))[0].metadata.resourceVersion, before);
});

Deno.test("EndpointSlices: a Service without selector and slices of others are left alone", async () => {
  const stage = new EmbeddedStage();
  const { selector: _selector, ...spec } = service("manual").spec as Record<string, unknown>;
  await stage.post(SERVICES, { metadata: { name: "manual" }, spec });
  await stage.post(SLICES, {
    metadata: { name: "manual-1", labels: { "kubernetes.io/service-name": "manual" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.7"] }],
  });
  await stage.patch(`${SERVICES}/manual`, { metadata: { labels: { a: "b" } } });
  assertEquals((await slicesOf(stage, "manual"))[0].endpoints[0].addresses, ["192.0.2.7"]);
});

Deno.test("EndpointSlices: more than a hundred endpoints make more than one slice", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web"));
  for (let i = 0; i < 101; i++) await runPod(stage, `p${i}`, `10.1.0.${i}`);
  const sizes = (await slicesOf(stage, "web")).map((slice: { endpoints: unknown[] }) => slice.endpoints.length);
  assertEquals(sizes.sort(), [1, 100]);
});

Deno.test("EndpointSlices: both families of a dual-stack Service have their own", async () => {
  const stage = new EmbeddedStage({ serviceIpv6: true });
  await stage.post(SERVICES, service("web", { ipFamilyPolicy: "RequireDualStack" }));
  await stage.post(PODS, pod("a", { labels: { app: "web" } }));
  const podIPs = [{ ip: "10.1.0.1" }, { ip: "fd00::1" }];
  await stage.patch(`${PODS}/a/status`, { status: { phase: "Running", podIP: "10.1.0.1", podIPs, conditions: READY } });
  const found = (await slicesOf(stage, "web"))
    .map((
      slice: { addressType: string; endpoints: { addresses: string[] }[] },
    ) => [slice.addressType, slice.endpoints[0]?.addresses]).sort();
  assertEquals(found, [["IPv4", ["10.1.0.1"]], ["IPv6", ["fd00::1"]]]);
});
