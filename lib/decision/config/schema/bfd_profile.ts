/** `BFDProfile` of `metallb.io/v1beta1` (reference §1.6); intervals in milliseconds. */
import { z } from "zod";
import { int32, metadataSchema, optional } from "./common.ts";

const interval = int32.min(10).max(60000);

export const bfdProfileSchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    receiveInterval: optional(interval),
    transmitInterval: optional(interval),
    detectMultiplier: optional(int32.min(2).max(255)),
    echoInterval: optional(interval),
    echoMode: optional(z.boolean()),
    passiveMode: optional(z.boolean()),
    minimumTtl: optional(int32.min(1).max(254)),
  })),
});

export type BfdProfileObject = z.output<typeof bfdProfileSchema>;
