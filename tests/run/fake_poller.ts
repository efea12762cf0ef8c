/** A poll(2) of a test: time passes only in `wait`, and what becomes readable when is a script. */
import type { ReadinessPoller } from "../../lib/edge/run/packet_loop.ts";
import type { Clock, Millis } from "../../lib/base/time.ts";

export class FakeClock implements Clock {
  ms: Millis = 1000;

  now(): Millis {
    return this.ms;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  }
}

/** One turn: how long poll sleeps (default: as long as it was asked to), and what is readable then. */
export interface ScriptedWait {
  readonly sleepsMs?: number;
  readonly ready?: readonly number[];
}

export class FakePoller implements ReadinessPoller {
  readonly watched: number[] = [];
  readonly askedMs: number[] = [];
  readonly #script: ScriptedWait[];
  readonly #clock: FakeClock;

  constructor(options: { script: readonly ScriptedWait[] }, deps: { clock: FakeClock }) {
    this.#script = [...options.script];
    this.#clock = deps.clock;
  }

  add(fd: number): void {
    this.watched.push(fd);
  }

  remove(fd: number): void {
    this.watched.splice(this.watched.indexOf(fd), 1);
  }

  awaitWritable(): void {
    throw new Error("No test awaits that a descriptor takes bytes");
  }

  wait(timeoutMs: number): readonly number[] {
    this.askedMs.push(timeoutMs);
    const turn = this.#script.shift();
    if (turn === undefined) throw new Error("The script of waits is at its end and the loop still runs");
    this.#clock.ms += turn.sleepsMs ?? timeoutMs;
    return turn.ready ?? [];
  }
}
