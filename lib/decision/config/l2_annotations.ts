/**
 * What Herald adds to an L2Advertisement: annotations under `herald.dev/`, which MetalLB ignores (DESIGN §7).
 *
 *     herald.dev/failback: never | after=10m | immediate
 *         Whether a node that comes back takes its addresses from the one that announces them now; `immediate` by default.
 *     herald.dev/probe: strict | beside | off
 *         Whether the segment is asked for another holder of the address (RFC 5227, RFC 4862 §5.4) before the first
 *         answer, `beside` it, which is the default, or not at all.
 *     herald.dev/link-probe: 192.0.2.1
 *         An address, or several with commas between, that must answer on an interface before it counts as having a link.
 *
 * A value that cannot be read is a warning, and the advertisement goes on as if the annotation were not there: to fall
 * silent for a misspelt wish would be worse than any of the defaults. Of a list only the part that is wrong is left out.
 */
import { formatIp, type Ip, parseIp } from "../../base/ip.ts";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY } from "../../base/wanted.ts";
import { annotationOf, annotationPath } from "./annotations.ts";
import { compareText } from "./config.ts";
import { parseGoDurationMs } from "./go_duration.ts";
import type { ProblemList } from "./problem.ts";
import type { Labels } from "./service_view.ts";

const L2_FAILBACK = "herald.dev/failback";
const L2_PROBE = "herald.dev/probe";
const L2_LINK_PROBE = "herald.dev/link-probe";

/** As many as a speaker tells the others about. */
export const LINK_PROBES_MAX = 16;

/** A month: who wants it longer wants `never`. */
const AFTER_MAX_MS = 30 * 24 * 3600 * 1000;
const AFTER = "after=";
/** Longer than anything sensible; what is longer is wrong and must not fill the message. */
const TEXT_MAX = 1024;

export function readL2Annotations(annotations: Labels, problems: ProblemList): AddressPolicy {
  const read = (key: string) => annotationOf(annotations, key)?.slice(0, TEXT_MAX).trim();
  const [failback, probe, linkProbe] = [read(L2_FAILBACK), read(L2_PROBE), read(L2_LINK_PROBE)];
  if (failback === undefined && probe === undefined && linkProbe === undefined) return DEFAULT_ADDRESS_POLICY;
  return {
    failback: failback === undefined ? DEFAULT_ADDRESS_POLICY.failback : failbackOf(failback, problems),
    probe: probe === undefined ? DEFAULT_ADDRESS_POLICY.probe : probeOf(probe, problems),
    linkProbes: linkProbe === undefined ? [] : linkProbesOf(linkProbe, problems),
  };
}

function failbackOf(text: string, problems: ProblemList): AddressPolicy["failback"] {
  if (text === "never" || text === "immediate") return text;
  const afterMs = text.startsWith(AFTER) ? parseGoDurationMs(text.slice(AFTER.length)) : undefined;
  if (afterMs === 0) return "immediate";
  if (afterMs !== undefined && afterMs <= AFTER_MAX_MS) return { afterMs };
  const why = afterMs === undefined
    ? 'is neither "never" nor "immediate" nor, for example, "after=10m"'
    : 'is too long; at most "after=720h" is possible, or write "never"';
  warn(problems, {
    key: L2_FAILBACK,
    message: `${quoted(text)} ${why}. A node that comes back takes its addresses at once`,
  });
  return DEFAULT_ADDRESS_POLICY.failback;
}

function probeOf(text: string, problems: ProblemList): AddressPolicy["probe"] {
  if (text === "strict" || text === "beside" || text === "off") return text;
  const message = `${quoted(text)} is neither "strict" nor "beside" nor "off". It counts as "beside"`;
  warn(problems, { key: L2_PROBE, message });
  return DEFAULT_ADDRESS_POLICY.probe;
}

function linkProbesOf(text: string, problems: ProblemList): string[] {
  const found = new Set<string>();
  for (const part of text.split(",")) {
    const ip = parseIp(part.trim());
    if (ip === undefined || !isNeighbour(ip)) {
      const message =
        `${quoted(part.trim())} is no address of a host; write one that answers on the segment, such as ` +
        '"192.0.2.1". It is not asked for';
      warn(problems, { key: L2_LINK_PROBE, message });
    } else if (found.size < LINK_PROBES_MAX) found.add(formatIp(ip));
    else {
      const message = `there are more than ${LINK_PROBES_MAX} addresses; ${formatIp(ip)} is not asked for`;
      warn(problems, { key: L2_LINK_PROBE, message });
    }
  }
  return [...found].sort(compareText);
}

/** Neither unspecified, loopback nor for many hosts. */
function isNeighbour({ family, value }: Ip): boolean {
  if (family === 6) return value > 1n && value >> 120n !== 0xffn;
  const first = value >> 24n;
  return first !== 0n && first !== 127n && first < 224n;
}

function warn(problems: ProblemList, { key, message }: { key: string; message: string }): void {
  problems.warning({ path: annotationPath(key), reason: "invalidValue", message });
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
