/** The embedded API on a real port: TLS, tokens, and how it ends; as a process of its own, killed in the middle. */
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { serveHttps } from "../../lib/edge/embedded/https.ts";
import { makeSelfSignedCertificate } from "../../lib/edge/http/certificates.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { CONFIG_MAPS, configMap, service, SERVICES } from "../embedded/embedded_stage.ts";
import { type EmbeddedProcess, startEmbeddedProcess } from "../support/embedded_process.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/until.ts";

interface Client {
  readonly url: string;
  readonly api: EmbeddedApi;
  send(path: string, init?: RequestInit & { readonly token?: string }): Promise<Response>;
  stop(): Promise<void>;
}

async function withServer(body: (client: Client) => Promise<void>): Promise<void> {
  const certificate = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock: systemClock });
  const api = new EmbeddedApi({
    crds: [],
    token: "good",
    tokens: [{ token: "weak", username: "prometheus", groups: [], admin: false }],
  }, { clock: systemClock, rng: new SeededRng(1), log: silentLog });
  const server = serveHttps({ hostname: "127.0.0.1", port: 0 }, { api, certificate });
  const http = Deno.createHttpClient({ caCerts: [certificate.caPem] });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await server.stop();
    stopped = true;
  };
  try {
    await body({
      url: server.url,
      api,
      stop,
      send: (path, { token = "good", ...init } = {}) => {
        const headers = new Headers(init.headers);
        if (token !== "") headers.set("authorization", `Bearer ${token}`);
        return fetch(server.url + path, { ...init, headers, client: http });
      },
    });
  } finally {
    await stop();
    http.close();
  }
}

Deno.test("HTTPS: without a good token there is nothing but health", () =>
  withServer(async ({ send }) => {
    for (const token of ["", "wrong", "goo", "good2"]) {
      for (
        const [method, path] of [["GET", "/api/v1/pods"], ["GET", "/api"], ["POST", SERVICES], [
          "POST",
          "/healthz",
        ]] as const
      ) {
        const answer = await send(path, { method, token });
        assertEquals(
          [answer.status, (await answer.json()).reason],
          [401, "Unauthorized"],
          `${method} ${path} with "${token}"`,
        );
      }
      assertEquals(await (await send("/readyz", { token })).text(), "ok");
    }
    const weak = await send("/api/v1/pods", { token: "weak" });
    assertEquals([weak.status, (await weak.json()).reason], [403, "Forbidden"]);
    const good = await send("/api/v1/pods");
    assertEquals([good.status, (await good.json()).kind], [200, "PodList"]);
  }));

Deno.test("HTTPS: a client that does not trust the authority sends nothing", () =>
  withServer(async ({ url }) => {
    await assertRejects(() => fetch(`${url}/healthz`));
  }));

Deno.test("HTTPS: a watch ends when the client goes, and when the server stops", () =>
  withServer(async ({ send, api, stop }) => {
    const leaving = new AbortController();
    const left = await send(`${CONFIG_MAPS}?watch=true`, { signal: leaving.signal });
    const staying = await send(`${CONFIG_MAPS}?watch=true`);
    assertEquals(api.watchCount, 2);
    leaving.abort();
    await left.text().catch(() => {});
    // The server learns of it from the connection.
    await until("it has", () => api.watchCount === 1);
    await (await send(CONFIG_MAPS, {
      method: "POST",
      body: JSON.stringify(configMap("a")),
      headers: { "content-type": "application/json" },
    })).body?.cancel();
    const reader = staying.body!.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals(JSON.parse((await reader.read()).value!).type, "ADDED");
    await stop();
    assertEquals((await reader.read()).done, true);
    assertEquals(api.watchCount, 0);
  }));

Deno.test("HTTPS: stopping does not wait for a client that does not read", () =>
  withServer(async ({ send, stop }) => {
    const data = { text: "x".repeat(500_000) };
    await (await send(CONFIG_MAPS, {
      method: "POST",
      body: JSON.stringify(configMap("big", { data })),
      headers: { "content-type": "application/json" },
    })).body?.cancel();
    // More than the sockets between the two can hold.
    const unread = await Promise.all(Array.from({ length: 40 }, () => send(`${CONFIG_MAPS}?watch=true`)));
    const startedAt = performance.now();
    await stop();
    assertEquals(performance.now() - startedAt < 30_000, true);
    for (const answer of unread) await answer.body?.cancel().catch(() => {});
  }));

Deno.test("Process: killed again and again in the middle of writes, it keeps every write that it answered", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-embedded-" });
  const options = { dataFile: `${folder}/data`, kubeconfig: `${folder}/kubeconfig` };
  let server: EmbeddedProcess | undefined;
  try {
    const answered = new Map<string, string>();
    let lastVersion = 0;
    // One that stays free while nobody listens on it.
    const port = freePort();
    for (let life = 0; life < 3; life++) {
      server = await startEmbeddedProcess({ ...options, port });
      const list = await (await server.send(SERVICES)).json();
      const found = new Map(
        list.items.map((
          item: { metadata: { name: string }; spec: { clusterIP: string } },
        ) => [item.metadata.name, item.spec.clusterIP]),
      );
      for (const [name, clusterIp] of answered) assertEquals(found.get(name), clusterIp, `life ${life}: ${name}`);
      assertEquals(new Set(found.values()).size, found.size, "no address twice");
      assertEquals(Number(list.metadata.resourceVersion) >= lastVersion, true);
      // A dozen writers, and a kill that does not wait for them.
      const running = server;
      const writers = Array.from({ length: 12 }, async (_, writer) => {
        for (let i = 0; i < 40; i++) {
          const name = `s-${life}-${writer}-${i}`;
          const made = await running.send(SERVICES, { method: "POST", body: service(name) });
          const body = await made.json();
          assertEquals(made.status, 201, JSON.stringify(body));
          answered.set(name, body.spec.clusterIP);
          lastVersion = Math.max(lastVersion, Number(body.metadata.resourceVersion));
          if (answered.size === (life + 1) * 100) running.kill();
        }
      });
      const ends = await Promise.allSettled(writers);
      assertEquals(ends.some((end) => end.status === "rejected"), true, "the kill came in the middle");
      await server.ended;
    }
  } finally {
    server?.kill();
    await server?.ended;
    await Deno.remove(folder, { recursive: true });
  }
});
