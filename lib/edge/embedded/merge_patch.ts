/** JSON Merge Patch (RFC 7396): members replace members, `null` removes, lists are replaced as a whole. */
import { isMap, type JsonMap, type JsonValue } from "./json_map.ts";

/** Changes `target` and returns it. */
export function applyMergePatch(target: JsonMap, patch: JsonMap): JsonMap {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else target[key] = merged(target[key], value);
  }
  return target;
}

function merged(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isMap(patch)) return patch;
  return applyMergePatch(isMap(target) ? target : {}, patch);
}
