/** `EndpointSlice` of `discovery.k8s.io/v1`: where a Service can be served (reference §6.4, §11.8). */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const endpointSliceSchema = z.object({
  metadata: metadataSchema,
  endpoints: listOf(z.object({
    nodeName: optional(z.string()),
    conditions: optional(z.object({
      ready: optional(z.boolean()),
      serving: optional(z.boolean()),
    })),
  })),
});
