/**
 * A Kubernetes API server in this process: what `kubectl`, client libraries and Herald itself need, for the kinds that
 * a load balancer has to do with. Called like `fetch`, or served over HTTPS (https.ts).
 *
 * It is not a cluster: nothing schedules or runs Pods; the one controller inside fills EndpointSlices. Time and
 * randomness are injected, so the same requests give the same answers, uids and timestamps included.
 */
import type { JsonObject } from "../../base/json.ts";
import type { Fetch } from "../../base/kube.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Clock } from "../../base/time.ts";
import { CUSTOM_RESOURCE_DEFINITIONS, customResourceTypes, establishedDefinition } from "./custom_resources.ts";
import { Discovery, SERVER_VERSION } from "./discovery.ts";
import { EndpointSliceController } from "./endpoint_slice_controller.ts";
import { Journal, type JournalFile } from "./journal.ts";
import { cloneJson, isMap, type JsonMap, parseJson, textAt } from "./json_map.ts";
import { BUILTIN_TYPES } from "./kinds/builtin_types.ts";
import { acceptedMedia } from "./media_types.ts";
import { NamespaceLifecycle } from "./namespace_lifecycle.ts";
import { ObjectRequests } from "./object_requests.ts";
import { ObjectStore } from "./object_store.ts";
import { ObjectWriter, timestampOf } from "./object_writer.ts";
import { openApiDocument, openApiIndex, openApiV2 } from "./openapi.ts";
import { Registry } from "./registry.ts";
import { readBody } from "./request_body.ts";
import { parseTarget } from "./request_target.ts";
import { errorAnswer, jsonAnswer, textAnswer } from "./responses.ts";
import { ADMIN, type Identity, REVIEW_TYPES, Reviews } from "./reviews.ts";
import { ServiceResources } from "./service_resources.ts";
import { badRequest, methodNotAllowed, noSuchPath, StatusError } from "./status_error.ts";
import { systemSchedule } from "./system_schedule.ts";
import { type Schedule, WatchHub } from "./watch_hub.ts";

export interface EmbeddedApiOptions {
  /** CustomResourceDefinition objects, parsed. */
  readonly crds: readonly JsonObject[];
  /** Bearer token of the administrator. */
  readonly token: string;
  /** Further tokens and who they belong to. */
  readonly tokens?: readonly (Identity & { readonly token: string })[];
  /** Changes that a watch can go back; 10,000 if not given. */
  readonly eventsMax?: number;
  /** Watches at the same time; 10,000 if not given. */
  readonly watchesMax?: number;
  /** Services may have IPv6 cluster addresses. */
  readonly serviceIpv6?: boolean;
}

export interface EmbeddedApiDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Where objects survive the process; without it they live in memory only. */
  readonly journalFile?: JournalFile;
  /** Timers for watches; the system's if not given. */
  readonly schedule?: Schedule;
}

const EVENTS_MAX = 10_000;
const WATCHES_MAX = 10_000;
const FIRST_NAMESPACES = ["default", "kube-system"];

export class EmbeddedApi {
  /** Answers one request as the administrator. */
  readonly fetch: Fetch;
  readonly reviews: Reviews;
  readonly #deps: EmbeddedApiDeps;
  readonly #store: ObjectStore;
  readonly #registry: Registry;
  readonly #discovery: Discovery;
  readonly #writer: ObjectWriter;
  readonly #watches: WatchHub;
  readonly #objects: ObjectRequests;

  /** Throws when the journal cannot be read. */
  constructor(options: EmbeddedApiOptions, deps: EmbeddedApiDeps) {
    this.#deps = deps;
    const { clock, rng } = deps;
    const schedule = deps.schedule ?? systemSchedule;
    const definitions = options.crds.map((crd) => cloneJson(crd as JsonMap));
    this.#registry = new Registry([...BUILTIN_TYPES, CUSTOM_RESOURCE_DEFINITIONS, ...customResourceTypes(definitions)]);
    this.#discovery = new Discovery({ registry: this.#registry, virtual: REVIEW_TYPES });
    const journal = deps.journalFile === undefined ? undefined : new Journal({ file: deps.journalFile });
    this.#store = new ObjectStore({ eventsMax: options.eventsMax ?? EVENTS_MAX }, { journal });
    const store = this.#store;
    const serviceResources = new ServiceResources(store);
    this.#writer = new ObjectWriter({ serviceIpv6: options.serviceIpv6 ?? false }, {
      store,
      serviceResources,
      clock,
      rng,
    });
    const writer = this.#writer;
    this.#watches = new WatchHub({ watchesMax: options.watchesMax ?? WATCHES_MAX }, { store, schedule });
    const slices = new EndpointSliceController({
      store,
      stamp: () => ({ uid: writer.uid(), creationTimestamp: timestampOf(clock.wallMs()) }),
      suffix: () => writer.suffix(5),
    });
    new NamespaceLifecycle({ store, writer, registry: this.#registry });
    this.#objects = new ObjectRequests({
      store,
      writer,
      watches: this.#watches,
      registry: this.#registry,
      clock,
      schedule,
    });
    const extra = (options.tokens ?? []).map(({ token, ...identity }) => [token, identity] as const);
    this.reviews = new Reviews({ tokens: new Map<string, Identity>([...extra, [options.token, ADMIN]]) });
    this.#makeFirstObjects(definitions);
    slices.reconcileAll();
    this.fetch = (request) => this.handle(request, ADMIN);
  }

  /** Version of the last change. */
  get resourceVersion(): number {
    return this.#store.resourceVersion;
  }

  /** How many watches are open. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** Ends all watches. Requests are still answered. */
  close(): void {
    this.#watches.close();
  }

  /** Answers one request of a known caller. Never throws and never rejects. */
  async handle(request: Request, caller: Identity): Promise<Response> {
    try {
      if (!caller.admin) {
        throw new StatusError(403, {
          reason: "Forbidden",
          message: `User "${caller.username}" may not use this server`,
        });
      }
      return await this.#route(request, caller);
    } catch (error) {
      if (error instanceof StatusError) return errorAnswer(error);
      this.#deps.log({ level: "error", event: "embeddedApiFailed", error: String(error) });
      return errorAnswer(
        new StatusError(500, {
          reason: "InternalError",
          message: "Internal error occurred: the server has a bug; see its log",
        }),
      );
    }
  }

  async #route(request: Request, caller: Identity): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname;
    const fixed = request.method === "GET" ? this.#document(path, request.headers.get("accept")) : undefined;
    if (fixed !== undefined) return fixed;
    const target = parseTarget(path);
    if (target === undefined) throw noSuchPath();
    const body = await readBody(request);
    const review = REVIEW_TYPES.find((type) => type.group === target.group && type.plural === target.plural);
    if (review !== undefined && review.version === target.version) {
      if (request.method !== "POST") throw methodNotAllowed();
      return this.#review(body.text, { kind: review.kind, caller });
    }
    return this.#objects.answer({
      method: request.method,
      target,
      query: url.searchParams,
      accept: request.headers.get("accept"),
      userAgent: request.headers.get("user-agent") ?? "",
      contentType: body.contentType,
      body: body.text,
    });
  }

  #review(body: string, { kind, caller }: { kind: string; caller: Identity }): Response {
    const parsed = parseJson(body);
    if (!parsed.ok || !isMap(parsed.value)) throw badRequest("the request body is not a JSON object");
    if (parsed.value.kind !== undefined && parsed.value.kind !== kind) {
      throw badRequest(`${textAt(parsed.value, "kind")} cannot be handled as a ${kind}`);
    }
    return jsonAnswer(this.reviews.answer(kind, { review: parsed.value, caller }), { code: 201 });
  }

  /** Everything that is not about objects. */
  #document(path: string, accept: string | null): Response | undefined {
    if (["/healthz", "/livez", "/readyz"].includes(path)) return textAnswer("ok");
    if (path === "/version" || path === "/version/") return jsonAnswer(SERVER_VERSION);
    if (path === "/openapi/v2") return openApiV2(accept);
    if (path === "/openapi/v3" || path === "/openapi/v3/") return jsonAnswer(openApiIndex(this.#registry));
    if (path.startsWith("/openapi/v3/")) {
      return found(openApiDocument(this.#registry, path.slice("/openapi/v3/".length)));
    }
    const parts = path.split("/").filter((part) => part !== "");
    const [root, ...rest] = parts;
    if (root !== "api" && root !== "apis") return undefined;
    if (rest.length === 0) {
      const media = acceptedMedia(accept, ["object", "discovery"]);
      if (media?.shape === "discovery") {
        const type = `application/json;g=apidiscovery.k8s.io;v=${media.version};as=APIGroupDiscoveryList`;
        const answer = jsonAnswer(this.#discovery.aggregated(root === "api", media.version));
        answer.headers.set("content-type", type);
        return answer;
      }
      return jsonAnswer(root === "api" ? this.#discovery.coreVersions() : this.#discovery.groupList());
    }
    if (root === "api") return rest.length === 1 ? found(this.#discovery.resourceList("", rest[0]!)) : undefined;
    if (rest.length === 1) return found(this.#discovery.group(rest[0]!));
    return rest.length === 2 ? found(this.#discovery.resourceList(rest[0]!, rest[1]!)) : undefined;
  }

  #makeFirstObjects(definitions: readonly JsonMap[]): void {
    const namespaces = this.#registry.find("", "v1", "namespaces")!;
    for (const name of FIRST_NAMESPACES) {
      if (this.#store.get(namespaces.storage, name) !== undefined) continue;
      const target = { namespace: "", name, dryRun: false };
      this.#writer.create(namespaces, { body: { metadata: { name } }, target });
    }
    const { storage } = CUSTOM_RESOURCE_DEFINITIONS;
    for (const definition of definitions) {
      const name = textAt(definition.metadata, "name");
      const stamp = { uid: this.#writer.uid(), timestamp: timestampOf(this.#deps.clock.wallMs()) };
      const known = this.#store.get(storage, name);
      const body = establishedDefinition(
        definition,
        known === undefined ? stamp : {
          uid: known.uid,
          timestamp: textAt(known.body.metadata, "creationTimestamp"),
        },
      );
      if (known === undefined || JSON.stringify(known.body.spec) !== JSON.stringify(body.spec)) {
        this.#store.put(storage, body);
      }
    }
  }
}

function found(document: JsonMap | undefined): Response {
  if (document === undefined) throw noSuchPath();
  return jsonAnswer(document);
}
