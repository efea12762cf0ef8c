/**
 * A set of fields of an object, written as the API stores it (FieldsV1 of `metadata.managedFields`): a tree of steps in
 * which a node without steps, or with the step `.`, is in the set itself.
 *
 * Steps: `f:NAME` a member, `k:{"port":80}` an item of a list by its keys, `v:"a"` an item of a set, `i:0` an index.
 * Because this is the stored form, nothing is decoded or encoded, and results share what did not change. The empty set
 * is `undefined`. It knows no schema and no values: those are in field_walk.ts.
 */

export interface FieldSet {
  readonly [step: string]: FieldSet;
}

export type Fields = FieldSet | undefined;

/** A field with nothing below it. */
export const LEAF: FieldSet = {};

const SELF = ".";

/** A node of the tree; the empty set when it neither is in the set nor has anything below. */
export function fieldNode(member: boolean, children: FieldSet): Fields {
  if (isEmpty(children)) return member ? LEAF : undefined;
  return member ? { [SELF]: LEAF, ...children } : children;
}

/** True when the node itself is in the set, not only something below it. */
export function isMember(node: Fields): boolean {
  return node !== undefined && (node[SELF] !== undefined || isEmpty(node));
}

/** Steps below a node, without the mark of the node itself. */
export function stepsOf(node: Fields): [string, FieldSet][] {
  if (node === undefined) return [];
  const steps = Object.entries(node);
  return node[SELF] === undefined ? steps : steps.filter(([step]) => step !== SELF);
}

/** What is below the node, without itself. */
export function belowOnly(node: Fields): Fields {
  if (node !== undefined && node[SELF] === undefined && !isEmpty(node)) return node;
  return fieldNode(false, Object.fromEntries(stepsOf(node)));
}

export function union(a: Fields, b: Fields): Fields {
  return combined(a, b, (inA, inB) => inA || inB);
}

/** Field by field: what is below a field of `b` stays. */
export function difference(a: Fields, b: Fields): Fields {
  return combined(a, b, (inA, inB) => inA && !inB);
}

export function intersection(a: Fields, b: Fields): Fields {
  return combined(a, b, (inA, inB) => inA && inB);
}

/** Without the fields of `parts` and everything below them. */
export function withoutParts(a: Fields, parts: Fields): Fields {
  if (a === undefined || parts === undefined) return a;
  if (isMember(parts)) return undefined;
  const children: Record<string, FieldSet> = {};
  for (const [step, child] of stepsOf(a)) {
    const kept = withoutParts(child, parts[step]);
    if (kept !== undefined) children[step] = kept;
  }
  return fieldNode(isMember(a), children);
}

type Holds = (inA: boolean, inB: boolean) => boolean;

function combined(a: Fields, b: Fields, holds: Holds): Fields {
  if (a === undefined) return holds(false, true) ? b : undefined;
  if (b === undefined) return holds(true, false) ? a : undefined;
  const children: Record<string, FieldSet> = {};
  for (const [step, child] of stepsOf(a)) {
    const both = combined(child, b[step], holds);
    if (both !== undefined) children[step] = both;
  }
  for (const [step, child] of stepsOf(b)) {
    if (a[step] === undefined && holds(false, true)) children[step] = child;
  }
  return fieldNode(holds(isMember(a), isMember(b)), children);
}

/** A set made of paths of member names: `fieldsAt(["metadata", "name"])`. */
export function fieldsAt(...paths: readonly (readonly string[])[]): Fields {
  return paths.map((path) => path.reduceRight<FieldSet>((below, name) => ({ [`f:${name}`]: below }), LEAF))
    .reduce<Fields>(union, undefined);
}

/** Every field as a path for people, e.g. `.spec.ports[port=80,protocol="TCP"].name`; of a node, it comes first. */
export function pathsOf(set: Fields, prefix = ""): string[] {
  const steps = stepsOf(set).sort(([a], [b]) => compareSteps(a, b));
  return [
    ...steps.filter(([, node]) => isMember(node)).map(([step]) => prefix + stepText(step)),
    ...steps.flatMap(([step, node]) => pathsOf(node, prefix + stepText(step))),
  ];
}

/** A step for people: `.name`, `[port=80]`, `[="a"]`. */
export function stepText(step: string): string {
  const value = step.slice(2);
  if (step.startsWith("f:")) return `.${value}`;
  if (step.startsWith("v:")) return `[=${value}]`;
  if (step.startsWith("i:")) return `[${value}]`;
  const keys = Object.entries(JSON.parse(value) as Record<string, unknown>);
  return `[${keys.map(([name, key]) => `${name}=${JSON.stringify(key)}`).join(",")}]`;
}

const STEP_ORDER = "fkvi";

function compareSteps(a: string, b: string): number {
  return STEP_ORDER.indexOf(a[0]!) - STEP_ORDER.indexOf(b[0]!) || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * True for what a client may store as FieldsV1. Steps are checked because they are taken apart later; the depth is
 * bounded by that of the request.
 */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([step, node]) => isStep(step) && isFieldSet(node));
}

function isStep(step: string): boolean {
  if (step === SELF || step.startsWith("f:")) return true;
  if (step.startsWith("i:")) return /^i:\d{1,9}$/.test(step);
  if (!step.startsWith("k:") && !step.startsWith("v:")) return false;
  try {
    const value: unknown = JSON.parse(step.slice(2));
    return step.startsWith("v:") || (typeof value === "object" && value !== null && !Array.isArray(value));
  } catch {
    return false;
  }
}

function isEmpty(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}
