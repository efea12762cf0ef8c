/**
 * The Kubernetes API as calls: list, get, create, update, patch, apply, remove and watch over any `Fetch`.
 *
 * It decodes JSON and checks the outer shape only (metadata, items, Status); what a spec holds is decoded where it is
 * used. Every failure is a value. Nothing is retried here: whoever asked knows whether asking again still makes sense.
 * A call settles even if the transport never does.
 */
import { isRecord } from "../../base/json.ts";
import type { Fetch, KubeObject, Resource } from "../../base/kube.ts";
import { apiVersionOf, resourcePath } from "../../base/kube.ts";
import { type ApiError, apiErrorOf, type ApiResult } from "./api_error.ts";
import { type Schedule, systemSchedule } from "./schedule.ts";
import { type WatchStream, watchStreamOf } from "./watch_stream.ts";

export interface KubeClientOptions {
  /** Scheme, host and an optional path prefix, e.g. `https://10.0.0.1:6443`. */
  readonly baseUrl: string;
  /** From sending to the last byte; for a watch to the response's head. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Objects asked for per page of a list. Default 500. */
  readonly pageSize?: number;
  /** One line of a watch, i.e. one object. Default 16 MiB (etcd holds objects of at most 1.5 MiB). */
  readonly lineBytesMax?: number;
}

export interface KubeClientDeps {
  readonly fetch: Fetch;
  readonly schedule?: Schedule;
}

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ObjectName {
  /** Left out for a cluster-scoped kind. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** E.g. `status`. */
  readonly subresource?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ObjectList<T extends KubeObject> {
  /** Where a watch that misses nothing must begin. */
  readonly resourceVersion: string;
  readonly items: T[];
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** The server is asked to end the watch after this time. */
  readonly timeoutSeconds?: number;
}

export type Patch =
  | { readonly type: "merge" | "strategic"; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: "json"; readonly body: readonly JsonPatchOperation[] };

/** RFC 6902. */
export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "test" | "move" | "copy";
  readonly path: string;
  readonly value?: unknown;
  readonly from?: string;
}

const PATCH_CONTENT_TYPE = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** A server that never ends its pages is cut off here: 5 million objects at the default page size. */
const PAGES_MAX = 10_000;

interface Send {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export class KubeClient {
  readonly #baseUrl: string;
  readonly #requestTimeoutMs: number;
  readonly #pageSize: number;
  readonly #lineBytesMax: number;
  readonly #fetch: Fetch;
  readonly #schedule: Schedule;

  constructor(options: KubeClientOptions, deps: KubeClientDeps) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
    this.#pageSize = options.pageSize ?? 500;
    this.#lineBytesMax = options.lineBytesMax ?? 16 << 20;
    this.#fetch = deps.fetch;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  /** The same server by the same way, for somebody with less patience or with a rule of who may ask when. */
  derive(options: { readonly requestTimeoutMs?: number; readonly around?: (fetch: Fetch) => Fetch }): KubeClient {
    const { requestTimeoutMs = this.#requestTimeoutMs, around } = options;
    return new KubeClient({
      baseUrl: this.#baseUrl,
      pageSize: this.#pageSize,
      lineBytesMax: this.#lineBytesMax,
      requestTimeoutMs,
    }, { fetch: around?.(this.#fetch) ?? this.#fetch, schedule: this.#schedule });
  }

  /**
   * Every object of a kind, page by page, as of one resource version. `gone` means that the version expired between two
   * pages: list anew. Items carry `apiVersion` and `kind` (the API leaves them out) and no `managedFields`.
   */
  async list<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: Selection = {},
  ): Promise<ApiResult<ObjectList<T>>> {
    const items: T[] = [];
    let next: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const result = await this.#page<T>(resource, { ...options, limit: this.#pageSize, next });
      if (!result.ok) return result;
      for (const item of result.value.items) items.push(item);
      next = result.value.next;
      if (next === undefined) return { ok: true, value: { resourceVersion: result.value.resourceVersion, items } };
    }
    return badResponse(`the list has more than ${PAGES_MAX} pages`);
  }

  /** The present version and the first few objects: a cheap look at whether the server is still the one we know. */
  async peek<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: Selection & { readonly limit: number },
  ): Promise<ApiResult<ObjectList<T>>> {
    return await this.#page<T>(resource, { ...options, next: undefined });
  }

  get<T extends KubeObject = KubeObject>(resource: Resource, target: ObjectName): Promise<ApiResult<T>> {
    return this.#object<T>({ method: "GET", path: resourcePath(resource, nameOf(target)), signal: target.signal });
  }

  /** The name is taken from the object's metadata (or made by the server from `generateName`). */
  create<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: { readonly namespace?: string; readonly body: Readonly<Record<string, unknown>>; signal?: AbortSignal },
  ): Promise<ApiResult<T>> {
    return this.#object<T>({
      method: "POST",
      path: resourcePath(resource, { namespace: options.namespace }),
      contentType: "application/json",
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...options.body },
      signal: options.signal,
    });
  }

  /** Replaces the whole object; with `metadata.resourceVersion` in the body it fails with `conflict` if it changed. */
  update<T extends KubeObject = KubeObject>(
    resource: Resource,
    target: ObjectName & { readonly body: Readonly<Record<string, unknown>> },
  ): Promise<ApiResult<T>> {
    return this.#object<T>({
      method: "PUT",
      path: resourcePath(resource, nameOf(target)),
      contentType: "application/json",
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...target.body },
      signal: target.signal,
    });
  }

  patch<T extends KubeObject = KubeObject>(
    resource: Resource,
    target: ObjectName,
    patch: Patch,
  ): Promise<ApiResult<T>> {
    return this.#object<T>({
      method: "PATCH",
      path: resourcePath(resource, nameOf(target)),
      contentType: PATCH_CONTENT_TYPE[patch.type],
      body: patch.body,
      signal: target.signal,
    });
  }

  /**
   * Server-side apply: `body` is all that this manager wants of the object, which is created if it is not there. What the
   * manager applied before and left out now is removed. A field of another manager is a `conflict`, unless `force`
   * takes it over.
   */
  apply<T extends KubeObject = KubeObject>(
    resource: Resource,
    target: ObjectName & {
      readonly fieldManager: string;
      readonly force?: boolean;
      readonly body: Readonly<Record<string, unknown>>;
    },
  ): Promise<ApiResult<T>> {
    return this.#object<T>({
      method: "PATCH",
      path: resourcePath(resource, nameOf(target)),
      query: { fieldManager: target.fieldManager, force: target.force === true ? "true" : undefined },
      contentType: "application/apply-patch+yaml",
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...target.body },
      signal: target.signal,
    });
  }

  /** With preconditions nothing else than the object that was meant is removed. */
  async remove(
    resource: Resource,
    target: ObjectName & { readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } },
  ): Promise<ApiResult<undefined>> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: target.preconditions };
    const result = await this.#json({
      method: "DELETE",
      path: resourcePath(resource, nameOf(target)),
      ...(target.preconditions === undefined ? {} : { contentType: "application/json", body }),
      signal: target.signal,
    });
    return result.ok ? { ok: true, value: undefined } : result;
  }

  /**
   * Changes after `resourceVersion`. Settles when the server has accepted (or refused); the stream then ends by itself
   * when the server closes it in order, or with one `error` item. Aborting `signal` ends it silently.
   */
  async watch<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): Promise<ApiResult<WatchStream<T>>> {
    const controller = linkedController(options.signal);
    const sent = await this.#send({
      method: "GET",
      path: resourcePath(resource, { namespace: options.namespace }),
      query: {
        ...selectorsOf(options),
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: options.resourceVersion,
        timeoutSeconds: options.timeoutSeconds === undefined ? undefined : String(options.timeoutSeconds),
      },
    }, { controller, read: (response) => Promise.resolve(response) });
    if (!sent.ok) return sent;
    const stream = watchStreamOf<T>(sent.value, { controller, lineBytesMax: this.#lineBytesMax });
    return { ok: true, value: stream };
  }

  /** A POST of what is answered and not kept, as reviews are: the answer has no name and no version. */
  postPath(
    path: string,
    options: { readonly body: Readonly<Record<string, unknown>>; readonly signal?: AbortSignal },
  ): Promise<ApiResult<unknown>> {
    const { body, signal } = options;
    return this.#json({ method: "POST", path, contentType: "application/json", body, signal });
  }

  async #page<T extends KubeObject>(
    resource: Resource,
    options: Selection & { readonly limit: number; readonly next: string | undefined },
  ): Promise<ApiResult<ObjectList<T> & { readonly next: string | undefined }>> {
    const result = await this.#json({
      method: "GET",
      path: resourcePath(resource, { namespace: options.namespace }),
      query: { ...selectorsOf(options), limit: String(options.limit), continue: options.next },
      signal: options.signal,
    });
    if (!result.ok) return result;
    const body = isRecord(result.value) ? result.value : {};
    const metadata = isRecord(body["metadata"]) ? body["metadata"] : {};
    const { resourceVersion, continue: token } = metadata;
    const items = body["items"] ?? [];
    if (typeof resourceVersion !== "string" || resourceVersion === "" || !Array.isArray(items)) {
      return badResponse("the list has no items or version");
    }
    if (!items.every(isKubeObject)) return badResponse("an item of the list has no name or resource version");
    const next = typeof token === "string" && token !== "" ? token : undefined;
    return { ok: true, value: { resourceVersion, items: items.map((item) => tidy(item, resource) as T), next } };
  }

  async #object<T extends KubeObject>(send: Send): Promise<ApiResult<T>> {
    const result = await this.#json(send);
    if (!result.ok) return result;
    return isKubeObject(result.value)
      ? { ok: true, value: result.value as T }
      : badResponse("the answer is no object with a name and a resource version");
  }

  async #json(send: Send): Promise<ApiResult<unknown>> {
    const controller = linkedController(send.signal);
    try {
      return await this.#send(send, {
        controller,
        read: async (response) => JSON.parse(await response.text()) as unknown,
      });
    } finally {
      // Takes our listener off the caller's signal, which may outlive thousands of requests. It costs an exception with
      // its stack, so not where there is none.
      if (send.signal !== undefined) controller.abort();
    }
  }

  async #send<T>(
    send: Send,
    how: { readonly controller: AbortController; readonly read: (response: Response) => Promise<T> },
  ): Promise<ApiResult<T>> {
    const { controller } = how;
    let timedOut = false;
    const stopTimer = this.#schedule(() => {
      timedOut = true;
      controller.abort();
    }, this.#requestTimeoutMs);
    try {
      const answer = this.#answer(send, how);
      // The transport's own promise may never settle (a broken TLS session, a peer that vanished): the abort decides.
      answer.catch(() => {});
      return await Promise.race([answer, rejectOnAbort(controller.signal)]);
    } catch (thrown) {
      if (timedOut) {
        return failure({ reason: "timeout", code: 0, message: `no answer in ${this.#requestTimeoutMs} ms` });
      }
      if (thrown instanceof SyntaxError) return badResponse("the answer is no JSON");
      const aborted = controller.signal.aborted;
      return failure({ reason: "unreachable", code: 0, message: aborted ? "the request was aborted" : textOf(thrown) });
    } finally {
      stopTimer();
    }
  }

  async #answer<T>(
    send: Send,
    how: { readonly controller: AbortController; readonly read: (response: Response) => Promise<T> },
  ): Promise<ApiResult<T>> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (send.contentType !== undefined) headers["content-type"] = send.contentType;
    const request = new Request(`${this.#baseUrl}${send.path}${queryOf(send.query)}`, {
      method: send.method,
      headers,
      signal: how.controller.signal,
      ...(send.body === undefined ? {} : { body: JSON.stringify(send.body) }),
    });
    const response = await this.#fetch(request);
    if (response.ok) return { ok: true, value: await how.read(response) };
    return failure(await errorOf(response));
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const retryAfter = response.headers.get("retry-after");
  const wallMs = Date.parse(response.headers.get("date") ?? "");
  const clock = Number.isNaN(wallMs) ? {} : { wallMs };
  try {
    return apiErrorOf(response.status, { status: JSON.parse(text) as unknown, retryAfter, ...clock });
  } catch {
    return apiErrorOf(response.status, { text, retryAfter, ...clock });
  }
}

/** What a query is made of: entries without a value are left out. */
function queryOf(query: Readonly<Record<string, string | undefined>> | undefined): string {
  if (query === undefined) return "";
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

function selectorsOf(selection: Selection): Record<string, string | undefined> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}

function nameOf(target: ObjectName): { namespace: string | undefined; name: string; subresource?: string } {
  const { namespace, name, subresource } = target;
  return subresource === undefined ? { namespace, name } : { namespace, name, subresource };
}

/** A controller that is aborted with the caller's signal, and by our own time-out. */
function linkedController(signal: AbortSignal | undefined): AbortController {
  const controller = new AbortController();
  if (signal === undefined) return controller;
  if (signal.aborted) controller.abort();
  else {
    const abort = () => controller.abort();
    signal.addEventListener("abort", abort, { once: true, signal: controller.signal });
  }
  return controller;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(new Error("aborted"));
    else signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });
}

/** True for what every object of the API has; without it an object cannot be kept in a store. */
function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value["metadata"])) return false;
  const { name, resourceVersion } = value["metadata"];
  return typeof name === "string" && name !== "" && typeof resourceVersion === "string" && resourceVersion !== "";
}

/** `managedFields` is often the larger half of an object and is read by nobody here. */
function tidy(object: KubeObject, resource: Resource): KubeObject {
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  // In place: a restart tidies every object of the cluster.
  return Object.assign(object, {
    apiVersion: object.apiVersion ?? apiVersionOf(resource),
    kind: object.kind ?? resource.kind,
  });
}

function failure(error: ApiError): { ok: false; error: ApiError } {
  return { ok: false, error };
}

function badResponse(message: string): { ok: false; error: ApiError } {
  return failure({ reason: "badResponse", code: 200, message });
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Deno's fetch says "fetch failed"; what failed (a name, a certificate, a refused connection) is in its cause.
  return thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message;
}
