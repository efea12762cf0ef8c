/**
 * Parts that several kinds share. `null` means absent, as it does to the API server; unknown members are ignored,
 * because the CRD decides what may be there.
 */
import { z } from "zod";

/** A member that may be absent or `null`; both decode to `undefined`. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A list that may be absent or `null`; both decode to the empty list. */
export function listOf<T extends z.ZodType>(schema: T) {
  return z.array(schema).nullish().transform((value) => value ?? []);
}

/** A map of text that may be absent or `null`; both decode to the empty map. */
export const textMap = z.record(z.string(), z.string()).nullish().transform((value) => value ?? {});

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

export const labelSelectorSchema = z.object({
  matchLabels: textMap,
  matchExpressions: listOf(z.object({
    key: z.string(),
    operator: z.string(),
    values: listOf(z.string()),
  })),
});

export type LabelSelectorObject = z.output<typeof labelSelectorSchema>;
