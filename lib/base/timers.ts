/**
 * A table of named optional instants: all the timers of one machine.
 *
 * There are no callbacks and nothing to cancel. A machine sets and clears names, `next()` says when to tick it, and on
 * a tick the machine asks which names are due. A late or doubled tick is harmless.
 */
import type { Deadline } from "./machine.ts";
import type { Millis } from "./time.ts";

export class Timers<Name extends string> {
  readonly #instants = new Map<Name, Millis>();

  set(name: Name, at: Millis): void {
    this.#instants.set(name, at);
  }

  clear(name: Name): void {
    this.#instants.delete(name);
  }

  at(name: Name): Millis | undefined {
    return this.#instants.get(name);
  }

  /** True, and the timer is cleared, when `name` was set to an instant that has come. */
  takeDue(name: Name, now: Millis): boolean {
    const at = this.#instants.get(name);
    if (at === undefined || at > now) return false;
    this.#instants.delete(name);
    return true;
  }

  /** The earliest instant with its name as the reason. */
  next(): Deadline | undefined {
    let earliest: Deadline | undefined;
    for (const [why, at] of this.#instants) {
      if (earliest === undefined || at < earliest.at) earliest = { at, why };
    }
    return earliest;
  }
}
