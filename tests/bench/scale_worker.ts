/**
 * A thread that makes load on an API server, or watches it; never both at once, so that the one does not delay what the
 * other measures. It reads answers by their text: what is measured has most of the two cores then.
 */
import { invariant } from "../../lib/base/assert.ts";
import { serveCalls } from "../../lib/edge/lab/call_server.ts";
import { createService, giveAddress } from "./cluster_objects.ts";
import type { ScaleCalls } from "./scale_calls.ts";
import type { ApiRequest } from "./stage_calls.ts";

const POLL_MS = 5;
const HEAD_BYTES = 200;

const api: { server: string; token: string; client?: Deno.HttpClient } = { server: "", token: "" };
const seenAtMs = new Map<string, number>();

serveCalls<ScaleCalls>({
  connect({ server, caPem, token }) {
    Object.assign(api, { server, token, client: Deno.createHttpClient({ caCerts: [caPem], http2: false }) });
    return null;
  },

  async create({ prefix, count, parallel, give }) {
    const creations: { name: string; sentAtMs: number; answeredAtMs: number }[] = [];
    const indices = Array.from({ length: count }, (_, index) => index).values();
    const startedAtMs = wallNow();
    await Promise.all(Array.from({ length: parallel }, async () => {
      for (const index of indices) {
        const name = `${prefix}-${index}`;
        const sentAtMs = wallNow();
        const answer = await send(serviceOf(name));
        creations.push({ name, sentAtMs, answeredAtMs: wallNow() });
        if (give !== undefined) await send(withPrecondition(giveAddress(name, addressOf(give.network, index)), answer));
      }
    }));
    return { creations, startedAtMs, endedAtMs: wallNow() };
  },

  async patch({ name, rounds, network }) {
    const took: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const sentAtMs = wallNow();
      await send(giveAddress(name, addressOf(network, round)));
      took.push(wallNow() - sentAtMs);
      await pause(POLL_MS);
    }
    return took;
  },

  async list() {
    const startedAtMs = wallNow();
    let token: string | undefined = "";
    while (token !== undefined) {
      const path: string = `/api/v1/services?limit=500&continue=${encodeURIComponent(token)}`;
      token = JSON.parse(await send({ method: "GET", path })).metadata.continue || undefined;
    }
    return wallNow() - startedAtMs;
  },

  async watch() {
    const opened = await openWatch();
    void (async () => {
      for (let watch = opened;; watch = await openWatch()) await follow(watch);
    })();
    return null;
  },

  async seen({ prefix, count, limitMs }) {
    const until = performance.now() + limitMs;
    const matching = () => [...seenAtMs].filter(([name]) => name.startsWith(`${prefix}-`));
    let found = matching();
    for (; found.length < count && performance.now() < until; found = matching()) await pause(POLL_MS);
    return found.map(([name, seenAtMs]) => ({ name, seenAtMs }));
  },
});

/** All Services as they are and then their changes. The server ends a watch that falls behind. */
async function openWatch(): Promise<ReadableStream<string>> {
  const path = "/api/v1/services?watch=true&resourceVersion=0&timeoutSeconds=3600";
  const response = await fetchApi({ method: "GET", path });
  invariant(response.ok && response.body !== null, `the watch was answered with ${response.status}`);
  return response.body.pipeThrough(new TextDecoderStream());
}

/** Notes when each Service shows an address for the first time. */
async function follow(texts: AsyncIterable<string>): Promise<void> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    const nowMs = wallNow();
    for (const line of lines) {
      if (!line.includes('"ingress":[{')) continue;
      const name = /"name":"([^"]+)"/.exec(line.slice(0, HEAD_BYTES))?.[1] ?? "";
      if (!seenAtMs.has(name)) seenAtMs.set(name, nowMs);
    }
  }
}

/** Without a port on every node: the range of those ends below three thousand. */
function serviceOf(name: string): ApiRequest {
  const request = createService(name);
  const { spec, ...rest } = request.body as { spec: Record<string, unknown> };
  return { ...request, body: { ...rest, spec: { ...spec, allocateLoadBalancerNodePorts: false } } };
}

/** The version that was created must be the one that is written to, as the controller wants it. */
function withPrecondition(request: ApiRequest, created: string): ApiRequest {
  const { metadata, ...rest } = request.body as { metadata: Record<string, unknown> };
  const resourceVersion = /"resourceVersion":"(\d+)"/.exec(created)?.[1];
  return { ...request, body: { ...rest, metadata: { ...metadata, resourceVersion } } };
}

/** `network`: the first two numbers and the first of the third, e.g. `10.20.128`. */
function addressOf(network: string, index: number): string {
  const [a, b, c] = network.split(".").map(Number);
  return `${a}.${b}.${c! + Math.floor(index / 250)}.${1 + index % 250}`;
}

async function send(request: ApiRequest): Promise<string> {
  const response = await fetchApi(request);
  const text = await response.text();
  invariant(response.ok, `${request.method} ${request.path} was answered with ${response.status}: ${text}`);
  return text;
}

function fetchApi({ method, path, body }: ApiRequest): Promise<Response> {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return fetch(`${api.server}${path}`, {
    method,
    headers: { authorization: `Bearer ${api.token}`, "content-type": type },
    client: api.client!,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function wallNow(): number {
  return performance.timeOrigin + performance.now();
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
