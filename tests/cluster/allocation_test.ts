// needs: kube-apiserver etcd
// permissions: --allow-all
/**
 * Allocation on a real kube-apiserver: what the machine decides is what the API shows, pool counters of every size
 * included, and what it costs in requests.
 */
import { assertEquals } from "@std/assert/equals";
import { parse } from "@std/yaml/parse";
import { type KubeObject, objectKey, RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { Controller } from "../../lib/app/controller.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { systemRng } from "../../lib/edge/run/random.ts";
import type { KubeClient } from "../../lib/edge/kube/client.ts";
import { poolObject } from "../decision/objects.ts";
import { RealApiServer } from "../support/real_api_server.ts";
import { until } from "../support/until.ts";

const NAMESPACE = "metallb-system";

const CRDS = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };

async function withController(
  run: (client: KubeClient) => Promise<void>,
): Promise<void> {
  const api = await RealApiServer.start();
  try {
    await prepare(api);
    const deps = { client: api.admin, clock: systemClock, rng: systemRng(), log: silentLog };
    const controller = new Controller({ namespace: NAMESPACE, lbClasses: undefined }, deps);
    controller.start();
    try {
      await run(api.admin);
    } finally {
      await controller.stop();
    }
  } finally {
    await api.stop();
  }
}

async function prepare(api: RealApiServer): Promise<void> {
  const crd = parse(
    await Deno.readTextFile(new URL("../../manifests/crds/ipaddresspools.yaml", import.meta.url)),
  );
  const path = `/apis/${CRDS.group}/${CRDS.version}/${CRDS.plural}`;
  await ok(api.fetch(path, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(crd) }));
  const body = JSON.stringify({ metadata: { name: NAMESPACE } });
  await ok(api.fetch("/api/v1/namespaces", { method: "POST", headers: JSON_HEADERS, body }));
  await until("the CRD is served", async () => {
    const answer = await api.fetch("/apis/metallb.io/v1beta1/ipaddresspools");
    await answer.body?.cancel();
    return answer.ok;
  });
}

const JSON_HEADERS = { "content-type": "application/json" };

async function ok(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(text);
}

async function createPool(client: KubeClient, pool: KubeObject): Promise<void> {
  const result = await client.create(RESOURCES.ipAddressPools, { namespace: NAMESPACE, body: { ...pool } });
  if (!result.ok) throw new Error(result.error.message);
}

async function createService(client: KubeClient, options: {
  name: string;
  annotations?: Record<string, string>;
  spec?: Record<string, unknown>;
}): Promise<void> {
  const { name, annotations = {}, spec = {} } = options;
  const ports = [{ port: 80, protocol: "TCP" }];
  const body = { metadata: { name, annotations }, spec: { type: "LoadBalancer", ports, ...spec } };
  const result = await client.create(RESOURCES.services, { namespace: "default", body });
  if (!result.ok) throw new Error(result.error.message);
}

async function shown(client: KubeClient): Promise<Map<string, string[]>> {
  const result = await client.list(RESOURCES.services, { namespace: "default" });
  if (!result.ok) throw new Error(result.error.message);
  return new Map(result.value.items.map((object) => {
    const status = object["status"] as { loadBalancer?: { ingress?: { ip: string }[] } };
    return [objectKey(object), (status.loadBalancer?.ingress ?? []).map(({ ip }) => ip)];
  }));
}

Deno.test("Allocation on a real API server: sharing, and the counters of a pool, those beyond 2^53 included", async () => {
  await withController(async (client) => {
    await createPool(client, poolObject("p", ["192.0.2.0/28", "fd00::/60"]));
    const annotations = { "metallb.io/allow-shared-ip": "k" };
    await createService(client, { name: "a", annotations });
    await createService(client, { name: "b", annotations, spec: { ports: [{ port: 443, protocol: "TCP" }] } });
    await createService(client, { name: "c" });
    await until("all have addresses", async () => {
      const now = await shown(client);
      return ["a", "b", "c"].every((name) => now.get(`default/${name}`)?.length === 1);
    });
    const now = await shown(client);
    const [a, b, c] = ["a", "b", "c"].map((name) => now.get(`default/${name}`));
    assertEquals([a, b], [["192.0.2.0"], ["192.0.2.0"]]);
    assertEquals(c, ["192.0.2.1"]);
    let text = "";
    await until("the counters are written", async () => {
      const pool = await client.get(RESOURCES.ipAddressPools, { namespace: NAMESPACE, name: "p" });
      text = JSON.stringify((pool.ok ? pool.value["status"] : pool.error) ?? null);
      return text.includes('"assignedIPv4":2');
    });
    assertEquals(JSON.parse(text), {
      assignedIPv4: 2,
      assignedIPv6: 0,
      availableIPv4: 14,
      // Go's largest int64, as JSON.parse rounds it.
      availableIPv6: 9223372036854775807,
    });
  });
});
