/**
 * What Herald relies on between its Kubernetes client and an API server, as one suite for every server: the embedded
 * one, and a real kube-apiserver. Everything goes through a proxy that breaks connections.
 */
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import type { ApiResult } from "../../lib/edge/kube/api_error.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { EventRecorder } from "../../lib/edge/kube/events.ts";
import { loadTransport, type Transport } from "../../lib/edge/kube/transport.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { systemRng } from "../../lib/edge/run/random.ts";
import { type Fault, FaultProxy } from "../support/fault_proxy.ts";
import type { Control, KubeServer } from "./kube_server.ts";
import { KIND, Stage, valueOf, Witness } from "./kube_stage.ts";
import { until } from "../support/until.ts";

export interface ContractOptions {
  /** What this server cannot do: the scenarios that need it are not registered, since an ignored test is a failure. */
  readonly without?: readonly Control[];
}

/** `start` is told what its scenario needs, so that a server which only answers can be a shared one. */
export function kubeContract(
  name: string,
  start: (control: Control | undefined) => Promise<KubeServer>,
  { without = [] }: ContractOptions = {},
): void {
  const scenario: Scenario = (what, run, needs) => {
    if (needs !== undefined && without.includes(needs)) return;
    Deno.test(`kube edge on ${name}: ${what}`, async () => {
      const server = await start(needs);
      const proxy = await FaultProxy.start(server);
      const transport = await transportTo(server, { port: proxy.port, credentials: "good" });
      const stage = new Stage({ server, proxy, transport });
      try {
        await run(stage);
      } finally {
        transport.close();
        await proxy.stop();
        await server.stop();
      }
    });
  };

  requestScenarios(scenario);
  faultScenarios(scenario);
  serverScenarios(scenario);
}

type Scenario = (what: string, run: (stage: Stage) => Promise<void>, needs?: Control) => void;

async function transportTo(
  server: KubeServer,
  options: { readonly port: number; readonly credentials: "good" | "wrong" },
): Promise<Transport> {
  const file = await Deno.makeTempFile({ suffix: ".kubeconfig" });
  try {
    const address = `${server.scheme}://127.0.0.1:${options.port}`;
    await Deno.writeTextFile(file, server.kubeconfig({ server: address, credentials: options.credentials }));
    const loaded = await loadTransport({ kubeconfig: file, env: {} });
    if (!loaded.ok) throw new Error(loaded.problem.message);
    return loaded.transport;
  } finally {
    await Deno.remove(file);
  }
}

function requestScenarios(scenario: Scenario): void {
  scenario("an object is created, read, changed by every kind of patch, and removed", async (stage) => {
    const { client } = stage;
    const target = { namespace: "default", name: stage.nameOf("a") };
    const created = valueOf(await client.create(KIND, { namespace: "default", body: stage.body("a", { one: "1" }) }));
    assertEquals(reasonOf(await client.create(KIND, { namespace: "default", body: stage.body("a") })), "alreadyExists");
    await client.patch(KIND, target, { type: "merge", body: { data: { two: "2" } } });
    await client.patch(KIND, target, { type: "strategic", body: { data: { three: "3" } } });
    await client.patch(KIND, target, { type: "json", body: [{ op: "remove", path: "/data/one" }] });
    const read = valueOf(await client.get(KIND, target));
    assertEquals(read["data"], { two: "2", three: "3" });
    assertEquals(reasonOf(await client.update(KIND, { ...target, body: created })), "conflict");
    valueOf(await client.update(KIND, { ...target, body: { ...read, data: { four: "4" } } }));
    const wrong = { preconditions: { uid: "11111111-2222-3333-4444-555555555555" } };
    assertEquals(reasonOf(await client.remove(KIND, { ...target, ...wrong })), "conflict");
    valueOf(await client.remove(KIND, { ...target, preconditions: { uid: created.metadata.uid! } }));
    assertEquals(reasonOf(await client.get(KIND, target)), "notFound");
  });

  scenario(
    "an object is applied: created, kept, contended, taken over, and trimmed to what is still wanted",
    async (stage) => {
      const { client } = stage;
      const applyAs = (fieldManager: string, data: Record<string, string>, force = false) =>
        client.apply(KIND, {
          namespace: "default",
          name: stage.nameOf("a"),
          fieldManager,
          force,
          body: stage.body("a", data),
        });
      const created = valueOf(await applyAs("one", { a: "1", b: "1" }));
      const again = valueOf(await applyAs("one", { a: "1", b: "1" }));
      assertEquals(again.metadata.resourceVersion, created.metadata.resourceVersion);
      const refused = await applyAs("two", { a: "2", c: "2" });
      assertEquals(reasonOf(refused), "conflict");
      assertEquals(refused.ok || refused.error.message.includes('conflict with "one": .data.a'), true);
      assertEquals(valueOf(await applyAs("two", { a: "2", c: "2" }, true))["data"], { a: "2", b: "1", c: "2" });
      assertEquals(valueOf(await applyAs("one", {}))["data"], { a: "2", c: "2" });
    },
  );

  scenario("bad input is refused as invalid, an unknown kind is not found", async ({ client }) => {
    const body = { metadata: { name: "Not_A_Name" } };
    assertEquals(reasonOf(await client.create(KIND, { namespace: "default", body })), "invalid");
    const unknown = { ...KIND, plural: "nothings" };
    assertEquals(reasonOf(await client.list(unknown)), "notFound");
  });

  scenario("a list is complete over all its pages", async (stage) => {
    for (let i = 0; i < 10; i++) await stage.put(`p${i}`);
    const list = valueOf(await stage.client.list(KIND, stage.selector));
    assertEquals(list.items.map((item) => item.metadata.name).sort(), [...(await stage.truth()).keys()].sort());
    assertEquals(list.items.length, 10);
  });

  scenario("Events are accepted, and a repeat raises the count of the one that is there", async (stage) => {
    const { client } = stage;
    const body = stage.body("seen");
    const object = valueOf(await client.create(KIND, { namespace: "default", body }));
    const recorder = new EventRecorder({ component: "herald-contract", host: "n1" }, {
      client,
      clock: systemClock,
      rng: systemRng(),
      log: silentLog,
    });
    for (let i = 0; i < 3; i++) {
      const event = {
        object: { ...object, apiVersion: "v1", kind: "ConfigMap" },
        reason: "Seen",
        message: "By the test",
      };
      recorder.record({ ...event, type: "Normal" });
      assertEquals(await recorder.flush(30_000), true);
    }
    const events = valueOf(await client.list(RESOURCES.events, { namespace: "default" })).items
      .filter((event) => (event["involvedObject"] as { name: string }).name === body.metadata.name);
    assertEquals(events.map(({ count, reason, type }) => [count, reason, type]), [[3, "Seen", "Normal"]]);
    assertEquals(recorder.dropped, 0);
  });

  scenario("wrong credentials are unauthorized", async (stage) => {
    const transport = await transportTo(stage.server, { port: stage.proxy.port, credentials: "wrong" });
    const client = new KubeClient({ baseUrl: transport.baseUrl }, { fetch: transport.fetch });
    assertEquals(reasonOf(await client.get(KIND, { namespace: "default", name: "none" })), "unauthorized");
    assertEquals(reasonOf(await client.watch(KIND, { resourceVersion: "1" })), "unauthorized");
    transport.close();
  });
}

function faultScenarios(scenario: Scenario): void {
  const faults: readonly (readonly [string, Fault, number?])[] = [
    ["reset", "reset"],
    ["ended without a TLS goodbye", "end"],
    ["stalled", "stall"],
    ["cut in the middle of the next line", "cut", 40],
  ];
  for (const [what, fault, afterBytes] of faults) {
    scenario(`a watch whose connection is ${what} misses nothing`, async (stage) => {
      for (const name of ["same", "changed", "gone", "anew"]) await stage.put(name);
      const witness = new Witness(stage);
      witness.reflector.start();
      await witness.sees(stage);
      const before = witness.versions.length;
      stage.proxy.break(fault, afterBytes === undefined ? {} : { afterBytes });
      await stage.change("changed", "x");
      await stage.drop("gone");
      await stage.drop("anew");
      await stage.put("anew");
      await stage.put("new");
      await witness.sees(stage);
      assertEquals([witness.versions.length - before, witness.removals], [3, 2]);
      await witness.reflector.stop();
    });
  }

  scenario("a server out of reach for a while is found again", async (stage) => {
    await stage.put("a");
    const witness = new Witness(stage);
    stage.proxy.refuse(true);
    witness.reflector.start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(witness.reflector.synced, false);
    stage.proxy.refuse(false);
    await witness.sees(stage);
    stage.proxy.refuse(true);
    stage.proxy.break("reset");
    await stage.put("b");
    await new Promise((resolve) => setTimeout(resolve, 300));
    stage.proxy.refuse(false);
    await witness.sees(stage);
    assertEquals(witness.versions.length, 2);
    await witness.reflector.stop();
  });

  scenario("connections that are accepted and then silent are given up", async (stage) => {
    await stage.put("a");
    const witness = new Witness(stage);
    stage.proxy.stallNew(true);
    witness.reflector.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    stage.proxy.stallNew(false);
    await witness.sees(stage);
    await witness.reflector.stop();
  });

  scenario("random changes under random faults: in the end the copy equals the server", async (stage) => {
    const seed = Number(Deno.env.get("HERALD_SEED") ?? "1");
    const rng = new SeededRng(seed);
    const witness = new Witness(stage, rng);
    witness.reflector.start();
    const present = new Set<string>();
    for (let step = 0; step < 150; step++) {
      const name = `p${below(rng, 8)}`;
      if (!present.has(name)) await stage.put(name).then(() => present.add(name));
      else if (below(rng, 3) > 0) await stage.change(name, String(step));
      else await stage.drop(name).then(() => present.delete(name));
      const dice = below(rng, 20);
      if (dice === 0) stage.proxy.break("reset");
      if (dice === 1) stage.proxy.break("end");
      if (dice === 2) stage.proxy.break("stall");
      if (dice === 3) stage.proxy.break("cut", { afterBytes: 1 + below(rng, 2_000) });
      if (dice === 4) stage.proxy.refuse(true);
      if (dice >= 17) stage.proxy.refuse(false);
      if (dice > 10) await new Promise((resolve) => setTimeout(resolve, below(rng, 30)));
    }
    stage.proxy.refuse(false);
    await witness.sees(stage).catch((error: unknown) => {
      throw new Error(`HERALD_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    });
    await witness.reflector.stop();
  });

  scenario("stop closes the watch", async (stage) => {
    const witness = new Witness(stage);
    witness.reflector.start();
    await until("the watch is open", () => stage.server.openWatches!() === 1);
    await witness.reflector.stop();
    await until("the watch is closed", () => stage.server.openWatches!() === 0);
  }, "openWatches");
}

function serverScenarios(scenario: Scenario): void {
  scenario("a server that restarts is followed, what did not change is not told again", async (stage) => {
    for (const name of ["a", "b", "c"]) await stage.put(name);
    const witness = new Witness(stage);
    witness.reflector.start();
    await witness.sees(stage);
    await stage.server.restart!();
    await stage.change("a", "after");
    await stage.drop("b");
    await witness.sees(stage);
    assertEquals([witness.versions.length, witness.removals], [4, 1]);
    await witness.reflector.stop();
  }, "restart");

  scenario("a server that comes back with nothing, counting from the start, is believed", async (stage) => {
    for (let i = 0; i < 20; i++) await stage.put(`p${i}`);
    const witness = new Witness(stage);
    witness.reflector.start();
    await witness.sees(stage);
    await stage.server.restartEmpty!();
    await stage.put("p1");
    await witness.sees(stage);
    assertEquals(witness.told.size, 1);
    await witness.reflector.stop();
  }, "restartEmpty");

  scenario(
    "a version that expired while the connection was down is healed by a list of the difference",
    async (stage) => {
      for (const name of ["same", "gone"]) await stage.put(name);
      const witness = new Witness(stage);
      witness.reflector.start();
      await witness.sees(stage);
      stage.proxy.refuse(true);
      stage.proxy.break("reset");
      await stage.drop("gone");
      await stage.put("new");
      await stage.server.expireVersions!();
      stage.proxy.refuse(false);
      await witness.sees(stage);
      assertEquals([witness.versions.length, witness.removals], [3, 1]);
      await witness.reflector.stop();
    },
    "expireVersions",
  );

  scenario("a version that expired under a silent connection is healed too", async (stage) => {
    await stage.put("gone");
    const witness = new Witness(stage);
    witness.reflector.start();
    await witness.sees(stage);
    stage.proxy.break("stall");
    await stage.drop("gone");
    await stage.put("new");
    await stage.server.expireVersions!();
    await witness.sees(stage);
    assertEquals([witness.versions.length, witness.removals], [2, 1]);
    await witness.reflector.stop();
  }, "expireVersions");
}

function reasonOf(result: ApiResult<unknown>): string {
  return result.ok ? "no error" : result.error.reason;
}
