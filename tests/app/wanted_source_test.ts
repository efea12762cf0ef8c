/** Against an embedded API in this process; time is the test's. */
import { assertEquals } from "@std/assert/equals";
import type { LastHolders } from "../../lib/app/last_holders.ts";
import { WantedSource } from "../../lib/app/wanted_source.ts";
import { type KubeObject, type Resource, RESOURCES } from "../../lib/base/kube.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import type { WantedDelta } from "../../lib/base/wanted.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { CRDS } from "../embedded/embedded_stage.ts";
import { FakeTime } from "../kube/fake_time.ts";

const NAMESPACE = "metallb-system";
const ADDRESS = "192.0.2.1";

/** A cluster with a Service that has an address, and a source that was started in it. */
async function stage(options: { failback?: string; lastHolders: LastHolders; node?: string }) {
  const time = new FakeTime();
  const api = new EmbeddedApi({ crds: CRDS, token: "t" }, {
    clock: time.clock,
    rng: new SeededRng(1),
    log: () => {},
    schedule: (delayMs, callback) => time.schedule(callback, delayMs),
  });
  const client = new KubeClient({ baseUrl: "http://api" }, {
    fetch: (request) => api.fetch(request),
    schedule: time.schedule,
  });
  const create = async (resource: Resource, object: KubeObject) => {
    const namespace = object.metadata.namespace;
    const made = await client.create(resource, { ...(namespace === undefined ? {} : { namespace }), body: object });
    if (!made.ok) throw new Error(made.error.message);
  };
  const place = { namespace: NAMESPACE };
  await create(RESOURCES.namespaces, { metadata: { name: NAMESPACE } });
  await create(RESOURCES.nodes, { metadata: { name: "n1" } });
  await create(RESOURCES.ipAddressPools, { metadata: { name: "p", ...place }, spec: { addresses: ["192.0.2.0/24"] } });
  const annotations = options.failback === undefined ? {} : { "herald.dev/failback": options.failback };
  await create(RESOURCES.l2Advertisements, { metadata: { name: "l", ...place, annotations }, spec: {} });
  await create(RESOURCES.services, {
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  });
  const status = { loadBalancer: { ingress: [{ ip: ADDRESS }] } };
  await client.patch(RESOURCES.services, { namespace: "default", name: "web", subresource: "status" }, {
    type: "merge",
    body: { status },
  });
  await create(RESOURCES.endpointSlices, {
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], nodeName: "n1" }],
  });
  const deltas: WantedDelta[] = [];
  const planned: string[] = [];
  const problems: (readonly Problem[])[] = [];
  const source = new WantedSource({
    node: options.node ?? "n1",
    namespace: NAMESPACE,
    lbClasses: undefined,
    ignoreExcludeLb: false,
    peers: undefined,
  }, {
    client,
    clock: time.clock,
    rng: new SeededRng(2),
    log: () => {},
    schedule: time.schedule,
    onDelta: (delta) => deltas.push(delta),
    onProblems: (all) => problems.push(all),
    onPlanned: (services) => planned.push(...services),
    lastHolders: options.lastHolders,
  });
  source.start();
  const holders = () => deltas.flatMap(({ upsertAddresses }) => upsertAddresses.map(({ lastHolder }) => lastHolder));
  return { time, source, create, deltas, planned, problems, holders };
}

Deno.test("WantedSource: where addresses stay where they are, the first snapshot says who announced before", async () => {
  // As the writer of the statuses: what it answers hangs on what it holds.
  class Holders implements LastHolders {
    readonly synced = true;
    readonly #holders = new Map([["default/web", "n7"]]);
    holderOf(key: string): string | undefined {
      return this.#holders.get(key);
    }
  }
  const lastHolders = new Holders();
  for (const [failback, expected] of [["never", "n7"], ["after=5m", "n7"], [undefined, undefined]] as const) {
    const { time, source, holders } = await stage({ lastHolders, ...(failback === undefined ? {} : { failback }) });
    await time.advance(500);
    assertEquals(holders(), [expected], failback);
    await source.stop();
  }
});

Deno.test("WantedSource: it waits for that, but not for long, and not where nothing hangs on it", async () => {
  const lastHolders = { synced: false, holderOf: (): string | undefined => undefined };
  const waiting = await stage({ failback: "never", lastHolders });
  await waiting.time.advance(900);
  assertEquals([waiting.deltas.length, waiting.planned], [0, []]);
  await waiting.time.advance(600);
  assertEquals([waiting.holders(), waiting.planned], [[undefined], ["default/web"]]);
  await waiting.source.stop();

  const known: { synced: boolean; holderOf: LastHolders["holderOf"] } = { ...lastHolders };
  const late = await stage({ failback: "never", lastHolders: known });
  await late.time.advance(500);
  known.synced = true;
  known.holderOf = () => "n2";
  late.source.lastHoldersKnown();
  await late.time.advance(10);
  assertEquals(late.holders(), ["n2"]);
  await late.source.stop();

  const free = await stage({ lastHolders });
  await free.time.advance(500);
  assertEquals(free.holders(), [undefined]);
  await free.source.stop();
});

Deno.test("WantedSource: that the speaker's own Node is not there is a problem, until it is made", async () => {
  const lastHolders = { synced: true, holderOf: (): string | undefined => undefined };
  const { time, source, create, problems } = await stage({ lastHolders, node: "n2" });
  const reasons = () => problems.at(-1)?.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`);
  await time.advance(9_000);
  assertEquals(reasons(), []);
  await time.advance(2_000);
  assertEquals(reasons(), ["Node n2 unknownNode"]);
  // Without labels, which are what else the configuration may hang on.
  await create(RESOURCES.nodes, { metadata: { name: "n2" } });
  await time.advance(500);
  assertEquals(reasons(), []);
  await source.stop();
});
