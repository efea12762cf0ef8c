/** `Pod` of `v1`: what finding the other speakers needs. */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const podSchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({ nodeName: optional(z.string()) })),
  status: optional(z.object({
    phase: optional(z.string()),
    podIP: optional(z.string()),
    podIPs: listOf(z.object({ ip: optional(z.string()) })),
  })),
});
