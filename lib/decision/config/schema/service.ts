/** `Service` of `v1`: what allocation and announcement read (reference §5.1, §11.9). */
import { z } from "zod";
import { listOf, metadataSchema, optional, textMap } from "./common.ts";

export const serviceSchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    type: optional(z.string()),
    clusterIP: optional(z.string()),
    clusterIPs: listOf(z.string()),
    ipFamilies: listOf(z.string()),
    ipFamilyPolicy: optional(z.string()),
    loadBalancerClass: optional(z.string()),
    loadBalancerIP: optional(z.string()),
    externalTrafficPolicy: optional(z.string()),
    selector: textMap,
    ports: listOf(z.object({ protocol: optional(z.string()), port: z.number().int() })),
  })),
  status: optional(z.object({
    loadBalancer: optional(z.object({
      ingress: listOf(z.object({ ip: optional(z.string()), hostname: optional(z.string()) })),
    })),
  })),
});

export type ServiceObject = z.output<typeof serviceSchema>;
