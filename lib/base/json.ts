/** What JSON can say. `inspect()` answers and everything that crosses a thread are of this shape. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object whose members are read one by one. */
export type JsonObject = { readonly [key: string]: Json };

/** True for a JSON object: neither `null` nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
