/**
 * `EndpointSlice` of `discovery.k8s.io/v1`: where a Service can be served (reference §6.4, §11.8).
 *
 * A cluster has one or more for each Service.
 */
import { z } from "zod";
import { rawTextMap, text } from "./common.ts";

const answer = z.boolean().nullish();

export const endpointSliceSchema = z.object({
  metadata: z.object({ name: z.string().min(1), namespace: text, labels: rawTextMap }),
  endpoints: z.array(z.object({
    nodeName: text,
    conditions: z.object({ ready: answer, serving: answer }).nullish(),
  })).nullish(),
});
