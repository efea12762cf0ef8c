/** A request about objects, and what can be read from its query and body whatever the verb. */
import { badOption } from "./decoding.ts";
import { forbidden, invalid, notSupported, required } from "./field_error.ts";
import { isMap, type JsonValue, mapAt, parseJson, textAt } from "./json_map.ts";
import { numberOf } from "./list_query.ts";
import type { DeleteOptions } from "./object_writer.ts";
import type { RequestTarget } from "./request_target.ts";
import { badRequest } from "./status_error.ts";

/** One request about objects. The body is read already, empty if there is none. */
export interface ObjectRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly query: URLSearchParams;
  readonly accept: string | null;
  readonly userAgent: string;
  /** Media type of the body without parameters, empty if none was given. */
  readonly contentType: string;
  readonly body: string;
}

/** Throws 400 for what is no JSON. */
export function parsedBody(request: ObjectRequest): JsonValue {
  const parsed = parseJson(request.body);
  if (!parsed.ok) throw badRequest(`the request body could not be decoded as JSON: ${parsed.message}`);
  return parsed.value;
}

/** The name under which errors speak of the query. */
export function optionsKind({ method }: ObjectRequest): string {
  if (method === "POST") return "CreateOptions";
  if (method === "PUT") return "UpdateOptions";
  return method === "PATCH" ? "PatchOptions" : "DeleteOptions";
}

/** Throws 422 for anything but `All`. */
export function isDryRun(request: ObjectRequest): boolean {
  const values = request.query.getAll("dryRun").filter((value) => value !== "");
  if (values.some((value) => value !== "All")) {
    throw badOption(optionsKind(request), notSupported("dryRun", values, ["All"]));
  }
  return values.length > 0;
}

/** What only an apply must have, and what no other patch may have. Throws 422. */
export function checkPatchOptions(request: ObjectRequest, { apply }: { apply: boolean }): void {
  if (apply && (request.query.get("fieldManager") ?? "") === "") {
    throw badOption(optionsKind(request), required("fieldManager", "is required for apply patch"));
  }
  if (!apply && request.query.has("force")) {
    throw badOption(optionsKind(request), forbidden("force", "may not be specified for non-apply patch"));
  }
}

export function isForced(request: ObjectRequest): boolean {
  const force = request.query.get("force");
  return force === "true" || force === "1";
}

const MANAGER_LENGTH_MAX = 128;

/** The name under which a write is remembered: the one given, or what the client calls itself. Throws 422. */
export function fieldManagerOf(request: ObjectRequest): string {
  const given = request.query.get("fieldManager") ?? "";
  if (given.length > MANAGER_LENGTH_MAX) {
    const error = {
      path: "fieldManager",
      reason: "FieldValueTooLong",
      message: "Too long: may not be more than 128 bytes",
    } as const;
    throw badOption(optionsKind(request), error);
  }
  if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(given)) {
    throw badOption(optionsKind(request), invalid("fieldManager", given, "should only contain printable characters"));
  }
  const agent = request.userAgent.split("/")[0]!.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "");
  return given || agent.slice(0, MANAGER_LENGTH_MAX) || "unknown";
}

export function deleteOptions(request: ObjectRequest): DeleteOptions {
  const body = request.body.trim() === "" ? {} : parsedBody(request);
  if (!isMap(body)) throw badRequest("DeleteOptions is not a JSON object");
  const preconditions = mapAt(body, "preconditions");
  const queried = request.query.get("gracePeriodSeconds") ?? "";
  const seconds = typeof body.gracePeriodSeconds === "number"
    ? body.gracePeriodSeconds
    : queried === ""
    ? undefined
    : numberOf(request.query, "gracePeriodSeconds");
  return {
    uid: textAt(preconditions, "uid") || undefined,
    resourceVersion: textAt(preconditions, "resourceVersion") || undefined,
    gracePeriodSeconds: seconds,
  };
}
