/**
 * Walks over a value and its schema together, as server-side apply sees them: which fields there are, which changed,
 * what two values make when they are merged, and what is left when fields are taken away.
 *
 * The schema says where fields end: scalars, lists of no type and atomic objects are one field each; other objects go
 * on by their members, sets by their items, keyed lists by the keys of their items. Where there is no schema (members
 * that are kept without being known), objects go on and lists are one field.
 */
import { belowOnly, fieldNode, type Fields, type FieldSet, isMember, LEAF, stepsOf, union } from "./field_set.ts";
import { equalJson, isMap, type JsonMap, type JsonValue } from "./json_map.ts";
import type { Schema } from "./schema.ts";
import { memberSchema } from "./schema_check.ts";

type Known = Schema | undefined;

/** What became of the fields of a value. */
export interface Comparison {
  /** Added, or with another value. */
  readonly changed: Fields;
  readonly removed: Fields;
}

const NOTHING: Comparison = { changed: undefined, removed: undefined };

export type Shape = "leaf" | "map" | "list";

export function shapeOf(value: JsonValue, schema: Known): Shape {
  if (Array.isArray(value)) {
    const type = schema?.["x-kubernetes-list-type"];
    return type === "map" || type === "set" ? "list" : "leaf";
  }
  return isMap(value) && schema?.["x-kubernetes-map-type"] !== "atomic" ? "map" : "leaf";
}

/** True for the members that a schema names, as against keys that users choose. */
function isNamed(schema: Known, key: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
}

export function schemaOf(schema: Known, key: string): Known {
  return schema === undefined ? undefined : memberSchema(schema, key);
}

/** How an item of a set or a keyed list is named; one without any of its keys has its place only. */
export function itemStep(item: JsonValue, { schema, index }: { schema: Known; index: number }): string {
  if (schema?.["x-kubernetes-list-type"] === "set") return `v:${JSON.stringify(item)}`;
  const keys = keysOf(item, schema);
  return keys === undefined ? `i:${index}` : `k:${JSON.stringify(keys)}`;
}

/** The values of the keys in the order of their names: those that are there or have a default. */
export function keysOf(item: JsonValue, schema: Known): JsonMap | undefined {
  const names = [...schema?.["x-kubernetes-list-map-keys"] ?? []].sort();
  const keys: JsonMap = {};
  for (const name of names) {
    const value = (isMap(item) ? item[name] : undefined) ?? schemaOf(schema?.items, name)?.default;
    if (value !== undefined) keys[name] = value;
  }
  return Object.keys(keys).length === 0 ? undefined : keys;
}

/** The fields that an applied configuration lays claim to. A part is claimed by what is in it, or by being empty. */
export function claimedFields(value: JsonValue, schema: Known): Fields {
  return belowOnly(fieldsOf(value, { schema, member: true, parts: false }));
}

/** Every field, the parts that hold them included. */
function allFields(value: JsonValue, schema: Known): FieldSet {
  return fieldsOf(value, { schema, member: true, parts: true })!;
}

function fieldsOf(
  value: JsonValue,
  { schema, member, parts }: { schema: Known; member: boolean; parts: boolean },
): Fields {
  const shape = shapeOf(value, schema);
  if (shape === "leaf") return LEAF;
  const children: Record<string, FieldSet> = {};
  if (shape === "list") {
    for (const [index, item] of (value as JsonValue[]).entries()) {
      children[itemStep(item, { schema, index })] = fieldsOf(item, { schema: schema?.items, member: true, parts })!;
    }
  } else {
    const members = parts ? membersOf(value as JsonMap, schema) : Object.entries(value as JsonMap);
    for (const [key, child] of members) {
      const found = fieldsOf(child, { schema: schemaOf(schema, key), member: parts || !isNamed(schema, key), parts });
      if (found !== undefined) children[`f:${key}`] = found;
    }
    if (members.length === 0) return LEAF;
  }
  return fieldNode(member, children);
}

/** Members that are there, and those that always count as being there: they have a default. */
function membersOf(value: JsonMap, schema: Known): [string, JsonValue][] {
  const members = Object.entries(value);
  for (const key in schema?.properties) {
    const standing = schema.properties[key]!.default;
    if (standing !== undefined && value[key] === undefined) members.push([key, standing]);
  }
  return members;
}

/** What a change from `before` to `after` did. Nothing (`undefined`) is not the same as an empty object. */
export function compareFields(before: JsonValue | undefined, after: JsonValue | undefined, schema: Known): Comparison {
  if (before === undefined) {
    return { changed: after === undefined ? undefined : allFields(after, schema), removed: undefined };
  }
  if (after === undefined) return { changed: undefined, removed: allFields(before, schema) };
  // Most writes change one part of the object.
  if (equalJson(before, after)) return NOTHING;
  const [was, is] = [shapeOf(before, schema), shapeOf(after, schema)];
  // Beside a part with something in it, `null` is an empty part.
  if (before === null && hasContent(after, is)) return compareFields(is === "list" ? [] : {}, after, schema);
  if (after === null && hasContent(before, was)) return compareFields(before, was === "list" ? [] : {}, schema);
  if (was !== is) {
    return {
      changed: is === "leaf" ? LEAF : union(LEAF, allFields(after, schema)),
      removed: was === "leaf" ? undefined : belowOnly(allFields(before, schema)),
    };
  }
  if (is === "leaf") return { changed: LEAF, removed: undefined };
  const old = childrenOf(before, { schema, standing: true });
  const now = childrenOf(after, { schema, standing: true });
  const changed: Record<string, FieldSet> = {};
  const removed: Record<string, FieldSet> = {};
  for (const step of new Set([...old.keys(), ...now.keys()])) {
    const child = now.get(step) ?? old.get(step)!;
    const found = compareFields(old.get(step)?.value, now.get(step)?.value, child.schema);
    if (found.changed !== undefined) changed[step] = found.changed;
    if (found.removed !== undefined) removed[step] = found.removed;
  }
  return { changed: fieldNode(false, changed), removed: fieldNode(false, removed) };
}

function hasContent(value: JsonValue, shape: Shape): boolean {
  return shape !== "leaf" && Object.keys(value as JsonMap).length > 0;
}

interface Child {
  readonly value: JsonValue;
  readonly schema: Known;
}

/** By the steps that lead to them; `standing` also gives the members that have a default and were not written. */
function childrenOf(value: JsonValue, { schema, standing }: { schema: Known; standing: boolean }): Map<string, Child> {
  const children = new Map<string, Child>();
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      children.set(itemStep(item, { schema, index }), { value: item, schema: schema?.items });
    }
  } else {
    for (const [key, member] of standing ? membersOf(value as JsonMap, schema) : Object.entries(value as JsonMap)) {
      children.set(`f:${key}`, { value: member, schema: schemaOf(schema, key) });
    }
  }
  return children;
}

/** `live` with everything that `applied` says. Items of lists keep their order, those of `applied` have its order. */
export function mergeApplied(live: JsonValue | undefined, applied: JsonValue | undefined, schema: Known): JsonValue {
  if (applied === undefined) return live!;
  const shape = shapeOf(applied, schema);
  if (live === undefined || shape === "leaf" || shapeOf(live, schema) !== shape) return applied;
  if (shape === "list") return mergedItems(live as JsonValue[], applied as JsonValue[], schema);
  const result: JsonMap = { ...live as JsonMap };
  for (const [key, value] of Object.entries(applied as JsonMap)) {
    result[key] = mergeApplied(result[key], value, schemaOf(schema, key));
  }
  return result;
}

function mergedItems(live: readonly JsonValue[], applied: readonly JsonValue[], schema: Known): JsonValue[] {
  const stepped = (items: readonly JsonValue[]) =>
    items.map((item, index) => ({ step: itemStep(item, { schema, index }), item }));
  const old = stepped(live);
  const wanted = stepped(applied);
  const oldByStep = new Map(old.map(({ step, item }) => [step, item]));
  const wantedSteps = new Set(wanted.map(({ step }) => step));
  const result: JsonValue[] = [];
  const placed = new Set<string>();
  let next = 0;
  const place = () => {
    const { step, item } = wanted[next++]!;
    placed.add(step);
    result.push(mergeApplied(oldByStep.get(step), item, schema?.items));
  };
  for (const { step, item } of old) {
    if (!wantedSteps.has(step)) {
      result.push(item);
      continue;
    }
    // Of the items in both lists, only the one that the new order has next brings those before it along.
    const shared = wanted.slice(next).find((other) => oldByStep.has(other.step));
    if (placed.has(step) || shared?.step !== step) continue;
    while (!placed.has(step)) place();
  }
  while (next < wanted.length) place();
  return result;
}

/**
 * `value` without the fields of `set`. A part that loses its last field and is not in the set itself becomes `null`, as
 * it does on kube-apiserver: typed kinds take that for "not there", custom ones refuse it.
 */
export function withoutFields(value: JsonValue, { set, schema }: { set: Fields; schema: Known }): JsonValue {
  const shape = shapeOf(value, schema);
  if (set === undefined || shape === "leaf") return value;
  const kept = [...childrenOf(value, { schema, standing: false })].flatMap(([step, child]) => {
    const node = set[step];
    if (isMember(node)) return [];
    return [[step.slice(2), withoutFields(child.value, { set: node, schema: child.schema })] as const];
  });
  if (kept.length === 0) return null;
  return shape === "list" ? kept.map(([, item]) => item) : Object.fromEntries(kept);
}

/** The set with every named part on the way to a field: taking the field away takes an empty part with it. */
export function withNamedParts(set: Fields, schema: Known): Fields {
  const children: Record<string, FieldSet> = {};
  for (const [step, node] of stepsOf(set)) {
    const key = step.slice(2);
    const inList = !step.startsWith("f:");
    const below = withNamedParts(node, inList ? schema?.items : schemaOf(schema, key));
    const member = isMember(node) || (!inList && isNamed(schema, key));
    children[step] = member ? union(LEAF, below)! : below!;
  }
  return fieldNode(isMember(set), children);
}
