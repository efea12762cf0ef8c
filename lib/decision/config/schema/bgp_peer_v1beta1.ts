/**
 * `BGPPeer` of `metallb.io/v1beta1` (reference §1.5): only what its schema asks for. The meaning is read after conversion
 * to v1beta2, so fields are of any kind here unless v1beta1 is stricter about them.
 */
import { z } from "zod";
import { duration, listOf, metadataSchema, optional, textMap, uint32 } from "./common.ts";

export const bgpPeerV1beta1Schema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    myASN: uint32,
    peerASN: uint32,
    peerAddress: z.string(),
    sourceAddress: optional(z.string()),
    peerPort: optional(z.number().int().min(0).max(16384)),
    holdTime: optional(duration),
    keepaliveTime: optional(duration),
    routerID: optional(z.string()),
    nodeSelectors: listOf(z.object({
      matchLabels: textMap,
      matchExpressions: listOf(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).min(1) })),
    })),
    password: optional(z.string()),
    bfdProfile: optional(z.string()),
    ebgpMultiHop: optional(z.boolean()),
  })),
});
