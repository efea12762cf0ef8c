/** `BGPAdvertisement` of `metallb.io/v1beta1` (reference §1.4). Its `spec` may be absent: it then means every pool. */
import { z } from "zod";
import { int32, labelSelectorSchema, listOf, metadataSchema, optional, uint32 } from "./common.ts";

const AGGREGATION_LENGTH_DEFAULT = 32;
const AGGREGATION_LENGTH_V6_DEFAULT = 128;

/** Also MetalLB's words, of its CEL rule. */
const EXCLUSIVE = "serviceSelectors and aggregationLength are mutually exclusive";

export const bgpAdvertisementSchema = z.object({
  metadata: metadataSchema,
  spec: optional(
    z.object({
      aggregationLength: int32.min(1).nullish().transform((length) => length ?? AGGREGATION_LENGTH_DEFAULT),
      aggregationLengthV6: int32.nullish().transform((length) => length ?? AGGREGATION_LENGTH_V6_DEFAULT),
      localPref: optional(uint32),
      communities: listOf(z.string()),
      ipAddressPools: listOf(z.string()),
      ipAddressPoolSelectors: listOf(labelSelectorSchema),
      nodeSelectors: listOf(labelSelectorSchema),
      peers: listOf(z.string()),
      serviceSelectors: listOf(labelSelectorSchema),
    }).superRefine((spec, context) => {
      const aggregates = spec.aggregationLength !== AGGREGATION_LENGTH_DEFAULT ||
        spec.aggregationLengthV6 !== AGGREGATION_LENGTH_V6_DEFAULT;
      if (spec.serviceSelectors.length === 0 || !aggregates) return;
      const message = "cannot have both: serviceSelectors and aggregationLength are mutually exclusive, because an " +
        "aggregate covers Services that the selectors leave out; remove one of the two";
      context.addIssue({ code: "custom", message, params: { metallbText: EXCLUSIVE } });
    }),
  ),
});

export type BgpAdvertisementObject = z.output<typeof bgpAdvertisementSchema>;
