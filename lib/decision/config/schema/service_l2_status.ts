/** `ServiceL2Status` of `metallb.io/v1beta1` (reference §1.8): which node announces a Service on the local network. */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const serviceL2StatusSchema = z.object({
  metadata: metadataSchema,
  status: optional(z.object({
    node: optional(z.string()),
    serviceName: optional(z.string()),
    serviceNamespace: optional(z.string()),
    interfaces: listOf(z.object({ name: optional(z.string()) })),
  })),
});
