/**
 * From an object of unknown shape to a typed one, or to problems with a path and a sentence. Never throws.
 */
import { isRecord } from "../../base/json.ts";
import type { z } from "zod";
import { identityOf } from "./identity.ts";
import { type Problem, type ProblemDetail, ProblemList } from "./problem.ts";

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  /** `problem` is the first of `problems`, which holds at least one. */
  | { readonly ok: false; readonly problem: Problem; readonly problems: readonly Problem[] };

/** `kind` names the object in problems. */
export function decodeObject<T>(object: unknown, options: { schema: z.ZodType<T>; kind: string }): Decoded<T> {
  const list = new ProblemList(identityOf(object, options.kind));
  if (!isRecord(object)) {
    list.error({
      path: "",
      reason: "notAnObject",
      message: `it must be a ${options.kind}, but is ${typeName(object)}`,
    });
    return failed(list);
  }
  const result = options.schema.safeParse(object);
  if (result.success) return { ok: true, value: result.data };
  // What is of the wrong type may fail further checks of the same member: the first one says it.
  const paths = new Set<string>();
  for (const issue of result.error.issues) {
    const detail = describe(issue, object);
    if (!paths.has(detail.path)) list.error(detail);
    paths.add(detail.path);
  }
  return failed(list);
}

function failed<T>(list: ProblemList): Decoded<T> {
  const problems = list.all();
  return { ok: false, problem: problems[0]!, problems };
}

/** `["spec", "addresses", 1]` is `spec.addresses[1]`; members that are no plain words are quoted. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (typeof part === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(part)) {
      text += text === "" ? part : `.${part}`;
    } else text += `[${JSON.stringify(String(part).slice(0, 253))}]`;
  }
  return text;
}

function describe(issue: z.core.$ZodIssue, object: unknown): ProblemDetail {
  const path = formatPath(issue.path);
  const value = valueAt(object, issue.path);
  if (issue.code === "invalid_type" && (value === undefined || value === null)) {
    return { path, reason: "missingField", message: `${path} is required; it must be ${article(issue.expected)}` };
  }
  if (issue.code === "invalid_type") {
    const message = `${path} must be ${article(issue.expected)}, but is ${typeName(value)}${quoteHint(issue, value)}`;
    return { path, reason: "wrongType", message };
  }
  if (issue.code === "invalid_value") {
    const values = issue.values.map((one) => JSON.stringify(one)).join(", ");
    return { path, reason: "invalidValue", message: `${path} must be one of ${values}` };
  }
  if (issue.code === "too_small") {
    const what = issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
    return { path, reason: "invalidValue", message: `${path} ${what}` };
  }
  if (issue.code === "too_big") {
    return { path, reason: "invalidValue", message: `${path} must be at most ${issue.maximum}` };
  }
  if (issue.code === "custom") {
    const metallbText: unknown = issue.params?.["metallbText"];
    return {
      path,
      reason: "invalidValue",
      message: `${path} ${issue.message}`,
      ...(typeof metallbText === "string" ? { metallbText } : {}),
    };
  }
  return { path, reason: "invalidValue", message: `${path} is not valid` };
}

/** YAML takes `1234:30` (in base 60), `yes` and `0644` for something else than text (reader expectations, "traps"). */
function quoteHint(issue: z.core.$ZodIssueInvalidType, value: unknown): string {
  const isWritten = typeof value === "number" || typeof value === "boolean";
  return issue.expected === "string" && isWritten ? "; write it in quotes" : "";
}

function valueAt(object: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = object;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.hasOwn(value, part) ? (value as Record<PropertyKey, unknown>)[part] : undefined;
  }
  return value;
}

const EXPECTED: ReadonlyMap<string, string> = new Map([
  ["array", "a list"],
  ["boolean", "true or false"],
  ["int", "a whole number"],
  ["number", "a number"],
  ["object", "an object"],
  ["record", "an object"],
  ["string", "a string"],
]);

function article(expected: string): string {
  return EXPECTED.get(expected) ?? `of type ${expected}`;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return Number.isInteger(value) ? "a number" : "a number with a fraction";
  return `a ${typeof value}`;
}
