/** JSON Patch (RFC 6902) on an object of the API, with the answers an API server gives when it does not apply. */
import jsonPatch from "fast-json-patch";
import { isMap, type JsonMap, type JsonValue } from "./json_map.ts";
import { badRequest, StatusError } from "./status_error.ts";

const OPERATIONS_MAX = 10_000;

/** Changes `target` and returns it. Throws 400 for what is no patch, 413 for too long a one, 422 if it does not apply. */
export function applyJsonPatch(target: JsonMap, patch: JsonValue): JsonMap {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > OPERATIONS_MAX) {
    throw new StatusError(413, {
      reason: "RequestEntityTooLarge",
      message: `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${patch.length}`,
    });
  }
  for (const operation of patch) {
    if (!isMap(operation) || typeof operation.op !== "string" || typeof operation.path !== "string") {
      throw badRequest("each operation of a JSON patch has an op and a path");
    }
  }
  let result: unknown;
  try {
    result = jsonPatch.applyPatch(target, patch as never, true, true, true).newDocument;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : "it cannot be applied";
    throw new StatusError(422, {
      reason: "Invalid",
      message: `the server rejected our request due to an error in our request: ${why}`,
      details: {},
    });
  }
  if (!isMap(result)) throw badRequest("the JSON patch leaves something that is not an object");
  return result;
}
