/**
 * What the speakers report of their nodes' interfaces, as text in an annotation of their ConfigurationState:
 * `eth0=192.0.2.0/24 eth0=2001:db8::/64`. Whoever reads it believes only what can be read.
 */
import { isRecord } from "../../base/json.ts";
import { type IpRange, parseRange } from "../../base/cidr.ts";
import type { NodeNetwork } from "../../base/wanted.ts";
import { speakerNodeOf } from "./node_label.ts";

export const NETWORKS_ANNOTATION = "herald.dev/networks";

/** A network of one node, ready to be asked. */
export interface KnownNetwork extends NodeNetwork {
  readonly range: IpRange;
}

/** By node name. A node without a report is missing: nothing is known of it. */
export type NodeNetworks = ReadonlyMap<string, readonly KnownNetwork[]>;

/** Interface names hold neither white space nor `/` (Linux dev_valid_name). */
export function formatNetworks(networks: readonly NodeNetwork[]): string {
  return networks.map(({ interfaceName, prefix }) => `${interfaceName}=${prefix}`).join(" ");
}

export function parseNetworks(text: string): KnownNetwork[] {
  const networks: KnownNetwork[] = [];
  for (const part of text.slice(0, TEXT_MAX).split(" ")) {
    const at = part.lastIndexOf("=");
    const prefix = part.slice(at + 1);
    const parsed = at > 0 && prefix.includes("/") ? parseRange(prefix) : undefined;
    if (parsed?.ok) networks.push({ interfaceName: part.slice(0, at), prefix, range: parsed.range });
  }
  return networks;
}

/** Longer than any speaker writes it. */
const TEXT_MAX = 16_384;

/** From the ConfigurationStates of the speakers. */
export function nodeNetworksOf(configurationStates: Iterable<unknown>): NodeNetworks {
  const networks = new Map<string, readonly KnownNetwork[]>();
  for (const object of configurationStates) {
    const metadata = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"] : {};
    const annotations = metadata["annotations"];
    const node = speakerNodeOf(object);
    const text = isRecord(annotations) ? annotations[NETWORKS_ANNOTATION] : undefined;
    if (node === undefined || typeof text !== "string") continue;
    networks.set(node, parseNetworks(text));
  }
  return networks;
}
