/**
 * Server-side apply: what an object becomes when a manager says all that it wants of it, and who owns what then.
 *
 * The configuration is merged into the object; what the manager applied before and does not want any more goes, unless
 * somebody else owns it; a value that another manager owns may only be changed by force. Compared with kube-apiserver by
 * recorded requests (tests/contract/apply_requests.ts).
 */
import { conflicts, type FieldConflict } from "./apply_conflict.ts";
import { difference, type Fields, intersection, pathsOf, union, withoutParts } from "./field_set.ts";
import { claimedFields, compareFields, mergeApplied, withNamedParts, withoutFields } from "./field_walk.ts";
import { fullSchema } from "./decoding.ts";
import { equalJson, isMap, type JsonMap, mapAt, parseJson } from "./json_map.ts";
import {
  afterLosses,
  bodyAt,
  type Change,
  ignoredFields,
  isSameManager,
  type Manager,
  recordUpdate,
  VersionedChange,
  withoutUnowned,
  type Writer,
} from "./managed_fields.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";

export interface Application {
  /** Stored form; nothing if the object is to be created. */
  readonly live: JsonMap | undefined;
  readonly managers: readonly Manager[];
  /** What the client sent: its version of the kind, without defaults. */
  readonly configuration: JsonMap;
  readonly writer: Writer;
  readonly force: boolean;
}

export interface Applied {
  /** As clients of the writer's version see it; not decoded, without defaults. It shares parts with `live`. */
  readonly object: JsonMap;
  readonly managers: Manager[];
}

const KUBECTL = "kubectl";
const BEFORE_FIRST_APPLY = "before-first-apply";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** Throws 409 with every field that others own. */
export function applyConfiguration(application: Application): Applied {
  const { live, writer } = application;
  const managers = application.managers.length > 0 || live === undefined ? application.managers : recordUpdate([], {
    writer: { ...writer, manager: BEFORE_FIRST_APPLY },
    change: { before: undefined, after: live },
  });
  const result = attempt({ ...application, managers });
  if (result.conflicts.length > 0 && !application.force) {
    const unexpected = writer.manager === KUBECTL ? beyondLastApplied(result.conflicts, application) : result.conflicts;
    if (unexpected.length > 0) throw conflicts(unexpected);
  }
  if (writer.manager === KUBECTL) refreshLastApplied(result.object, application);
  return result;
}

interface Attempt extends Applied {
  readonly conflicts: readonly FieldConflict[];
}

function attempt({ live, managers, configuration, writer }: Application): Attempt {
  const { type, subresource } = writer;
  const schema = fullSchema(type);
  const start = live === undefined ? {} : bodyAt(type, live);
  const merged = mergeApplied(start, configuration, schema) as JsonMap;
  const claim = withoutParts(claimedFields(configuration, schema), ignoredFields(type, subresource));
  const own: Manager = {
    manager: writer.manager,
    operation: "Apply",
    apiVersion: groupVersionOf(type),
    subresource,
    time: writer.time,
    fields: claim ?? {},
  };
  const previous = managers.find((manager) => isSameManager(manager, own));
  const others = managers.filter((manager) => manager !== previous);
  const owners = claim === undefined ? others : [...others, own];
  const object = previous === undefined ? merged : pruned(merged, { previous, owners, writer });
  const change: Change = { before: live ?? {}, after: type.conversion?.toStorage(object) ?? object };
  const versions = new VersionedChange(writer, change);
  const lost = others.flatMap((manager): FieldConflict[] => {
    const fields = intersection(manager.fields, versions.at(manager.apiVersion)?.changed);
    return pathsOf(fields).map((path) => ({ manager, path }));
  });
  const owned = withoutUnowned(claim);
  const unchanged = equalJson(start, object);
  const entry: Manager | undefined = owned === undefined
    ? undefined
    : { ...own, fields: owned, time: unchanged ? previous?.time : writer.time };
  return {
    object,
    managers: [...afterLosses(others, versions), ...(entry === undefined ? [] : [entry])],
    conflicts: lost,
  };
}

/** Without what the manager applied before and nobody owns now. Done in the version in which it was applied. */
function pruned(
  merged: JsonMap,
  { previous, owners, writer }: { previous: Manager; owners: readonly Manager[]; writer: Writer },
): JsonMap {
  const type = writer.atVersion(previous.apiVersion);
  if (type === undefined) return merged;
  const schema = fullSchema(type);
  const whole = converted(merged, writer.type, type);
  const had = withNamedParts(previous.fields, schema);
  const rest = (withoutFields(whole, { set: had, schema }) ?? {}) as JsonMap;
  const restored = withOwned(whole, { rest, owners, type, writer });
  // What was there before this manager came, such as an item that it only named, stays.
  const missing = difference(
    withNamedParts(claimedFields(whole, schema), schema),
    withNamedParts(claimedFields(restored, schema), schema),
  );
  const result = (withoutFields(whole, { set: intersection(missing, had), schema }) ?? {}) as JsonMap;
  return converted(result, type, writer.type);
}

/** Adds back what somebody owns, looked at in each version in which somebody owns something. */
function withOwned(
  whole: JsonMap,
  { rest, owners, type, writer }: { rest: JsonMap; owners: readonly Manager[]; type: ResourceType; writer: Writer },
): JsonMap {
  const versions = new Set([groupVersionOf(type), ...owners.map((owner) => owner.apiVersion)]);
  let result = rest;
  for (const version of versions) {
    const at = writer.atVersion(version);
    if (at === undefined) continue;
    const schema = fullSchema(at);
    const parts = (fields: Fields) => withNamedParts(fields, schema);
    const all = converted(whole, type, at);
    const owned = owners.filter((owner) => owner.apiVersion === version)
      .reduce<Fields>((sum, owner) => union(sum, owner.fields), undefined);
    const kept = union(parts(claimedFields(converted(result, type, at), schema)), parts(owned));
    const gone = difference(parts(claimedFields(all, schema)), kept);
    result = converted((withoutFields(all, { set: gone, schema }) ?? {}) as JsonMap, at, type);
  }
  return result;
}

function converted(body: JsonMap, from: ResourceType, to: ResourceType): JsonMap {
  if (from === to) return body;
  const stored = from.conversion?.toStorage(body) ?? body;
  return bodyAt(to, stored);
}

/**
 * Somebody who used `kubectl apply` before goes on with `kubectl apply --server-side`: what the annotation of the former
 * says and the object still has is kubectl's own, whoever is written down for it.
 */
function beyondLastApplied(found: readonly FieldConflict[], { live, writer }: Application): readonly FieldConflict[] {
  const body = live === undefined ? {} : bodyAt(writer.type, live);
  const text = mapAt(body, "metadata", "annotations")[LAST_APPLIED];
  const parsed = typeof text === "string" ? parseJson(text) : undefined;
  if (parsed?.ok !== true || !isMap(parsed.value)) return found;
  const schema = fullSchema(writer.type);
  const { changed, removed } = compareFields(parsed.value, body, schema);
  const own = new Set(pathsOf(difference(difference(claimedFields(parsed.value, schema), changed), removed)));
  return found.filter((conflict) => !own.has(conflict.path));
}

/** Keeps the annotation of `kubectl apply` in step, so that its user can go back. */
function refreshLastApplied(object: JsonMap, { configuration, writer: { type } }: Application): void {
  const annotations = mapAt(object, "metadata", "annotations");
  if (annotations[LAST_APPLIED] === undefined) return;
  const metadata = { ...mapAt(configuration, "metadata") };
  const { [LAST_APPLIED]: _, ...kept } = mapAt(metadata, "annotations");
  if (metadata.annotations !== undefined) metadata.annotations = kept;
  const { apiVersion, kind } = { apiVersion: groupVersionOf(type), kind: type.kind };
  annotations[LAST_APPLIED] = `${JSON.stringify(sortedKeys({ ...configuration, apiVersion, kind, metadata }))}\n`;
}

function sortedKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => sortedKeys(item)) as T;
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sortedKeys(v)]),
  ) as T;
}
