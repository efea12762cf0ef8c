/**
 * The log port. Every event has a name, owns its level, and carries its facts as fields: nothing is interpolated.
 *
 * Levels: per packet = trace; a state change = info; a human must act = warn; a bug or lost work = error. Never a
 * secret, never packet bytes as text.
 */
import type { Json } from "./json.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface LogEvent {
  readonly level: LogLevel;
  /** camelCase, the same words as MetalLB where it logs the same thing (reference §13: `serviceAnnounced`, …). */
  readonly event: string;
  readonly [field: string]: Json | undefined;
}

export type Log = (event: LogEvent) => void;

/** For tests and benches that do not look at the log. */
export const silentLog: Log = () => {};
