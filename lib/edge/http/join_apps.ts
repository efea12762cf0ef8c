/** Puts several small apps on one port, behind one guard, with plain answers for what nobody serves. */
import { Hono, type MiddlewareHandler } from "hono";
import type { Log } from "../../base/log.ts";

/** What a server needs of an app, and what tests call in process. */
export interface HttpApp {
  fetch(request: Request): Response | Promise<Response>;
}

export interface JoinOptions {
  readonly apps: readonly Hono[];
  /** Asked before every route, unknown paths included: a stranger does not even learn what there is. */
  readonly guard?: MiddlewareHandler;
}

export function joinApps(options: JoinOptions, deps: { readonly log: Log }): Hono {
  const joined = new Hono();
  if (options.guard !== undefined) joined.use(options.guard);
  for (const app of options.apps) joined.route("/", app);
  const paths = [...new Set(joined.routes.map((route) => route.path).filter((path) => path !== "/*"))];
  for (const path of paths) {
    joined.all(path, (context) => context.text("only GET is served here\n", 405, { allow: "GET, HEAD" }));
  }
  joined.notFound((context) => context.text(`not found; served here: ${paths.join(", ")}\n`, 404));
  joined.onError((error, context) => {
    deps.log({ level: "error", event: "httpHandlerFailed", path: context.req.path, error: String(error) });
    return context.text("internal error\n", 500);
  });
  return joined;
}
