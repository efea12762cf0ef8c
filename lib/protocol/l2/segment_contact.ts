/**
 * Segment contact: whether this node has an interface on any segment, and since when it has none.
 *
 * A node without any cannot see what becomes of its addresses meanwhile. Back on one after more than a moment, what it
 * knew of the others does not hold any more, as after a pause of its process.
 */
import type { Millis } from "../../base/time.ts";
import type { InterfaceChange } from "./interface.ts";

/** What happens in less is seen afterwards. */
const BLIND_MS_MAX = 200;

export class SegmentContact {
  readonly #interfaces = new Set<number>();
  /** Since when there is none: since the last one went, or from the beginning. */
  #blindSince: Millis | undefined;

  /** From now on it would see what happens. */
  begin(now: Millis): void {
    if (this.#interfaces.size === 0) this.#blindSince ??= now;
  }

  /** True when the node is back on a segment and cannot know what it has missed. */
  change(change: InterfaceChange, now: Millis): boolean {
    if (change.kind === "interfaceGone") {
      if (this.#interfaces.delete(change.ifindex) && this.#interfaces.size === 0) this.#blindSince = now;
      return false;
    }
    this.#interfaces.add(change.interface.ifindex);
    const isBack = this.#blindSince !== undefined && now - this.#blindSince >= BLIND_MS_MAX;
    this.#blindSince = undefined;
    return isBack;
  }
}
