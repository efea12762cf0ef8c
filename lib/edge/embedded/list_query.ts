/**
 * Lists: which version of the world, which objects, which page.
 *
 * The rules for `resourceVersion` and `resourceVersionMatch` are those of the API's own documentation: unset means the
 * newest, `NotOlderThan` (or a version alone) at least that one, `Exact` that very one or 410.
 */
import type { ObjectStore } from "./object_store.ts";
import { type ObjectFilter, objectFilter } from "./selectors.ts";
import type { JsonMap } from "./json_map.ts";
import type { ResourceType } from "./resource_type.ts";
import { badRequest, expired, invalidObject, tooLargeVersion } from "./status_error.ts";
import { forbidden, invalid } from "./field_error.ts";
import type { StoredObject } from "./stored_object.ts";

export interface ListResult {
  readonly objects: readonly StoredObject[];
  readonly metadata: JsonMap;
}

/** The objects that the query asks for; `namespace` is empty for all. Throws 400, 410, 422 or 504. */
export function listObjects(
  store: ObjectStore,
  options: { type: ResourceType; namespace: string; query: URLSearchParams },
): ListResult {
  const { type, namespace, query } = options;
  const filter = queryFilter(type, { namespace, query });
  const limit = numberOf(query, "limit");
  const token = query.get("continue") ?? "";
  const page = token === "" ? undefined : readToken(token);
  if (page !== undefined && (query.get("resourceVersion") ?? "") !== "") {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  const version = page?.version ?? askedVersion(store, { type, query }) ?? store.resourceVersion;
  const snapshot = store.sortedAt(type.storage, version);
  if (snapshot === undefined) {
    throw expired(
      page === undefined
        ? `The resourceVersion for the provided list is too old: ${version}, the oldest kept is ${store.oldestVersion}`
        : "The provided continue parameter is too old to display a consistent list result; list again without it",
    );
  }
  const rest = snapshot.filter((object) => (page === undefined || object.key > page.after) && filter(object));
  const metadata: JsonMap = { resourceVersion: String(version) };
  if (limit === 0 || rest.length <= limit) return { objects: rest, metadata };
  const objects = rest.slice(0, limit);
  metadata.continue = writeToken({ version, after: objects.at(-1)!.key });
  const selects = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== "";
  if (!selects) metadata.remainingItemCount = rest.length - limit;
  return { objects, metadata };
}

/** Namespace and both selectors. */
export function queryFilter(
  type: ResourceType,
  { namespace, query }: { namespace: string; query: URLSearchParams },
): ObjectFilter {
  const selected = objectFilter(type, {
    labels: query.get("labelSelector") ?? "",
    fields: query.get("fieldSelector") ?? "",
  });
  return namespace === "" ? selected : (object) => object.namespace === namespace && selected(object);
}

/** A non-negative number of the query; 0 if it is not there. */
export function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  if (!/^[0-9]{1,15}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": must be a non-negative number`);
  return Number(text);
}

/** The version that must be served exactly, or `undefined` for the newest. */
function askedVersion(
  store: ObjectStore,
  { type, query }: { type: ResourceType; query: URLSearchParams },
): number | undefined {
  const match = query.get("resourceVersionMatch") ?? "";
  const given = query.get("resourceVersion") ?? "";
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw invalidList(type, invalid("resourceVersionMatch", match, 'supported values: "Exact", "NotOlderThan"'));
  }
  if (match !== "" && given === "") {
    throw invalidList(
      type,
      forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    );
  }
  if (match === "Exact" && given === "0") {
    throw invalidList(
      type,
      forbidden("resourceVersionMatch", 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'),
    );
  }
  const version = numberOf(query, "resourceVersion");
  if (version > store.resourceVersion) throw tooLargeVersion(version, store.resourceVersion);
  return match === "Exact" ? version : undefined;
}

/** What real servers answer to list options that contradict each other. */
export function invalidList(type: ResourceType, error: ReturnType<typeof forbidden>): Error {
  return invalidObject({ group: "meta.k8s.io", kind: "ListOptions", plural: type.plural }, "", [error]);
}

interface PageToken {
  readonly version: number;
  /** Key of the last object of the page before. */
  readonly after: string;
}

function writeToken(token: PageToken): string {
  return new TextEncoder().encode(JSON.stringify({ v: token.version, after: token.after })).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

function readToken(text: string): PageToken {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" })));
    const { v, after } = value as { v: unknown; after: unknown };
    if (typeof v === "number" && typeof after === "string") return { version: v, after };
  } catch {
    // Falls through to the same answer as a token of the wrong shape.
  }
  throw badRequest("continue key is not valid: it was not given by this server");
}
