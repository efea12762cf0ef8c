/**
 * Everything that an API server checks about a custom resource besides its metadata, in the same order: the schema,
 * lists that may not repeat themselves, CEL rules. What an update leaves as it was is not held against it.
 */
import { checkCelRules, hasCelRules } from "./cel_check.ts";
import type { FieldError, FieldErrorReason } from "./field_error.ts";
import type { JsonMap } from "./json_map.ts";
import type { ResourceType } from "./resource_type.ts";
import { duplicatesInLists, validateSchema } from "./schema_check.ts";

/** With one of these, CEL could meet a value of a shape that its rules were not compiled for. */
const BLOCKING: ReadonlySet<FieldErrorReason> = new Set<FieldErrorReason>([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

const RULES_NOT_CHECKED: FieldError = {
  path: "<nil>",
  reason: "FieldValueInvalid",
  message: "Invalid value: null: some validation rules were not checked because the object was invalid; " +
    "correct the existing errors to complete validation",
};

/** Adds to `errors`, which holds what is wrong with the metadata. Bodies are in stored form. */
export function validateCustomObject(
  type: ResourceType,
  { body, previous, errors }: { body: JsonMap; previous: JsonMap | undefined; errors: FieldError[] },
): void {
  const { schema, conversion } = type;
  const value = conversion === undefined ? body : conversion.fromStorage(body);
  const old = conversion === undefined || previous === undefined ? previous : conversion.fromStorage(previous);
  errors.push(...validateSchema(value, schema, { previous: old }));
  if (old === undefined || duplicatesInLists(old, schema).length === 0) {
    errors.push(...duplicatesInLists(value, schema));
  }
  if (!errors.some(({ reason }) => BLOCKING.has(reason))) {
    errors.push(...checkCelRules(value, schema, { previous: old }));
  } else if (hasCelRules(schema)) {
    errors.push(RULES_NOT_CHECKED);
  }
}
