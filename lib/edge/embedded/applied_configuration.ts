/**
 * Reads what a client applies, and says what is wrong with it before anything is merged: a field that the kind does not
 * have would otherwise be owned and never stored. Codes and words are those of kube-apiserver, which answers 500 to a
 * configuration that does not fit the schema.
 */
import { fullSchema } from "./decoding.ts";
import { stepText } from "./field_set.ts";
import { itemStep, keysOf, schemaOf, shapeOf } from "./field_walk.ts";
import { jsonTypeOf } from "./field_error.ts";
import { isMap, type JsonMap, type JsonValue, mapAt, parseJson, textAt } from "./json_map.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";
import type { Schema } from "./schema.ts";
import { badRequest, StatusError } from "./status_error.ts";

/** Without `apiVersion` and `kind`, which are checked. Throws 400 and 500. */
export function appliedConfiguration(text: string, { type, name }: { type: ResourceType; name: string }): JsonMap {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    throw badRequest(`error decoding YAML: ${parsed.message} (of YAML, this server reads the part that is JSON)`);
  }
  if (!isMap(parsed.value)) throw badRequest("error decoding YAML: what is applied is not an object");
  const { apiVersion, kind, ...configuration } = parsed.value;
  if (apiVersion !== groupVersionOf(type) || kind !== type.kind) {
    const version = typeof apiVersion !== "string" ? "/" : apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
    throw badRequest(`invalid object type: ${version}, Kind=${typeof kind === "string" ? kind : ""}`);
  }
  const metadata = mapAt(configuration, "metadata");
  if (metadata.managedFields !== undefined) throw badRequest("metadata.managedFields must be nil");
  const mistakes = mistakesIn(configuration, { schema: fullSchema(type), path: "" });
  if (mistakes.length > 0) {
    const what = mistakes.length === 1 ? mistakes[0] : `errors:\n${mistakes.map((each) => `  ${each}`).join("\n")}`;
    const version = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
    throw new StatusError(500, {
      reason: "",
      message: `failed to create typed patch object (${
        textAt(metadata, "namespace")
      }/${name}; ${version}, Kind=${type.kind}): ${what}`,
    });
  }
  const said = textAt(metadata, "name");
  if (said === "") {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (said !== name) throw badRequest(`the name of the object (${said}) does not match the name on the URL (${name})`);
  return configuration;
}

interface Place {
  readonly schema: Schema | undefined;
  readonly path: string;
}

function mistakesIn(value: JsonValue, place: Place): string[] {
  const { schema, path } = place;
  if (value === null || schema === undefined) return [];
  const expected = expectedType(value, schema);
  if (expected !== undefined) return [`${path}: expected ${expected}, got ${jsonTypeOf(value)}`];
  if (Array.isArray(value)) return [...mistakesInList(value, place), ...mistakesInItems(value, place)];
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const known = schemaOf(schema, key);
    if (known === undefined) return keepsUnknown(schema) ? [] : [`${path}.${key}: field not declared in schema`];
    return mistakesIn(member, { schema: known, path: `${path}.${key}` });
  });
}

function mistakesInItems(value: readonly JsonValue[], { schema, path }: Place): string[] {
  return value.flatMap((item, index) => mistakesIn(item, { schema: schema?.items, path: `${path}[${index}]` }));
}

/** Items of a set or a keyed list must be there once, and have their keys. */
function mistakesInList(value: readonly JsonValue[], { schema, path }: Place): string[] {
  if (shapeOf([...value], schema) !== "list") return [];
  const keyed = schema?.["x-kubernetes-list-type"] === "map";
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    if (keyed && keysOf(item, schema) === undefined) {
      return [`${path}: element ${index}: associative list with keys has an element without any of them`];
    }
    const step = itemStep(item, { schema, index });
    if (seen.has(step)) return [`${path}: duplicate entries for key ${stepText(step)}`];
    seen.add(step);
    return [];
  });
}

/** What should be there instead of the value, if it is of another type. */
function expectedType(value: JsonValue, schema: Schema): string | undefined {
  const found = jsonTypeOf(value);
  if (schema["x-kubernetes-int-or-string"] === true) return undefined;
  switch (schema.type) {
    case "string":
      return found === "string" ? undefined : "string";
    case "boolean":
      return found === "boolean" ? undefined : "boolean";
    case "integer":
    case "number":
      return found === "integer" || found === "number" ? undefined : "numeric (int or float)";
    case "array":
      return found === "array" ? undefined : "list";
    case "object":
      return found === "object" ? undefined : "map";
    default:
      return undefined;
  }
}

function keepsUnknown(schema: Schema): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true || schema.type !== "object" ||
    schema.additionalProperties !== undefined;
}
