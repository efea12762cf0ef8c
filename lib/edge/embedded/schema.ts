/**
 * Structural schemas, the part of OpenAPI v3 that CustomResourceDefinitions use, for built-in kinds as well: one
 * description per kind serves type checks, unknown fields, defaults, merge keys of patches, ownership of fields and the
 * OpenAPI documents.
 */
import type { JsonMap, JsonValue } from "./json_map.ts";

/** A rule in the Common Expression Language, as text. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
}

export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly nullable?: boolean;
  readonly default?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
}

/** Reads a schema out of a CustomResourceDefinition; anything that is not an object describes nothing. */
export function schemaFromJson(json: JsonMap): Schema {
  return json as Schema;
}

export const text: Schema = { type: "string" };
export const flag: Schema = { type: "boolean" };
export const whole: Schema = { type: "integer" };
export const intOrText: Schema = { "x-kubernetes-int-or-string": true };
/** Taken as it is. */
export const opaque: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
export const textMap: Schema = { type: "object", additionalProperties: text };
/** Texts in base64. */
export const bytesMap: Schema = { type: "object", additionalProperties: { type: "string", format: "byte" } };
export const texts: Schema = { type: "array", items: text };

/** An object with exactly these members. */
export function record(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties };
}

/** A list that a patch replaces as a whole. */
export function list(items: Schema): Schema {
  return { type: "array", items };
}

/**
 * A list that is merged item by item. A strategic patch finds an item by one member, server-side apply by all its keys.
 */
export function listBy(mergeKey: string, items: Schema, keys: readonly string[] = [mergeKey]): Schema {
  return {
    type: "array",
    items,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys,
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": mergeKey,
  };
}

/** A list of texts that patches add to. */
export const mergedTexts: Schema = {
  type: "array",
  items: text,
  "x-kubernetes-list-type": "set",
  "x-kubernetes-patch-strategy": "merge",
};

/** An object that has one owner as a whole. */
export function atomic(schema: Schema): Schema {
  return { ...schema, "x-kubernetes-map-type": "atomic" };
}

/** A part that is there even if nothing is in it, as Go writes structs. */
export function always(schema: Schema): Schema {
  return { ...schema, default: {} };
}

export const METADATA_SCHEMA: Schema = record({
  name: text,
  generateName: text,
  namespace: text,
  selfLink: text,
  uid: text,
  resourceVersion: text,
  generation: whole,
  creationTimestamp: text,
  deletionTimestamp: text,
  deletionGracePeriodSeconds: whole,
  labels: textMap,
  annotations: textMap,
  ownerReferences: listBy(
    "uid",
    atomic(record({ apiVersion: text, kind: text, name: text, uid: text, controller: flag, blockOwnerDeletion: flag })),
  ),
  finalizers: mergedTexts,
  managedFields: list(opaque),
});
