/** Requests about objects: one method per verb, from the parsed path to the answer. */
import type { Clock } from "../../base/time.ts";
import { applyJsonPatch } from "./json_patch.ts";
import { applyMergePatch } from "./merge_patch.ts";
import { applyStrategicPatch } from "./strategic_patch.ts";
import { appliedConfiguration } from "./applied_configuration.ts";
import { decodeObject, fullSchema, parseFieldValidation, presentObject } from "./decoding.ts";
import { subresourcesOf } from "./discovery.ts";
import { forbidden, invalid } from "./field_error.ts";
import { FieldManager, setEntries, withoutEntries } from "./field_manager.ts";
import { cloneJson, isMap, type JsonMap, type JsonValue, mapAt, textAt } from "./json_map.ts";
import { invalidList, listObjects, numberOf, queryFilter } from "./list_query.ts";
import { acceptedMedia } from "./media_types.ts";
import type { ObjectStore } from "./object_store.ts";
import type { ObjectWriter, WriteTarget } from "./object_writer.ts";
import { Presenter } from "./presenter.ts";
import type { Registry } from "./registry.ts";
import {
  checkPatchOptions,
  deleteOptions,
  isDryRun,
  type ObjectRequest,
  optionsKind,
  parsedBody,
} from "./object_request.ts";
import type { RequestTarget } from "./request_target.ts";
import type { ResourceType } from "./resource_type.ts";
import { validateSchema } from "./schema_check.ts";
import { jsonAnswer } from "./responses.ts";
import {
  badRequest,
  invalidObject,
  methodNotAllowed,
  noSuchPath,
  notFound,
  qualifiedPlural,
  StatusError,
  tooLargeVersion,
  unsupportedMediaType,
} from "./status_error.ts";
import { keyOf, type StoredObject } from "./stored_object.ts";
import type { IncludeObject } from "./tables.ts";
import type { Schedule, WatchHub } from "./watch_hub.ts";

export interface ObjectRequestsDeps {
  readonly store: ObjectStore;
  readonly writer: ObjectWriter;
  readonly watches: WatchHub;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly schedule: Schedule;
}

/** A watch without `timeoutSeconds` ends after this time; real servers take 30 to 60 minutes. */
const WATCH_TIMEOUT_MS = 45 * 60_000;
const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];
const APPLY_TYPE = "application/apply-patch+yaml";

export class ObjectRequests {
  readonly #deps: ObjectRequestsDeps;
  readonly #fields: FieldManager;

  constructor(deps: ObjectRequestsDeps) {
    this.#deps = deps;
    this.#fields = new FieldManager(deps);
  }

  /** Throws a `StatusError` for everything that cannot be done. */
  answer(request: ObjectRequest): Response {
    const { target } = request;
    const type = this.#deps.registry.find(target.group, target.version, target.plural);
    if (type === undefined) throw noSuchPath();
    if (!type.namespaced && target.namespace !== "") throw noSuchPath();
    const answer = this.#dispatch(type, request);
    if (type.deprecationWarning !== undefined) answer.headers.append("warning", `299 - "${type.deprecationWarning}"`);
    return answer;
  }

  #dispatch(type: ResourceType, request: ObjectRequest): Response {
    const { method, target } = request;
    if (target.subresource !== "") return this.#subresource(type, request);
    const collection = target.name === "";
    // Without a namespace, a namespaced kind can only be listed and watched.
    const complete = !type.namespaced || target.namespace !== "";
    if (!collection && !complete) throw noSuchPath();
    switch (method) {
      case "GET":
        if (!collection) return this.#get(type, request);
        return request.query.get("watch") === "true" || request.query.get("watch") === "1"
          ? this.#watch(type, request)
          : this.#list(type, request);
      case "POST":
        if (!collection || !complete) throw methodNotAllowed();
        return this.#create(type, request);
      case "PUT":
        if (collection) throw methodNotAllowed();
        return this.#put(type, { request, status: false });
      case "PATCH":
        if (collection) throw methodNotAllowed();
        return this.#patch(type, { request, status: false });
      case "DELETE":
        if (collection && !complete) throw methodNotAllowed();
        return collection ? this.#deleteCollection(type, request) : this.#delete(type, request);
      default:
        throw methodNotAllowed();
    }
  }

  #subresource(type: ResourceType, request: ObjectRequest): Response {
    const { method, target } = request;
    if (!subresourcesOf(type).includes(target.subresource)) throw noSuchPath();
    if (target.subresource === "binding") {
      if (method !== "POST") throw methodNotAllowed();
      return this.#bind(type, request);
    }
    switch (method) {
      case "GET":
        return this.#get(type, request);
      case "PUT":
        return this.#put(type, { request, status: true });
      case "PATCH":
        return this.#patch(type, { request, status: true });
      default:
        throw methodNotAllowed();
    }
  }

  #get(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "get");
    const version = numberOf(request.query, "resourceVersion");
    if (version > this.#deps.store.resourceVersion) throw tooLargeVersion(version, this.#deps.store.resourceVersion);
    return jsonAnswer(this.#presenter(type, request).one(this.#find(type, request.target)));
  }

  #list(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "list");
    const { query } = request;
    if (query.has("sendInitialEvents")) {
      throw invalidList(type, forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    const presenter = this.#presenter(type, request);
    const { objects, metadata } = listObjects(this.#deps.store, { type, namespace: request.target.namespace, query });
    return jsonAnswer(presenter.list(objects, metadata));
  }

  #watch(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "watch");
    const { query, target } = request;
    if (query.has("sendInitialEvents")) {
      throw invalidList(
        type,
        forbidden(
          "sendInitialEvents",
          "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        ),
      );
    }
    if ((query.get("resourceVersionMatch") ?? "") !== "") {
      throw invalidList(
        type,
        forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
      );
    }
    const timeoutSeconds = numberOf(query, "timeoutSeconds");
    const version = numberOf(query, "resourceVersion");
    const stream = this.#deps.watches.open({
      storage: type.storage,
      version: version === 0 ? undefined : version,
      filter: queryFilter(type, { namespace: target.namespace, query }),
      presenter: this.#presenter(type, request),
      bookmarks: query.get("allowWatchBookmarks") === "true" || query.get("allowWatchBookmarks") === "1",
      timeoutMs: timeoutSeconds === 0 ? WATCH_TIMEOUT_MS : timeoutSeconds * 1000,
    });
    return new Response(stream, {
      headers: { "content-type": "application/json;stream=watch", "cache-control": "no-cache, private" },
    });
  }

  #create(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "create");
    const presenter = this.#presenter(type, request);
    const { body, warnings, managedFields: sent } = this.#decode(type, request);
    const name = textAt(body.metadata, "name");
    this.#fields.track(request, { type, body, sent, previous: undefined });
    const object = this.#deps.writer.create(type, { body, target: this.#writeTarget(request, name) });
    return jsonAnswer(presenter.one(object), { code: 201, warnings });
  }

  #put(type: ResourceType, { request, status }: { request: ObjectRequest; status: boolean }): Response {
    requireVerb(type, "update");
    const presenter = this.#presenter(type, request);
    const { body, warnings, managedFields: sent } = this.#decode(type, request);
    const target = this.#writeTarget(request, request.target.name);
    const previous = this.#deps.store.get(type.storage, keyOf(target.namespace, target.name));
    this.#fields.track(request, { type, body, sent, previous });
    if (previous === undefined) {
      if (status || !type.createsOnUpdate) throw notFound(type, target.name);
      const metadata = body.metadata as JsonMap;
      if (textAt(metadata, "name") === "") metadata.name = target.name;
      if (textAt(metadata, "resourceVersion") !== "") throw notFound(type, target.name);
      const object = this.#deps.writer.create(type, { body, target });
      return jsonAnswer(presenter.one(object), { code: 201, warnings });
    }
    const object = this.#deps.writer.update(type, { body, target, previous, status });
    return jsonAnswer(presenter.one(object), { warnings });
  }

  #patch(type: ResourceType, { request, status }: { request: ObjectRequest; status: boolean }): Response {
    requireVerb(type, "patch");
    const presenter = this.#presenter(type, request);
    const patchType = request.contentType;
    checkPatchOptions(request, { apply: patchType === APPLY_TYPE });
    if (patchType === APPLY_TYPE) return this.#apply(type, { request, status });
    const allowed = [...type.custom ? PATCH_TYPES.slice(0, 2) : PATCH_TYPES, APPLY_TYPE];
    if (!allowed.includes(patchType)) {
      throw unsupportedMediaType(
        `the body of the request was in an unknown format - accepted media types include: ${allowed.join(", ")}`,
      );
    }
    const patch = parsedBody(request);
    const previous = this.#find(type, request.target);
    // Most patches do not speak of owners, and these are half of the object.
    const base = request.body.includes("managedFields") ? previous.body : withoutEntries(previous.body);
    const current = cloneJson(presentObject(type, base));
    const patched = applyPatch(current, { patch, patchType, type });
    const { body, warnings, managedFields: sent } = decodeObject(type, {
      value: patched,
      validation: parseFieldValidation(request.query.get("fieldValidation"), optionsKind(request)),
    });
    this.#fields.track(request, { type, body, sent, previous });
    // A patch that does not speak of the version means the object as it is.
    const metadata = body.metadata as JsonMap;
    if (metadata.resourceVersion === undefined) metadata.resourceVersion = String(previous.resourceVersion);
    const target = this.#writeTarget(request, request.target.name);
    const object = this.#deps.writer.update(type, { body, target, previous, status });
    return jsonAnswer(presenter.one(object), { warnings });
  }

  /** Server-side apply, which also creates. */
  #apply(type: ResourceType, { request, status }: { request: ObjectRequest; status: boolean }): Response {
    const presenter = this.#presenter(type, request);
    const target = this.#writeTarget(request, request.target.name);
    const configuration = appliedConfiguration(request.body, { type, name: target.name });
    const previous = this.#deps.store.get(type.storage, keyOf(target.namespace, target.name));
    if (previous === undefined && status) throw notFound(type, target.name);
    const { uid } = mapAt(configuration, "metadata");
    if (uid !== undefined && uid !== previous?.uid) {
      throw invalidObject(type, target.name, [invalid("metadata.uid", uid, "field is immutable")]);
    }
    const { object, managers } = this.#fields.apply(request, { type, configuration, previous });
    // Other writes drop a `null` where none may be; one that applying leaves is refused, as on kube-apiserver.
    const emptied = type.custom ? validateSchema(object, type.schema) : [];
    const nulls = emptied.filter(({ reason }) => reason === "FieldValueTypeInvalid");
    if (nulls.length > 0) throw invalidObject(type, target.name, nulls);
    const { body, warnings } = decodeObject(type, {
      value: object,
      validation: parseFieldValidation(request.query.get("fieldValidation"), optionsKind(request)),
    });
    setEntries(body, managers);
    if (previous === undefined) {
      delete (body.metadata as JsonMap).resourceVersion;
      const created = this.#deps.writer.create(type, { body, target });
      return jsonAnswer(presenter.one(created), { code: 201, warnings });
    }
    const changed = this.#deps.writer.update(type, { body, target, previous, status });
    return jsonAnswer(presenter.one(changed), { warnings });
  }

  #delete(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "delete");
    const object = this.#find(type, request.target);
    const deletion = deleteOptions(request);
    const { object: last, gone } = this.#deps.writer.delete(type, { object, deletion, dryRun: isDryRun(request) });
    if (!gone) this.#removeAfterGrace(type, { object: last, seconds: deletion.gracePeriodSeconds ?? 0 });
    if (!gone || type.returnsDeleted) return jsonAnswer(this.#presenter(type, request).one(last));
    return jsonAnswer({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: {
        name: object.name,
        ...(type.group === "" ? {} : { group: type.group }),
        kind: type.plural,
        uid: object.uid,
      },
    });
  }

  /** Nobody stops containers here: a Pod that was given time to end is taken away when the time is over. */
  #removeAfterGrace(type: ResourceType, { object, seconds }: { object: StoredObject; seconds: number }): void {
    if (type.storage !== "/pods" || seconds <= 0) return;
    const { store, writer, schedule } = this.#deps;
    schedule(seconds * 1000, () => {
      const now = store.get(type.storage, object.key);
      if (now?.uid === object.uid) {
        writer.delete(type, { object: now, deletion: { gracePeriodSeconds: 0 }, dryRun: false });
      }
    });
  }

  #deleteCollection(type: ResourceType, request: ObjectRequest): Response {
    requireVerb(type, "deletecollection");
    const { query, target } = request;
    const { objects } = listObjects(this.#deps.store, { type, namespace: target.namespace, query });
    const deletion = deleteOptions(request);
    const gone = objects.map((object) =>
      this.#deps.writer.delete(type, { object, deletion, dryRun: isDryRun(request) }).object
    );
    const metadata = { resourceVersion: String(this.#deps.store.resourceVersion) };
    return jsonAnswer(this.#presenter(type, request).list(gone, metadata));
  }

  /** Gives a Pod its node, once. */
  #bind(type: ResourceType, request: ObjectRequest): Response {
    const binding = parsedBody(request);
    const node = textAt(mapAt(binding, "target"), "name");
    if (node === "") throw badRequest("a Binding names its node in target.name");
    const previous = this.#find(type, request.target);
    const bound = textAt(mapAt(previous.body, "spec"), "nodeName");
    if (bound !== "") {
      throw new StatusError(409, {
        reason: "Conflict",
        message: `pod ${previous.name} is already assigned to node "${bound}"`,
      });
    }
    const body = cloneJson(previous.body);
    (body.spec as JsonMap).nodeName = node;
    this.#deps.writer.update(type, {
      body,
      target: this.#writeTarget(request, previous.name),
      previous,
      status: false,
    });
    return jsonAnswer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, { code: 201 });
  }

  #decode(type: ResourceType, request: ObjectRequest) {
    const contentType = request.contentType;
    if (contentType !== "application/json" && contentType !== "") {
      throw unsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: application/json",
      );
    }
    return decodeObject(type, {
      value: parsedBody(request),
      validation: parseFieldValidation(request.query.get("fieldValidation"), optionsKind(request)),
    });
  }

  #find(type: ResourceType, target: RequestTarget): StoredObject {
    const object = this.#deps.store.get(type.storage, keyOf(target.namespace, target.name));
    if (object === undefined) throw notFound(type, target.name);
    return object;
  }

  #writeTarget(request: ObjectRequest, name: string): WriteTarget {
    return { namespace: request.target.namespace, name, dryRun: isDryRun(request) };
  }

  #presenter(type: ResourceType, { accept, query }: ObjectRequest): Presenter {
    const media = acceptedMedia(accept, ["object", "table", "metadata", "metadataList"]);
    if (media === undefined) {
      throw new StatusError(406, {
        reason: "NotAcceptable",
        message: "only the following media types are accepted: application/json",
      });
    }
    const include = query.get("includeObject") ?? "";
    return new Presenter(type, {
      media,
      include: include === "None" || include === "Object" ? include as IncludeObject : "Metadata",
      wallMs: () => this.#deps.clock.wallMs(),
    });
  }
}

function requireVerb(type: ResourceType, verb: string): void {
  if (!type.verbs.includes(verb)) {
    throw new StatusError(405, {
      reason: "MethodNotAllowed",
      message: `${verb} is not supported on resources of kind "${qualifiedPlural(type)}"`,
      details: { kind: type.plural },
    });
  }
}

function applyPatch(
  current: JsonMap,
  { patch, patchType, type }: { patch: JsonValue; patchType: string; type: ResourceType },
): JsonMap {
  if (patchType === PATCH_TYPES[0]) return applyJsonPatch(current, patch);
  if (!isMap(patch)) throw badRequest("the patch is not a JSON object");
  if (patchType === PATCH_TYPES[1]) return applyMergePatch(current, patch);
  return applyStrategicPatch(current, { patch, schema: fullSchema(type) });
}
