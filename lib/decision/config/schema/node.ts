/** `Node` of `v1`: what decides whether a node may announce (reference §4.6, §6.4). */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const nodeSchema = z.object({
  metadata: metadataSchema,
  status: optional(z.object({
    conditions: listOf(z.object({ type: z.string(), status: z.string() })),
    addresses: listOf(z.object({ type: z.string(), address: z.string() })),
  })),
});
