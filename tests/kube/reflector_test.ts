import { assertEquals } from "@std/assert/equals";
import { type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { Reflector } from "../../lib/edge/kube/reflector.ts";
import type { StoreChange } from "../../lib/edge/kube/store.ts";
import { FakeTime, settle } from "./fake_time.ts";
import { type Answer, type Asked, FedBody, json, ScriptedFetch } from "./scripted_fetch.ts";

function service(name: string, version: number, uid = `${name}-1`): KubeObject {
  return { metadata: { namespace: "shop", name, uid, resourceVersion: String(version) } };
}

function listAnswer(version: number, ...items: KubeObject[]): Response {
  return json({ metadata: { resourceVersion: String(version) }, items });
}

function line(type: string, object: unknown): string {
  return JSON.stringify({ type, object }) + "\n";
}

function isWatch(asked: Asked): boolean {
  return asked.path.includes("watch=true");
}

function reflectorOver(
  answer: (asked: Asked, index: number) => Answer,
  onChange?: (change: StoreChange<KubeObject>) => void,
) {
  const time = new FakeTime();
  const scripted = new ScriptedFetch(answer);
  const client = new KubeClient({ baseUrl: "https://api.test" }, { fetch: scripted.fetch, schedule: time.schedule });
  const told: string[] = [];
  const reflector = new Reflector({ resource: RESOURCES.services }, {
    client,
    clock: time.clock,
    rng: new SeededRng(1),
    log: silentLog,
    schedule: time.schedule,
    onChange: (change) => {
      told.push(change.kind === "synced" ? "synced" : `${change.kind} ${change.key}`);
      onChange?.(change);
    },
  });
  return { reflector, time, scripted, told };
}

Deno.test("Reflector: tells the list, then the changes, and fills its store", async () => {
  const body = new FedBody();
  const { reflector, told } = reflectorOver((asked) =>
    isWatch(asked) ? new Response(body.stream) : listAnswer(9, service("a", 3), service("b", 4))
  );
  assertEquals(reflector.synced, false);
  reflector.start();
  await settle();
  assertEquals(reflector.synced, true);
  body.write(line("DELETED", service("a", 10)) + line("ADDED", service("c", 11)));
  await settle();
  assertEquals(told, ["upsert shop/a", "upsert shop/b", "synced", "remove shop/a", "upsert shop/c"]);
  assertEquals([...reflector.store.keys()], ["shop/b", "shop/c"]);
  await reflector.stop();
});

Deno.test("Reflector: a watch that breaks in a line is opened again from the last version", async () => {
  const bodies: FedBody[] = [];
  const { reflector, time, scripted, told } = reflectorOver((asked) => {
    if (!isWatch(asked)) return listAnswer(scripted.asked.length === 1 ? 9 : 11);
    bodies.push(new FedBody());
    return new Response(bodies.at(-1)!.stream);
  });
  reflector.start();
  await settle();
  bodies[0]!.write(line("ADDED", service("a", 10)) + line("ADDED", service("b", 11)).slice(0, 30));
  await settle();
  bodies[0]!.fail("connection reset by peer");
  await time.advance(1_000);
  bodies[1]!.write(line("ADDED", service("b", 11)));
  await settle();
  assertEquals(told, ["synced", "upsert shop/a", "upsert shop/b"]);
  assertEquals(new URL(scripted.asked[3]!.path, "http://x").searchParams.get("resourceVersion"), "10");
  await reflector.stop();
});

Deno.test("Reflector: a server that is away is asked again until it is back", async () => {
  const { reflector, time, scripted } = reflectorOver((asked, index) => {
    if (index < 6) return new Error("connection refused");
    return isWatch(asked) ? "never" : listAnswer(9);
  });
  reflector.start();
  await time.advance(60_000);
  assertEquals(reflector.synced, true);
  assertEquals(scripted.asked.slice(0, 7).every((asked) => !isWatch(asked)), true);
  await reflector.stop();
});

Deno.test("Reflector: nothing is told after stop, also when stop is called from within a change", async () => {
  const body = new FedBody();
  const { reflector, told, time } = reflectorOver(
    (asked) => isWatch(asked) ? new Response(body.stream) : listAnswer(9, service("a", 1), service("b", 2)),
    () => void reflector.stop(),
  );
  reflector.start();
  await settle();
  assertEquals(told, ["upsert shop/a"]);
  await time.advance(10_000);
  assertEquals(time.pendingTimers, 0);
});

Deno.test("Reflector: stop closes the watch and leaves no timer, and may be called twice", async () => {
  const body = new FedBody();
  const { reflector, time, told } = reflectorOver((asked) =>
    isWatch(asked) ? new Response(body.stream) : listAnswer(9)
  );
  reflector.start();
  await settle();
  await Promise.all([reflector.stop(), reflector.stop()]);
  assertEquals(body.cancelled, true);
  assertEquals(time.pendingTimers, 0);
  assertEquals(told, ["synced"]);
});

Deno.test("Reflector: stop does not wait for a transport that never answers", async () => {
  const { reflector, time } = reflectorOver(() => "never");
  reflector.start();
  await settle();
  await reflector.stop();
  assertEquals(time.pendingTimers, 0);
});

Deno.test("Reflector: stop does not wait for a body that ignores its cancellation", async () => {
  const { reflector } = reflectorOver((asked) => {
    if (!isWatch(asked)) return listAnswer(9);
    return new Response(new ReadableStream({ cancel: () => new Promise(() => {}) }));
  });
  reflector.start();
  await settle();
  await reflector.stop();
});

Deno.test("Reflector: a refresh resolves when a list that began after it is in the store, also over failures", async () => {
  let lists = 0;
  const { reflector, time } = reflectorOver((asked) => {
    if (isWatch(asked)) return new Response(new FedBody().stream);
    lists++;
    if (lists === 2) return new Error("the server is away");
    return listAnswer(lists === 1 ? 9 : 12, service(lists === 1 ? "a" : "b", lists));
  });
  reflector.start();
  await settle();
  let refreshed = false;
  const refresh = reflector.refresh().then(() => refreshed = true);
  await settle();
  assertEquals([lists, refreshed, [...reflector.store.keys()]], [2, false, ["shop/a"]]);
  await time.advance(1_000);
  assertEquals([lists, refreshed, [...reflector.store.keys()]], [3, true, ["shop/b"]]);
  await refresh;
  await reflector.stop();
});

Deno.test("Reflector: a refresh that is asked for while a list is told waits for the next one", async () => {
  let lists = 0;
  let refreshedAt = 0;
  const { reflector } = reflectorOver((asked) => {
    if (isWatch(asked)) return new Response(new FedBody().stream);
    return listAnswer(8 + ++lists, service("a", lists));
  }, (change) => {
    if (lists === 1 && change.kind === "upsert") void reflector.refresh().then(() => refreshedAt = lists);
  });
  reflector.start();
  await settle();
  assertEquals([lists, refreshedAt], [2, 2]);
  await reflector.stop();
});
