import { assertEquals } from "@std/assert/equals";
import { Hono } from "hono";
import { type LogEvent, silentLog } from "../../lib/base/log.ts";
import { healthApp } from "../../lib/edge/http/health.ts";
import { joinApps } from "../../lib/edge/http/join_apps.ts";
import { statusApp } from "../../lib/edge/http/status.ts";

const apps = () => [healthApp({ conditions: [] }), statusApp({}, { inspect: () => ({ up: true }) })];

Deno.test("JoinApps: an unknown path is 404 and says what there is", async () => {
  const response = await joinApps({ apps: apps() }, { log: silentLog }).request("/metricz");
  assertEquals([response.status, await response.text()], [404, "not found; served here: /healthz, /readyz, /status\n"]);
});

for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
  Deno.test(`JoinApps: ${method} is 405 and names what is allowed`, async () => {
    const response = await joinApps({ apps: apps() }, { log: silentLog }).request("/status", { method });
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  });
}

Deno.test("JoinApps: a handler that throws is 500 without its message, which goes to the log", async () => {
  const events: LogEvent[] = [];
  const broken = new Hono();
  broken.get("/broken", () => {
    throw new Error("inner detail");
  });
  const response = await joinApps({ apps: [broken] }, { log: (event) => events.push(event) }).request("/broken");
  assertEquals([response.status, await response.text()], [500, "internal error\n"]);
  assertEquals(events, [{ level: "error", event: "httpHandlerFailed", path: "/broken", error: "Error: inner detail" }]);
});

Deno.test("JoinApps: the guard stands before every path, unknown ones and other methods included", async () => {
  const joined = joinApps({ apps: apps(), guard: (context) => Promise.resolve(context.text("no", 401)) }, {
    log: silentLog,
  });
  for (
    const [path, method] of [["/status", "GET"], ["/readyz", "GET"], ["/nowhere", "GET"], ["/status", "POST"]] as const
  ) {
    assertEquals((await joined.request(path, { method })).status, 401, `${method} ${path}`);
  }
});

Deno.test("JoinApps: every app answers on the common port, also to HEAD", async () => {
  const joined = joinApps({ apps: apps() }, { log: silentLog });
  assertEquals((await joined.request("/healthz")).status, 200);
  assertEquals(await (await joined.request("/status")).json(), { up: true });
  const head = await joined.request("/status", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});
