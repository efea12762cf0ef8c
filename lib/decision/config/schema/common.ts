/**
 * Parts that several kinds share. `null` means absent, as it does to the API server; unknown members are ignored,
 * because the CRD decides what may be there.
 */
import { z } from "zod";
import { parseGoDuration } from "../go_duration.ts";

/** A member that may be absent or `null`; both decode to `undefined`. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A list that may be absent or `null`; both decode to the empty list. */
export function listOf<T extends z.ZodType>(schema: T) {
  return z.array(schema).nullish().transform((value) => value ?? []);
}

/** A map of text that may be absent or `null`; both decode to the empty map. Members that are `null` are absent too. */
export const textMap = z.record(z.string(), z.string().nullish()).nullish().transform((value) => {
  const texts = Object.entries(value ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
});

/**
 * For kinds of which a cluster has thousands: nothing is transformed, because zod makes a pipe and a copy of every
 * transform. `null` stays `null`, and the views apply the defaults.
 */
export const text = z.string().nullish();
export const rawTextMap = z.record(z.string(), text).nullish();

/** The entries of a {@linkcode rawTextMap}; members that are `null` are absent. */
export function textsOf(map: z.output<typeof rawTextMap>): Readonly<Record<string, string>> {
  const entries = Object.entries(map ?? {});
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return texts.length === entries.length ? (map ?? {}) as Readonly<Record<string, string>> : Object.fromEntries(texts);
}

export const metadataSchema = z.object({
  name: z.string().min(1),
  namespace: optional(z.string()),
  uid: optional(z.string()),
  resourceVersion: optional(z.string()),
  creationTimestamp: optional(z.string()),
  deletionTimestamp: optional(z.string()),
  labels: textMap,
  annotations: textMap,
});

/** A whole number that fits Go's int32. */
export const int32 = z.number().int().min(-2147483648).max(2147483647);

/** A whole number that fits Go's uint32; the CRDs do not always say so, but nothing else can be decoded (reference §13). */
export const uint32 = z.number().int().min(0).max(4294967295);

/** A Go duration, as nanoseconds. */
export const duration = z.string().transform((text, context) => {
  const nanoseconds = parseGoDuration(text);
  if (nanoseconds !== undefined) return nanoseconds;
  const message = `must be a duration such as "90s" or "1m30s", but is ${JSON.stringify(text.slice(0, 63))}`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

export const labelSelectorSchema = z.object({
  matchLabels: textMap,
  matchExpressions: listOf(z.object({
    key: z.string(),
    operator: z.string(),
    values: listOf(z.string()),
  })),
});

export type LabelSelectorObject = z.output<typeof labelSelectorSchema>;
