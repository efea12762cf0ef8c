/**
 * `BGPPeer` of `metallb.io/v1beta2` (reference §1.5). That `enableGracefulRestart` may not change takes two objects to
 * see, so it is not said here.
 */
import { z } from "zod";
import { duration, labelSelectorSchema, listOf, metadataSchema, optional, uint32 } from "./common.ts";

const SECOND_NS = 1_000_000_000n;
const CONNECT_TIME_MAX_S = 65535n;

/** Both CEL rules of the CRD; they let `1s1ns` through, which is no whole number of seconds either (reference §13). */
const connectTime = duration.refine(
  (time) => time % SECOND_NS === 0n && time >= SECOND_NS && time <= CONNECT_TIME_MAX_S * SECOND_NS,
  { message: 'must be a whole number of seconds between "1s" and "65535s"' },
);

export const bgpPeerSchema = z.object({
  metadata: metadataSchema,
  spec: optional(z.object({
    myASN: uint32,
    peerASN: optional(uint32),
    localASN: optional(uint32.min(1)),
    dynamicASN: optional(z.enum(["internal", "external"])),
    peerAddress: optional(z.string()),
    interface: optional(z.string()),
    sourceAddress: optional(z.string()),
    peerPort: z.number().int().min(1).max(16384).nullish().transform((port) => port ?? 179),
    holdTime: optional(duration),
    keepaliveTime: optional(duration),
    connectTime: optional(connectTime),
    routerID: optional(z.string()),
    nodeSelectors: listOf(labelSelectorSchema),
    password: optional(z.string()),
    passwordSecret: optional(z.object({ name: optional(z.string()), namespace: optional(z.string()) })),
    bfdProfile: optional(z.string()),
    enableGracefulRestart: optional(z.boolean()),
    ebgpMultiHop: optional(z.boolean()),
    vrf: optional(z.string()),
    disableMP: optional(z.boolean()),
    dualStackAddressFamily: optional(z.boolean()),
  })),
});

export type BgpPeerObject = z.output<typeof bgpPeerSchema>;
