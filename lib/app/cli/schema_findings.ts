/**
 * What the API server would say about an object before anybody looks at its meaning: versions, unknown fields, types,
 * bounds and patterns of the schemas in manifests/crds, and of the built-in kinds that Herald reads.
 *
 * An unknown field is an error, as it is for `kubectl apply`, which asks the server for strict validation.
 */
import type { JsonObject } from "../../base/json.ts";
import { nearestName } from "../../decision/config/nearest_name.ts";
import { PROBLEMS_PER_OBJECT_MAX } from "../../decision/config/problem.ts";
import { customResourceTypes } from "../../edge/embedded/custom_resources.ts";
import { checkCelRules } from "../../edge/embedded/cel_check.ts";
import { fullSchema } from "../../edge/embedded/decoding.ts";
import type { FieldError } from "../../edge/embedded/field_error.ts";
import { isMap, type JsonMap } from "../../edge/embedded/json_map.ts";
import { SERVICES } from "../../edge/embedded/kinds/services.ts";
import { validateMetadata } from "../../edge/embedded/names.ts";
import { groupVersionOf, type ResourceType } from "../../edge/embedded/resource_type.ts";
import type { Schema } from "../../edge/embedded/schema.ts";
import { applyDefaults, duplicatesInLists, pruneUnknown, validateSchema } from "../../edge/embedded/schema_check.ts";
import { customResourceDefinitions } from "../crds.ts";
import { parsePath } from "../yaml.ts";
import type { ValidationReason } from "./finding.ts";

export interface SchemaFinding {
  readonly severity: "error" | "warning";
  readonly path: string;
  readonly reason: ValidationReason;
  readonly message: string;
}

const REASONS: Readonly<Record<FieldError["reason"], ValidationReason>> = {
  FieldValueRequired: "missingField",
  FieldValueInvalid: "invalidValue",
  FieldValueNotSupported: "invalidValue",
  FieldValueForbidden: "invalidValue",
  FieldValueDuplicate: "duplicateEntry",
  FieldValueTypeInvalid: "wrongType",
  FieldValueTooMany: "invalidValue",
  FieldValueTooLong: "invalidValue",
};

export const METALLB_GROUP = "metallb.io";

export class SchemaChecker {
  readonly #types: readonly ResourceType[];

  constructor() {
    this.#types = [...customResourceTypes(customResourceDefinitions() as JsonMap[]), SERVICES];
  }

  /** Kinds of `metallb.io`. */
  get metallbKinds(): readonly string[] {
    return [...new Set(this.#types.filter(({ group }) => group === METALLB_GROUP).map(({ kind }) => kind))];
  }

  versionsOf(kind: string): readonly string[] {
    return this.#types.filter((type) => type.kind === kind && type.group === METALLB_GROUP).map(({ version }) =>
      version
    );
  }

  /** `undefined` for a kind or a version that is not known. */
  check(object: JsonObject): SchemaFinding[] | undefined {
    const apiVersion = object["apiVersion"];
    const type = this.#types.find((type) => type.kind === object["kind"] && groupVersionOf(type) === apiVersion);
    if (type === undefined) return undefined;
    const findings: SchemaFinding[] = [];
    // Unlike a copy by assignment it keeps a key named `__proto__`.
    const value = structuredClone(object) as JsonMap;
    const schema = fullSchema(type);
    const unknown = pruneUnknown(value, schema);
    for (const path of unknown.slice(0, PROBLEMS_PER_OBJECT_MAX)) findings.push(unknownField(path, schema));
    if (!isMap(value.metadata)) value.metadata = {};
    applyDefaults(value, schema);
    const errors = [...validateMetadata(type, value.metadata as JsonMap), ...errorsOf(type, { value, schema })];
    for (const { path, reason, message } of errors) {
      findings.push({ severity: "error", path, reason: REASONS[reason], message: lowerFirst(message) });
    }
    const more = unknown.length - PROBLEMS_PER_OBJECT_MAX;
    if (more > 0) {
      const message = `${more} more unknown fields of this object are not listed`;
      findings.push({ severity: "error", path: "", reason: "moreProblems", message });
    }
    return findings;
  }
}

/** CEL rules are not asked about a value of a shape that they were not made for. */
function errorsOf(type: ResourceType, { value, schema }: { value: JsonMap; schema: Schema }): FieldError[] {
  const errors = [...validateSchema(value, schema), ...duplicatesInLists(value, schema)];
  if (type.custom) {
    const fits = errors.every(({ reason }) => reason === "FieldValueInvalid" || reason === "FieldValueDuplicate");
    return fits ? [...errors, ...checkCelRules(value, schema, { previous: undefined })] : errors;
  }
  // A built-in kind drops `null` and knows its bounds by other means than its schema.
  return errors.filter(({ reason, message }) => reason === "FieldValueTypeInvalid" && !message.includes('"null"'));
}

function unknownField(path: string, schema: Schema): SchemaFinding {
  const steps = parsePath(path);
  const name = String(steps.at(-1) ?? path);
  const nearest = nearestName(name, membersAt(schema, steps.slice(0, -1)));
  const hint = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
  const message = `there is no field ${JSON.stringify(name.slice(0, 253))} here${hint}`;
  return { severity: "error", path, reason: "unknownField", message };
}

function membersAt(schema: Schema, steps: readonly (string | number)[]): string[] {
  let at: Schema | undefined = schema;
  for (const step of steps) at = typeof step === "number" ? at?.items : at?.properties?.[step];
  return Object.keys(at?.properties ?? {});
}

/** "Invalid value: …" stands in the middle of a line here. */
function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
