/**
 * The contract of everything that lives in time: protocol machines, the converge loop, the election.
 *
 * A machine does no I/O, reads no clock and draws no randomness of its own. Whoever drives it hands in one input with
 * the present time, takes effects until there are none, and only then hands in the next input. Inputs and effects are
 * plain data, so they can be recorded, replayed and simulated.
 */
import type { Json } from "./json.ts";
import type { Millis } from "./time.ts";

/** When a machine wants its next tick, and why: the reason is shown on the status page. */
export interface Deadline {
  readonly at: Millis;
  readonly why: string;
}

/** The input that every machine accepts when its deadline has come. Late or doubled ticks are harmless. */
export interface Tick {
  readonly kind: "tick";
}

export interface Machine<Input, Effect> {
  /** One mutation. Never throws on bad input. May change the answers of `poll`, `deadline` and `inspect`. */
  handle(input: Input | Tick, now: Millis): void;
  /** The next effect, in the order in which effects must be applied; drain to `undefined` before the next `handle`. */
  poll(): Effect | undefined;
  /** When to call `handle({ kind: "tick" }, now)`. Changes only by `handle`. */
  deadline(): Deadline | undefined;
  /** A picture of the state for the status page, the CLI and traces. */
  inspect(): Json;
}

/** The earlier of two deadlines. */
export function earlier(a: Deadline | undefined, b: Deadline | undefined): Deadline | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return b.at < a.at ? b : a;
}
