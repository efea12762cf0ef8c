import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import type { Deadline, Machine, Tick } from "../../lib/base/machine.ts";
import type { Millis } from "../../lib/base/time.ts";
import { Driver } from "../../lib/edge/run/driver.ts";
import { FakeClock } from "./fake_poller.ts";

type Input = { kind: "say"; words: readonly string[] };

/** Says back what it was given, and checks that its driver keeps the contract. */
class Echo implements Machine<Input, string> {
  readonly handled: string[] = [];
  instants: Millis[] = [];
  endless = false;
  #effects: string[] = [];

  handle(input: Input | Tick, now: Millis): void {
    if (this.#effects.length > 0) throw new Error("An input came before all effects were taken");
    this.handled.push(`${input.kind} at ${now}`);
    if (input.kind === "tick") {
      this.instants = this.instants.filter((at) => at > now).concat(this.instants.filter((at) => at <= now).slice(1));
    } else this.#effects = [...input.words];
  }

  poll(): string | undefined {
    return this.endless ? "again" : this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.instants.length === 0 ? undefined : { at: Math.min(...this.instants), why: "test" };
  }

  inspect(): null {
    return null;
  }
}

function bench(options: { effectsMax?: number } = {}) {
  const clock = new FakeClock();
  const machine = new Echo();
  const applied: string[] = [];
  const driver: Driver<Input, string> = new Driver({ name: "echo", ...options }, {
    machine,
    clock,
    apply: (effect) => {
      applied.push(effect);
      if (effect === "nested") driver.input({ kind: "say", words: ["inner"] });
    },
  });
  return { clock, machine, applied, driver };
}

Deno.test("Driver: a machine whose effects never end is a broken invariant and not a hang", () => {
  const { machine, driver } = bench({ effectsMax: 10 });
  machine.endless = true;
  assertThrows(() => driver.input({ kind: "say", words: [] }), InvariantError, "echo");
});

Deno.test("Driver: an input from inside an effect waits until all effects are applied", () => {
  const { applied, driver } = bench();
  driver.input({ kind: "say", words: ["one", "nested", "three"] });
  assertEquals(applied, ["one", "nested", "three", "inner"]);
});

Deno.test("Driver: it goes on after an effect's application threw", () => {
  const clock = new FakeClock();
  const machine = new Echo();
  const applied: string[] = [];
  const driver = new Driver({}, {
    machine,
    clock,
    apply: (effect: string) => {
      if (effect === "bad") throw new Error("edge");
      applied.push(effect);
    },
  });
  assertThrows(() => driver.input({ kind: "say", words: ["bad"] }), Error, "edge");
  driver.input({ kind: "say", words: ["good"] });
  assertEquals(applied, ["good"]);
});

Deno.test("Driver: the timeout is what is left until the deadline", () => {
  const { clock, machine, driver } = bench();
  assertEquals(driver.timeoutMs(), Infinity);
  machine.instants = [1040.5];
  assertEquals(driver.timeoutMs(), 40.5);
  clock.ms = 2000;
  assertEquals(driver.timeoutMs(), 0);
});

Deno.test("Driver: it ticks when the deadline has come and not before, once per due timer", () => {
  const { clock, machine, driver } = bench();
  machine.instants = [1010, 1010, 1020];
  driver.tickIfDue();
  assertEquals(machine.handled, []);
  clock.ms = 1010;
  driver.tickIfDue();
  assertEquals(machine.handled, ["tick at 1010", "tick at 1010"]);
});

Deno.test("Driver: a machine that is always due does not hold the loop", () => {
  const { machine, driver } = bench();
  machine.instants = new Array<number>(1000).fill(0);
  driver.tickIfDue();
  assertEquals(machine.handled.length, 64);
});

Deno.test("Driver: a machine that paces itself gets one allowance per turn, however long its ticks take", () => {
  const clock = new FakeClock();
  const turns: Millis[] = [];
  const paced: Machine<Input, string> = {
    handle: (_input, now) => void turns.push(now),
    poll: () => (clock.ms += 5, undefined),
    deadline: () => ({ at: (turns.at(-1) ?? 0) + 1, why: "the next allowance" }),
    inspect: () => null,
  };
  const driver = new Driver({}, { machine: paced, clock, apply: () => {} });
  driver.tickIfDue();
  assertEquals(turns, [1000]);
  driver.tickIfDue();
  assertEquals(turns, [1000, 1005]);
});
