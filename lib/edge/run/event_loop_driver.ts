/**
 * Runs one machine on the event loop of the main thread: a `Driver` with one timer for the machine's next deadline.
 *
 * For machines whose lateness nobody on the network notices (converge loop, election). What must be on time runs in a
 * `PacketLoop`.
 */
import { Driver, type DriverDeps, type DriverOptions } from "./driver.ts";

/** The longest delay that `setTimeout` takes; a later deadline is armed again then. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;
/**
 * One input may concern every object of a cluster at once: the first full list decides all Services, with a write and an
 * event for each. This is far above any cluster, and still ends a machine that never ends.
 */
const EFFECTS_MAX = 10_000_000;

export interface EventLoopDriverDeps<Input, Effect> extends DriverDeps<Input, Effect> {
  /** Runs `run` once after `delayMs`, unless the returned function is called first. Default: real time. */
  readonly schedule?: (run: () => void, delayMs: number) => () => void;
}

export class EventLoopDriver<Input, Effect> {
  readonly #driver: Driver<Input, Effect>;
  readonly #schedule: NonNullable<EventLoopDriverDeps<Input, Effect>["schedule"]>;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: DriverOptions, deps: EventLoopDriverDeps<Input, Effect>) {
    this.#driver = new Driver({ effectsMax: EFFECTS_MAX, ...options }, deps);
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  /** After `stop` inputs are ignored. */
  input(input: Input): void {
    if (this.#stopped) return;
    this.#driver.input(input);
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    // The effects of the input or the tick may have called `stop`.
    if (this.#stopped) return;
    const timeoutMs = this.#driver.timeoutMs();
    if (timeoutMs === Infinity) return;
    this.#cancelTimer = this.#schedule(() => {
      this.#driver.tickIfDue();
      this.#arm();
    }, Math.min(Math.ceil(timeoutMs), TIMEOUT_MS_MAX));
  }
}

function systemSchedule(run: () => void, delayMs: number): () => void {
  const id = setTimeout(run, delayMs);
  return () => clearTimeout(id);
}
