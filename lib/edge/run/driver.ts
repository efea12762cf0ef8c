/**
 * Runs one machine on real time, by the contract: one input, then effects until there are none, then the next input.
 *
 * An effect's application may produce another input for the same machine. It waits until the effects of the present one
 * are drained, so a machine never sees an input in the middle of its own effects.
 */
import { invariant } from "../../base/assert.ts";
import type { Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Clock, Millis } from "../../base/time.ts";

/** As many as a machine's queue of effects takes: a plane that reports a hundred thousand addresses is not at fault. */
const EFFECTS_MAX = 1 << 20;
const NESTED_INPUTS_MAX = 10_000;
/** A machine with many timers due at once may need a tick for each; more than this waits for the next turn of the loop. */
const TICKS_PER_TURN_MAX = 64;
const TICK: Tick = { kind: "tick" };

export interface DriverOptions {
  /** For messages about a broken machine. */
  readonly name?: string;
  /** Effects of one input; more than that is a machine that never ends. */
  readonly effectsMax?: number;
}

export interface DriverDeps<Input, Effect> {
  readonly machine: Machine<Input, Effect>;
  readonly clock: Clock;
  readonly apply: (effect: Effect) => void;
}

/** What a loop needs of everything that lives in time. */
export interface Timed {
  /** Lets due timers act. */
  tickIfDue(): void;
  /** Until the next deadline: 0 when it has come, `Infinity` when there is none. */
  timeoutMs(): number;
}

export class Driver<Input, Effect> implements Timed {
  readonly #name: string;
  readonly #effectsMax: number;
  readonly #deps: DriverDeps<Input, Effect>;
  readonly #waiting = new Queue<Input>({ sizeMax: NESTED_INPUTS_MAX });
  #busy = false;

  constructor(options: DriverOptions, deps: DriverDeps<Input, Effect>) {
    this.#name = options.name ?? "without a name";
    this.#effectsMax = options.effectsMax ?? EFFECTS_MAX;
    this.#deps = deps;
  }

  /** Hands in one input and applies all effects, or queues it when called from an effect. */
  input(input: Input): void {
    if (this.#busy) this.#waiting.push(input);
    else this.#run(input, this.#deps.clock.now());
  }

  tickIfDue(): void {
    if (this.#busy) return;
    // All ticks of a turn happen at one instant: a machine that paces itself by the clock gets one allowance of it,
    // however long the ticks take.
    const now = this.#deps.clock.now();
    for (let ticks = 0; ticks < TICKS_PER_TURN_MAX; ticks++) {
      const deadline = this.#deps.machine.deadline();
      if (deadline === undefined || deadline.at > now) return;
      this.#run(TICK, now);
    }
  }

  timeoutMs(): number {
    const deadline = this.#deps.machine.deadline();
    return deadline === undefined ? Infinity : Math.max(deadline.at - this.#deps.clock.now(), 0);
  }

  #run(first: Input | Tick, now: Millis): void {
    this.#busy = true;
    try {
      let budget = this.#effectsMax;
      for (let input: Input | Tick | undefined = first; input !== undefined; input = this.#waiting.shift()) {
        this.#deps.machine.handle(input, now);
        for (let effect = this.#deps.machine.poll(); effect !== undefined; effect = this.#deps.machine.poll()) {
          invariant(
            budget-- > 0,
            () => `Machine ${this.#name} gave more than ${this.#effectsMax} effects for one input`,
          );
          this.#deps.apply(effect);
        }
      }
    } finally {
      this.#busy = false;
    }
  }
}
