/**
 * `Service` of `v1`: what allocation and announcement read (reference §5.1, §11.9).
 *
 * A cluster has thousands of them, and each is decoded at every change.
 */
import { z } from "zod";
import { rawTextMap, text } from "./common.ts";

export const serviceSchema = z.object({
  metadata: z.object({
    name: z.string().min(1),
    namespace: text,
    uid: text,
    resourceVersion: text,
    creationTimestamp: text,
    labels: rawTextMap,
    annotations: rawTextMap,
  }),
  spec: z.object({
    type: text,
    clusterIP: text,
    clusterIPs: z.array(z.string()).nullish(),
    ipFamilies: z.array(z.string()).nullish(),
    ipFamilyPolicy: text,
    loadBalancerClass: text,
    loadBalancerIP: text,
    externalTrafficPolicy: text,
    selector: rawTextMap,
    ports: z.array(z.object({ protocol: text, port: z.number().int() })).nullish(),
  }).nullish(),
  status: z.object({
    loadBalancer: z.object({
      ingress: z.array(z.object({ ip: text, hostname: text })).nullish(),
    }).nullish(),
  }).nullish(),
});

export type ServiceObject = z.output<typeof serviceSchema>;
