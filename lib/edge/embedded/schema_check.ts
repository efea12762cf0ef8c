/**
 * Checks, completes and trims an object by its structural schema: the three passes that an API server makes over a
 * custom resource (drop unknown fields, fill defaults, validate). CEL rules are evaluated elsewhere (cel_check.ts).
 *
 * An update may leave a value as wrong as it was (ratcheting): rules may become stricter after objects were stored.
 */
import {
  duplicate,
  type FieldError,
  invalid,
  jsonTypeOf,
  notSupported,
  required,
  wrongFormat,
  wrongType,
} from "./field_error.ts";
import { cloneJson, equalJson, isMap, type JsonMap, type JsonValue } from "./json_map.ts";
import type { Schema } from "./schema.ts";

/** No more errors than this are collected per object. */
const ERRORS_MAX = 100;

/** Removes what the schema does not know and returns the paths of what was removed. */
export function pruneUnknown(value: JsonValue, schema: Schema, path = ""): string[] {
  const unknown: string[] = [];
  prune(value, schema, { path, unknown });
  return unknown;
}

function prune(value: JsonValue, schema: Schema, found: { path: string; unknown: string[] }): void {
  const { path, unknown } = found;
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const [index, item] of value.entries()) prune(item, schema.items, { path: `${path}[${index}]`, unknown });
    return;
  }
  if (!isMap(value)) return;
  for (const key of Object.keys(value)) {
    const member = memberSchema(schema, key);
    if (member !== undefined) {
      prune(value[key]!, member, { path: joinPath(path, key), unknown });
    } else if (schema["x-kubernetes-preserve-unknown-fields"] !== true && knowsMembers(schema)) {
      delete value[key];
      unknown.push(joinPath(path, key));
    }
  }
}

/** Fills in defaults. A `null` where none may be counts as not there. */
export function applyDefaults(value: JsonValue, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) { for (const item of value) applyDefaults(item, schema.items); }
    return;
  }
  if (!isMap(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const described = member === null ? memberSchema(schema, key) : undefined;
    if (described !== undefined && described.nullable !== true) delete value[key];
  }
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    if (member.default !== undefined && value[key] === undefined) value[key] = cloneJson(member.default);
  }
  for (const key of Object.keys(value)) {
    const member = memberSchema(schema, key);
    if (member !== undefined) applyDefaults(value[key]!, member);
  }
}

/** Everything in `value` that the schema forbids and that was not as wrong in `previous`. */
export function validateSchema(
  value: JsonValue,
  schema: Schema,
  options: { previous?: JsonValue | undefined } = {},
): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, { path: "", previous: options.previous, errors });
  return errors;
}

interface Findings {
  readonly path: string;
  /** What an update found in this place; `undefined` where nothing corresponds. */
  readonly previous: JsonValue | undefined;
  readonly errors: FieldError[];
}

function check(value: JsonValue, schema: Schema, findings: Findings): void {
  const { previous, errors } = findings;
  if (errors.length >= ERRORS_MAX) return;
  const before = errors.length;
  checkValue(value, schema, findings);
  if (errors.length > before && previous !== undefined && equalJson(value, previous)) errors.length = before;
}

function checkValue(value: JsonValue, schema: Schema, findings: Findings): void {
  const { path, errors } = findings;
  if (value === null && schema.nullable === true) return;
  if (!typeFits(value, schema)) {
    errors.push(
      wrongType(path, value, schema["x-kubernetes-int-or-string"] === true ? "integer,string" : schema.type!),
    );
  }
  // What else is wrong with a value of the wrong type is said as well: no word of an enum, a fraction below a minimum.
  if (schema.enum !== undefined && !schema.enum.some((item) => item === value)) {
    errors.push(notSupported(path, value, schema.enum));
  }
  if (typeof value === "string") checkText(value, schema, findings);
  else if (typeof value === "number") checkNumber(value, schema, findings);
  else if (Array.isArray(value)) checkList(value, schema, findings);
  else if (isMap(value)) checkObject(value, schema, findings);
}

function typeFits(value: JsonValue, schema: Schema): boolean {
  const found = jsonTypeOf(value);
  if (schema["x-kubernetes-int-or-string"] === true) return found === "integer" || found === "string";
  switch (schema.type) {
    case undefined:
      return true;
    case "number":
      return found === "number" || found === "integer";
    default:
      return found === schema.type;
  }
}

function checkText(value: string, schema: Schema, { path, errors }: Findings): void {
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    errors.push({
      path,
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${schema.maxLength} bytes`,
    });
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  }
  if (schema.format === "byte" && !isBase64(value)) {
    errors.push({ path, reason: "FieldValueTypeInvalid", message: "Invalid value: the text is not base64" });
  }
  if (schema.format === "date-time" && !isDateTime(value)) {
    errors.push(wrongFormat(path, value, schema.format));
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  }
}

function isBase64(value: string): boolean {
  return value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

/** RFC 3339, in the spellings that Kubernetes takes. */
function isDateTime(value: string): boolean {
  const form = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}([.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})?$/;
  return form.test(value) && !Number.isNaN(Date.parse(value.slice(0, 10)));
}

function checkNumber(value: number, schema: Schema, { path, errors }: Findings): void {
  const { minimum, maximum } = schema;
  if (minimum !== undefined) {
    const bad = schema.exclusiveMinimum === true ? value <= minimum : value < minimum;
    const words = schema.exclusiveMinimum === true ? "greater than" : "greater than or equal to";
    if (bad) errors.push(invalid(path, value, `${path} in body should be ${words} ${minimum}`));
  }
  if (maximum !== undefined) {
    const bad = schema.exclusiveMaximum === true ? value >= maximum : value > maximum;
    const words = schema.exclusiveMaximum === true ? "less than" : "less than or equal to";
    if (bad) errors.push(invalid(path, value, `${path} in body should be ${words} ${maximum}`));
  }
}

function checkList(value: readonly JsonValue[], schema: Schema, findings: Findings): void {
  const { path, previous, errors } = findings;
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    errors.push({
      path,
      reason: "FieldValueTooMany",
      message: `Too many: ${value.length}: must have at most ${schema.maxItems} items`,
    });
  }
  const { items } = schema;
  if (items === undefined) return;
  for (const [index, item] of value.entries()) {
    check(item, items, { path: `${path}[${index}]`, previous: previousItem(previous, { item, schema }), errors });
  }
}

function checkObject(value: JsonMap, schema: Schema, findings: Findings): void {
  const { path, previous, errors } = findings;
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) errors.push(required(joinPath(path, key)));
  }
  const size = Object.keys(value).length;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    errors.push(invalid(path, size, `${path} in body should have at least ${schema.minProperties} properties`));
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    errors.push(invalid(path, size, `${path} in body should have at most ${schema.maxProperties} properties`));
  }
  for (const [key, member] of Object.entries(value)) {
    const described = memberSchema(schema, key);
    if (described === undefined) continue;
    check(member, described, { path: joinPath(path, key), previous: previousMember(previous, key), errors });
  }
}

/** Items that occur again in lists that are sets or maps, each once. */
export function duplicatesInLists(value: JsonValue, schema: Schema, path = ""): FieldError[] {
  if (isMap(value)) {
    return Object.entries(value).flatMap(([key, member]) => {
      const described = memberSchema(schema, key);
      return described === undefined ? [] : duplicatesInLists(member, described, joinPath(path, key));
    });
  }
  if (!Array.isArray(value)) return [];
  const errors: FieldError[] = [];
  const times = new Map<string, number>();
  if (isUnique(schema)) {
    for (const [index, item] of value.entries()) {
      const identity = identityOf(item, schema);
      const text = JSON.stringify(identity);
      const count = (times.get(text) ?? 0) + 1;
      times.set(text, count);
      if (count === 2) errors.push(duplicate(`${path}[${index}]`, identity));
    }
  }
  const { items } = schema;
  if (items === undefined || items.type === "string") return errors;
  for (const [index, item] of value.entries()) errors.push(...duplicatesInLists(item, items, `${path}[${index}]`));
  return errors;
}

function isUnique(schema: Schema): boolean {
  return schema["x-kubernetes-list-type"] === "map" || schema["x-kubernetes-list-type"] === "set";
}

/** What tells an item of a list from the others. */
function identityOf(item: JsonValue, schema: Schema): JsonValue {
  if (schema["x-kubernetes-list-type"] !== "map" || !isMap(item)) return item;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  return Object.fromEntries(keys.flatMap((key) => item[key] === undefined ? [] : [[key, item[key]]]));
}

/** The value that a member had before an update. */
export function previousMember(previous: JsonValue | undefined, key: string): JsonValue | undefined {
  return isMap(previous) && Object.hasOwn(previous, key) ? previous[key] : undefined;
}

/** The same for an item; only items of a list that is a map can be found again. */
export function previousItem(
  previous: JsonValue | undefined,
  { item, schema }: { item: JsonValue; schema: Schema },
): JsonValue | undefined {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(previous)) return undefined;
  const identity = identityOf(item, schema);
  return previous.find((each) => equalJson(identityOf(each, schema), identity));
}

/** The schema of one member, if the object's schema says anything about it. */
export function memberSchema(schema: Schema, key: string): Schema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** Members of an object without any description (such as the empty `status: {}` of some kinds) are unknown too. */
function knowsMembers(schema: Schema): boolean {
  return schema.type === "object" && schema.additionalProperties === undefined;
}

/** A member's path below another; names are not quoted, as real servers do not. */
export function joinPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
