/**
 * One thing wrong with one field, in the form in which API servers report it: path, kind of error, and why. Clients
 * (and `kubectl`) show these texts, and programs read `details.causes`.
 */
import type { JsonValue } from "./json_map.ts";

export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueDuplicate"
  | "FieldValueTypeInvalid"
  | "FieldValueTooMany"
  | "FieldValueTooLong";

export interface FieldError {
  readonly path: string;
  readonly reason: FieldErrorReason;
  /** Everything behind the path, e.g. `Required value`. */
  readonly message: string;
}

/** Longer values are cut in messages. */
const SHOWN_VALUE_LENGTH_MAX = 200;

export function required(path: string, detail = ""): FieldError {
  return {
    path,
    reason: "FieldValueRequired",
    message: detail === "" ? "Required value" : `Required value: ${detail}`,
  };
}

export function invalid(path: string, value: JsonValue, detail: string): FieldError {
  return { path, reason: "FieldValueInvalid", message: `Invalid value: ${showValue(value)}: ${detail}` };
}

/** Wrong JSON type: the value is shown by its type, as real servers do. */
export function wrongType(path: string, value: JsonValue, wanted: string): FieldError {
  const found = jsonTypeOf(value);
  return {
    path,
    reason: "FieldValueTypeInvalid",
    message: `Invalid value: "${found}": ${path} in body must be of type ${wanted}: "${found}"`,
  };
}

/** A text that is not of the form that the schema names, e.g. `date-time`. */
export function wrongFormat(path: string, value: string, format: string): FieldError {
  return {
    path,
    reason: "FieldValueTypeInvalid",
    message: `Invalid value: ${showValue(value)}: ${path} in body must be of type ${format}: ${showValue(value)}`,
  };
}

export function notSupported(path: string, value: JsonValue, supported: readonly JsonValue[]): FieldError {
  const list = supported.map((item) => JSON.stringify(item)).join(", ");
  return {
    path,
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${showValue(value)}: supported values: ${list}`,
  };
}

export function forbidden(path: string, detail: string): FieldError {
  return { path, reason: "FieldValueForbidden", message: `Forbidden: ${detail}` };
}

export function duplicate(path: string, value: JsonValue): FieldError {
  return { path, reason: "FieldValueDuplicate", message: `Duplicate value: ${showValue(value)}` };
}

export function jsonTypeOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return isInt64(value) ? "integer" : "number";
  return typeof value;
}

/** Larger whole numbers are fractions to a server that is written in Go. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 63;
}

function showValue(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN_VALUE_LENGTH_MAX ? text : `${text.slice(0, SHOWN_VALUE_LENGTH_MAX)}…`;
}
