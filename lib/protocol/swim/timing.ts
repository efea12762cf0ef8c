/**
 * The numbers of a memberlist cluster. They need not be the same on all nodes, but a node with much longer times finds
 * out later than the others. The two presets are memberlist's (reference §9.5, wire-facts §1.9).
 */
import type { Millis } from "../../base/time.ts";

export interface SwimTiming {
  readonly probeIntervalMs: Millis;
  /** How long the probed node has before others are asked to probe it. */
  readonly probeTimeoutMs: Millis;
  /** How many others. */
  readonly indirectChecks: number;
  /** Whether the node is also asked over a stream then. */
  readonly streamPings: boolean;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly gossipIntervalMs: Millis;
  readonly gossipNodes: number;
  /** How long dead nodes still hear what is said of them, so that they can deny it; then they are forgotten. */
  readonly gossipToTheDeadMs: Millis;
  readonly pushPullIntervalMs: Millis;
  readonly retransmitMult: number;
  /** For one stream from its opening to its end. */
  readonly streamTimeoutMs: Millis;
  /** One more than the worst health score. */
  readonly awarenessMax: number;
  /** What one datagram carries at most, with everything around it. */
  readonly datagramBytesMax: number;
}

export const LAN_TIMING: SwimTiming = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  streamPings: true,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  retransmitMult: 4,
  streamTimeoutMs: 10_000,
  awarenessMax: 8,
  datagramBytesMax: 1400,
};

export const WAN_TIMING: SwimTiming = {
  ...LAN_TIMING,
  probeIntervalMs: 5000,
  probeTimeoutMs: 3000,
  suspicionMult: 6,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  streamTimeoutMs: 30_000,
};

/** How often each rumour is sent in a cluster of `members`. */
export function retransmitLimit(mult: number, members: number): number {
  return mult * Math.ceil(Math.log10(members + 1));
}

const PUSH_PULL_MEMBERS = 32;

/** Whole states are exchanged less often in large clusters, where they are large. */
export function pushPullIntervalMs(intervalMs: Millis, members: number): Millis {
  if (members <= PUSH_PULL_MEMBERS) return intervalMs;
  return (Math.ceil(Math.log2(members) - Math.log2(PUSH_PULL_MEMBERS)) + 1) * intervalMs;
}
