/**
 * Checks, completes and trims an object by its structural schema: the three passes that an API server makes over a
 * custom resource (drop unknown fields, fill defaults, validate). CEL rules are not evaluated here.
 */
import { duplicate, type FieldError, invalid, jsonTypeOf, notSupported, required, wrongType } from "./field_error.ts";
import { cloneJson, isMap, type JsonMap, type JsonValue } from "./json_map.ts";
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

/** Fills in defaults, also in place of `null` where the field may not be null. */
export function applyDefaults(value: JsonValue, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) { for (const item of value) applyDefaults(item, schema.items); }
    return;
  }
  if (!isMap(value)) return;
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    if (member.default === undefined) continue;
    if (value[key] === undefined || (value[key] === null && member.nullable !== true)) {
      value[key] = cloneJson(member.default);
    }
  }
  for (const key of Object.keys(value)) {
    const member = memberSchema(schema, key);
    if (member !== undefined) applyDefaults(value[key]!, member);
  }
}

/** Everything in `value` that the schema forbids. */
export function validateSchema(value: JsonValue, schema: Schema, path = ""): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, { path, errors });
  return errors;
}

interface Findings {
  readonly path: string;
  readonly errors: FieldError[];
}

function check(value: JsonValue, schema: Schema, findings: Findings): void {
  const { path, errors } = findings;
  if (errors.length >= ERRORS_MAX) return;
  if (value === null && schema.nullable === true) return;
  if (!typeFits(value, schema)) {
    errors.push(
      wrongType(path, value, schema["x-kubernetes-int-or-string"] === true ? "integer,string" : schema.type!),
    );
    return;
  }
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
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  }
}

function isBase64(value: string): boolean {
  return value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
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
  const { path, errors } = findings;
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
  if (schema.items !== undefined) {
    for (const [index, item] of value.entries()) check(item, schema.items, { path: `${path}[${index}]`, errors });
  }
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "map" && listType !== "set") return;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const identity = listType === "map" && isMap(item)
      ? Object.fromEntries(keys.flatMap((key) => item[key] === undefined ? [] : [[key, item[key]]]))
      : item;
    const text = JSON.stringify(identity);
    if (seen.has(text)) errors.push(duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  }
}

function checkObject(value: JsonMap, schema: Schema, findings: Findings): void {
  const { path, errors } = findings;
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
    if (described !== undefined) check(member, described, { path: joinPath(path, key), errors });
  }
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

function joinPath(path: string, key: string): string {
  const step = /^[A-Za-z0-9_$-]+$/.test(key) ? key : `[${key}]`;
  if (path === "") return step;
  return step.startsWith("[") ? `${path}${step}` : `${path}.${step}`;
}
