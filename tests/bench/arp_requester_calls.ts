/** Calls of the requester's Worker: types only. */
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";

export interface Target {
  readonly ip: Ipv4;
  readonly mac: Mac;
}

/** An answer to one of the questions. */
export interface Answer {
  /** Wall time. */
  readonly atMs: number;
  readonly mac: Mac;
}

export type ArpRequesterCalls = {
  open: { args: { namespacePath: string; interface: string; ip: Ipv4 }; result: null };
  /** One request after the other, `paceMs` apart. */
  ask: {
    args: { target: Target; count: number; paceMs: number };
    result: { readonly roundTripsUs: Float64Array; readonly lost: number };
  };
  /** A broadcast request every `intervalMs`, whether the one before was answered or not: what was asked when, and all answers. */
  follow: {
    args: { ip: Ipv4; durationMs: number; intervalMs: number };
    result: { readonly asked: Float64Array; readonly answers: readonly Answer[] };
  };
};
