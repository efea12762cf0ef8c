import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import type { ApiErrorReason, ApiResult } from "../../lib/edge/kube/api_error.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import type { WatchItem } from "../../lib/edge/kube/watch_stream.ts";
import { FakeTime, settle } from "./fake_time.ts";
import { type Answer, type Asked, FedBody, json, ScriptedFetch, statusAnswer } from "./scripted_fetch.ts";

function clientOver(answer: (asked: Asked, index: number) => Answer, pageSize = 500) {
  const scripted = new ScriptedFetch(answer);
  const time = new FakeTime();
  const client = new KubeClient({ baseUrl: "https://api.test/prefix/", pageSize, lineBytesMax: 1_000 }, {
    fetch: scripted.fetch,
    schedule: time.schedule,
  });
  return { client, scripted, time };
}

const WEB = { namespace: "shop", name: "web" };
const SERVICE = { metadata: { ...WEB, uid: "u1", resourceVersion: "7" } };

function errorOf(result: ApiResult<unknown>) {
  if (result.ok) throw new Error("an error was expected");
  return result.error;
}

function valueOf<T>(result: ApiResult<T>): T {
  if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.message}`);
  return result.value;
}

const REFUSALS: readonly (readonly [number, string, ApiErrorReason])[] = [
  [400, "BadRequest", "invalid"],
  [401, "Unauthorized", "unauthorized"],
  [403, "Forbidden", "forbidden"],
  [404, "NotFound", "notFound"],
  [405, "MethodNotAllowed", "invalid"],
  [409, "AlreadyExists", "alreadyExists"],
  [409, "Conflict", "conflict"],
  [410, "Expired", "gone"],
  [415, "UnsupportedMediaType", "invalid"],
  [422, "Invalid", "invalid"],
  [429, "TooManyRequests", "tooManyRequests"],
  [500, "InternalError", "serverError"],
  [503, "ServiceUnavailable", "serverError"],
  [504, "Timeout", "timeout"],
];
for (const [code, reason, expected] of REFUSALS) {
  Deno.test(`KubeClient: HTTP ${code} ${reason} is the value ${expected}`, async () => {
    const { client } = clientOver(() => statusAnswer(code, reason));
    const error = errorOf(await client.get(RESOURCES.services, WEB));
    assertEquals({ ...error }, { reason: expected, code, message: `${reason} by the test` });
  });
}

Deno.test("KubeClient: a refusal that is no Status object keeps a short piece of its text", async () => {
  const { client } = clientOver(() => new Response("<html>" + "x".repeat(5_000), { status: 502 }));
  const error = errorOf(await client.get(RESOURCES.services, WEB));
  assertEquals([error.reason, error.code, error.message.length], ["serverError", 502, 500]);
});

Deno.test("KubeClient: Retry-After is read from the header, as seconds or a date, or from the Status, up to a minute", async () => {
  const answers: readonly (readonly [HeadersInit, Record<string, unknown>, number | undefined])[] = [
    [{ "retry-after": "soon" }, {}, undefined],
    [{ "retry-after": "3600" }, {}, 60_000],
    [{ "retry-after": "3" }, {}, 3_000],
    [{ "retry-after": "Wed, 21 Oct 2026 07:28:05 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT" }, {}, 5_000],
    [{}, { details: { retryAfterSeconds: 2 } }, 2_000],
  ];
  for (const [headers, body, expected] of answers) {
    const { client } = clientOver(() => json({ kind: "Status", ...body }, { status: 429, headers }));
    assertEquals(errorOf(await client.get(RESOURCES.services, WEB)).retryAfterMs, expected);
  }
});

const BROKEN_BODIES: readonly (readonly [string, string])[] = [
  ["no JSON", "<html>"],
  ["nothing", ""],
  ["no object", "[]"],
  ["no metadata", "{}"],
  ["no name", '{"metadata":{"resourceVersion":"1"}}'],
  ["no version", '{"metadata":{"name":"web"}}'],
];
for (const [what, body] of BROKEN_BODIES) {
  Deno.test(`KubeClient: an answer of ${what} is a bad response`, async () => {
    const { client } = clientOver(() => new Response(body));
    assertEquals(errorOf(await client.get(RESOURCES.services, WEB)).reason, "badResponse");
    const list = new Response(`{"metadata":{"resourceVersion":"1"},"items":[${body || '"'}]}`);
    const lister = clientOver(() => list).client;
    assertEquals(errorOf(await lister.list(RESOURCES.services)).reason, "badResponse");
  });
}

Deno.test("KubeClient: a list without version is a bad response, one with items null is empty", async () => {
  const { client } = clientOver((_, index) =>
    json(index === 0 ? { items: [] } : { metadata: { resourceVersion: "1" }, items: null })
  );
  assertEquals(errorOf(await client.list(RESOURCES.services)).reason, "badResponse");
  assertEquals(valueOf(await client.list(RESOURCES.services)).items, []);
});

Deno.test("KubeClient: a connection that cannot be made is unreachable, with the reason as text", async () => {
  const { client } = clientOver(() => new Error("connection refused"));
  assertEquals(errorOf(await client.get(RESOURCES.services, WEB)), {
    reason: "unreachable",
    code: 0,
    message: "connection refused",
  });
});

Deno.test("KubeClient: a request that is never answered times out, and the transport is told to give up", async () => {
  const { client, scripted, time } = clientOver(() => "never");
  const pending = client.get(RESOURCES.services, WEB);
  await time.advance(30_000);
  assertEquals(errorOf(await pending).reason, "timeout");
  assert(scripted.asked[0]!.signal.aborted);
  assertEquals(time.pendingTimers, 0);
});

Deno.test("KubeClient: a body that never ends times out too", async () => {
  const { client, time } = clientOver(() => new Response(new FedBody().stream));
  const pending = client.list(RESOURCES.services);
  await time.advance(30_000);
  assertEquals(errorOf(await pending).reason, "timeout");
});

Deno.test("KubeClient: the caller's abort settles a request whose transport does not care", async () => {
  const { client, time } = clientOver(() => "never");
  const controller = new AbortController();
  const pending = client.get(RESOURCES.services, { ...WEB, signal: controller.signal });
  await settle();
  controller.abort();
  assertEquals(errorOf(await pending).reason, "unreachable");
  assertEquals(time.pendingTimers, 0);
});

Deno.test("KubeClient: list follows the pages, names the kind of every item and drops managedFields", async () => {
  const item = (name: string) => ({ metadata: { name, resourceVersion: "1", managedFields: [{}] } });
  const { client, scripted } = clientOver(
    (_, index) =>
      index === 0
        ? json({ metadata: { resourceVersion: "9", continue: "next/&=" }, items: [item("a"), item("b")] })
        : json({ metadata: { resourceVersion: "9" }, items: [item("c")] }),
    2,
  );
  const list = valueOf(
    await client.list(RESOURCES.services, { namespace: "shop", labelSelector: "app in (web,api)" }),
  );
  assertEquals(list.resourceVersion, "9");
  assertEquals(
    list.items.map((each) => each.metadata),
    ["a", "b", "c"].map((name) => ({
      name,
      resourceVersion: "1",
    })),
  );
  assertEquals(list.items[0]!.kind, "Service");
  assertEquals(list.items[0]!.apiVersion, "v1");
  assertEquals(scripted.asked.map((each) => each.path), [
    "/prefix/api/v1/namespaces/shop/services?labelSelector=app+in+%28web%2Capi%29&limit=2",
    "/prefix/api/v1/namespaces/shop/services?labelSelector=app+in+%28web%2Capi%29&limit=2&continue=next%2F%26%3D",
  ]);
});

Deno.test("KubeClient: a list whose version expires between two pages is gone", async () => {
  const { client } = clientOver((_, index) =>
    index === 0 ? json({ metadata: { resourceVersion: "9", continue: "x" }, items: [] }) : statusAnswer(410, "Expired")
  );
  assertEquals(errorOf(await client.list(RESOURCES.services)).reason, "gone");
});

Deno.test("KubeClient: every write has the method, path, content type and body that the API asks for", async () => {
  const { client, scripted } = clientOver(() => json(SERVICE));
  const status = { ...WEB, subresource: "status" };
  await client.create(RESOURCES.services, { namespace: "shop", body: SERVICE });
  await client.update(RESOURCES.services, { ...status, body: SERVICE });
  await client.patch(RESOURCES.services, status, { type: "merge", body: { status: {} } });
  await client.patch(RESOURCES.services, status, { type: "strategic", body: { status: {} } });
  await client.patch(RESOURCES.nodes, { name: "n1" }, { type: "json", body: [{ op: "remove", path: "/x" }] });
  await client.apply(RESOURCES.services, { ...status, fieldManager: "a b", body: { status: {} } });
  await client.apply(RESOURCES.nodes, { name: "n1", fieldManager: "a", force: true, body: {} });
  await client.remove(RESOURCES.ipAddressPools, { namespace: "m", name: "p" });
  await client.remove(RESOURCES.ipAddressPools, { namespace: "m", name: "p", preconditions: { uid: "u1" } });
  const whole = { apiVersion: "v1", kind: "Service", ...SERVICE };
  assertEquals(scripted.asked.map(({ method, path, contentType, body }) => [method, path, contentType, body]), [
    ["POST", "/prefix/api/v1/namespaces/shop/services", "application/json", whole],
    ["PUT", "/prefix/api/v1/namespaces/shop/services/web/status", "application/json", whole],
    ["PATCH", "/prefix/api/v1/namespaces/shop/services/web/status", "application/merge-patch+json", { status: {} }],
    ["PATCH", "/prefix/api/v1/namespaces/shop/services/web/status", "application/strategic-merge-patch+json", {
      status: {},
    }],
    ["PATCH", "/prefix/api/v1/nodes/n1", "application/json-patch+json", [{ op: "remove", path: "/x" }]],
    ["PATCH", "/prefix/api/v1/namespaces/shop/services/web/status?fieldManager=a+b", "application/apply-patch+yaml", {
      apiVersion: "v1",
      kind: "Service",
      status: {},
    }],
    ["PATCH", "/prefix/api/v1/nodes/n1?fieldManager=a&force=true", "application/apply-patch+yaml", {
      apiVersion: "v1",
      kind: "Node",
    }],
    ["DELETE", "/prefix/apis/metallb.io/v1beta1/namespaces/m/ipaddresspools/p", null, undefined],
    ["DELETE", "/prefix/apis/metallb.io/v1beta1/namespaces/m/ipaddresspools/p", "application/json", {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: "u1" },
    }],
  ]);
});

/** Watches with this body until the stream ends; `end` says how it does. */
async function watched(text: string, end: "close" | "fail" = "close"): Promise<WatchItem<KubeObject>[]> {
  const body = new FedBody();
  const { client } = clientOver(() => new Response(body.stream));
  const stream = valueOf(await client.watch(RESOURCES.services, { resourceVersion: "5", timeoutSeconds: 60 }));
  body.write(text);
  if (end === "close") body.close();
  const items: WatchItem<KubeObject>[] = [];
  const all = (async () => {
    for await (const item of stream) items.push(item);
  })();
  await settle();
  if (end === "fail") body.fail("connection reset by peer");
  await all;
  return items;
}

const EVENT = JSON.stringify({ type: "MODIFIED", object: SERVICE }) + "\n";

Deno.test("KubeClient: watch asks for bookmarks from a version and gives typed items", async () => {
  const bookmark = { type: "BOOKMARK", object: { metadata: { resourceVersion: "12" } } };
  const { client, scripted } = clientOver(() => new Response(EVENT + JSON.stringify(bookmark) + "\n"));
  const stream = valueOf(
    await client.watch(RESOURCES.services, {
      resourceVersion: "5",
      timeoutSeconds: 60,
      namespace: "shop",
    }),
  );
  const items: WatchItem<KubeObject>[] = [];
  for await (const item of stream) items.push(item);
  assertEquals(items.map((item) => item.kind), ["event", "bookmark"]);
  assertEquals(
    scripted.asked[0]!.path,
    "/prefix/api/v1/namespaces/shop/services?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=60",
  );
});

const BAD_LINES: readonly (readonly [string, string])[] = [
  ["no JSON", "{]\n"],
  ["no object", "7\n"],
  ["an event without object", '{"type":"ADDED"}\n'],
  ["an event without version", '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'],
  ["an event without name", '{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}\n'],
  ["an unknown type", '{"type":"NEW","object":{"metadata":{"name":"a","resourceVersion":"1"}}}\n'],
  ["a line that is too long", `"${"x".repeat(2_000)}"\n`],
];
for (const [what, line] of BAD_LINES) {
  Deno.test(`KubeClient: a watch ends with a bad response at ${what}, after the events before it`, async () => {
    const items = await watched(EVENT + line + EVENT);
    const kinds = what.includes("too long") ? ["error"] : ["event", "error"];
    assertEquals(items.map((item) => item.kind), kinds);
    const last = items.at(-1)!;
    assertEquals(last.kind === "error" && last.error.reason, "badResponse");
  });
}

Deno.test("KubeClient: a watch that is cut inside a line ends as unreachable, by FIN and by RST", async () => {
  for (const end of ["close", "fail"] as const) {
    const items = await watched(EVENT + EVENT.slice(0, 20), end);
    assertEquals(items.map((item) => item.kind), ["event", "error"]);
    const last = items[1]!;
    assertEquals(last.kind === "error" && last.error.reason, "unreachable");
  }
});

Deno.test("KubeClient: the ERROR event of a watch is the same value as an HTTP refusal", async () => {
  const line = JSON.stringify({
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired", message: "old" },
  });
  const items = await watched(EVENT + line + "\n" + EVENT);
  assertEquals(items[1], { kind: "error", error: { reason: "gone", code: 410, message: "old" } });
  assertEquals(items.length, 2);
});

Deno.test("KubeClient: aborting a watch ends it silently and closes its connection", async () => {
  const body = new FedBody();
  const { client } = clientOver(() => new Response(body.stream));
  const controller = new AbortController();
  const stream = valueOf(await client.watch(RESOURCES.services, { resourceVersion: "5", signal: controller.signal }));
  const items: WatchItem<KubeObject>[] = [];
  const all = (async () => {
    for await (const item of stream) items.push(item);
  })();
  body.write(EVENT);
  await settle();
  controller.abort();
  await all;
  assertEquals(items.length, 1);
  assert(body.cancelled);
});

Deno.test("KubeClient: leaving the loop of a watch closes its connection", async () => {
  const body = new FedBody();
  const { client } = clientOver(() => new Response(body.stream));
  const stream = valueOf(await client.watch(RESOURCES.services, { resourceVersion: "5" }));
  body.write(EVENT);
  for await (const _ of stream) break;
  await settle();
  assert(body.cancelled);
});

Deno.test("KubeClient: a watch that is refused is an error before there is a stream", async () => {
  const { client } = clientOver(() => statusAnswer(410, "Expired"));
  assertEquals(errorOf(await client.watch(RESOURCES.services, { resourceVersion: "5" })).reason, "gone");
});

Deno.test("KubeClient: the time limit of a watch ends with its head: a quiet watch stays open", async () => {
  const body = new FedBody();
  const { client, time } = clientOver(() => new Response(body.stream));
  valueOf(await client.watch(RESOURCES.services, { resourceVersion: "5" }));
  await time.advance(600_000);
  assertEquals(body.cancelled, false);
  assertEquals(time.pendingTimers, 0);
});

Deno.test("KubeClient: a derived one has its own patience and its own rule, and leaves the first one as it was", async () => {
  const { client, scripted, time } = clientOver(() => "never");
  let isAllowed = true;
  const derived = client.derive({
    requestTimeoutMs: 200,
    around: (fetch) => (request) => isAllowed ? fetch(request) : Promise.reject(new Error("not now")),
  });
  const first = client.get(RESOURCES.services, WEB);
  const second = derived.get(RESOURCES.services, WEB);
  await time.advance(200);
  assertEquals(errorOf(await second).reason, "timeout");
  isAllowed = false;
  const refused = errorOf(await derived.patch(RESOURCES.services, WEB, { type: "merge", body: {} }));
  assertEquals([refused.reason, refused.message], ["unreachable", "not now"]);
  assertEquals(scripted.asked.map(({ method, path }) => `${method} ${path}`), [
    "GET /prefix/api/v1/namespaces/shop/services/web",
    "GET /prefix/api/v1/namespaces/shop/services/web",
  ]);
  await time.advance(29_800);
  assertEquals(errorOf(await first).reason, "timeout");
});
