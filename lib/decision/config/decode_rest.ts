/**
 * What can be read of an object although some of its members cannot, so that its other mistakes are found in the same
 * pass. The object stays disabled: this is for finding, not for serving.
 */
import { isRecord } from "../../base/json.ts";
import type { z } from "zod";
import { formatPath } from "./decode.ts";

export interface DecodedRest<T> {
  readonly value: T;
  /** Fields of `spec` that were taken out: nothing that is found about them is to be trusted. */
  readonly without: readonly string[];
}

/** `undefined` when even the rest makes no whole. */
export function decodeRest<T>(object: Record<string, unknown>, schema: z.ZodType<T>): DecodedRest<T> | undefined {
  const result = schema.safeParse(object);
  if (result.success) return { value: result.data, without: [] };
  let rest: unknown = object;
  const without = new Set<string>();
  for (const { path } of result.error.issues) {
    // A field goes whole: without one of its parts, the others would mean something else or be counted wrongly.
    const member = path.slice(0, 2);
    if (member.length < 2 || member[0] !== "spec") return undefined;
    const text = formatPath(member);
    if (!without.has(text)) rest = withoutMember(rest, member);
    without.add(text);
  }
  const again = schema.safeParse(rest);
  return again.success ? { value: again.data, without: [...without] } : undefined;
}

/** A copy along the path only; what is not an object on the way is left as it is. */
function withoutMember(value: unknown, path: readonly PropertyKey[]): unknown {
  const [key, ...rest] = path;
  if (!isRecord(value) || typeof key !== "string" || !Object.hasOwn(value, key)) return value;
  const entries = Object.entries(value).filter(([name]) => name !== key || rest.length > 0);
  return Object.fromEntries(entries.map(([name, one]) => [name, name === key ? withoutMember(one, rest) : one]));
}
