/** `IPAddressPool` of `metallb.io/v1beta1` (reference §1.2). */
import { z } from "zod";
import { int32, labelSelectorSchema, listOf, metadataSchema, optional } from "./common.ts";

export const ipAddressPoolSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    addresses: z.array(z.string()),
    autoAssign: optional(z.boolean()),
    avoidBuggyIPs: optional(z.boolean()),
    serviceAllocation: optional(z.object({
      priority: optional(int32),
      namespaces: listOf(z.string()),
      namespaceSelectors: listOf(labelSelectorSchema),
      serviceSelectors: listOf(labelSelectorSchema),
    })),
  }),
});

export type IpAddressPoolObject = z.output<typeof ipAddressPoolSchema>;
