/**
 * `/metrics`. The registry is asked for at the first scrape, so that its library is loaded where somebody scrapes and costs
 * nothing at the start.
 */
import { Hono } from "hono";
import type { MetricsRegistry } from "./metrics.ts";

export function metricsApp(deps: { readonly registry: () => Promise<MetricsRegistry> }): Hono {
  const app = new Hono();
  let registry: Promise<MetricsRegistry> | undefined;
  app.get("/metrics", async (context) => {
    const loaded = await (registry ??= deps.registry());
    return context.body(await loaded.text(), 200, { "content-type": loaded.contentType });
  });
  return app;
}
