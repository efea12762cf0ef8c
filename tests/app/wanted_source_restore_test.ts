/** A speaker goes on from a snapshot without an API server, and is told only the difference when the API answers. */
import { assertEquals } from "@std/assert/equals";
import { type Fetch, type KubeObject, type Resource, RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import type { WantedDelta } from "../../lib/base/wanted.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { WantedSource } from "../../lib/app/wanted_source.ts";
import { EmbeddedStage } from "../embedded/embedded_stage.ts";
import { FakeTime } from "../kube/fake_time.ts";

const NAMESPACE = "default";
const STAYS = { address: "192.0.2.1", candidates: ["n1"], interfaces: "all", services: ["default/stays"] } as const;
const GONE = { address: "192.0.2.9", candidates: ["n1"], interfaces: "all", services: ["default/gone"] } as const;
const PEER = { node: "n2", address: "198.51.100.2", port: 7947 };

function object(kind: string, name: string, rest: Record<string, unknown>, apiVersion = "v1"): KubeObject {
  return { apiVersion, kind, metadata: { name, ...kind === "Node" ? {} : { namespace: NAMESPACE } }, ...rest };
}

class Bench {
  readonly time = new FakeTime();
  readonly api = new EmbeddedStage().api;
  readonly admin = new KubeClient({ baseUrl: "http://api" }, { fetch: this.api.fetch });
  readonly deltas: WantedDelta[] = [];
  /** With how many deltas before it. */
  readonly restored: (readonly [number, boolean])[] = [];
  isAway = true;
  readonly #fetch: Fetch = (request) =>
    this.isAway ? Promise.reject(new TypeError("connection refused")) : this.api.fetch(request);
  readonly source = new WantedSource({
    node: "n1",
    namespace: NAMESPACE,
    lbClasses: undefined,
    ignoreExcludeLb: false,
    peers: undefined,
  }, {
    client: new KubeClient({ baseUrl: "http://api" }, { fetch: this.#fetch }),
    clock: this.time.clock,
    schedule: this.time.schedule,
    rng: new SeededRng(1),
    log: silentLog,
    onDelta: (delta) => this.deltas.push(delta),
    onRestored: (restored) => this.restored.push([this.deltas.length, restored]),
    onProblems: () => {},
  });

  async fill(): Promise<void> {
    const metallb = "metallb.io/v1beta1";
    await this.#create(RESOURCES.nodes, object("Node", "n1", {}));
    await this.#create(
      RESOURCES.ipAddressPools,
      object("IPAddressPool", "p", { spec: { addresses: ["192.0.2.0/24"] } }, metallb),
    );
    await this.#create(RESOURCES.l2Advertisements, object("L2Advertisement", "a", { spec: {} }, metallb));
    for (const [name, ip] of [["stays", STAYS.address], ["new", "192.0.2.2"]] as const) {
      await this.#create(
        RESOURCES.services,
        object("Service", name, { spec: { type: "LoadBalancer", ports: [{ port: 80 }] } }),
      );
      const target = { namespace: NAMESPACE, name, subresource: "status" } as const;
      const body = { status: { loadBalancer: { ingress: [{ ip }] } } };
      await this.admin.patch(RESOURCES.services, target, { type: "merge", body });
      await this.#create(RESOURCES.endpointSlices, {
        ...object("EndpointSlice", name, {}, "discovery.k8s.io/v1"),
        metadata: { name, namespace: NAMESPACE, labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.0.0.9"], nodeName: "n1", conditions: { ready: true, serving: true } }],
        ports: [{ name: "", port: 80, protocol: "TCP" }],
      });
    }
  }

  async #create(resource: Resource, body: KubeObject): Promise<void> {
    const created = await this.admin.create(resource, {
      ...resource.namespaced ? { namespace: NAMESPACE } : {},
      body: { ...body },
    });
    if (!created.ok) throw new Error(created.error.message);
  }
}

Deno.test("WantedSource: what a snapshot says is wanted and stale until the API answers; then only what differs is told", async () => {
  const bench = new Bench();
  await bench.fill();
  const { deltas, source, time } = bench;
  source.start();
  await time.advance(3_000);
  assertEquals([deltas.length, source.heard, source.connected], [0, false, false]);
  source.restore({ addresses: [STAYS, GONE], peers: [PEER] });
  assertEquals(
    deltas.map(({ upsertAddresses, upsertPeers, complete }) => ({ upsertAddresses, upsertPeers, complete })),
    [
      { upsertAddresses: [STAYS, GONE], upsertPeers: [PEER], complete: true },
    ],
  );
  assertEquals(source.plan.addresses.get(GONE.address)?.services, GONE.services);
  const { configLoaded, configStale } = source.facts();
  assertEquals([configLoaded, configStale, source.synced], [true, true, false]);

  bench.isAway = false;
  await time.advance(60_000);
  const later = deltas.slice(1);
  assertEquals(later.flatMap(({ upsertAddresses }) => upsertAddresses.map(({ address }) => address)), ["192.0.2.2"]);
  assertEquals(later.flatMap(({ removeAddresses }) => removeAddresses), [GONE.address]);
  assertEquals(later.flatMap(({ removePeers }) => removePeers), ["n2"]);
  assertEquals([source.synced, source.connected, source.facts().configStale], [true, true, false]);
  assertEquals(bench.restored, [[0, true], [deltas.length, false]]);
  // From now on the API is what counts.
  source.restore({ addresses: [GONE], peers: [] });
  assertEquals(deltas.length, 1 + later.length);
  await source.stop();
});
