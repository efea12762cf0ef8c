/** On which interfaces a node can serve, as it says itself: in its watch messages at once, in its Meta a little later. */
import type { Mac } from "./mac.ts";
import { sameTexts } from "./text_list.ts";

export interface Serving {
  /** Names of the interfaces that are used and have carrier, sorted. */
  readonly usableInterfaces: readonly string[];
  /** Those of them on which IPv6 cannot be spoken, in the same order; absent: on none is that so. */
  readonly ipv4OnlyInterfaces?: readonly string[];
  /** Canonical addresses of the link probes that do not answer, sorted. */
  readonly failedLinkProbes: readonly string[];
  /** Hardware addresses of its interfaces, in ascending order: by these the others tell it from a stranger. */
  readonly macs?: readonly Mac[];
}

/** Limits of what is told; what is more is not told, and a node never stands back for what was left out. */
export const USABLE_INTERFACES_MAX = 32;
export const FAILED_LINK_PROBES_MAX = 16;
export const MACS_MAX = 32;

export function sameServing(a: Serving, b: Serving): boolean {
  return sameTexts(a.usableInterfaces, b.usableInterfaces) && sameTexts(a.failedLinkProbes, b.failedLinkProbes) &&
    sameTexts(a.ipv4OnlyInterfaces ?? [], b.ipv4OnlyInterfaces ?? []) &&
    (a.macs ?? []).join() === (b.macs ?? []).join();
}
