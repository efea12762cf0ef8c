/**
 * What the speakers say of their nodes' networks, in the annotation `herald.dev/networks` of each ConfigurationState
 * `speaker-<node>`: blank-separated `eth0=192.168.1.0/24`. An address that none of them has on a link is asked for by
 * nobody there, however well it is announced.
 */
import type { KubeObject } from "../../base/kube.ts";
import { type IpRange, parseRange, rangeHas } from "../../base/cidr.ts";
import { parseIp } from "../../base/ip.ts";
import type { AddressExplanation } from "../../decision/plan/explain.ts";

export const NETWORKS_ANNOTATION = "herald.dev/networks";

const STATE_PREFIX = "speaker-";
/** A hostile annotation is not read to its end. */
const NETWORKS_MAX = 256;

export interface ReportedNetwork {
  readonly interfaceName: string;
  readonly text: string;
  readonly range: IpRange;
}

/** By node name; a node that reports nothing is not in it. */
export type ReportedNetworks = ReadonlyMap<string, readonly ReportedNetwork[]>;

/** `undefined` when no speaker reports any. */
export function reportedNetworks(configurationStates: readonly KubeObject[]): ReportedNetworks | undefined {
  const byNode = new Map<string, readonly ReportedNetwork[]>();
  for (const { metadata } of configurationStates) {
    const text = metadata.annotations?.[NETWORKS_ANNOTATION];
    if (text === undefined || !metadata.name.startsWith(STATE_PREFIX)) continue;
    byNode.set(metadata.name.slice(STATE_PREFIX.length), parseNetworks(text));
  }
  return byNode.size === 0 ? undefined : byNode;
}

function parseNetworks(text: string): ReportedNetwork[] {
  const networks: ReportedNetwork[] = [];
  for (const word of text.split(/\s+/, NETWORKS_MAX)) {
    const equals = word.indexOf("=");
    const parsed = parseRange(word.slice(equals + 1));
    if (equals > 0 && parsed.ok) {
      networks.push({ interfaceName: word.slice(0, equals), text: word.slice(equals + 1), range: parsed.range });
    }
  }
  return networks;
}

/** A sentence when the announcer's own networks are known and none of those that it announces on has the address. */
export function outsideNetworks(explanation: AddressExplanation, networks: ReportedNetworks): string | undefined {
  const { address, announcer, interfaces } = explanation;
  const ip = parseIp(address);
  const reported = announcer === null ? undefined : networks.get(announcer);
  if (ip === undefined || reported === undefined) return undefined;
  const used = reported.filter(({ interfaceName }) => interfaces === "all" || interfaces.includes(interfaceName));
  if (used.some(({ range }) => rangeHas(range, ip))) return undefined;
  const known = used.map(({ interfaceName, text }) => `${interfaceName} ${text}`).join(", ") || "none";
  return `${address} is in none of the networks that ${announcer} announces on (${known}): ` +
    "hosts there ask for it only if they have a route to it over this link";
}
