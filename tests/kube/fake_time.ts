/** Time that passes when the test says so, for what waits on a `Schedule`. */
import type { Clock } from "../../lib/base/time.ts";
import type { Schedule } from "../../lib/edge/kube/schedule.ts";

export class FakeTime {
  #nowMs = 1_000;
  #next = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>();

  readonly clock: Clock = { now: () => this.#nowMs, wallMs: () => 1_700_000_000_000 + this.#nowMs };

  readonly schedule: Schedule = (run, delayMs) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#nowMs + Math.max(0, delayMs), run });
    return () => this.#timers.delete(id);
  };

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets everything happen that happens in this time, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (let due = this.#earliest(end); due !== undefined; due = this.#earliest(end)) {
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#nowMs = Math.max(this.#nowMs, timer.at);
      timer.run();
      await settle();
    }
    this.#nowMs = end;
  }

  #earliest(end: number): [number, { at: number; run: () => void }] | undefined {
    let earliest: [number, { at: number; run: () => void }] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].at <= end && (earliest === undefined || entry[1].at < earliest[1].at)) earliest = entry;
    }
    return earliest;
  }
}

/** Until promises that need no outside event are settled; bodies held in memory take some dozen turns. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
}
