/**
 * Runs one machine on the event loop of the main thread: a `Driver` with one timer for the machine's next deadline.
 *
 * For machines whose lateness nobody on the network notices (converge loop, election). What must be on time runs in a
 * `PacketLoop`.
 */
import { Driver, type DriverDeps, type DriverOptions } from "./driver.ts";

/** The longest delay that `setTimeout` takes; a later deadline is armed again then. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;

export class EventLoopDriver<Input, Effect> {
  readonly #driver: Driver<Input, Effect>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: DriverOptions, deps: DriverDeps<Input, Effect>) {
    this.#driver = new Driver(options, deps);
  }

  /** After `stop` inputs are ignored. */
  input(input: Input): void {
    if (this.#stopped) return;
    this.#driver.input(input);
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const timeoutMs = this.#driver.timeoutMs();
    if (timeoutMs === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#driver.tickIfDue();
      this.#arm();
    }, Math.min(Math.ceil(timeoutMs), TIMEOUT_MS_MAX));
  }
}
