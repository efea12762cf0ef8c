/** `ServiceBGPStatus` of `metallb.io/v1beta1` (reference §1.9): to which peers a node announces a Service. */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const serviceBgpStatusSchema = z.object({
  metadata: metadataSchema,
  status: optional(z.object({
    node: optional(z.string()),
    serviceName: optional(z.string()),
    serviceNamespace: optional(z.string()),
    peers: listOf(z.string()),
  })),
});
