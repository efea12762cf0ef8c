/**
 * Serves an app over HTTP, or over TLS 1.3 with a certificate that can be swapped while it serves; or to this machine
 * alone, on a socket of the file system.
 *
 * On node:http and node:https, not on `Deno.serve`: only node:https can swap the certificate of an open listener
 * (`setSecureContext`) and refuse TLS 1.2 (MetalLB's default for this port). Plain HTTP takes the same path, so that
 * there is one adapter, one graceful close and one set of limits to trust.
 *
 * Not here: who may ask what (`token_review.ts`), and what is answered (the apps).
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server as TlsServer } from "node:https";
import type { Log } from "../../base/log.ts";
import type { TlsCertificate } from "./certificates.ts";
import type { HttpApp } from "./join_apps.ts";

/** All addresses of this machine, of both families: a Pod may have one of either. */
export const EVERY_ADDRESS = "::";

export interface ServeOptions {
  /** An IP address, a name that the system resolves, or {@linkcode EVERY_ADDRESS}. */
  readonly hostname: string;
  /** 0 = the system chooses. */
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly certificate?: TlsCertificate;
  /** Larger bodies are answered 413. Default 1 MiB. */
  readonly bodyBytesMax?: number;
}

/** Over plain HTTP, for whom the file system lets. */
export interface ServeSocketOptions {
  /** Nothing may be there. */
  readonly socketPath: string;
  readonly bodyBytesMax?: number;
}

export interface HttpServer {
  /** Empty for a socket of the file system. */
  readonly hostname: string;
  /** The port that was really bound; 0 for a socket of the file system. */
  readonly port: number;
  /** `https://127.0.0.1:9120`, without a slash at the end, or `unix:/run/x.sock`. */
  readonly url: string;
  /** For handshakes from now on; open connections keep theirs. Throws on a server without TLS, or when PEM is broken. */
  setCertificate(certificate: TlsCertificate): void;
  /** Stops accepting, lets open requests finish for `limitMs`, then cuts them. May be called twice. */
  close(options?: { readonly limitMs?: number }): Promise<void>;
}

export type ServeFailure = "addressInUse" | "addressNotAvailable" | "notPermitted" | "badCertificate" | "other";

export type ServeResult =
  | { readonly ok: true; readonly server: HttpServer }
  | { readonly ok: false; readonly reason: ServeFailure; readonly message: string };

const CLOSE_LIMIT_MS = 5_000;
const BODY_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 256;
/** A client that sends its request drop by drop is cut; MetalLB's scrapers take milliseconds. */
const REQUEST_LIMIT_MS = 30_000;

/** Binds and serves. What the machine refuses is a value; a wrong argument throws. */
export async function serve(
  app: HttpApp,
  options: ServeOptions | ServeSocketOptions,
  deps: { readonly log: Log },
): Promise<ServeResult> {
  const { bodyBytesMax = BODY_BYTES_MAX } = options;
  const certificate = "socketPath" in options ? undefined : options.certificate;
  const scheme = certificate === undefined ? "http" : "https";
  let closing = false;
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    // `answer` ends every request itself; what escapes it is a connection that is gone.
    answer(app, { incoming, outgoing, scheme, bodyBytesMax, isClosing: () => closing })
      .catch((error) => {
        deps.log({ level: "debug", event: "httpAnswerFailed", error: String(error) });
        outgoing.destroy();
      });
  };
  const problem = certificate === undefined ? undefined : problemOf(certificate);
  if (problem !== undefined) return { ok: false, reason: "badCertificate", message: problem };
  const server = certificate === undefined
    ? createServer(handle)
    : createTlsServer({ cert: certificate.certPem, key: certificate.keyPem, minVersion: "TLSv1.3" }, handle);
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_LIMIT_MS;
  server.headersTimeout = REQUEST_LIMIT_MS;
  const bound = await bind(server, options);
  if (!bound.ok) return bound;
  server.on("error", (error) => deps.log({ level: "warn", event: "httpServerFailed", error: String(error) }));
  return {
    ok: true,
    server: {
      ...placeOf(server, { options: bound.place, scheme }),
      setCertificate: (next) => setCertificate(server, next),
      close: ({ limitMs = CLOSE_LIMIT_MS } = {}) => {
        closing = true;
        return close(server, limitMs);
      },
    },
  };
}

type Place = Pick<ServeOptions, "hostname" | "port"> | Pick<ServeSocketOptions, "socketPath">;

type Failed = Extract<ServeResult, { ok: false }>;

/** Where it is bound now, or why it is not. */
async function bind(server: Server, wanted: Place): Promise<{ readonly ok: true; readonly place: Place } | Failed> {
  let failure: Failed | undefined;
  for (const place of placesFor(wanted)) {
    failure = await listen(server, place);
    if (failure === undefined) return { ok: true, place };
    if (failure.reason === "addressInUse") break;
  }
  return failure!;
}

/** A kernel without IPv6, or a permission for IPv4 alone, leaves the addresses of that. */
function placesFor(place: Place): readonly Place[] {
  if (!("hostname" in place) || place.hostname !== EVERY_ADDRESS) return [place];
  const { port } = place;
  // Asked beforehand, because Deno's refusal comes out of node:net where nobody can catch it.
  const { state } = Deno.permissions.querySync({ name: "net", host: `[${EVERY_ADDRESS}]:${port}` });
  const ofIpv4 = { hostname: "0.0.0.0", port };
  return state === "granted" ? [place, ofIpv4] : [ofIpv4];
}

function placeOf(
  server: Server,
  { options, scheme }: { readonly options: Place; readonly scheme: string },
): Pick<HttpServer, "hostname" | "port" | "url"> {
  if ("socketPath" in options) return { hostname: "", port: 0, url: `unix:${options.socketPath}` };
  const { hostname } = options;
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return { hostname, port, url: `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}` };
}

function listen(server: Server, place: Place): Promise<Failed | undefined> {
  return new Promise((resolve) => {
    const failed = (error: Error & { readonly code?: string }): void => {
      resolve({ ok: false, reason: failureOf(error), message: error.message });
    };
    const listening = (): void => {
      server.off("error", failed);
      resolve(undefined);
    };
    server.once("error", failed);
    try {
      if ("socketPath" in place) server.listen(place.socketPath, listening);
      else server.listen(place.port, place.hostname, listening);
    } catch (error) {
      // Deno throws here what Node tells by the event.
      failed(error as Error);
    }
  });
}

function failureOf(error: Error & { readonly code?: string }): ServeFailure {
  if (error.code === "EADDRINUSE") return "addressInUse";
  // Deno 2.9 reports an address of another machine as EINVAL.
  if (error.code === "EADDRNOTAVAIL" || error.code === "EINVAL" || error.code === "ENOTFOUND") {
    return "addressNotAvailable";
  }
  if (error.code === "EACCES" || error.code === "EPERM" || error.name === "NotCapable") return "notPermitted";
  return "other";
}

/**
 * Undefined when the key belongs to the certificate. Deno's node:tls takes any text and fails at every handshake, which
 * would replace a certificate that works by one that does not.
 */
function problemOf({ certPem, keyPem }: TlsCertificate): string | undefined {
  try {
    if (new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) return undefined;
    return "the private key does not belong to the certificate";
  } catch (error) {
    return String(error);
  }
}

function setCertificate(server: Server | TlsServer, { certPem, keyPem }: TlsCertificate): void {
  if (!("setSecureContext" in server)) throw new TypeError("This server was started without TLS");
  const problem = problemOf({ certPem, keyPem });
  if (problem !== undefined) throw new RangeError(`The certificate was not swapped: ${problem}`);
  server.setSecureContext({ cert: certPem, key: keyPem, minVersion: "TLSv1.3" });
}

function close(server: Server, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), limitMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    // Connections that wait for a next request would keep the server open for nothing.
    server.closeIdleConnections();
  });
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly scheme: "http" | "https";
  readonly bodyBytesMax: number;
  readonly isClosing: () => boolean;
}

async function answer(app: HttpApp, exchange: Exchange): Promise<void> {
  const { incoming, outgoing, scheme, bodyBytesMax, isClosing } = exchange;
  const body = await readBody(incoming, bodyBytesMax);
  if (body === "tooLarge") return send(outgoing, new Response("the body is too large\n", { status: 413 }), "close");
  const request = toRequest(incoming, { scheme, body });
  if (request === undefined) return send(outgoing, new Response("bad request\n", { status: 400 }), "close");
  const response = await app.fetch(request);
  // A client that keeps its connection for a next request would hold up a server that is about to close.
  await send(outgoing, response, isClosing() ? "close" : undefined);
}

async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Uint8Array<ArrayBuffer> | "tooLarge"> {
  // Known beforehand in nearly all cases; then nothing of it is read.
  if (Number(incoming.headers["content-length"] ?? 0) > bytesMax) return "tooLarge";
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Ending the loop early must not end the connection: the 413 still goes out on it.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > bytesMax) return "tooLarge";
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** Undefined when the request line makes no URL, e.g. the `*` and the absolute forms of RFC 9112 §3.2. */
function toRequest(
  incoming: IncomingMessage,
  { scheme, body }: { readonly scheme: string; readonly body: Uint8Array<ArrayBuffer> },
): Request | undefined {
  const { method = "GET", url = "/", headers, rawHeaders } = incoming;
  const base = `${scheme}://${headers.host ?? "localhost"}`;
  if (!url.startsWith("/") || !URL.canParse(base + url)) return undefined;
  try {
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
    const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
    return new Request(base + url, { method, headers: pairs, ...(hasBody ? { body } : {}) });
  } catch {
    // Methods and header names that Request refuses (TRACE, for one).
    return undefined;
  }
}

async function send(outgoing: ServerResponse, response: Response, connection?: "close"): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const headers: Record<string, string> = Object.fromEntries(response.headers);
  // An answer to HEAD has no body, and says nothing about the length that GET would have.
  if (outgoing.req.method !== "HEAD") headers["content-length"] = String(bytes.length);
  if (connection !== undefined) headers["connection"] = connection;
  outgoing.writeHead(response.status, headers);
  outgoing.end(bytes);
}
