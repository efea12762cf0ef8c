/** Reflector and embedded API in one process on simulated time, as the simulation runs them: no network, no waiting. */
import { assertEquals } from "@std/assert/equals";
import { type Fetch, type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { Reflector } from "../../lib/edge/kube/reflector.ts";
import { FakeTime } from "./fake_time.ts";

function world(seed: number) {
  const time = new FakeTime();
  const rng = new SeededRng(seed);
  const api = new EmbeddedApi({ crds: [], token: "t", eventsMax: 30 }, {
    clock: time.clock,
    rng,
    log: silentLog,
    schedule: (delayMs, callback) => time.schedule(callback, delayMs),
  });
  /** The reflector's own way to the server, which may be cut. */
  const line = { up: true };
  const fetch: Fetch = (request) => line.up ? api.fetch(request) : Promise.reject(new Error("no route to host"));
  const admin = new KubeClient({ baseUrl: "http://api.test" }, { fetch: api.fetch, schedule: time.schedule });
  const client = new KubeClient({ baseUrl: "http://api.test" }, { fetch, schedule: time.schedule });
  return { time, rng, api, line, admin, client };
}

function versions(objects: Iterable<KubeObject>): string[] {
  return [...objects].map(({ metadata }) => `${metadata.name} ${metadata.uid}@${metadata.resourceVersion}`).sort();
}

Deno.test("Reflector: follows an embedded API through random changes, outages and expired versions", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { time, rng, api, line, admin, client } = world(seed);
    const told = new Map<string, KubeObject>();
    const reflector = new Reflector({ resource: RESOURCES.configMaps, namespace: "default" }, {
      client,
      clock: time.clock,
      rng,
      log: silentLog,
      schedule: time.schedule,
      onChange: (change) => {
        if (change.kind === "upsert") told.set(change.key, change.object);
        if (change.kind === "remove") assertEquals(told.delete(change.key), true, `seed ${seed}`);
      },
    });
    reflector.start();
    for (let step = 0; step < 60; step++) {
      const name = `p${below(rng, 6)}`;
      const made = await admin.create(RESOURCES.configMaps, { namespace: "default", body: { metadata: { name } } });
      if (!made.ok) await admin.remove(RESOURCES.configMaps, { namespace: "default", name });
      const dice = below(rng, 12);
      if (dice === 0) line.up = false;
      if (dice === 1) api.close();
      if (dice >= 10) line.up = true;
      if (dice > 5) await time.advance(below(rng, 5_000));
    }
    line.up = true;
    await time.advance(120_000);
    const list = await admin.list(RESOURCES.configMaps, { namespace: "default" });
    if (!list.ok) throw new Error(list.error.message);
    assertEquals(versions(told.values()), versions(list.value.items), `seed ${seed}`);
    assertEquals(versions(reflector.store.values()), versions(list.value.items), `seed ${seed}`);
    const stopped = reflector.stop();
    await time.advance(0);
    await stopped;
    assertEquals([api.watchCount, time.pendingTimers], [0, 0], `seed ${seed}`);
  }
});
