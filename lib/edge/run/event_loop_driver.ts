/**
 * Runs one machine on the event loop of the main thread: a `Driver` with one timer for the machine's next deadline.
 *
 * For machines whose lateness nobody on the network notices (converge loop, election). What must be on time runs in a
 * `PacketLoop`.
 */
import type { Millis } from "../../base/time.ts";
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
  readonly #clock: DriverDeps<Input, Effect>["clock"];
  #timer: { readonly at: Millis; readonly cancel: () => void } | undefined;
  #stopped = false;

  constructor(options: DriverOptions, deps: EventLoopDriverDeps<Input, Effect>) {
    this.#driver = new Driver({ effectsMax: EFFECTS_MAX, ...options }, deps);
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#clock = deps.clock;
  }

  /** After `stop` inputs are ignored. */
  input(input: Input): void {
    if (this.#stopped) return;
    this.#driver.input(input);
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#disarm();
  }

  /** A timer that fires too early ticks in vain and is set anew; so it is only ever replaced by an earlier one. */
  #arm(): void {
    const waitMs = this.#driver.timeoutMs();
    // The effects of the input or the tick may have called `stop`.
    if (this.#stopped || waitMs === Infinity) return this.#disarm();
    const timeoutMs = Math.min(Math.ceil(waitMs), TIMEOUT_MS_MAX);
    const at = this.#clock.now() + timeoutMs;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#schedule(() => {
      this.#timer = undefined;
      this.#driver.tickIfDue();
      this.#arm();
    }, timeoutMs);
    this.#timer = { at, cancel };
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function systemSchedule(run: () => void, delayMs: number): () => void {
  const id = setTimeout(run, delayMs);
  return () => clearTimeout(id);
}
