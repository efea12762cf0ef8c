/**
 * Create, change and delete: one pipeline for all kinds. Everything is decided before the store is touched, so that a
 * dry run is the same thing without the last step.
 */
import type { Clock } from "../../base/time.ts";
import { formatWallTime } from "../../base/time.ts";
import { below, type Rng } from "../../base/rng.ts";
import { validateCustomObject } from "./custom_validation.ts";
import { type FieldError, forbidden, invalid } from "./field_error.ts";
import { cloneJson, ensureMap, equalJson, isMap, type JsonMap, listAt, mapAt, textAt } from "./json_map.ts";
import { validateMetadata } from "./names.ts";
import type { ObjectStore } from "./object_store.ts";
import type { ResourceType, WriteContext } from "./resource_type.ts";
import type { ServiceResources } from "./service_resources.ts";
import { alreadyExists, badRequest, conflict, forbiddenAction, invalidObject, notFound } from "./status_error.ts";
import { keyOf, StoredObject } from "./stored_object.ts";

export interface WriteTarget {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
}

export interface DeleteOptions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  /** Seconds; only Pods know what to do with it. */
  readonly gracePeriodSeconds?: number | undefined;
}

const NAMESPACES = "/namespaces";
const PERMANENT_NAMESPACES = ["default", "kube-system"];
/** What the API server appends to generateName. */
const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const GENERATE_TRIES_MAX = 8;

export interface ObjectWriterDeps {
  readonly store: ObjectStore;
  readonly serviceResources: ServiceResources;
  readonly clock: Clock;
  readonly rng: Rng;
}

export class ObjectWriter {
  readonly #deps: ObjectWriterDeps;
  readonly #serviceIpv6: boolean;

  constructor(options: { serviceIpv6: boolean }, deps: ObjectWriterDeps) {
    this.#deps = deps;
    this.#serviceIpv6 = options.serviceIpv6;
  }

  create(type: ResourceType, options: { body: JsonMap; target: WriteTarget }): StoredObject {
    const { body, target } = options;
    const metadata = ensureMap(body, "metadata");
    this.#nameObject(type, { metadata, target });
    const name = textAt(metadata, "name");
    if (textAt(metadata, "resourceVersion") !== "") {
      throw badRequest("resourceVersion should not be set on objects to be created");
    }
    this.#requireNamespace(type, { namespace: target.namespace, name });
    for (const member of ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"]) {
      delete metadata[member];
    }
    const context = this.#context();
    metadata.uid = this.uid();
    metadata.creationTimestamp = context.timestamp;
    if (type.countsGeneration) metadata.generation = 1;
    if (type.hasStatus && !type.keepsStatusOnCreate) delete body.status;
    type.strategy.beforeCreate?.(body, context);
    this.#validate(type, { body, previous: undefined, context });
    if (this.#deps.store.get(type.storage, keyOf(target.namespace, name)) !== undefined) {
      throw alreadyExists(type, name);
    }
    return this.#store(type, { body, dryRun: target.dryRun });
  }

  /** Changes the object, or its status only. `body` is the whole new object, decoded. */
  update(
    type: ResourceType,
    options: { body: JsonMap; target: WriteTarget; previous: StoredObject; status: boolean },
  ): StoredObject {
    const { body, target, previous, status } = options;
    const metadata = ensureMap(body, "metadata");
    this.#requireSameObject(type, { metadata, previous, target });
    const context = this.#context();
    const change = { previous: previous.body, context };
    keepSystemFields(metadata, mapAt(previous.body, "metadata"));
    if (status) {
      if (type.custom) {
        const { managedFields: _, ...kept } = mapAt(previous.body, "metadata");
        body.metadata = cloneJson(kept);
        setOrDelete(body.metadata, "managedFields", metadata.managedFields);
      }
      for (const key of new Set([...Object.keys(body), ...Object.keys(previous.body)])) {
        if (key === "status" || key === "metadata") continue;
        setOrDelete(body, key, previous.body[key]);
      }
      type.strategy.beforeStatus?.(body, change);
    } else {
      if (type.hasStatus) setOrDelete(body, "status", previous.body.status);
      type.strategy.beforeUpdate?.(body, change);
      if (type.countsGeneration && specChanged(body, previous.body)) {
        const generation = mapAt(previous.body, "metadata").generation;
        ensureMap(body, "metadata").generation = (typeof generation === "number" ? generation : 0) + 1;
      }
    }
    this.#validate(type, { body, previous: previous.body, context });
    if (previous.deleting && listAt(mapAt(body, "metadata"), "finalizers").length === 0) {
      return target.dryRun ? previous : this.#deps.store.remove(previous);
    }
    if (equalJson(body, previous.body)) return previous;
    return this.#store(type, { body, dryRun: target.dryRun });
  }

  /** Deletes, or marks as being deleted when finalizers or a grace period say so. */
  delete(
    type: ResourceType,
    options: { object: StoredObject; deletion: DeleteOptions; dryRun: boolean },
  ): { object: StoredObject; gone: boolean } {
    const { object, deletion, dryRun } = options;
    if (deletion.uid !== undefined && deletion.uid !== object.uid) {
      throw conflict(
        type,
        object.name,
        `Precondition failed: UID in precondition: ${deletion.uid}, UID in object meta: ${object.uid}`,
      );
    }
    if (deletion.resourceVersion !== undefined && deletion.resourceVersion !== String(object.resourceVersion)) {
      throw conflict(
        type,
        object.name,
        `Precondition failed: ResourceVersion in precondition: ${deletion.resourceVersion}, ResourceVersion in object meta: ${object.resourceVersion}`,
      );
    }
    if (type.storage === NAMESPACES && PERMANENT_NAMESPACES.includes(object.name)) {
      throw forbiddenAction(type, object.name, "this namespace may not be deleted");
    }
    const finalizers = listAt(mapAt(object.body, "metadata"), "finalizers");
    const graceSeconds = type.storage === "/pods" && textAt(mapAt(object.body, "spec"), "nodeName") !== ""
      ? deletion.gracePeriodSeconds ?? 0
      : 0;
    const isNamespace = type.storage === NAMESPACES;
    if (finalizers.length === 0 && graceSeconds <= 0 && !isNamespace) {
      return { object: dryRun ? object : this.#deps.store.remove(object), gone: true };
    }
    if (object.deleting) return { object, gone: false };
    const body = cloneJson(object.body);
    const metadata = ensureMap(body, "metadata");
    metadata.deletionTimestamp = timestampOf(this.#deps.clock.wallMs() + graceSeconds * 1000);
    metadata.deletionGracePeriodSeconds = graceSeconds;
    if (type.countsGeneration) {
      metadata.generation = (typeof metadata.generation === "number" ? metadata.generation : 0) + 1;
    }
    if (isNamespace) ensureMap(body, "status").phase = "Terminating";
    return { object: this.#store(type, { body, dryRun }), gone: false };
  }

  #store(type: ResourceType, { body, dryRun }: { body: JsonMap; dryRun: boolean }): StoredObject {
    return dryRun
      ? new StoredObject(body, { storage: type.storage, resourceVersion: this.#deps.store.resourceVersion })
      : this.#deps.store.put(type.storage, body);
  }

  #validate(
    type: ResourceType,
    { body, previous, context }: { body: JsonMap; previous: JsonMap | undefined; context: WriteContext },
  ): void {
    const errors: FieldError[] = validateMetadata(type, mapAt(body, "metadata"));
    if (previous !== undefined) errors.push(...addedFinalizers(body, previous));
    if (type.custom) validateCustomObject(type, { body, previous, errors });
    errors.push(...type.strategy.validate?.(body, { previous, context }) ?? []);
    if (errors.length > 0) throw invalidObject(type, textAt(mapAt(body, "metadata"), "name"), errors);
  }

  #nameObject(type: ResourceType, { metadata, target }: { metadata: JsonMap; target: WriteTarget }): void {
    const namespace = textAt(metadata, "namespace");
    if (type.namespaced) {
      if (namespace !== "" && namespace !== target.namespace) throw namespaceMismatch();
      metadata.namespace = target.namespace;
    } else {
      delete metadata.namespace;
    }
    const prefix = textAt(metadata, "generateName");
    if (textAt(metadata, "name") !== "" || prefix === "") return;
    for (let tries = 0; tries < GENERATE_TRIES_MAX; tries++) {
      metadata.name = prefix.slice(0, 58) + this.suffix(5);
      if (this.#deps.store.get(type.storage, keyOf(target.namespace, metadata.name)) === undefined) return;
    }
  }

  /** Random letters as the API server uses them: no vowels, so no words. */
  suffix(length: number): string {
    let result = "";
    for (let i = 0; i < length; i++) result += SUFFIX_LETTERS[below(this.#deps.rng, SUFFIX_LETTERS.length)];
    return result;
  }

  #requireNamespace(type: ResourceType, { namespace, name }: { namespace: string; name: string }): void {
    if (!type.namespaced) return;
    const object = this.#deps.store.get(NAMESPACES, namespace);
    if (object === undefined) throw notFound({ group: "", kind: "Namespace", plural: "namespaces" }, namespace);
    if (object.deleting) {
      throw forbiddenAction(
        type,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #requireSameObject(
    type: ResourceType,
    { metadata, previous, target }: { metadata: JsonMap; previous: StoredObject; target: WriteTarget },
  ): void {
    const name = textAt(metadata, "name");
    if (name === "") metadata.name = target.name;
    else if (name !== target.name) {
      throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
    }
    const namespace = textAt(metadata, "namespace");
    if (type.namespaced) {
      if (namespace === "") metadata.namespace = target.namespace;
      else if (namespace !== target.namespace) throw namespaceMismatch();
    }
    const uid = textAt(metadata, "uid");
    if (uid !== "" && uid !== previous.uid) {
      throw conflict(
        type,
        target.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.uid}`,
      );
    }
    const version = textAt(metadata, "resourceVersion");
    if (version === "" && !type.updatesUnconditionally) {
      throw invalidObject(type, target.name, [
        invalid("metadata.resourceVersion", 0, "must be specified for an update"),
      ]);
    }
    if (version !== "" && version !== "0" && version !== String(previous.resourceVersion)) {
      throw conflict(type, target.name);
    }
  }

  #context(): WriteContext {
    const { store, serviceResources, rng, clock } = this.#deps;
    return {
      timestamp: timestampOf(clock.wallMs()),
      rng,
      serviceIpv6: this.#serviceIpv6,
      objects: (storage) => store.all(storage),
      isHeld: (resource) => serviceResources.has(resource),
    };
  }

  /** Random, of the form of RFC 9562 version 4. */
  uid(): string {
    const words = [0, 1, 2, 3].map(() => this.#deps.rng.u32().toString(16).padStart(8, "0")).join("");
    const variant = "89ab"[Number.parseInt(words[16]!, 16) & 3];
    return `${words.slice(0, 8)}-${words.slice(8, 12)}-4${words.slice(13, 16)}-${variant}${words.slice(17, 20)}-${
      words.slice(20)
    }`;
  }
}

export function timestampOf(wallMs: number): string {
  return formatWallTime(wallMs).replace(/\.\d+Z$/, "Z");
}

function namespaceMismatch() {
  return badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

/** What only the server may change is taken from the object that is there. */
function keepSystemFields(metadata: JsonMap, previous: JsonMap): void {
  const fields = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "generateName",
  ];
  for (const key of fields) setOrDelete(metadata, key, previous[key]);
}

function setOrDelete(target: JsonMap, key: string, value: JsonMap[string] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

/** True when anything but metadata and status differs. */
function specChanged(body: JsonMap, previous: JsonMap): boolean {
  for (const key of new Set([...Object.keys(body), ...Object.keys(previous)])) {
    if (key !== "metadata" && key !== "status" && !equalJson(body[key], previous[key])) return true;
  }
  return false;
}

function addedFinalizers(body: JsonMap, previous: JsonMap): FieldError[] {
  const before = mapAt(previous, "metadata");
  if (before.deletionTimestamp === undefined) return [];
  const had = listAt(before, "finalizers");
  const added = listAt(isMap(body.metadata) ? body.metadata : {}, "finalizers").filter((item) => !had.includes(item));
  if (added.length === 0) return [];
  return [
    forbidden(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
    ),
  ];
}
