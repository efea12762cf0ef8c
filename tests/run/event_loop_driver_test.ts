import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import type { Deadline, Machine, Tick } from "../../lib/base/machine.ts";
import type { Millis } from "../../lib/base/time.ts";
import { EventLoopDriver } from "../../lib/edge/run/event_loop_driver.ts";
import { FakeClock } from "./fake_poller.ts";

type Input = { readonly kind: "wake"; readonly at: Millis };

/** Gives its effects for every input and every tick, and wants to be woken when an input says so. */
class Alarm implements Machine<Input, string> {
  readonly handled: string[] = [];
  effects: readonly string[] = ["rung"];
  nextAt: Millis | undefined;
  afterTick: Millis | undefined;
  #given = Infinity;

  handle(input: Input | Tick, now: Millis): void {
    this.handled.push(`${input.kind} at ${now}`);
    this.nextAt = input.kind === "tick" ? this.afterTick : input.at;
    this.#given = 0;
  }

  poll(): string | undefined {
    return this.effects[this.#given++];
  }

  deadline(): Deadline | undefined {
    return this.nextAt === undefined ? undefined : { at: this.nextAt, why: "test" };
  }

  inspect(): null {
    return null;
  }
}

interface Timer {
  readonly run: () => void;
  readonly delayMs: number;
}

function bench(options: { effectsMax?: number; onEffect?: (effect: string) => void } = {}) {
  const { onEffect, ...driverOptions } = options;
  const clock = new FakeClock();
  const machine = new Alarm();
  const timers = new Set<Timer>();
  const driver: EventLoopDriver<Input, string> = new EventLoopDriver({ name: "alarm", ...driverOptions }, {
    machine,
    clock,
    apply: (effect) => effect === "stop" ? driver.stop() : onEffect?.(effect),
    schedule: (run, delayMs) => {
      const timer = { run, delayMs };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  const delays = () => [...timers].map(({ delayMs }) => delayMs);
  /** What the event loop does when the time of a timer has come. */
  const fire = (): void => {
    const [timer] = timers;
    timers.delete(timer!);
    clock.ms += timer!.delayMs;
    timer!.run();
  };
  return { clock, machine, driver, delays, fire };
}

for (const when of ["an input", "a tick"]) {
  Deno.test(`EventLoopDriver: stopped by an effect of ${when}, it leaves no timer and takes no input`, () => {
    const { machine, driver, delays, fire } = bench();
    machine.afterTick = 1020;
    if (when === "a tick") driver.input({ kind: "wake", at: 1010 });
    machine.effects = ["stop"];
    if (when === "a tick") fire();
    else driver.input({ kind: "wake", at: 1020 });
    assertEquals([machine.nextAt, delays()], [1020, []]);
    const handled = [...machine.handled];
    driver.input({ kind: "wake", at: 2000 });
    assertEquals([machine.handled, delays()], [handled, []]);
  });
}

Deno.test("EventLoopDriver: stop takes the timer back", () => {
  const { driver, delays } = bench();
  driver.input({ kind: "wake", at: 1010 });
  assertEquals(delays(), [10]);
  driver.stop();
  assertEquals(delays(), []);
});

Deno.test("EventLoopDriver: one timer, for the last deadline, rounded up; none without a deadline", () => {
  const { machine, driver, delays, fire } = bench();
  assertEquals(delays(), []);
  driver.input({ kind: "wake", at: 1500 });
  driver.input({ kind: "wake", at: 1010.2 });
  assertEquals(delays(), [11]);
  fire();
  assertEquals(machine.handled, ["wake at 1000", "wake at 1000", "tick at 1011"]);
  assertEquals(delays(), []);
});

Deno.test("EventLoopDriver: a deadline beyond the longest timer is waited for in parts", () => {
  const { machine, driver, delays, fire } = bench();
  driver.input({ kind: "wake", at: 1000 + 2 ** 31 + 4 });
  assertEquals(delays(), [2 ** 31 - 1]);
  fire();
  assertEquals([machine.handled.length, delays()], [1, [5]]);
  fire();
  assertEquals(machine.handled.length, 2);
});

Deno.test("EventLoopDriver: one input may concern a whole cluster, and a smaller limit may be given", () => {
  let applied = 0;
  const many = bench({ onEffect: () => applied++ });
  many.machine.effects = new Array<string>(250_000).fill("write");
  many.driver.input({ kind: "wake", at: 1010 });
  assertEquals(applied, 250_000);
  const few = bench({ effectsMax: 3 });
  few.machine.effects = ["1", "2", "3", "4"];
  assertThrows(() => few.driver.input({ kind: "wake", at: 1010 }), InvariantError, "more than 3 effects");
});
