/** `ConfigurationState` of `metallb.io/v1beta1` (reference §1.10): whether one component can use the configuration. */
import { z } from "zod";
import { listOf, metadataSchema, optional } from "./common.ts";

/** `Condition` of Kubernetes' `meta/v1`. */
const conditionSchema = z.object({
  type: z.string().max(316).regex(
    /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
  ),
  status: z.enum(["True", "False", "Unknown"]),
  observedGeneration: optional(z.number().int().min(0)),
  lastTransitionTime: z.iso.datetime({ offset: true }),
  reason: z.string().min(1).max(1024).regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/),
  message: z.string().max(32768),
});

export const configurationStateSchema = z.object({
  metadata: metadataSchema,
  status: optional(z.object({
    result: optional(z.enum(["Valid", "Invalid", "Unknown"])),
    errorSummary: optional(z.string()),
    conditions: listOf(conditionSchema).superRefine((conditions, context) => {
      const types = new Set<string>();
      for (const [index, { type }] of conditions.entries()) {
        if (types.has(type)) {
          context.addIssue({ code: "custom", path: [index], message: "has a type that is there already" });
        }
        types.add(type);
      }
    }),
  })),
});
