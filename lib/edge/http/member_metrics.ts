/**
 * The gossip of the speakers as one of them sees it. MetalLB has no such metrics, so all are Herald's own.
 */
import type { MemberState } from "../../base/member.ts";
import type { MetricFamily } from "./metrics.ts";

export interface MemberCounts {
  /** The other speakers. */
  readonly states: Readonly<Record<MemberState, number>>;
  /** Since start. */
  readonly gossipReceived: number;
  /** Of these, what was not understood: another key, most of the time. */
  readonly gossipRefused: number;
  readonly gossipStreamsFailed: number;
}

export function memberMetrics(read: () => MemberCounts): MetricFamily[] {
  const counter = (name: string, help: string, value: (counts: MemberCounts) => number): MetricFamily => ({
    name: `herald_gossip_${name}_total`,
    type: "counter",
    help,
    read: () => [{ value: value(read()) }],
  });
  return [
    {
      name: "herald_members",
      type: "gauge",
      help: "Other speakers in the gossip by state; dead ones are forgotten after a while",
      labels: ["state"],
      read: () => Object.entries(read().states).map(([state, value]) => ({ labels: { state }, value })),
    },
    counter("received", "Datagrams of the gossip that came in", (c) => c.gossipReceived),
    counter(
      "refused",
      "Datagrams of the gossip that were not understood, e.g. for want of the same key",
      (c) => c.gossipRefused,
    ),
    counter(
      "streams_failed",
      "Connections to other speakers, to join or to compare states, that brought nothing",
      (c) => c.gossipStreamsFailed,
    ),
  ];
}
