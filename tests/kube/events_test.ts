import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { assertMatch } from "@std/assert/match";
import type { KubeObject } from "../../lib/base/kube.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { EventRecorder, type EventRecorderOptions } from "../../lib/edge/kube/events.ts";
import { FakeTime, settle } from "./fake_time.ts";
import { type Answer, type Asked, json, ScriptedFetch, statusAnswer } from "./scripted_fetch.ts";

const WEB: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name: "web", uid: "u1", resourceVersion: "7" },
  spec: { large: true },
};
const ASSIGNED = { object: WEB, type: "Normal", reason: "IPAllocated", message: "Assigned IP 192.0.2.1" } as const;

function accept(asked: Asked): Answer {
  return json({ ...(asked.body as Record<string, unknown>), metadata: { name: "event", resourceVersion: "1" } });
}

function recorderOver(
  answer: (asked: Asked, index: number) => Answer | Promise<Answer> = accept,
  options: Partial<EventRecorderOptions> & { readonly busyAt?: (now: number) => number } = {},
) {
  const { busyAt, ...recorderOptions } = options;
  const time = new FakeTime();
  const scripted = new ScriptedFetch(answer);
  const client = new KubeClient({ baseUrl: "https://api.test" }, { fetch: scripted.fetch, schedule: time.schedule });
  const events: LogEvent[] = [];
  const recorder = new EventRecorder({ component: "metallb-controller", ...recorderOptions }, {
    client,
    clock: time.clock,
    rng: new SeededRng(1),
    log: (event) => events.push(event),
    schedule: time.schedule,
    ...(busyAt === undefined ? {} : { busyAt: () => busyAt(time.clock.now()) }),
  });
  return { recorder, time, scripted, events };
}

Deno.test("EventRecorder: a new event is one POST with what kubectl shows", async () => {
  const { recorder, scripted } = recorderOver(accept, { component: "metallb-speaker", host: "n1" });
  recorder.record(ASSIGNED);
  await settle();
  const [asked] = scripted.asked;
  assertEquals([asked!.method, asked!.path], ["POST", "/api/v1/namespaces/shop/events"]);
  const { metadata, ...body } = asked!.body as { metadata: { name: string; namespace: string } };
  assertMatch(metadata.name, /^web\.[0-9a-f]+$/);
  assertEquals(metadata.namespace, "shop");
  assertEquals(body as unknown, {
    apiVersion: "v1",
    kind: "Event",
    involvedObject: {
      apiVersion: "v1",
      kind: "Service",
      namespace: "shop",
      name: "web",
      uid: "u1",
      resourceVersion: "7",
    },
    reason: "IPAllocated",
    message: "Assigned IP 192.0.2.1",
    type: "Normal",
    source: { component: "metallb-speaker", host: "n1" },
    reportingComponent: "metallb-speaker",
    reportingInstance: "n1",
    firstTimestamp: "2023-11-14T22:13:21Z",
    lastTimestamp: "2023-11-14T22:13:21Z",
    count: 1,
  });
});

Deno.test("EventRecorder: an event about a cluster-scoped object goes to the namespace default", async () => {
  const { recorder, scripted } = recorderOver();
  recorder.record({ ...ASSIGNED, object: { kind: "Node", metadata: { name: "n1" } } });
  await settle();
  assertEquals(scripted.asked[0]!.path, "/api/v1/namespaces/default/events");
});

Deno.test("EventRecorder: the same event within ten minutes raises the count, after that it is a new one", async () => {
  const { recorder, time, scripted } = recorderOver();
  recorder.record(ASSIGNED);
  await settle();
  await time.advance(600_000);
  recorder.record(ASSIGNED);
  await settle();
  await time.advance(600_001);
  recorder.record(ASSIGNED);
  await settle();
  const first = (scripted.asked[0]!.body as { metadata: { name: string } }).metadata.name;
  assertEquals(scripted.asked.map(({ method, path }) => [method, path]), [
    ["POST", "/api/v1/namespaces/shop/events"],
    ["PATCH", `/api/v1/namespaces/shop/events/${first}`],
    ["POST", "/api/v1/namespaces/shop/events"],
  ]);
  assertEquals(scripted.asked[1]!.body, { count: 2, lastTimestamp: "2023-11-14T22:23:21Z" });
});

Deno.test("EventRecorder: repeats that come while the first waits are one POST with their count", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { burst: 1, perSecond: 1 });
  recorder.record({ ...ASSIGNED, reason: "Other" });
  for (let i = 0; i < 5; i++) recorder.record(ASSIGNED);
  await time.advance(10_000);
  assertEquals(scripted.asked.map(({ method, body }) => [method, (body as { count: number }).count]), [
    ["POST", 1],
    ["POST", 5],
  ]);
});

Deno.test("EventRecorder: another type, reason, message or object is another event", async () => {
  const { recorder, scripted } = recorderOver();
  recorder.record(ASSIGNED);
  recorder.record({ ...ASSIGNED, type: "Warning" });
  recorder.record({ ...ASSIGNED, reason: "Other" });
  recorder.record({ ...ASSIGNED, message: "Other" });
  recorder.record({ ...ASSIGNED, object: { ...WEB, metadata: { ...WEB.metadata, uid: "u2" } } });
  for (let i = 0; i < 10; i++) await settle();
  assertEquals(scripted.asked.map((asked) => asked.method), ["POST", "POST", "POST", "POST", "POST"]);
});

Deno.test("EventRecorder: a repeat whose event the server has forgotten is posted anew", async () => {
  const { recorder, scripted } = recorderOver((asked) =>
    asked.method === "PATCH" ? statusAnswer(404, "NotFound") : accept(asked)
  );
  recorder.record(ASSIGNED);
  await settle();
  recorder.record(ASSIGNED);
  for (let i = 0; i < 4; i++) await settle();
  assertEquals(scripted.asked.map((asked) => asked.method), ["POST", "PATCH", "POST"]);
  assertEquals((scripted.asked[2]!.body as { count: number }).count, 2);
});

Deno.test("EventRecorder: what fails for good is dropped at once, what may pass is tried five times", async () => {
  for (
    const [code, reason, attempts] of [[403, "Forbidden", 1], [422, "Invalid", 1], [503, "Unavailable", 5]] as const
  ) {
    const { recorder, time, scripted } = recorderOver(() => statusAnswer(code, reason));
    recorder.record(ASSIGNED);
    await time.advance(60_000);
    assertEquals([scripted.asked.length, recorder.dropped, recorder.pending], [attempts, 1, 0], reason);
  }
});

Deno.test("EventRecorder: an attempt whose answer was lost is not counted as a failure", async () => {
  const { recorder, time } = recorderOver((_, index) =>
    index === 0 ? new Error("connection reset") : statusAnswer(409, "AlreadyExists")
  );
  recorder.record(ASSIGNED);
  await time.advance(10_000);
  assertEquals([recorder.dropped, recorder.pending], [0, 0]);
});

Deno.test("EventRecorder: a full queue drops its oldest event", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { queueMax: 3, burst: 1, perSecond: 1 });
  for (let i = 1; i <= 6; i++) recorder.record({ ...ASSIGNED, message: `event ${i}` });
  await time.advance(60_000);
  const messages = scripted.asked.map((asked) => (asked.body as { message: string }).message);
  assertEquals(messages, ["event 1", "event 4", "event 5", "event 6"]);
  assertEquals(recorder.dropped, 2);
});

Deno.test("EventRecorder: a burst is sent at once, the rest is paced", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { burst: 5, perSecond: 10 });
  for (let i = 0; i < 20; i++) recorder.record({ ...ASSIGNED, message: `event ${i}` });
  for (let i = 0; i < 20; i++) await settle();
  assertEquals(scripted.asked.length, 5);
  await time.advance(1_000);
  assertEquals(scripted.asked.length, 15);
  // A long silence does not save up more than one burst.
  await time.advance(60_000);
  for (let i = 20; i < 40; i++) recorder.record({ ...ASSIGNED, message: `event ${i}` });
  for (let i = 0; i < 20; i++) await settle();
  assertEquals(scripted.asked.length, 25);
});

Deno.test("EventRecorder: flush waits for what is queued, but not longer than it may, and says what is lost", async () => {
  const { recorder, time, events } = recorderOver((asked, index) => index < 2 ? accept(asked) : "never");
  for (let index = 0; index < 20; index++) recorder.record(numbered(index));
  const early = recorder.flush(500);
  await time.advance(499);
  assertEquals(events, []);
  await time.advance(1);
  assertEquals([await early, recorder.pending], [false, 18]);
  assertEquals(events, [{ level: "warn", event: "eventsLost", count: 18 }]);
  recorder.stop();
  await time.advance(60_000);
  assertEquals(time.pendingTimers, 0);
});

Deno.test("EventRecorder: flush paces nothing, waits for no lull, and sends many at a time, each once", async () => {
  let open = 0;
  let most = 0;
  const { recorder, time, scripted } = recorderOver(async (asked) => {
    most = Math.max(most, ++open);
    await settle();
    open--;
    return accept(asked);
  }, { queueMax: 500, burst: 1, perSecond: 1, busyAt: (now) => now });
  for (let index = 0; index < 500; index++) recorder.record(numbered(index));
  await time.advance(100);
  assertEquals(scripted.asked.length, 1);
  const flushed = recorder.flush(1_000);
  while (recorder.pending > 0) await settle();
  assertEquals([await flushed, time.pendingTimers, most], [true, 0, 16]);
  const names = scripted.asked.map(({ body }) => (body as { metadata: { name: string } }).metadata.name.split(".")[0]);
  assertEquals(new Set(names).size, 500);
  assertEquals(names.length, 500);
  // What comes after it does not wait either: the program ends.
  recorder.record(numbered(500));
  await settle();
  assertEquals(scripted.asked.length, 501);
});

Deno.test("EventRecorder: what waits to be tried again at the end is tried, and stop ends all waits", async () => {
  const { recorder, time, scripted } = recorderOver(() => statusAnswer(503, "Unavailable"));
  for (let index = 0; index < 40; index++) recorder.record(numbered(index));
  const flushed = recorder.flush(300);
  await time.advance(300);
  assertEquals(await flushed, false);
  assert(scripted.asked.length > 16, `${scripted.asked.length} attempts`);
  recorder.stop();
  const asked = scripted.asked.length;
  await time.advance(60_000);
  assertEquals([scripted.asked.length, time.pendingTimers], [asked, 0]);
});

function numbered(index: number) {
  const metadata = { namespace: "shop", name: `web-${index}`, uid: `u${index}` };
  return { ...ASSIGNED, object: { ...WEB, metadata } };
}

Deno.test("EventRecorder: under load events go out slowly, in a lull one after the other; none is lost", async () => {
  let isBusy = true;
  const busyAt = (now: number) => isBusy ? now : 3_000;
  const { recorder, time, scripted } = recorderOver(accept, { queueMax: 5_000, burst: 5_000, busyAt });
  for (let index = 0; index < 5_000; index++) recorder.record(numbered(index));
  await time.advance(1_000);
  assertEquals(scripted.asked.length, 10);
  await time.advance(1_000);
  assertEquals(scripted.asked.length, 20);
  isBusy = false;
  // In the middle of the flood there was no lull; it begins when the last write is a moment ago.
  await time.advance(60);
  while (recorder.pending > 0) await settle();
  const order = scripted.asked.map(({ body }) => (body as { metadata: { name: string } }).metadata.name.split(".")[0]);
  assertEquals(order, Array.from({ length: 5_000 }, (_, index) => `web-${index}`));
  assertEquals(recorder.dropped, 0);
});

Deno.test("EventRecorder: an event waits until writes are over for a moment, and then at once", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { busyAt: () => 1_000 });
  recorder.record(ASSIGNED);
  await time.advance(24);
  assertEquals(scripted.asked.length, 0);
  await time.advance(1);
  assertEquals(scripted.asked.length, 1);
});

Deno.test("EventRecorder: what waits for a lull ends when it is told to", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { busyAt: (now) => now });
  recorder.record(ASSIGNED);
  await settle();
  recorder.stop();
  await time.advance(10_000);
  assertEquals([scripted.asked.length, time.pendingTimers], [0, 0]);
});

Deno.test("EventRecorder: after stop nothing is sent and nothing keeps the program alive", async () => {
  const { recorder, time, scripted } = recorderOver(accept, { burst: 1, perSecond: 1 });
  recorder.record(ASSIGNED);
  recorder.record({ ...ASSIGNED, message: "second" });
  await settle();
  recorder.stop();
  recorder.record({ ...ASSIGNED, message: "third" });
  await settle();
  assertEquals([scripted.asked.length, time.pendingTimers], [1, 0]);
});

Deno.test("EventRecorder: a message is cut to the server's limit between characters", async () => {
  const { recorder, scripted } = recorderOver();
  recorder.record({ ...ASSIGNED, message: "é".repeat(600) });
  await settle();
  const { message } = scripted.asked[0]!.body as { message: string };
  assert(new TextEncoder().encode(message).length <= 1_024);
  assertMatch(message, /^é+…$/);
});
