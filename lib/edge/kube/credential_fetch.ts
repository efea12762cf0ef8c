/**
 * A `Fetch` that adds the present credentials to every request and follows when they change.
 *
 * A new token changes a header; a new certificate or CA needs a new client, the old one serves what still runs on it.
 */
import type { Fetch } from "../../base/kube.ts";
import type { ClusterAccess, Credentials } from "./cluster_access.ts";
import { denoFetch } from "./deno_fetch.ts";
import { nodeFetch } from "./node_fetch.ts";

/** One way to send requests, with the connections that belong to it. */
export interface Sender {
  readonly fetch: Fetch;
  close(): void;
}

export class CredentialFetch {
  readonly #access: ClusterAccess;
  readonly #ageMaxMs: number;
  readonly #http2: boolean;
  #credentials: Credentials | undefined;
  #readAt = 0;
  #refreshing: Promise<Credentials> | undefined;
  #sender: Sender | undefined;
  #closed = false;

  constructor(access: ClusterAccess, options: { readonly ageMaxMs: number; readonly http2: boolean }) {
    this.#access = access;
    this.#ageMaxMs = options.ageMaxMs;
    this.#http2 = options.http2;
  }

  async send(request: Request): Promise<Response> {
    if (this.#closed) throw new Error("the transport is closed");
    const fresh = this.#credentials !== undefined && performance.now() - this.#readAt < this.#ageMaxMs;
    const credentials = fresh ? this.#credentials! : await this.#refreshOrKeep();
    for (const [name, value] of Object.entries(credentials.headers)) request.headers.set(name, value);
    const response = await this.#sender!.fetch(request);
    // A refused token is read anew for the next request; the caller repeats this one if it still wants it.
    if (response.status === 401) this.#readAt = -Infinity;
    return response;
  }

  /** Asks for the credentials now. Throws what `ClusterAccess.credentials` throws, and where no request could carry them. */
  async refresh(): Promise<Credentials> {
    this.#refreshing ??= this.#access.credentials().finally(() => this.#refreshing = undefined);
    const credentials = await this.#refreshing;
    checkHeaders(credentials, this.#access);
    const old = this.#credentials;
    this.#readAt = performance.now();
    this.#credentials = credentials;
    const sameTls = old?.ca === credentials.ca && old?.cert === credentials.cert && old?.key === credentials.key;
    if (this.#sender === undefined || !sameTls) {
      this.#sender?.close();
      this.#sender = this.#makeSender(credentials);
    }
    return credentials;
  }

  close(): void {
    this.#closed = true;
    this.#sender?.close();
    this.#sender = undefined;
  }

  /** A file that is missing for a moment (the kubelet swaps directories) does not stop requests that would still pass. */
  async #refreshOrKeep(): Promise<Credentials> {
    try {
      return await this.refresh();
    } catch (error) {
      if (this.#credentials === undefined) throw error;
      this.#readAt = performance.now();
      return this.#credentials;
    }
  }

  #makeSender(credentials: Credentials): Sender {
    const { insecure, serverName, proxyUrl } = this.#access;
    return insecure || serverName !== undefined
      ? nodeFetch({ credentials, insecure, serverName })
      : denoFetch({ credentials, proxyUrl, http2: this.#http2 });
  }
}

/** What the request would say of such a header quotes it, and it is secret. */
function checkHeaders({ headers }: Credentials, { source }: ClusterAccess): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/^[ -~]*$/.test(value)) continue;
    throw new Error(
      `${source}: what is to be sent as "${name}" has a line break or another character that it cannot have`,
    );
  }
}
