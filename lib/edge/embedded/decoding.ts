/**
 * From what a client sent to a body in stored form: is it the kind it should be, does it have unknown fields, do the
 * types fit. Built-in kinds answer 400 to a wrong type, as a typed decoder does; custom ones are validated later (422).
 */
import { type FieldError, notSupported } from "./field_error.ts";
import { isMap, type JsonMap, type JsonValue, mapAt } from "./json_map.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";
import { METADATA_SCHEMA, type Schema } from "./schema.ts";
import { applyDefaults, memberSchema, pruneUnknown, validateSchema } from "./schema_check.ts";
import { badRequest, invalidObject, type StatusError } from "./status_error.ts";

/** `?fieldValidation=`; without it a server warns. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface Decoded {
  /** In stored form: without `apiVersion` and `kind`, defaults filled in. */
  readonly body: JsonMap;
  readonly warnings: readonly string[];
  /** `metadata.managedFields` as it was sent; it is not left in the body. */
  readonly managedFields: JsonValue | undefined;
}

/** Throws the 422 of a bad option. `options` is the kind of the options, e.g. `CreateOptions`. */
export function parseFieldValidation(text: string | null, options: string): FieldValidation {
  if (text === null || text === "") return "Warn";
  if (text === "Strict" || text === "Warn" || text === "Ignore") return text;
  throw badOption(options, notSupported("fieldValidation", text, ["", "Ignore", "Strict", "Warn"]));
}

export function badOption(options: string, error: FieldError): StatusError {
  return invalidObject({ group: "meta.k8s.io", kind: options, plural: "" }, "", [error]);
}

/** The schema with the metadata that every object has. */
export function fullSchema(type: ResourceType): Schema {
  return {
    ...type.schema,
    type: "object",
    properties: {
      ...type.schema.properties,
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: METADATA_SCHEMA,
    },
  };
}

/** Takes `value` apart; the caller gives it away. Throws 400. */
export function decodeObject(type: ResourceType, options: { value: JsonValue; validation: FieldValidation }): Decoded {
  const { value, validation } = options;
  if (!isMap(value)) throw cannotHandle(type, "the body is not a JSON object");
  const wanted = groupVersionOf(type);
  const { apiVersion, kind } = value;
  if (kind !== undefined && kind !== type.kind) {
    const text = typeof kind === "string" ? kind : JSON.stringify(kind);
    throw badRequest(
      `${text} in version "${String(apiVersion ?? "")}" cannot be handled as a ${type.kind}: it is another kind`,
    );
  }
  if (apiVersion !== undefined && apiVersion !== wanted) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`,
    );
  }
  if (value.metadata === undefined || value.metadata === null) value.metadata = {};
  const schema = fullSchema(type);
  const unknown = pruneUnknown(value, schema);
  if (unknown.length > 0 && validation === "Strict") {
    const list = unknown.map((path) => `unknown field "${path}"`).join(", ");
    throw cannotHandle(type, `strict decoding error: ${list}`);
  }
  // The metadata of a custom object is decoded by type as well.
  if (type.custom) dropEmpty(mapAt(value, "metadata"), METADATA_SCHEMA);
  else dropEmpty(value, schema);
  const metadata = value.metadata as JsonMap;
  if (isMap(metadata)) dropEmptyMembers(metadata);
  const checked = type.custom ? { properties: { metadata: METADATA_SCHEMA } } : schema;
  const mistakes = validateSchema(value, checked).filter((error) => error.reason === "FieldValueTypeInvalid");
  if (mistakes.length > 0) throw cannotHandle(type, `${mistakes[0]!.path}: ${mistakes[0]!.message}`);
  if (type.custom) applyDefaults(value, schema);
  const { managedFields } = metadata;
  delete value.apiVersion;
  delete value.kind;
  delete metadata.managedFields;
  delete metadata.selfLink;
  const body = type.conversion === undefined ? value : type.conversion.toStorage(value);
  type.strategy.defaults?.(body);
  const warnings = validation === "Warn" ? unknown.map((path) => `unknown field "${path}"`) : [];
  return { body, warnings, managedFields };
}

/** The object as this version's clients see it, with `kind` and `apiVersion`; the body is not changed. */
export function presentObject(type: ResourceType, body: JsonMap): JsonMap {
  const shown = type.conversion === undefined ? body : type.conversion.fromStorage(body);
  return { kind: type.kind, apiVersion: groupVersionOf(type), ...shown };
}

function cannotHandle(type: ResourceType, why: string) {
  return badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${why}`);
}

/** A typed decoder takes `null` for "not there", and so it does an empty map whose keys users choose. */
function dropEmpty(value: JsonMap, schema: Schema | undefined): void {
  for (const [key, member] of Object.entries(value)) {
    const known = schema === undefined ? undefined : memberSchema(schema, key);
    if (member === null || (isMap(member) && isEmptyMap(member, known))) delete value[key];
    else if (isMap(member)) dropEmpty(member, known);
    else if (Array.isArray(member)) {
      for (const item of member) if (isMap(item)) dropEmpty(item, known?.items);
    }
  }
}

/** Metadata is typed for every kind: what is empty is not there. */
function dropEmptyMembers(metadata: JsonMap): void {
  for (const [key, member] of Object.entries(metadata)) {
    if (typeof member === "object" && Object.keys(member ?? {}).length === 0) delete metadata[key];
  }
}

function isEmptyMap(value: JsonMap, schema: Schema | undefined): boolean {
  return schema?.additionalProperties !== undefined && Object.keys(value).length === 0;
}
