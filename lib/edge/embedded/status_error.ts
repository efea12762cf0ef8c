/**
 * The answers of an API server that are not the object asked for: `Status` documents with code, reason and details.
 *
 * A `StatusError` is thrown where a request turns out to be impossible and caught in exactly one place, the request
 * handler; it never leaves this folder as an exception.
 */
import type { FieldError } from "./field_error.ts";
import type { JsonMap } from "./json_map.ts";

/** Empty where an API server gives none. */
export type StatusReason =
  | ""
  | "BadRequest"
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "AlreadyExists"
  | "Conflict"
  | "Expired"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "Invalid"
  | "TooManyRequests"
  | "Timeout"
  | "InternalError";

/** The names by which messages speak of a kind. */
export interface NamedKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
}

export class StatusError extends Error {
  override name = "StatusError";
  readonly code: number;
  readonly reason: StatusReason;
  readonly details: JsonMap | undefined;

  constructor(code: number, options: { reason: StatusReason; message: string; details?: JsonMap }) {
    super(options.message);
    this.code = code;
    this.reason = options.reason;
    this.details = options.details;
  }

  /** The document that goes to the client. */
  toStatus(): JsonMap {
    const status: JsonMap = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
    };
    if (this.details !== undefined) status.details = this.details;
    status.code = this.code;
    return status;
  }
}

/** `services` or `ipaddresspools.metallb.io`. */
export function qualifiedPlural(type: NamedKind): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, { reason: "BadRequest", message });
}

export function notFound(type: NamedKind, name: string): StatusError {
  return new StatusError(404, {
    reason: "NotFound",
    message: `${qualifiedPlural(type)} "${name}" not found`,
    details: objectDetails(type, name),
  });
}

export function noSuchPath(): StatusError {
  return new StatusError(404, {
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, {
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });
}

export function alreadyExists(type: NamedKind, name: string): StatusError {
  return new StatusError(409, {
    reason: "AlreadyExists",
    message: `${qualifiedPlural(type)} "${name}" already exists`,
    details: objectDetails(type, name),
  });
}

export function conflict(type: NamedKind, name: string, why?: string): StatusError {
  const what = why ?? "the object has been modified; please apply your changes to the latest version and try again";
  return new StatusError(409, {
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${qualifiedPlural(type)} "${name}": ${what}`,
    details: objectDetails(type, name),
  });
}

export function forbiddenAction(type: NamedKind, name: string, why: string): StatusError {
  return new StatusError(403, {
    reason: "Forbidden",
    message: `${qualifiedPlural(type)} "${name}" is forbidden: ${why}`,
    details: objectDetails(type, name),
  });
}

export function expired(message: string): StatusError {
  return new StatusError(410, { reason: "Expired", message });
}

/** Come back later. */
export function tooManyRequests(message: string): StatusError {
  return new StatusError(429, { reason: "TooManyRequests", message, details: { retryAfterSeconds: 1 } });
}

/** The asked version is ahead of everything this server has: the client talked to another one before. */
export function tooLargeVersion(asked: number, current: number): StatusError {
  return new StatusError(504, {
    reason: "Timeout",
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

export function unsupportedMediaType(message: string): StatusError {
  return new StatusError(415, { reason: "UnsupportedMediaType", message });
}

/** 422 with every field that is wrong. */
export function invalidObject(type: NamedKind, name: string, errors: readonly FieldError[]): StatusError {
  const texts = errors.map((error) => `${error.path}: ${error.message}`);
  const what = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const kind = type.group === "" ? type.kind : `${type.kind}.${type.group}`;
  return new StatusError(422, {
    reason: "Invalid",
    message: `${kind} "${name}" is invalid: ${what}`,
    details: {
      name,
      ...(type.group === "" ? {} : { group: type.group }),
      kind: type.kind,
      causes: errors.map((error) => ({ reason: error.reason, message: error.message, field: error.path })),
    },
  });
}

function objectDetails(type: NamedKind, name: string): JsonMap {
  return { name, ...(type.group === "" ? {} : { group: type.group }), kind: type.plural };
}
