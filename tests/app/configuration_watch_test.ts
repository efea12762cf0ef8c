/** What the controller's look at the configuration costs: a large one is not gone through for each address. */
import { assertEquals } from "@std/assert/equals";
import { sameConfiguration } from "../../lib/app/config_kinds.ts";
import { ConfigurationWatch } from "../../lib/app/configuration_watch.ts";
import type { KubeObject } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { poolObject } from "../decision/objects.ts";
import { FakeTime } from "../kube/fake_time.ts";
import { ScriptedFetch, statusAnswer } from "../kube/scripted_fetch.ts";

function pool(metadata: Record<string, unknown> = {}, addresses = ["192.0.2.0/24"]): KubeObject {
  const object = poolObject("p", addresses);
  return { ...object, metadata: { ...object.metadata, uid: "u", generation: 1, ...metadata } };
}

/** A watch of which only pools and Services are told, and how often the pools were gone through. */
function stage() {
  const time = new FakeTime();
  const { fetch } = new ScriptedFetch(() => statusAnswer(403, "Forbidden"));
  const pools = new Map<string, KubeObject>([["metallb-system/p", pool()]]);
  const looks = { count: 0 };
  const counted = {
    size: 1,
    get: (key: string) => pools.get(key),
    keys: () => pools.keys(),
    values: () => (looks.count++, pools.values()),
  };
  const watch = new ConfigurationWatch({ namespace: "metallb-system", podName: "" }, {
    client: new KubeClient({ baseUrl: "https://api.test" }, { fetch, schedule: time.schedule }),
    clock: time.clock,
    rng: new SeededRng(1),
    log: silentLog,
    schedule: time.schedule,
    pools: counted,
    namespaces: new Map(),
    services: new Map(),
    record: () => {},
    onUnannounced: () => {},
  });
  return { time, watch, pools, looks };
}

Deno.test("ConfigurationWatch: Services and the status of pools do not make it go through the pools again", async () => {
  const { time, watch, looks } = stage();
  watch.setActive(true);
  await time.advance(1_000);
  assertEquals(looks.count, 1);
  for (let second = 0; second < 10; second++) {
    watch.servicesChanged();
    watch.poolChanged({
      kind: "upsert",
      key: "metallb-system/p",
      object: { ...pool({ resourceVersion: String(second) }), status: { assignedIPv4: second } },
      previous: pool(),
    });
    watch.setOthers("services", []);
    await time.advance(1_000);
  }
  assertEquals(looks.count, 1);
  await watch.stop();
});

Deno.test("ConfigurationWatch: a pool that changes in what counts is looked at, and what is wrong with it is known", async () => {
  const { time, watch, pools } = stage();
  watch.setActive(true);
  await time.advance(1_000);
  assertEquals(watch.hasErrors, false);
  const object = pool({ generation: 2 }, ["192.0.2.0/99"]);
  pools.set("metallb-system/p", object);
  watch.poolChanged({ kind: "upsert", key: "metallb-system/p", object, previous: pool() });
  await time.advance(1_000);
  assertEquals(watch.hasErrors, true);
  pools.clear();
  watch.poolChanged({ kind: "remove", key: "metallb-system/p", previous: object });
  await time.advance(1_000);
  assertEquals(watch.hasErrors, false);
  await watch.stop();
});

Deno.test("ConfigurationWatch: namespaces count by their labels", async () => {
  const { time, watch, looks } = stage();
  watch.setActive(true);
  await time.advance(1_000);
  const namespace = (labels: Record<string, string>): KubeObject => ({
    kind: "Namespace",
    metadata: { name: "n", labels },
  });
  const tell = async (object: KubeObject, previous: KubeObject | undefined) => {
    watch.namespaceChanged({ kind: "upsert", key: "n", object, previous });
    await time.advance(1_000);
    return looks.count;
  };
  assertEquals(await tell(namespace({}), undefined), 2);
  assertEquals(await tell(namespace({}), namespace({})), 2);
  assertEquals(await tell(namespace({ team: "a" }), namespace({})), 3);
  await watch.stop();
});

Deno.test("sameConfiguration: what Herald reads from annotations counts, which `generation` does not", () => {
  const annotated = (annotations: Record<string, string>) => pool({ annotations });
  assertEquals(sameConfiguration(annotated({ "herald.dev/reuse-after": "5m" }), pool()), false);
  assertEquals(sameConfiguration(pool(), annotated({ "herald.dev/reuse-after": "5m" })), false);
  assertEquals(sameConfiguration(annotated({ note: "a" }), annotated({ note: "b" })), true);
  assertEquals(sameConfiguration(pool(), undefined), false);
});
