/** On which interfaces a node can serve, as it says itself: in its watch messages at once, in its Meta a little later. */
import { sameTexts } from "./text_list.ts";

export interface Serving {
  /** Names of the interfaces that are used and have carrier, sorted. */
  readonly usableInterfaces: readonly string[];
  /** Canonical addresses of the link probes that do not answer, sorted. */
  readonly failedLinkProbes: readonly string[];
}

/** Limits of what is told; what is more is not told, and a node never stands back for what was left out. */
export const USABLE_INTERFACES_MAX = 32;
export const FAILED_LINK_PROBES_MAX = 16;

export function sameServing(a: Serving, b: Serving): boolean {
  return sameTexts(a.usableInterfaces, b.usableInterfaces) && sameTexts(a.failedLinkProbes, b.failedLinkProbes);
}
