/**
 * Who owns which field: the entries of `metadata.managedFields`, and what a write makes of them.
 *
 * An ordinary write (`recordUpdate`) takes what it changes from everybody else. Applying, which may be refused, is in
 * apply_patch.ts. The rules are those of kube-apiserver v1.34.2; an object without entries is not tracked until it is
 * applied to for the first time, so objects that the server's own controllers make cost nothing.
 */
import {
  belowOnly,
  difference,
  type Fields,
  fieldsAt,
  type FieldSet,
  isFieldSet,
  union,
  withoutParts,
} from "./field_set.ts";
import { compareFields, type Comparison } from "./field_walk.ts";
import { fullSchema } from "./decoding.ts";
import { isMap, type JsonMap, type JsonValue, listAt, mapAt, textAt } from "./json_map.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";

export interface Manager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Who writes, and where. */
export interface Writer {
  readonly manager: string;
  readonly type: ResourceType;
  readonly subresource: string;
  /** RFC 3339 with whole seconds. */
  readonly time: string;
  /** The kind at another of its versions; nothing if it is not served there any more. */
  atVersion(apiVersion: string): ResourceType | undefined;
}

/** Bodies in stored form; nothing before a creation. */
export interface Change {
  readonly before: JsonMap | undefined;
  readonly after: JsonMap;
}

/** So many managers of ordinary updates are kept apart; the oldest are put together beyond it. */
const UPDATE_MANAGERS_MAX = 10;
const ANCIENT = "ancient-changes";

/** What nobody owns: it is the server's, or it names the object. */
const UNOWNED = fieldsAt(
  ["apiVersion"],
  ["kind"],
  ["metadata"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => ["metadata", name]),
);

/** The entries that a client sent; nothing if there are none or they cannot be read. */
export function checkedManagers(managedFields: JsonValue | undefined): Manager[] | undefined {
  if (!Array.isArray(managedFields) || managedFields.length === 0) return undefined;
  const managers: Manager[] = [];
  for (const entry of managedFields) {
    if (!isMap(entry)) return undefined;
    const { operation, fieldsType, fieldsV1 } = entry;
    if ((operation !== "Apply" && operation !== "Update") || fieldsType !== "FieldsV1" || !isFieldSet(fieldsV1)) {
      return undefined;
    }
    managers.push(managerOf(entry));
  }
  return managers;
}

/** The entries of a stored object: they are our own, or were checked when they came. */
export function storedManagers(body: JsonMap): Manager[] {
  return listAt(mapAt(body, "metadata"), "managedFields").filter(isMap).map(managerOf);
}

function managerOf(entry: JsonMap): Manager {
  return {
    manager: textAt(entry, "manager"),
    operation: entry.operation === "Apply" ? "Apply" : "Update",
    apiVersion: textAt(entry, "apiVersion"),
    subresource: textAt(entry, "subresource"),
    time: textAt(entry, "time") || undefined,
    fields: entry.fieldsV1 as unknown as FieldSet,
  };
}

/** The entries as they are stored, appliers first, then the oldest. */
export function writeManagers(managers: readonly Manager[]): JsonValue[] {
  const order = (manager: Manager) =>
    [manager.operation, manager.time ?? "", manager.manager, manager.apiVersion, manager.subresource].join("\n");
  return managers.toSorted((a, b) => order(a) < order(b) ? -1 : 1).map((manager) => ({
    manager: manager.manager,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: "FieldsV1",
    fieldsV1: manager.fields as JsonMap,
    ...(manager.subresource === "" ? {} : { subresource: manager.subresource }),
  }));
}

/** What writes to the object itself, or to its status, leave alone. */
export function ignoredFields(type: ResourceType, subresource: string): Fields {
  if (subresource === "status") return fieldsAt(["spec"]);
  return type.hasStatus ? fieldsAt(["status"]) : undefined;
}

/** A body as clients of a version see it, without its kind. */
export function bodyAt(type: ResourceType, body: JsonMap): JsonMap {
  return type.conversion === undefined ? body : type.conversion.fromStorage(body);
}

/** What a change did to the fields of each version that somebody owns fields of. */
export class VersionedChange {
  readonly #writer: Writer;
  readonly #change: Change;
  readonly #found = new Map<string, Comparison | undefined>();

  constructor(writer: Writer, change: Change) {
    this.#writer = writer;
    this.#change = change;
  }

  /** Nothing if the version is not served. */
  at(apiVersion: string): Comparison | undefined {
    if (!this.#found.has(apiVersion)) this.#found.set(apiVersion, this.#compare(apiVersion));
    return this.#found.get(apiVersion);
  }

  #compare(apiVersion: string): Comparison | undefined {
    const type = this.#writer.atVersion(apiVersion);
    if (type === undefined) return undefined;
    const { before, after } = this.#change;
    // A custom object begins as nothing, the others as structs whose parts are all there.
    const start = before === undefined ? type.custom ? undefined : {} : bodyAt(type, before);
    const { changed, removed } = compareFields(start, bodyAt(type, after), fullSchema(type));
    // As on kube-apiserver, only the version that is written through knows what it leaves alone.
    const ignored = type === this.#writer.type ? ignoredFields(type, this.#writer.subresource) : undefined;
    return { changed: withoutParts(belowOnly(changed), ignored), removed: withoutParts(removed, ignored) };
  }
}

export function withoutUnowned(fields: Fields): Fields {
  return difference(fields, UNOWNED);
}

/** Everybody without what the change took from them; who has nothing left is gone. */
export function afterLosses(managers: readonly Manager[], change: VersionedChange): Manager[] {
  return managers.flatMap((manager) => {
    const comparison = change.at(manager.apiVersion);
    if (comparison === undefined) return [];
    const fields = difference(difference(manager.fields, comparison.changed), comparison.removed);
    return fields === undefined ? [] : fields === manager.fields ? [manager] : [{ ...manager, fields }];
  });
}

/** The entries after an ordinary write. */
export function recordUpdate(
  managers: readonly Manager[],
  { writer, change }: { writer: Writer; change: Change },
): Manager[] {
  const versions = new VersionedChange(writer, change);
  const others = afterLosses(managers, versions);
  const apiVersion = groupVersionOf(writer.type);
  const taken = withoutUnowned(versions.at(apiVersion)?.changed);
  if (taken === undefined) return others;
  const own: Manager = {
    manager: writer.manager,
    operation: "Update",
    apiVersion,
    subresource: writer.subresource,
    time: writer.time,
    fields: taken,
  };
  const previous = others.find((other) => isSameManager(other, own));
  const rest = others.filter((other) => other !== previous);
  return capped([...rest, { ...own, fields: union(previous?.fields, taken)! }]);
}

/** An applier is the same one at every version. */
export function isSameManager(a: Manager, b: Manager): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource &&
    (a.operation === "Apply" || a.apiVersion === b.apiVersion);
}

/** Puts the oldest updates of each version together while there are too many. */
function capped(managers: Manager[]): Manager[] {
  const updates = managers.filter((manager) => manager.operation === "Update")
    .sort((a, b) => (a.time ?? "") < (b.time ?? "") ? -1 : 1);
  let excess = updates.length - UPDATE_MANAGERS_MAX;
  if (excess <= 0) return managers;
  const buckets = new Map<string, Manager>();
  const gone = new Set<Manager>();
  for (const update of updates) {
    const bucket = buckets.get(update.apiVersion);
    if (excess <= 0) break;
    if (bucket === undefined) {
      buckets.set(update.apiVersion, update);
      continue;
    }
    const fields = union(bucket.fields, update.fields)!;
    buckets.set(update.apiVersion, { ...update, manager: ANCIENT, subresource: "", fields });
    for (const merged of [bucket, update]) gone.add(merged);
    excess--;
  }
  const made = [...buckets.values()].filter((bucket) => bucket.manager === ANCIENT && !managers.includes(bucket));
  return [...managers.filter((manager) => !gone.has(manager)), ...made];
}
