/**
 * How long a node stays suspected before it is declared dead, after Lifeguard (§IV-B): long at first, shorter with every
 * other node that suspects it too, never shorter than the minimum.
 */
import type { Millis } from "../../base/time.ts";
import type { SwimTiming } from "./timing.ts";

export interface SuspicionTimes {
  readonly minMs: Millis;
  readonly maxMs: Millis;
  /** How many others make it as short as it gets; 0 where there are not enough others. */
  readonly confirmationsMax: number;
}

/** `members` counts everybody that is known, the dead included. */
export function suspicionTimes(timing: SwimTiming, members: number): SuspicionTimes {
  const { suspicionMult, suspicionMaxTimeoutMult, probeIntervalMs } = timing;
  const scale = Math.trunc(Math.max(1, Math.log10(Math.max(1, members))) * 1000);
  const minMs = suspicionMult * scale * probeIntervalMs / 1000;
  const wanted = suspicionMult - 2;
  return {
    minMs,
    maxMs: suspicionMaxTimeoutMult * minMs,
    confirmationsMax: members - 2 < wanted ? 0 : Math.max(0, wanted),
  };
}

export class Suspicion {
  readonly #times: SuspicionTimes;
  readonly #suspecters: Set<string>;
  #startedAt: Millis;
  #confirmations = 0;

  /** `from` suspected first; its own repetitions confirm nothing. */
  constructor(times: SuspicionTimes, start: { readonly from: string; readonly at: Millis }) {
    this.#times = times;
    this.#suspecters = new Set([start.from]);
    this.#startedAt = start.at;
  }

  get confirmations(): number {
    return this.#confirmations;
  }

  /** When the node is to be declared dead. */
  get endsAt(): Millis {
    const { minMs, maxMs, confirmationsMax } = this.#times;
    if (confirmationsMax < 1) return this.#startedAt + minMs;
    if (this.#confirmations === 0) return this.#startedAt + maxMs;
    const share = Math.log(this.#confirmations + 1) / Math.log(confirmationsMax + 1);
    // Floating point must not take the millisecond that Go's, which computes in seconds, keeps.
    return this.#startedAt + Math.max(minMs, Math.floor(1000 * (maxMs / 1000 - share * (maxMs - minMs) / 1000)));
  }

  /** True when this was news. */
  confirm(from: string): boolean {
    if (this.#confirmations >= this.#times.confirmationsMax || this.#suspecters.has(from)) return false;
    this.#suspecters.add(from);
    this.#confirmations++;
    return true;
  }

  /** Time in which nobody could have denied anything to us does not count. */
  postpone(byMs: Millis): void {
    this.#startedAt += byMs;
  }
}
