/**
 * Requests by Deno's `fetch` with a client of our own: CA, client certificate, proxy.
 *
 * HTTP/2 is off by default. With it all watches share one connection, and when that one stalls (a firewall that forgot
 * it), every new request joins the dead connection and times out too; with HTTP/1.1 a new request opens a new one.
 */
import type { Credentials } from "./cluster_access.ts";
import type { Sender } from "./credential_fetch.ts";

export function denoFetch(
  options: { readonly credentials: Credentials; readonly proxyUrl?: string | undefined; readonly http2: boolean },
): Sender {
  const { ca, cert, key } = options.credentials;
  const client = Deno.createHttpClient({
    http2: options.http2,
    // Shorter than the idle time after which common load balancers forget a connection without a word.
    poolIdleTimeout: 30_000,
    ...(ca === undefined ? {} : { caCerts: [ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(options.proxyUrl === undefined || options.proxyUrl === "" ? {} : { proxy: { url: options.proxyUrl } }),
  });
  return {
    fetch: (request) => fetch(request, { client }),
    close: () => client.close(),
  };
}
