/**
 * An embedded API server on the network: HTTPS only, because `kubectl` sends no token to plain HTTP, and nothing but
 * health without a bearer token that the server knows.
 */
import type { EmbeddedApi } from "./embedded_api.ts";
import { errorAnswer } from "./responses.ts";
import { StatusError } from "./status_error.ts";

/** Certificate chain and key in PEM, as `lib/edge/http/certificates.ts` makes them. */
export interface ServerCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface HttpsServer {
  readonly port: number;
  /** e.g. `https://127.0.0.1:40123`. */
  readonly url: string;
  /** Ends the watches, then the connections. */
  stop(): Promise<void>;
}

const STOP_LIMIT_MS = 1_000;
const LAST_BYTES_MS = 20;
const OPEN_PATHS = ["/healthz", "/livez", "/readyz", "/version"];

export function serveHttps(
  options: { readonly hostname: string; readonly port: number },
  deps: { readonly api: EmbeddedApi; readonly certificate: ServerCertificate },
): HttpsServer {
  const { api, certificate } = deps;
  const abort = new AbortController();
  const answers = new Set<Promise<void>>();
  const server = Deno.serve({
    hostname: options.hostname,
    port: options.port,
    cert: certificate.certPem,
    key: certificate.keyPem,
    signal: abort.signal,
    onListen: () => {},
  }, (request, { completed }) => {
    const sent = completed.catch(() => {}).finally(() => answers.delete(sent));
    answers.add(sent);
    return answer(request, api);
  });
  const port = server.addr.port;
  const host = options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname;
  return {
    port,
    url: `https://${host}:${port}`,
    stop: async () => {
      api.close();
      // The ends of the watches still have to go out; whoever does not take them in time is cut off. (Deno's own
      // `shutdown` waits for ever for such a client, and an abort during it throws.)
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, STOP_LIMIT_MS);
      await Promise.race([Promise.allSettled(answers), limit.promise]);
      clearTimeout(timer);
      // An answer counts as completed when its last byte is handed down, and TLS sends it a moment later: an abort in
      // between cuts a connection whose client then sees an error instead of the end.
      await new Promise((done) => setTimeout(done, LAST_BYTES_MS));
      abort.abort();
      await server.finished;
    },
  };
}

async function answer(request: Request, api: EmbeddedApi): Promise<Response> {
  const token = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const caller = api.reviews.identify(token.trim());
  if (caller !== undefined) return await api.handle(request, caller);
  const path = new URL(request.url).pathname;
  if (request.method === "GET" && OPEN_PATHS.includes(path)) return await api.fetch(request);
  return errorAnswer(new StatusError(401, { reason: "Unauthorized", message: "Unauthorized" }));
}
