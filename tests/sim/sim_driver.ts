/** Drives one machine in virtual time as the packet loop does: an input, full drain, a tick at the deadline. */
import type { Machine, Tick } from "../../lib/base/machine.ts";
import type { VirtualTime } from "./virtual_time.ts";

export type Driven<Input, Effect> = Pick<Machine<Input, Effect>, "handle" | "poll" | "deadline">;

export class SimDriver<Input, Effect> {
  readonly #machine: Driven<Input, Effect>;
  readonly #deps: { time: VirtualTime; apply: (effect: Effect) => void; isAwake: () => boolean };
  #tickAt = Infinity;
  #isOver = false;

  constructor(
    machine: Driven<Input, Effect>,
    deps: { time: VirtualTime; apply: (effect: Effect) => void; isAwake: () => boolean },
  ) {
    this.#machine = machine;
    this.#deps = deps;
  }

  /** The process is gone. */
  end(): void {
    this.#isOver = true;
  }

  input(input: Input | Tick): void {
    if (this.#isOver) return;
    this.#machine.handle(input, this.#deps.time.now);
    for (let effect; !this.#isOver && (effect = this.#machine.poll()) !== undefined;) this.#deps.apply(effect);
    if (!this.#isOver) this.#scheduleTick();
  }

  /** Also called when the process runs again. */
  tickIfDue(): void {
    this.#tickAt = Infinity;
    if (this.#isOver || !this.#deps.isAwake()) return;
    if ((this.#machine.deadline()?.at ?? Infinity) <= this.#deps.time.now) this.input({ kind: "tick" });
    else this.#scheduleTick();
  }

  #scheduleTick(): void {
    const at = this.#machine.deadline()?.at;
    if (at === undefined || at === this.#tickAt) return;
    this.#tickAt = at;
    this.#deps.time.at(at, () => {
      if (this.#tickAt === at) this.tickIfDue();
    });
  }
}
