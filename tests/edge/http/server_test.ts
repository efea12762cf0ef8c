// needs: curl
/** The HTTP server for real, with curl as the independent witness. Loopback only. */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertThrows } from "@std/assert/throws";
import { silentLog } from "../../../lib/base/log.ts";
import { makeSelfSignedCertificate, type SelfSignedCertificate } from "../../../lib/edge/http/certificates.ts";
import { healthApp } from "../../../lib/edge/http/health.ts";
import { type HttpApp, joinApps } from "../../../lib/edge/http/join_apps.ts";
import { EVERY_ADDRESS, type HttpServer, serve } from "../../../lib/edge/http/server.ts";

const clock = { wallMs: () => Date.now() };
const deps = { log: silentLog };
const health = joinApps({ apps: [healthApp({ conditions: [] })] }, deps);
const loopback = { hostname: "127.0.0.1", port: 0 };

async function started(app: HttpApp, options: Parameters<typeof serve>[1] = loopback): Promise<HttpServer> {
  const result = await serve(app, options, deps);
  if (!result.ok) throw new Error(`${result.reason}: ${result.message}`);
  return result.server;
}

async function curl(...args: string[]): Promise<{ code: number; out: string }> {
  const { code, stdout } = await new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout) };
}

async function withCaFile<T>(certificate: SelfSignedCertificate, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "herald-ca-" });
  try {
    await Deno.writeTextFile(path, certificate.caPem);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("HttpServer: a taken port is a value with its reason", async () => {
  const first = await started(health);
  const second = await serve(health, { hostname: "127.0.0.1", port: first.port }, deps);
  assertEquals(second.ok ? "ok" : second.reason, "addressInUse");
  await first.close();
});

Deno.test("HttpServer: an address of another machine is a value with its reason", async () => {
  const result = await serve(health, { hostname: "192.0.2.1", port: 0 }, deps);
  assertEquals(result.ok ? "ok" : result.reason, "addressNotAvailable");
});

Deno.test("HttpServer: a broken certificate is refused at start and at a swap, and the old one goes on", async () => {
  const broken = { certPem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", keyPem: "no key" };
  const refused = await serve(health, { ...loopback, certificate: broken }, deps);
  assertEquals(refused.ok ? "ok" : refused.reason, "badCertificate");

  const certificate = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  const server = await started(health, { ...loopback, certificate });
  assertThrows(() => server.setCertificate(broken), RangeError, "not swapped");
  const other = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  assertThrows(() => server.setCertificate({ ...certificate, keyPem: other.keyPem }), RangeError, "does not belong");
  await withCaFile(certificate, async (ca) => {
    assertEquals(await curl("--cacert", ca, `${server.url}/healthz`), { code: 0, out: "ok\n" });
  });
  await server.close();
});

Deno.test("HttpServer: without TLS there is no certificate to swap", async () => {
  const server = await started(health);
  const certificate = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  assertThrows(() => server.setCertificate(certificate), TypeError, "without TLS");
  await server.close();
});

Deno.test("HttpServer: a body over the limit is 413, announced or not, and a body within it arrives whole", async () => {
  const echo: HttpApp = { fetch: async (request) => new Response(`${(await request.arrayBuffer()).byteLength}`) };
  const server = await started(echo, { ...loopback, bodyBytesMax: 1000 });
  const post = (bytes: number, ...args: string[]) =>
    curl("-o", "-", "-w", " %{http_code}", "--data-binary", "x".repeat(bytes), ...args, `${server.url}/`);
  assertEquals((await post(1001)).out, "the body is too large\n 413");
  assertEquals((await post(1001, "-H", "Transfer-Encoding: chunked")).out, "the body is too large\n 413");
  assertEquals((await post(100_000, "-H", "Transfer-Encoding: chunked")).out, "the body is too large\n 413");
  assertEquals((await post(1000)).out, "1000 200");
  assertEquals((await post(1000, "-H", "Transfer-Encoding: chunked")).out, "1000 200");
  await server.close();
});

Deno.test("HttpServer: what is no HTTP, or no URL, does not disturb the next request", async () => {
  const server = await started(health);
  for (
    const bytes of [
      "\0\0\0\0",
      "GET\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /x HTTP/1.1\r\nHost: a b\r\n\r\n",
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ]
  ) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode(bytes)).catch(() => 0);
    await connection.closeWrite().catch(() => {});
    await new Response(connection.readable).arrayBuffer().catch(() => {});
  }
  assertEquals(await curl(`${server.url}/healthz`), { code: 0, out: "ok\n" });
  await server.close();
});

Deno.test("HttpServer: an app that rejects closes its connection and nothing else", async () => {
  const app: HttpApp = {
    fetch: (request) => request.url.endsWith("/bad") ? Promise.reject(new Error("bug")) : new Response("fine"),
  };
  const server = await started(app);
  assertEquals((await curl(`${server.url}/bad`)).code !== 0, true);
  assertEquals(await curl(`${server.url}/good`), { code: 0, out: "fine" });
  await server.close();
});

Deno.test("HttpServer: GET and HEAD over plain HTTP, on IPv4 and on IPv6", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const server = await started(health, { hostname, port: 0 });
    assertEquals(server.url, `http://${hostname === "::1" ? "[::1]" : hostname}:${server.port}`);
    assertEquals(await curl("-g", `${server.url}/healthz`), { code: 0, out: "ok\n" });
    assertMatch((await curl("-g", "--head", `${server.url}/healthz`)).out, /^HTTP\/1\.1 200 /);
    await server.close();
  }
});

Deno.test("HttpServer: every address is those of both families", async () => {
  const server = await started(health, { hostname: EVERY_ADDRESS, port: 0 });
  assertEquals(server.url, `http://[::]:${server.port}`);
  for (const host of ["127.0.0.1", "[::1]"]) {
    assertEquals((await curl("--fail", `http://${host}:${server.port}/healthz`)).code, 0, host);
  }
  const second = await serve(health, { hostname: EVERY_ADDRESS, port: server.port }, deps);
  assertEquals(second.ok ? "ok" : second.reason, "addressInUse");
  await server.close();
});

Deno.test({
  name: "HttpServer: where IPv6 is not to be had, every address is those of IPv4",
  permissions: { net: ["0.0.0.0"], run: true },
  fn: async () => {
    const server = await started(health, { hostname: EVERY_ADDRESS, port: 0 });
    assertEquals(server.url, `http://0.0.0.0:${server.port}`);
    assertEquals((await curl("--fail", `http://127.0.0.1:${server.port}/healthz`)).code, 0);
    await server.close();
  },
});

Deno.test("HttpServer: curl trusts the authority made at start, by name and by address; nobody else does", async () => {
  const certificate = await makeSelfSignedCertificate({ hosts: ["herald.test", "127.0.0.1", "::1"], clock });
  const server = await started(health, { ...loopback, certificate });
  await withCaFile(certificate, async (ca) => {
    assertEquals((await curl(`${server.url}/healthz`)).code, 60);
    const byName = ["--resolve", `herald.test:${server.port}:127.0.0.1`, `https://herald.test:${server.port}/healthz`];
    const byOther = ["--resolve", `other.test:${server.port}:127.0.0.1`, `https://other.test:${server.port}/healthz`];
    assertEquals((await curl("--cacert", ca, ...byOther)).code, 60);
    assertEquals(await curl("--cacert", ca, ...byName), { code: 0, out: "ok\n" });
    assertEquals(await curl("--cacert", ca, `${server.url}/healthz`), { code: 0, out: "ok\n" });
  });
  await server.close();
});

Deno.test("HttpServer: TLS 1.2 is refused, also after a swap", async () => {
  const first = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  const second = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  const server = await started(health, { ...loopback, certificate: first });
  assertEquals((await curl("--insecure", "--tls-max", "1.2", `${server.url}/healthz`)).code !== 0, true);
  assertEquals((await curl("--insecure", "--tlsv1.3", `${server.url}/healthz`)).code, 0);
  server.setCertificate(second);
  assertEquals((await curl("--insecure", "--tls-max", "1.2", `${server.url}/healthz`)).code !== 0, true);
  await server.close();
});

Deno.test("HttpServer: a swapped certificate is the one that the next handshake sees", async () => {
  const first = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  const second = await makeSelfSignedCertificate({ hosts: ["127.0.0.1"], clock });
  const server = await started(health, { ...loopback, certificate: first });
  const trusts = (certificate: SelfSignedCertificate) =>
    withCaFile(certificate, async (ca) => (await curl("--cacert", ca, `${server.url}/healthz`)).code);
  assertEquals([await trusts(first), await trusts(second)], [0, 60]);
  server.setCertificate(second);
  assertEquals([await trusts(first), await trusts(second)], [60, 0]);
  await server.close();
});

Deno.test("HttpServer: close lets an open request finish, and refuses new ones", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await started({
    fetch: async () => {
      arrived.resolve();
      await release.promise;
      return new Response("finished");
    },
  });
  const open = curl(`${server.url}/`);
  await arrived.promise;
  const closed = server.close({ limitMs: 20_000 });
  assertEquals((await curl(`${server.url}/`)).code, 7);
  release.resolve();
  assertEquals(await open, { code: 0, out: "finished" });
  await closed;
  await server.close();
});

Deno.test("HttpServer: close does not wait for a request that never finishes, nor for an idle connection", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = await started({
    fetch: (request) => {
      if (request.url.endsWith("/idle")) return new Response("ok");
      arrived.resolve();
      return new Promise<Response>(() => {});
    },
  });
  const idle = await fetch(`${server.url}/idle`);
  await idle.text();
  const stuck = curl(`${server.url}/stuck`);
  await arrived.promise;
  const startedAt = performance.now();
  await server.close({ limitMs: 100 });
  assertEquals(performance.now() - startedAt < 30_000, true);
  assertEquals((await stuck).code !== 0, true);
});

Deno.test("HttpServer: close is quick when a client keeps its connection, idle or just answered", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await started({
    fetch: async (request) => {
      if (request.url.endsWith("/idle")) return new Response("ok");
      arrived.resolve();
      await release.promise;
      return new Response("finished");
    },
  });
  // Two connections at once, both kept alive by Deno's own client.
  const open = fetch(`${server.url}/open`);
  await arrived.promise;
  await (await fetch(`${server.url}/idle`)).text();
  const startedAt = performance.now();
  const closed = server.close({ limitMs: 60_000 });
  release.resolve();
  assertEquals(await (await open).text(), "finished");
  await closed;
  assertEquals(performance.now() - startedAt < 30_000, true);
});

Deno.test("HttpServer: on a socket of the file system it serves whom the file system lets; a taken path is a value", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-socket-" });
  const socketPath = `${folder}/x.sock`;
  const server = await started(health, { socketPath });
  assertEquals([server.url, server.hostname, server.port], [`unix:${socketPath}`, "", 0]);
  assertEquals(await curl("--unix-socket", socketPath, "http://anything/healthz"), { code: 0, out: "ok\n" });
  const second = await serve(health, { socketPath }, deps);
  assertEquals(second.ok ? "ok" : second.reason, "addressInUse");
  assertEquals(await curl("--unix-socket", socketPath, "http://anything/healthz"), { code: 0, out: "ok\n" });
  await server.close();
  await Deno.remove(folder, { recursive: true });
});
