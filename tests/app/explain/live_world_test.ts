/** A cluster as it is read through the API: an embedded one in this process. */
import { assertEquals } from "@std/assert/equals";
import { readLiveWorld } from "../../../lib/app/explain/live_world.ts";
import { type KubeObject, type Resource, RESOURCES } from "../../../lib/base/kube.ts";
import { silentLog } from "../../../lib/base/log.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { EmbeddedApi } from "../../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../../lib/edge/kube/client.ts";
import { CRDS } from "../../embedded/embedded_stage.ts";
import { FakeTime } from "../../kube/fake_time.ts";

const NAMESPACE = "metallb-system";

async function cluster(objects: readonly (readonly [Resource, KubeObject])[]) {
  const time = new FakeTime();
  const api = new EmbeddedApi({ crds: CRDS, token: "t" }, {
    clock: time.clock,
    rng: new SeededRng(1),
    log: silentLog,
    schedule: (delayMs, callback) => time.schedule(callback, delayMs),
  });
  const client = new KubeClient({ baseUrl: "http://api" }, { fetch: api.fetch, schedule: time.schedule });
  await client.create(RESOURCES.namespaces, { body: { metadata: { name: NAMESPACE } } });
  for (const [resource, body] of objects) {
    const created = await client.create(resource, { namespace: NAMESPACE, body: { ...body } });
    if (!created.ok) throw new Error(created.error.message);
  }
  return await readLiveWorld(client, { namespace: NAMESPACE });
}

const state = (node: string, owner?: string): readonly [Resource, KubeObject] => [RESOURCES.configurationStates, {
  metadata: {
    name: `speaker-${node}`,
    labels: { "metallb.io/node-name": node },
    ...owner === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: owner, uid: `uid-${owner}` }] },
  },
}];

Deno.test("live world: a speaker in a pod lives while the pod is ready; one outside of a pod counts as living", async () => {
  const read = await cluster([state("machine"), state("n1", "speaker-1")]);
  if (!read.ok) throw new Error(read.message);
  assertEquals([...read.world.speakers ?? []], ["machine"]);
  assertEquals(read.world.notes, [
    "the speaker of machine runs outside of a pod, so nothing says whether it lives: it counts as living",
  ]);
});

Deno.test("live world: where there is no speaker at all, nobody announces anything", async () => {
  const read = await cluster([state("n1", "speaker-1")]);
  if (!read.ok) throw new Error(read.message);
  assertEquals([read.world.speakers?.size, read.world.notes], [
    0,
    ["no speaker pod is ready in namespace metallb-system: nobody announces anything"],
  ]);
});
