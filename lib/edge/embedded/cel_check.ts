/**
 * Holds an object against the CEL rules of its schema (`x-kubernetes-validations`), with the texts of an API server.
 *
 * A rule is evaluated on every value that is there and not `null`. What a rule finds wrong with a value that an update
 * leaves as it was is no error (ratcheting), except for rules about the change itself.
 */
import { findCelRule } from "./cel_rules.ts";
import { type FieldError, invalid } from "./field_error.ts";
import { equalJson, isMap, type JsonValue } from "./json_map.ts";
import type { Schema, ValidationRule } from "./schema.ts";
import { joinPath, memberSchema, previousItem, previousMember } from "./schema_check.ts";

interface Place {
  readonly path: string;
  /** What an update found in this place; `undefined` on creation and where nothing corresponds. */
  readonly previous: JsonValue | undefined;
  /** The nearest value above has not changed, or is this one; asked only when a rule fails. */
  readonly isUnchanged: () => boolean;
  readonly errors: FieldError[];
}

/** Everything that the rules find wrong with `value`; rules that are not known throw. */
export function checkCelRules(
  value: JsonValue,
  schema: Schema,
  options: { previous: JsonValue | undefined },
): FieldError[] {
  const errors: FieldError[] = [];
  walk(value, schema, { path: "", previous: options.previous, isUnchanged: () => false, errors });
  return errors;
}

/** True when the schema, or a part of it, has rules. */
export function hasCelRules(schema: Schema): boolean {
  return [...rulesOf(schema)].length > 0;
}

/** Throws for a rule that no function knows, or that uses a part of the rule language that nothing here reads. */
export function requireKnownRules(schema: Schema, kind: string): void {
  for (const { rule, message: _message, ...others } of rulesOf(schema)) {
    if (findCelRule(rule) === undefined) throw new Error(`No function knows the CEL rule of ${kind}: ${rule}`);
    const extra = Object.keys(others);
    if (extra.length > 0) throw new Error(`CEL rules with ${extra.join(", ")} are not supported (${kind}: ${rule})`);
  }
}

function* rulesOf(schema: Schema): Iterable<ValidationRule> {
  yield* schema["x-kubernetes-validations"] ?? [];
  for (const member of Object.values(schema.properties ?? {})) yield* rulesOf(member);
  if (schema.items !== undefined) yield* rulesOf(schema.items);
  if (typeof schema.additionalProperties === "object") yield* rulesOf(schema.additionalProperties);
}

function walk(value: JsonValue, schema: Schema, place: Place): void {
  if (value === null) return;
  const { previous, errors } = place;
  const isUnchanged = previous === undefined ? place.isUnchanged : () => equalJson(value, previous);
  for (const rule of schema["x-kubernetes-validations"] ?? []) evaluate(rule, { value, schema, place, isUnchanged });
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    for (const [index, item] of value.entries()) {
      const path = `${place.path}[${index}]`;
      walk(item, items, { path, previous: previousItem(previous, { item, schema }), isUnchanged, errors });
    }
    return;
  }
  if (!isMap(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const described = memberSchema(schema, key);
    if (described === undefined) continue;
    const path = joinPath(place.path, key);
    walk(member, described, { path, previous: previousMember(previous, key), isUnchanged, errors });
  }
}

function evaluate(
  { rule, message = "" }: ValidationRule,
  { value, schema, place, isUnchanged }: { value: JsonValue; schema: Schema; place: Place; isUnchanged: () => boolean },
): void {
  const { path, previous, errors } = place;
  const known = findCelRule(rule);
  if (known === undefined) throw new Error(`No function knows the CEL rule ${rule}`);
  if (known.isTransition && (previous === undefined || previous === null)) return;
  const outcome = known.evaluate(value, previous ?? null);
  const words = message.trim();
  // The value is shown by its type, as real servers do.
  const type = schema.type ?? "";
  if ("error" in outcome) {
    errors.push(invalid(path, type, `${outcome.error} evaluating rule: ${words === "" ? rule : words}`));
  } else if (!outcome.holds && (known.isTransition || !isUnchanged())) {
    errors.push(invalid(path, type, words === "" ? `failed rule: ${rule}` : words));
  }
}
