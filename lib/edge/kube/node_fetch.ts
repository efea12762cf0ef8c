/**
 * The same `Fetch` over `node:https`, for what `Deno.createHttpClient` cannot do: not to check the server's certificate,
 * or to expect another name in it. Slower than Deno's own, and used only then.
 */
import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import type { Credentials } from "./cluster_access.ts";
import type { Sender } from "./credential_fetch.ts";

export function nodeFetch(
  options: { readonly credentials: Credentials; readonly insecure: boolean; readonly serverName?: string | undefined },
): Sender {
  const { ca, cert, key } = options.credentials;
  const secure = new https.Agent({
    keepAlive: true,
    rejectUnauthorized: !options.insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(options.serverName === undefined ? {} : { servername: options.serverName }),
  });
  const plain = new http.Agent({ keepAlive: true });
  return {
    fetch: async (request) => {
      const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
      return await send(request, { body, agents: { secure, plain } });
    },
    close: () => {
      secure.destroy();
      plain.destroy();
    },
  };
}

function send(
  request: Request,
  how: { readonly body: Uint8Array | undefined; readonly agents: { secure: https.Agent; plain: http.Agent } },
): Promise<Response> {
  const url = new URL(request.url);
  const isSecure = url.protocol === "https:";
  const headers: Record<string, string> = Object.fromEntries(request.headers);
  if (how.body !== undefined) headers["content-length"] = String(how.body.length);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const outgoing = (isSecure ? https : http).request(url, {
    method: request.method,
    headers,
    agent: isSecure ? how.agents.secure : how.agents.plain,
  });
  const answer: { incoming?: http.IncomingMessage } = {};
  const abort = () => {
    answer.incoming?.destroy();
    outgoing.destroy(new Error("aborted"));
  };
  const forget = () => request.signal.removeEventListener("abort", abort);
  if (request.signal.aborted) abort();
  else request.signal.addEventListener("abort", abort, { once: true });
  outgoing.on("error", (error) => {
    forget();
    reject(error);
  });
  // The request may count as closed while a watch goes on in its answer.
  outgoing.on("close", () => answer.incoming === undefined && forget());
  outgoing.on("response", (incoming) => {
    answer.incoming = incoming;
    incoming.on("close", forget);
    const responseHeaders = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) responseHeaders.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
    const status = incoming.statusCode ?? 0;
    const empty = status === 204 || status === 304 || request.method === "HEAD";
    if (empty) incoming.resume();
    const stream = empty ? null : Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
    resolve(new Response(stream, { status, headers: responseHeaders }));
  });
  outgoing.end(how.body);
  return promise;
}
