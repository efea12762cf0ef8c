/**
 * Names of nodes where Kubernetes has less room for them. A node's name has up to 253 characters, a label's value 63:
 * a longer name is cut there and ends in a hash of the whole. MetalLB writes the whole name, which the API server
 * refuses, so that such nodes have no ServiceL2Status and no ConfigurationState with it.
 */
import { createHash } from "node:crypto";
import { identityOf, labelsOf } from "./identity.ts";

/** On the ConfigurationState of a speaker. */
export const SPEAKER_NODE_LABEL = "metallb.io/node-name";

const LABEL_VALUE_MAX = 63;
const OBJECT_NAME_MAX = 253;
const HASH_DIGITS = 12;
const SPEAKER = "speaker-";

/** A node's name as the value of a label. */
export function nodeLabel(node: string): string {
  if (node.length <= LABEL_VALUE_MAX) return node;
  const hash = createHash("sha256").update(node).digest("hex").slice(0, HASH_DIGITS);
  return `${node.slice(0, LABEL_VALUE_MAX - HASH_DIGITS - 1)}-${hash}`;
}

/** Name of the ConfigurationState of a node's speaker. */
export function speakerStateName(node: string): string {
  return SPEAKER + (SPEAKER.length + node.length <= OBJECT_NAME_MAX ? node : nodeLabel(node));
}

/** The node whose speaker keeps this ConfigurationState; `undefined` where its name and its label do not say the same. */
export function speakerNodeOf(configurationState: unknown): string | undefined {
  const { name } = identityOf(configurationState, "ConfigurationState");
  if (!name.startsWith(SPEAKER)) return undefined;
  const node = name.slice(SPEAKER.length);
  return labelsOf(configurationState)[SPEAKER_NODE_LABEL] === nodeLabel(node) ? node : undefined;
}
