/**
 * The log on its way out: one JSON object per line, filtered by MetalLB's level names (reference §9.1).
 *
 * `ts` is RFC 3339, then `level`, `event` and the event's fields. Lines go to an injected writer.
 */
import type { Log, LogEvent, LogLevel } from "../../base/log.ts";
import { type Clock, formatWallTime } from "../../base/time.ts";

/** What `--log-level` takes. `all` shows traces too. */
export const LOG_FILTERS = ["all", "debug", "info", "warn", "error", "none"] as const;

export type LogFilter = (typeof LOG_FILTERS)[number];

/** What a filter lets pass. */
const PASSED: Readonly<Record<LogFilter, readonly LogLevel[]>> = {
  all: ["trace", "debug", "info", "warn", "error"],
  debug: ["debug", "info", "warn", "error"],
  info: ["info", "warn", "error"],
  warn: ["warn", "error"],
  error: ["error"],
  none: [],
};

export interface LogOutputDeps {
  readonly clock: Clock;
  /** Takes one line with its line feed. */
  readonly write: (line: string) => void;
}

export function logOutput(options: { filter: LogFilter }, deps: LogOutputDeps): Log {
  const passed = new Set(PASSED[options.filter]);
  return (event) => {
    if (passed.has(event.level)) deps.write(formatLogLine(event, deps.clock.wallMs()));
  };
}

/** Time, level and name lead, whatever the event's own order; a field named `ts` does not replace the time. */
function formatLogLine(event: LogEvent, wallMs: number): string {
  const { level, event: name, ts: _ignored, ...fields } = event;
  return `${JSON.stringify({ ts: formatWallTime(wallMs), level, event: name, ...fields })}\n`;
}

/**
 * A writer to a file of this process, e.g. `Deno.stdout`. A log that cannot be written (closed pipe, full disk) is
 * dropped: a load balancer does not stop for its log.
 */
export function lineWriter(file: { writeSync(bytes: Uint8Array): number }): (line: string) => void {
  const encoder = new TextEncoder();
  return (line) => {
    let rest = encoder.encode(line);
    try {
      while (rest.length > 0) {
        const written = file.writeSync(rest);
        if (written <= 0) return;
        rest = rest.subarray(written);
      }
    } catch {
      // There is no other place to report it to.
    }
  };
}
