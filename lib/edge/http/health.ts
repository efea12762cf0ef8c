/**
 * `/healthz` and `/readyz`, where the kubelet's probes look (MetalLB's port 17472).
 *
 * Alive means that this process can answer at all: a broken invariant ends it, so there is nothing more to ask. Ready is
 * a list of named conditions ("caches", "sockets"); the answer names each, so that `kubectl describe pod` shows which
 * one is missing.
 */
import { Hono } from "hono";

export interface Condition {
  readonly name: string;
  /** Called for every probe: cheap, no I/O. One that throws is not ready. */
  ready(): boolean;
}

/** The app of the health port. Plain text, because the kubelet cuts the body of a failed probe to some lines. */
export function healthApp(options: { readonly conditions: readonly Condition[] }): Hono {
  const app = new Hono();
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", (context) => {
    const lines: string[] = [];
    let missing = 0;
    for (const condition of options.conditions) {
      const ready = isReady(condition);
      if (!ready) missing++;
      lines.push(`[${ready ? "+" : "-"}] ${condition.name}${ready ? "" : ": not ready"}\n`);
    }
    if (missing === 0) return context.text(`${lines.join("")}ready\n`);
    return context.text(`${lines.join("")}not ready: ${missing} of ${lines.length} conditions missing\n`, 503);
  });
  return app;
}

function isReady(condition: Condition): boolean {
  try {
    return condition.ready();
  } catch {
    return false;
  }
}
