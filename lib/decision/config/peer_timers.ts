/**
 * Hold and keepalive times of a peer (reference §2.8, §13): of one alone the other follows, three keepalives to a hold.
 *
 * The hold time goes over the wire in 16 bits of seconds (RFC 4271 §4.2), where MetalLB lets `9999h` through.
 */
import type { ProblemList } from "./problem.ts";

const MILLISECOND_NS = 1_000_000n;
const SECOND_NS = 1_000_000_000n;
const HOLD_MIN_S = 3n;
const HOLD_MAX_S = 65535n;

export interface PeerTimers {
  readonly holdTimeMs: number | undefined;
  readonly keepaliveTimeMs: number | undefined;
}

const UNSET: PeerTimers = { holdTimeMs: undefined, keepaliveTimeMs: undefined };

/** Both in nanoseconds; what is wrong goes to `problems`. */
export function resolvePeerTimers(
  times: { readonly holdTime: bigint | undefined; readonly keepaliveTime: bigint | undefined },
  problems: ProblemList,
): PeerTimers {
  const { holdTime, keepaliveTime } = times;
  if (holdTime === undefined && keepaliveTime === undefined) return UNSET;
  const report = (path: string, message: string): PeerTimers => {
    problems.error({ path, reason: "invalidValue", message });
    return UNSET;
  };
  const range = `"0s" or between "${HOLD_MIN_S}s" and "${HOLD_MAX_S}s"`;
  if (keepaliveTime !== undefined && keepaliveTime < 0n) {
    return report("spec.keepaliveTime", "the time between keepalives must not be negative");
  }
  // Whole seconds: that is all the wire can say.
  const holdS = (holdTime ?? 3n * keepaliveTime!) / SECOND_NS;
  const fits = (holdS === 0n || holdS >= HOLD_MIN_S) && holdS <= HOLD_MAX_S;
  if (holdTime !== undefined && (holdTime < 0n || !fits)) {
    return report("spec.holdTime", `the hold time must be ${range}`);
  }
  if (holdTime === undefined && (!fits || (holdS === 0n && keepaliveTime! > 0n))) {
    return report("spec.keepaliveTime", `three times the keepalive time, which is the hold time, must be ${range}`);
  }
  if (keepaliveTime !== undefined && keepaliveTime > holdS * SECOND_NS) {
    return report("spec.keepaliveTime", "the time between keepalives must not be longer than the hold time");
  }
  if (holdTime !== undefined && holdTime > 0n && holdS === 0n) {
    const message = 'less than a second counts as no hold time at all; write "0s", or a time of at least 3s';
    problems.warning({ path: "spec.holdTime", reason: "invalidValue", message });
  }
  const holdTimeMs = Number(holdS) * 1000;
  const third = Math.floor(holdTimeMs / 3);
  if (keepaliveTime === 0n && holdS > 0n) {
    const message = `without keepalives the peer gives up after ${holdS} s, so one is sent every ${third / 1000} s; ` +
      "leave the field out, or give a time";
    problems.warning({ path: "spec.keepaliveTime", reason: "invalidValue", message });
    return { holdTimeMs, keepaliveTimeMs: third };
  }
  const keepaliveTimeMs = keepaliveTime === undefined ? third : Number(keepaliveTime / MILLISECOND_NS);
  return { holdTimeMs, keepaliveTimeMs };
}
