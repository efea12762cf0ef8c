/**
 * Strategic Merge Patch, Kubernetes' own: a merge patch in which the schema says which lists are merged item by item,
 * and by which member items are found.
 *
 * Directives: `$patch: replace|delete|merge` in an object or a list item, `$deleteFromPrimitiveList/x`,
 * `$setElementOrder/x`, `$retainKeys`.
 */
import { equalJson, isMap, type JsonMap, type JsonValue } from "./json_map.ts";
import type { Schema } from "./schema.ts";
import { memberSchema } from "./schema_check.ts";
import { badRequest } from "./status_error.ts";

const DELETE_PREFIX = "$deleteFromPrimitiveList/";
const ORDER_PREFIX = "$setElementOrder/";

/** Changes `target` and returns it. Throws 400 for a directive that makes no sense. */
export function applyStrategicPatch(target: JsonMap, options: { patch: JsonMap; schema: Schema | undefined }): JsonMap {
  const { patch, schema } = options;
  const directive = patch.$patch;
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`unknown $patch directive ${JSON.stringify(directive)}`);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    if (value === null) {
      delete target[key];
      continue;
    }
    const described = schema === undefined ? undefined : memberSchema(schema, key);
    if (isMap(value)) {
      const current = target[key];
      target[key] = applyStrategicPatch(isMap(current) ? current : {}, { patch: value, schema: described });
    } else if (Array.isArray(value)) {
      target[key] = mergeList(target[key], { patch: value, schema: described, key });
    } else {
      target[key] = value;
    }
  }
  applyListDirectives(target, { patch, schema });
  if (Array.isArray(patch.$retainKeys)) {
    for (const key of Object.keys(target)) if (!patch.$retainKeys.includes(key)) delete target[key];
  }
  return target;
}

interface ListPatch {
  readonly patch: readonly JsonValue[];
  readonly schema: Schema | undefined;
  readonly key: string;
}

function mergeList(current: JsonValue | undefined, { patch, schema, key }: ListPatch): JsonValue[] {
  const replaces = patch.some((item) => isMap(item) && item.$patch === "replace");
  const items = patch.filter((item) => !(isMap(item) && item.$patch === "replace"));
  if (replaces || schema?.["x-kubernetes-patch-strategy"] !== "merge" || !Array.isArray(current)) {
    return items.filter((item) => !(isMap(item) && item.$patch === "delete"))
      .map((item) => isMap(item) ? withoutDirectives(item) : item);
  }
  const mergeKey = schema["x-kubernetes-patch-merge-key"];
  const result = [...current];
  for (const item of items) {
    if (mergeKey === undefined) {
      if (!result.some((existing) => equalJson(existing, item))) result.push(item);
      continue;
    }
    if (!isMap(item)) {
      throw badRequest(`${key}: the list is merged by "${mergeKey}", and an item of the patch is no object`);
    }
    const value = item[mergeKey];
    if (value === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    }
    const index = result.findIndex((existing) => isMap(existing) && equalJson(existing[mergeKey], value));
    if (item.$patch === "delete") {
      if (index >= 0) result.splice(index, 1);
    } else if (index < 0) {
      result.push(withoutDirectives(item));
    } else {
      result[index] = applyStrategicPatch(result[index] as JsonMap, { patch: item, schema: schema.items });
    }
  }
  return result;
}

function applyListDirectives(target: JsonMap, { patch, schema }: { patch: JsonMap; schema: Schema | undefined }): void {
  for (const [directive, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue;
    if (directive.startsWith(DELETE_PREFIX)) {
      const key = directive.slice(DELETE_PREFIX.length);
      const current = target[key];
      if (Array.isArray(current)) target[key] = current.filter((item) => !value.some((gone) => equalJson(gone, item)));
    } else if (directive.startsWith(ORDER_PREFIX)) {
      const key = directive.slice(ORDER_PREFIX.length);
      const current = target[key];
      if (!Array.isArray(current)) continue;
      const mergeKey = schema === undefined ? undefined : memberSchema(schema, key)?.["x-kubernetes-patch-merge-key"];
      target[key] = ordered(current, { order: value, mergeKey });
    }
  }
}

/** Items that the order names come in its order; the others keep their place behind the item that they followed. */
function ordered(
  items: readonly JsonValue[],
  { order, mergeKey }: { order: readonly JsonValue[]; mergeKey: string | undefined },
): JsonValue[] {
  const identity = (item: JsonValue): JsonValue | undefined =>
    mergeKey === undefined || !isMap(item) ? item : item[mergeKey];
  const rank = (item: JsonValue): number => order.findIndex((named) => equalJson(identity(named), identity(item)));
  const named = items.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b));
  let next = 0;
  return items.map((item) => rank(item) >= 0 ? named[next++]! : item);
}

/** A copy without `$…` members, as it is stored when there is nothing to merge with. */
function withoutDirectives(value: JsonMap): JsonMap {
  const result: JsonMap = {};
  for (const [key, member] of Object.entries(value)) {
    if (key.startsWith("$") || member === null) continue;
    if (isMap(member)) result[key] = withoutDirectives(member);
    else if (Array.isArray(member)) {
      result[key] = member
        .filter((item) => !(isMap(item) && (item.$patch === "delete" || item.$patch === "replace")))
        .map((item) => isMap(item) ? withoutDirectives(item) : item);
    } else result[key] = member;
  }
  return result;
}
