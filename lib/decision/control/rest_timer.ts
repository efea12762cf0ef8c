/** When the rest of which address ends (`herald.dev/reuse-after`): the allocator knows what rests, this knows the time. */
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";
import { MinHeap } from "../alloc/min_heap.ts";
import type { Rest } from "../alloc/resting_addresses.ts";

/** Below this nothing is cleared away. */
const CLEAR_MIN = 1024;

export class RestTimer {
  readonly #isResting: (rest: Rest) => boolean;
  #rests = newHeap();
  #clearAt = CLEAR_MIN;

  constructor(deps: { isResting: (rest: Rest) => boolean }) {
    this.#isResting = deps.isResting;
  }

  start(rest: Rest, now: Millis): void {
    this.#rests.push({ at: now + rest.durationMs, rest });
    if (this.#rests.size < this.#clearAt) return;
    // Addresses that were taken before their time would otherwise be remembered until then.
    const live = newHeap();
    for (let top = this.#rests.pop(); top !== undefined; top = this.#rests.pop()) {
      if (this.#isResting(top.rest)) live.push(top);
    }
    this.#rests = live;
    this.#clearAt = Math.max(CLEAR_MIN, 2 * live.size);
  }

  /** The next rest whose time is over. */
  take(now: Millis): Rest | undefined {
    const top = this.#rests.peek();
    return top !== undefined && top.at <= now ? this.#rests.pop()!.rest : undefined;
  }

  deadline(): Deadline | undefined {
    const top = this.#rests.peek();
    return top === undefined ? undefined : { at: top.at, why: "addressRested" };
  }
}

function newHeap(): MinHeap<{ readonly at: Millis; readonly rest: Rest }> {
  return new MinHeap((a, b) => a.at - b.at || a.rest.serial - b.rest.serial);
}
