/**
 * JSON as the API server handles it: decoded, mutable while a request builds it, and never changed once it is stored.
 *
 * What clients send may have any shape, so every reader here gives a harmless value where the member is missing or of
 * another type; whether the type is right is the business of the schema check.
 */

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonMap;

export interface JsonMap {
  [key: string]: JsonValue;
}

/** Nesting beyond this is refused: serialising is recursive and must not run out of stack. */
const JSON_DEPTH_MAX = 200;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member as an object; an empty one, not attached to the parent, if it is none. */
export function mapAt(parent: JsonValue | undefined, ...path: readonly string[]): JsonMap {
  let value = parent;
  for (const key of path) value = isMap(value) ? value[key] : undefined;
  return isMap(value) ? value : {};
}

/** The member as a list; an empty one if it is none. */
export function listAt(parent: JsonValue | undefined, key: string): JsonValue[] {
  const value = isMap(parent) ? parent[key] : undefined;
  return Array.isArray(value) ? value : [];
}

/** The member as text; empty if it is none. */
export function textAt(parent: JsonValue | undefined, key: string): string {
  const value = isMap(parent) ? parent[key] : undefined;
  return typeof value === "string" ? value : "";
}

/** The texts of a list; other items are left out. */
export function textsAt(parent: JsonValue | undefined, key: string): string[] {
  return listAt(parent, key).filter((item): item is string => typeof item === "string");
}

/** The member as an object that belongs to the parent; made if it is missing or something else. */
export function ensureMap(parent: JsonMap, key: string): JsonMap {
  const value = parent[key];
  if (isMap(value)) return value;
  const made: JsonMap = {};
  parent[key] = made;
  return made;
}

export function cloneJson<T extends JsonValue>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => cloneJson(item)) as T;
  if (!isMap(value)) return value;
  const copy: JsonMap = {};
  for (const [key, member] of Object.entries(value)) copy[key] = cloneJson(member);
  return copy as T;
}

/** Deep equality; the order of members does not count. */
export function equalJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]));
}

/**
 * Parses what came over the wire. `__proto__` members are dropped: assigned by a patch they would change prototypes.
 * The message of a failure is meant for the client.
 */
export function parseJson(text: string): { ok: true; value: JsonValue } | { ok: false; message: string } {
  let value: JsonValue;
  try {
    // An escape may spell the name as well; the reviver is slow, so it only runs where it could matter.
    value = text.includes("__proto__") || text.includes("\\u") ? JSON.parse(text, dropPrototype) : JSON.parse(text);
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : "not JSON" };
  }
  return depthExceeds(value, JSON_DEPTH_MAX)
    ? { ok: false, message: `it is nested deeper than ${JSON_DEPTH_MAX} levels` }
    : { ok: true, value };
}

function dropPrototype(key: string, value: JsonValue): JsonValue | undefined {
  return key === "__proto__" ? undefined : value;
}

function depthExceeds(value: JsonValue, depthMax: number): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true;
    const next: JsonValue[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const member of Array.isArray(item) ? item : Object.values(item)) {
        if (typeof member === "object" && member !== null) next.push(member);
      }
    }
    level = next;
  }
  return false;
}
