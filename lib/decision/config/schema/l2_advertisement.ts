/** `L2Advertisement` of `metallb.io/v1beta1` (reference §1.3). Its `spec` may be absent: it then means every pool. */
import { z } from "zod";
import { int32, labelSelectorSchema, listOf, metadataSchema, optional } from "./common.ts";

export const l2AdvertisementSchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    ipAddressPools: listOf(z.string()),
    ipAddressPoolSelectors: listOf(labelSelectorSchema),
    nodeSelectors: listOf(labelSelectorSchema),
    interfaces: listOf(z.string()),
    serviceSelectors: listOf(labelSelectorSchema),
    preferredNodeSelectors: listOf(z.object({
      weight: int32.min(1).max(100),
      preference: labelSelectorSchema,
    })),
  })),
});

export type L2AdvertisementObject = z.output<typeof l2AdvertisementSchema>;
