/**
 * Keeps the calling thread as busy as ten thousand Services keep a control thread: bursts of JSON with pauses between.
 */
export interface BusyOptions {
  readonly busyMs: number;
  readonly pauseMs: number;
}

/** Goes on until `work` settles, and returns what it gives. */
export async function whileBusy<T>(options: BusyOptions, work: () => Promise<T>): Promise<T> {
  const text = JSON.stringify(Array.from({ length: 500 }, (_, index) => ({
    metadata: { name: `service-${index}`, labels: { app: "web" }, resourceVersion: String(index) },
    spec: { type: "LoadBalancer", ports: [{ port: 80, targetPort: 8080, protocol: "TCP" }] },
  })));
  let over = false;
  const result = work().finally(() => over = true);
  while (!over) {
    const until = performance.now() + options.busyMs;
    while (performance.now() < until) JSON.parse(text);
    await new Promise((resolve) => setTimeout(resolve, options.pauseMs));
  }
  return await result;
}
