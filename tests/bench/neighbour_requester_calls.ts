/** Calls of the Workers that ask for neighbours: types only. */
import type { Ipv4, Ipv6 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";

/** An IPv4 address is asked for by ARP, an IPv6 address by neighbour discovery. */
export interface Target {
  readonly ip: Ipv4 | Ipv6;
  readonly mac: Mac;
}

/** An answer to one of the questions. */
export interface Answer {
  /** Which of the questions, counted from 0. */
  readonly question: number;
  /** Wall time. */
  readonly atMs: number;
  readonly mac: Mac;
}

export type NeighbourRequesterCalls = {
  open: { args: { namespacePath: string; interface: string; ipv4: Ipv4; ipv6: Ipv6 }; result: null };
  /** One request after the other, `paceMs` apart. */
  ask: {
    args: { target: Target; count: number; paceMs: number };
    result: { readonly roundTripsUs: Float64Array; readonly lost: number };
  };
  /**
   * A broadcast request by ARP every `intervalMs`, whether the one before was answered or not: what was asked when (wall
   * time), and all answers until a second after the last question. At most 65,536 questions.
   */
  follow: {
    args: { ip: Ipv4; durationMs: number; intervalMs: number };
    result: { readonly asked: Float64Array; readonly answers: readonly Answer[] };
  };
  /** Requests for addresses that nobody has, to everybody or to their groups, as evenly as the thread can send them. */
  flood: {
    args: { protocol: "ARP" | "NDP"; perSecond: number; durationMs: number };
    result: { readonly sentPerSecond: number };
  };
};
