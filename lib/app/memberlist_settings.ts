/**
 * How the speakers' gossip runs: memberlist's presets, or the file that replaces them (MetalLB's optional ConfigMap
 * `metallb-memberlist-config`, reference §9.5), in which every duration must stand and what else is missing is zero.
 */
import { isRecord } from "../base/json.ts";
import { parseGoDuration } from "../decision/config/go_duration.ts";
import { LAN_TIMING, type SwimTiming, WAN_TIMING } from "../protocol/swim/timing.ts";

export interface MemberlistSettings {
  readonly timing: SwimTiming;
  /** Compress streams; what is received compressed is understood in any case. */
  readonly compress: boolean;
  /** False: plain text is accepted although there is a key. */
  readonly verifyIncoming: boolean;
  /** False: plain text is sent although there is a key. */
  readonly verifyOutgoing: boolean;
}

export type MemberlistSettingsResult =
  | { readonly ok: true; readonly settings: MemberlistSettings; readonly source: "lan" | "wan" | "file" }
  | { readonly ok: false; readonly message: string };

export const MEMBERLIST_CONFIG_PATH = "/etc/metallb/memberlist/config.json";

const DEFAULTS = { compress: true, verifyIncoming: true, verifyOutgoing: true };
/** Below this a datagram cannot carry what one member says of itself. */
const DATAGRAM_BYTES_MIN = 800;

/** The settings of a cluster on one network. */
export const LAN_SETTINGS: MemberlistSettings = { timing: LAN_TIMING, ...DEFAULTS };

/** Reads the file where there is one. */
export function readMemberlistSettings(path: string, options: { readonly wan: boolean }): MemberlistSettingsResult {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return { ok: false, message: `${path} cannot be read: ${error instanceof Error ? error.message : error}` };
    }
    const timing = options.wan ? WAN_TIMING : LAN_TIMING;
    return { ok: true, settings: { timing, ...DEFAULTS }, source: options.wan ? "wan" : "lan" };
  }
  const parsed = parseMemberlistSettings(text);
  return parsed.ok ? parsed : { ok: false, message: `${path}: ${parsed.message}` };
}

/** Names every field that is wrong. */
export function parseMemberlistSettings(text: string): MemberlistSettingsResult {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch (error) {
    return { ok: false, message: `it is not JSON: ${error instanceof Error ? error.message : error}` };
  }
  if (!isRecord(object)) return { ok: false, message: "it must be a JSON object with the fields of memberlist" };
  const fields = new SettingsReader(object);
  const timing: SwimTiming = {
    streamTimeoutMs: fields.durationMs("TCPTimeout"),
    pushPullIntervalMs: fields.durationMs("PushPullInterval"),
    probeTimeoutMs: fields.durationMs("ProbeTimeout"),
    probeIntervalMs: fields.durationMs("ProbeInterval"),
    gossipIntervalMs: fields.durationMs("GossipInterval"),
    gossipToTheDeadMs: fields.durationMs("GossipToTheDeadTime"),
    indirectChecks: fields.count("IndirectChecks"),
    retransmitMult: fields.count("RetransmitMult", 1),
    suspicionMult: fields.count("SuspicionMult"),
    suspicionMaxTimeoutMult: fields.count("SuspicionMaxTimeoutMult", 1),
    awarenessMax: fields.count("AwarenessMaxMultiplier", 1),
    gossipNodes: fields.count("GossipNodes"),
    datagramBytesMax: fields.count("UDPBufferSize", DATAGRAM_BYTES_MIN),
    streamPings: !fields.flag("DisableTcpPings"),
  };
  // Herald has neither the queue that is checked nor the one that has a depth, but memberlist wants them to be right.
  fields.durationMs("QueueCheckInterval");
  fields.count("HandoffQueueDepth");
  const settings: MemberlistSettings = {
    timing,
    compress: fields.flag("EnableCompression"),
    verifyIncoming: fields.flag("GossipVerifyIncoming"),
    verifyOutgoing: fields.flag("GossipVerifyOutgoing"),
  };
  if (fields.problems.length > 0) return { ok: false, message: fields.problems.join("; ") };
  return { ok: true, settings, source: "file" };
}

class SettingsReader {
  readonly problems: string[] = [];
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(object: Readonly<Record<string, unknown>>) {
    this.#object = object;
  }

  durationMs(name: string): number {
    const value = this.#object[name];
    const nanoseconds = typeof value === "string" ? parseGoDuration(value) : undefined;
    // Shorter ones are typing errors, and would keep a core busy.
    if (nanoseconds !== undefined && nanoseconds >= 1_000_000n) return Number(nanoseconds) / 1e6;
    this.problems.push(`${name} must be a duration of a millisecond or more such as "500ms", not ${shown(value)}`);
    return 0;
  }

  /** Zero and what is missing become `least`. */
  count(name: string, least = 0): number {
    const value = this.#object[name] ?? 0;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_535) {
      return Math.max(value, least);
    }
    this.problems.push(`${name} must be a whole number from 0 to 65535, not ${shown(value)}`);
    return 0;
  }

  flag(name: string): boolean {
    const value = this.#object[name] ?? false;
    if (typeof value === "boolean") return value;
    this.problems.push(`${name} must be true or false, not ${shown(value)}`);
    return false;
  }
}

function shown(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 40);
}
