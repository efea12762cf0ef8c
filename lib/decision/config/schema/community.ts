/** `Community` of `metallb.io/v1beta1` (reference §1.7): names for BGP communities. */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

export const communitySchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    communities: listOf(z.object({ name: optional(z.string()), value: optional(z.string()) })),
  })),
});

export type CommunityObject = z.output<typeof communitySchema>;
