/**
 * `/status`: a picture of the running program as JSON, built from the `inspect()` of its machines.
 *
 * For people and for `herald status`. It may hold names and addresses, so it lies behind the same token review as
 * `/metrics`; it never holds secrets, because `inspect()` never shows any.
 */
import { Hono } from "hono";
import type { Json } from "../../base/json.ts";

export interface StatusDeps {
  /** May ask the packet thread, and so may take a moment. */
  inspect(): Json | Promise<Json>;
}

/** A stuck packet thread must not leave the page hanging: that is the very moment when somebody looks at it. */
const INSPECT_LIMIT_MS = 2_000;

export function statusApp(options: { readonly inspectLimitMs?: number }, deps: StatusDeps): Hono {
  const limitMs = options.inspectLimitMs ?? INSPECT_LIMIT_MS;
  const app = new Hono();
  app.get("/status", async (context) => {
    context.header("cache-control", "no-store");
    context.header("content-type", "application/json; charset=utf-8");
    const { code, body } = await pictureWithin(limitMs, deps);
    // Indented, because it is read with curl more often than by programs.
    return context.body(`${JSON.stringify(body, null, 2)}\n`, code);
  });
  return app;
}

async function pictureWithin(limitMs: number, deps: StatusDeps): Promise<{ code: 200 | 500 | 504; body: Json }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<{ code: 504; body: Json }>((resolve) => {
    const error = `the program did not describe itself within ${limitMs} ms`;
    timer = setTimeout(() => resolve({ code: 504, body: { error } }), limitMs);
  });
  try {
    // A failing `inspect` is a bug to see here, not a reason to leave the reader without an answer.
    const picture = Promise.try(() => deps.inspect()).then(
      (body) => ({ code: 200 as const, body }),
      (error) => ({ code: 500 as const, body: { error: String(error) } }),
    );
    return await Promise.race([picture, limit]);
  } finally {
    clearTimeout(timer);
  }
}
