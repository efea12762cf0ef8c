/**
 * A thread inside a laboratory host's namespace: starts programs there, waits for them, and talks to the API.
 *
 * Times are taken here, beside the socket, so that the way to the main thread is not in them.
 */
import { invariant } from "../../lib/base/assert.ts";
import { serveCalls } from "../../lib/edge/lab/call_server.ts";
import { Programs } from "../../lib/edge/lab/programs.ts";
import { enterNetwork } from "../../lib/edge/net/namespace.ts";
import type { ApiAnswer, ApiRequest, StageCalls } from "./stage_calls.ts";

const READY_TRIES_MAX = 4_000;
const READY_RETRY_MS = 5;

const programs = new Programs();
const stage: { api?: { server: string; token: string; client: Deno.HttpClient } } = {};

serveCalls<StageCalls>({
  enter({ namespacePath }) {
    enterNetwork(namespacePath);
    return null;
  },

  connect({ server, caPem, token }) {
    stage.api?.client.close();
    stage.api = { server, token, client: Deno.createHttpClient({ caCerts: [caPem], http2: false }) };
    return null;
  },

  request: send,

  async requests({ requests, parallel }) {
    const startedAt = performance.now();
    const waiting = requests.values();
    await Promise.all(Array.from({ length: parallel }, async () => {
      for (const request of waiting) {
        const { status, body } = await send(request);
        invariant(status < 300, `${request.method} ${request.path} was answered with ${status}: ${body}`);
      }
    }));
    return { durationMs: performance.now() - startedAt };
  },

  async startProgram({ command, args, readyUrl }) {
    const startedAt = performance.now();
    const { child, pid } = programs.spawn(command, args);
    if (readyUrl === undefined) {
      const { code, stderr } = await programs.result(child);
      invariant(code === 0, `${command} ${args.join(" ")} ended with ${code}: ${stderr}`);
      return { child, pid, readyMs: performance.now() - startedAt };
    }
    const isReady = await awaitReady(readyUrl);
    const readyMs = performance.now() - startedAt;
    if (!isReady) {
      programs.kill(child, "SIGKILL");
      const { stdout, stderr } = await programs.result(child);
      throw new Error(`${command} ${args.join(" ")} did not become ready: ${(stdout + stderr).slice(-1_000)}`);
    }
    return { child, pid, readyMs };
  },

  async stopProgram({ child }) {
    programs.kill(child, "SIGTERM");
    return { code: (await programs.result(child)).code };
  },

  async stopAll() {
    await programs.killAll();
    stage.api?.client.close();
    return null;
  },
});

async function awaitReady(url: string): Promise<boolean> {
  for (let tries = 0; tries < READY_TRIES_MAX; tries++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      await response.body?.cancel();
      if (response.status === 200) return true;
    } catch {
      // Nobody listens yet.
    }
    await new Promise((resolve) => setTimeout(resolve, READY_RETRY_MS));
  }
  return false;
}

async function send({ method, path, body }: ApiRequest): Promise<ApiAnswer> {
  invariant(stage.api !== undefined, "The stage is connected to the API");
  const { server, token, client } = stage.api;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  const sentAtMs = wallNow();
  const response = await fetch(`${server}${path}`, {
    method,
    headers,
    client,
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  return { status: response.status, body: answer, sentAtMs, answeredAtMs: wallNow() };
}

function wallNow(): number {
  return performance.timeOrigin + performance.now();
}
