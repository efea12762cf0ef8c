/** A controller that takes over while one of its caches lags behind, against an embedded API in this process. */
import { assertEquals } from "@std/assert/equals";
import { Controller } from "../../lib/app/controller.ts";
import { type Fetch, RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { EmbeddedStage } from "../embedded/embedded_stage.ts";
import { settle } from "../kube/fake_time.ts";

const NAMESPACE = "default";
const POOL = "metallb.io/ip-allocated-from-pool";
const clock = { now: () => performance.now(), wallMs: () => 1_700_000_000_000 + performance.now() };

/** In turns of the event loop, not in time. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await settle();
  }
  throw new Error("it did not come to that");
}

const CLEAN = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "Controller: who takes over lists pools anew too, and takes nothing away for a pool as it was",
  CLEAN,
  async () => {
    const { api } = new EmbeddedStage();
    const admin = new KubeClient({ baseUrl: "http://api" }, { fetch: api.fetch });
    const patches: string[] = [];
    // What happens to pools and namespaces is never told: the connections are there and silent.
    const fetch: Fetch = (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (request.method === "PATCH") patches.push(pathname);
      const isDeaf = searchParams.has("watch") && /(ipaddresspools|namespaces)$/.test(pathname);
      return isDeaf ? Promise.resolve(new Response(new ReadableStream())) : api.fetch(request);
    };
    const pool = (addresses: string[]) => ({ metadata: { name: "p", namespace: NAMESPACE }, spec: { addresses } });
    const lease = (holderIdentity: string) => ({
      metadata: { name: "lease", namespace: NAMESPACE },
      spec: { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 1, renewTime: null, acquireTime: null },
    });
    const apply = { fieldManager: "test", force: true, namespace: NAMESPACE };
    await admin.apply(RESOURCES.ipAddressPools, { ...apply, name: "p", body: pool(["192.0.2.0/31"]) });
    await admin.create(RESOURCES.leases, { namespace: NAMESPACE, body: lease("another_1") });
    const election = { leaseName: "lease", leaseDurationMs: 15_000, podName: "" };
    const controller = new Controller({ namespace: NAMESPACE, lbClasses: undefined, election }, {
      client: new KubeClient({ baseUrl: "http://api" }, { fetch }),
      clock,
      rng: new SeededRng(1),
      log: silentLog,
    });
    controller.start();
    try {
      await until(() => controller.conditions.every(({ ready }) => ready()));
      // The pool grows, and the leader of now gives a new address of it.
      await admin.apply(RESOURCES.ipAddressPools, { ...apply, name: "p", body: pool(["192.0.2.0/24"]) });
      const service = {
        metadata: { name: "web", namespace: NAMESPACE, annotations: { [POOL]: "p" } },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      };
      await admin.create(RESOURCES.services, { namespace: NAMESPACE, body: service });
      await admin.patch(RESOURCES.services, { namespace: NAMESPACE, name: "web", subresource: "status" }, {
        type: "merge",
        body: { status: { loadBalancer: { ingress: [{ ip: "192.0.2.77" }] } } },
      });
      await admin.patch(RESOURCES.leases, { namespace: NAMESPACE, name: "lease" }, {
        type: "merge",
        body: { spec: { holderIdentity: "" } },
      });
      await until(() => controller.poolUsage().length === 1);
      // A second Service is decided after the first one.
      await admin.create(RESOURCES.services, {
        namespace: NAMESPACE,
        body: { metadata: { name: "next", namespace: NAMESPACE }, spec: service.spec },
      });
      await until(() => patches.some((path) => path.endsWith("/services/next/status")));
      assertEquals(patches.filter((path) => path.endsWith("/services/web/status")), []);
    } finally {
      await controller.stop();
    }
  },
);
