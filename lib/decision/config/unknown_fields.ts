/**
 * Fields that a kind does not have, by its schema: the API server drops them, after `kubectl` has refused the object, so
 * they are typing errors of files (`avoidBuggyIps`). Labels and other maps with free keys are left alone.
 */
import type { z } from "zod";
import { formatPath } from "./decode.ts";
import { quoteName } from "./distinct_texts.ts";
import { isRecord } from "./identity.ts";
import { nearestName } from "./nearest_name.ts";
import type { ProblemList } from "./problem.ts";

/** Enough to tell what is wrong with a file that is wrong everywhere. */
const REPORTED_MAX = 20;

interface Walk {
  readonly problems: ProblemList;
  reported: number;
}

/** Looks at `spec` only: the rest of an object is Kubernetes' own. */
export function warnOfUnknownFields(object: unknown, options: { schema: z.ZodType; problems: ProblemList }): void {
  const root = innermost(options.schema);
  const spec = shapeOf(root)?.["spec"];
  if (spec === undefined || !isRecord(object)) return;
  visit(object["spec"], { schema: spec, path: ["spec"], walk: { problems: options.problems, reported: 0 } });
}

function visit(value: unknown, at: { schema: z.core.$ZodType; path: readonly PropertyKey[]; walk: Walk }): void {
  const { path, walk } = at;
  const schema = innermost(at.schema);
  if (walk.reported >= REPORTED_MAX) return;
  const element = elementOf(schema);
  if (element !== undefined && Array.isArray(value)) {
    // A list of texts has no fields.
    if (shapeOf(innermost(element)) === undefined) return;
    for (const [index, one] of value.entries()) visit(one, { schema: element, path: [...path, index], walk });
  }
  const shape = shapeOf(schema);
  if (shape === undefined || !isRecord(value)) return;
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(shape, key)) visit(value[key], { schema: shape[key]!, path: [...path, key], walk });
    else if (walk.reported++ < REPORTED_MAX) report(walk.problems, { path, key, known: Object.keys(shape) });
  }
}

function report(
  problems: ProblemList,
  { path, key, known }: { path: readonly PropertyKey[]; key: string; known: readonly string[] },
): void {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? "" : `; did you mean ${quoteName(nearest)}?`;
  const message = `there is no field ${quoteName(key)} here, so it has no effect${hint}`;
  problems.warning({ path: formatPath([...path, key]), reason: "unknownField", message });
}

/** Without the wrappers that make a member optional or give it a default. */
function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  for (;;) {
    const { def } = inner._zod as { def: { type: string; in?: z.core.$ZodType; innerType?: z.core.$ZodType } };
    const next = def.type === "pipe" ? def.in : def.innerType;
    if (next === undefined) return inner;
    inner = next;
  }
}

function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const { def } = schema._zod as { def: { type: string; shape?: Record<string, z.core.$ZodType> } };
  return def.type === "object" ? def.shape : undefined;
}

function elementOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const { def } = schema._zod as { def: { type: string; element?: z.core.$ZodType } };
  return def.type === "array" ? def.element : undefined;
}
