/**
 * The one loop of a packet thread: sleep in poll, let due timers act, drain what is readable, again.
 *
 * Three rules keep it honest. A source is drained only up to a budget per turn, so that a flood on one socket starves
 * neither the timers nor the other sockets. A turn begins no more work after `workMsMax`: whoever was not served comes
 * first in the next one. And the loop never sleeps for longer than `sleepMsMax`, so a turn that takes longer than
 * `gapMsMax` means that this process was stopped or starved: what queued meanwhile is old, is discarded, and `onGap`
 * hears of it before anything else happens (DESIGN §2).
 *
 * A process is stopped anywhere, and goes on there when it wakes. So the turn is given up at the first look at the clock
 * after the gap: between two sources and two timers here, and by `isStale` wherever a source has just read something, or
 * something is about to be said that must not be said late.
 */
import { invariant } from "../../base/assert.ts";
import type { Clock, Millis } from "../../base/time.ts";
import type { Timed } from "./driver.ts";

/** Something readable, or something that takes bytes. */
export interface PacketSource {
  readonly fd: number;
  /**
   * Handles up to `budget` items and returns how many there were. Not read to the end: the next turn comes at once. Where
   * items age it asks `isStale` after it has read one, and handles no more when they do.
   */
  drain(budget: number): number;
  /** Throws away what is queued and returns how much. A source whose data do not age (wake-ups, netlink) keeps it. */
  discard(): number;
}

/** As far as the loop uses `edge/net`'s Poller. */
export interface ReadinessPoller {
  add(fd: number): void;
  remove(fd: number): void;
  awaitWritable(fd: number, isAwaited: boolean): void;
  wait(timeoutMs: number): readonly number[];
}

export interface PacketLoopOptions {
  /** Items of one source per turn. */
  readonly budget?: number;
  readonly gapMsMax?: number;
  /** How long a turn goes on to sources that wait; well below `gapMsMax`, or a flood on many would look like a gap. */
  readonly workMsMax?: number;
  /** Longest sleep; below `gapMsMax`. The heart beats at least this often. */
  readonly sleepMsMax?: number;
}

export interface PacketLoopDeps {
  readonly poller: ReadinessPoller;
  readonly clock: Clock;
  readonly timed: readonly Timed[];
  /** Before anything else of the turn: how long it was between two turns, and how many queued items were thrown away. */
  readonly onGap: (gapMs: number, discarded: number) => void;
  /** Once a turn, right after waking. */
  readonly onTurn?: (now: Millis) => void;
  /** When all work of a turn is done, before the thread sleeps; also after the last turn. */
  readonly onTurnEnd?: () => void;
}

const BUDGET = 256;
const GAP_MS_MAX = 250;
const SLEEP_MS_MAX = 100;
const WORK_MS_MAX = 50;

export class PacketLoop {
  readonly #budget: number;
  readonly #gapMsMax: number;
  readonly #sleepMsMax: number;
  readonly #workMsMax: number;
  readonly #deps: PacketLoopDeps;
  readonly #sources = new Map<number, PacketSource>();
  /** Were readable in the last turn when its time was over. */
  #unserved: ReadonlySet<number> = new Set();
  /** When the present turn began. */
  #wokeAt: Millis = Infinity;
  #stopped = false;
  #running = false;

  constructor(options: PacketLoopOptions, deps: PacketLoopDeps) {
    this.#budget = options.budget ?? BUDGET;
    this.#gapMsMax = options.gapMsMax ?? GAP_MS_MAX;
    this.#sleepMsMax = options.sleepMsMax ?? SLEEP_MS_MAX;
    this.#workMsMax = options.workMsMax ?? WORK_MS_MAX;
    this.#deps = deps;
    invariant(this.#budget >= 1, "A packet loop drains at least one item per source and turn");
    invariant(this.#workMsMax < this.#gapMsMax, "A packet loop must not take its own work for a gap");
    invariant(this.#sleepMsMax < this.#gapMsMax, "A packet loop that sleeps on purpose must not take it for a gap");
  }

  /** May be called while the loop runs. */
  add(source: PacketSource): void {
    invariant(!this.#sources.has(source.fd), `Descriptor ${source.fd} is in the loop already`);
    this.#sources.set(source.fd, source);
    this.#deps.poller.add(source.fd);
  }

  /** May be called while the loop runs, by the source's own `drain` too. Call it before the descriptor is closed. */
  remove(source: PacketSource): void {
    if (!this.#sources.delete(source.fd)) return;
    this.#deps.poller.remove(source.fd);
  }

  /** Whether a source is also drained when its descriptor takes bytes. */
  awaitWritable(source: PacketSource, isAwaited: boolean): void {
    if (this.#sources.has(source.fd)) this.#deps.poller.awaitWritable(source.fd, isAwaited);
  }

  /**
   * True when the present turn is longer than a gap: what was read in it is old, and what was decided in it may not hold
   * any more. The loop gives the turn up as soon as it comes to it.
   */
  isStale(): boolean {
    return this.#deps.clock.now() - this.#wokeAt > this.#gapMsMax;
  }

  /** Ends `run` after the present call of a source, a timer or a callback has returned. */
  stop(): void {
    this.#stopped = true;
  }

  /** Blocks the thread until `stop` was called from inside. */
  run(): void {
    invariant(!this.#running, "A packet loop runs once at a time");
    this.#running = true;
    this.#stopped = false;
    this.#wokeAt = this.#deps.clock.now();
    while (!this.#stopped) {
      this.#deps.onTurnEnd?.();
      const beforeSleep = this.#deps.clock.now();
      const sleepMs = this.isStale() ? 0 : this.#sleepMs();
      const ready = this.#deps.poller.wait(sleepMs);
      const now = this.#deps.clock.now();
      const turnMs = now - this.#wokeAt;
      this.#wokeAt = now;
      this.#deps.onTurn?.(now);
      if (turnMs > this.#gapMsMax) {
        this.#takeGap(turnMs);
        continue;
      }
      // Whoever asks is not kept waiting by timers that cannot be due: nothing has moved them since.
      if (now >= beforeSleep + sleepMs) this.#tick();
      this.#drain(ready);
    }
    this.#deps.onTurnEnd?.();
    this.#wokeAt = Infinity;
    this.#running = false;
  }

  #sleepMs(): number {
    return this.#deps.timed.reduce((least, timed) => Math.min(least, timed.timeoutMs()), this.#sleepMsMax);
  }

  /** What was readable before the gap counts as old; the next turn reads what comes from now on. */
  #takeGap(gapMs: number): void {
    let discarded = 0;
    for (const source of [...this.#sources.values()]) discarded += source.discard();
    this.#deps.onGap(gapMs, discarded);
  }

  #drain(ready: readonly number[]): void {
    const late = this.#unserved;
    const order = late.size === 0 ? ready : [...ready].sort((a, b) => Number(late.has(b)) - Number(late.has(a)));
    this.#unserved = new Set();
    for (const [index, fd] of order.entries()) {
      if (this.#stopped || this.isStale()) return;
      // An earlier source of this turn may have removed it.
      const source = this.#sources.get(fd);
      if (source === undefined) continue;
      // The first is served however late it is: timers that take all the time must not silence the sockets.
      if (index > 0 && this.#deps.clock.now() - this.#wokeAt > this.#workMsMax) {
        this.#unserved = new Set(order.slice(index));
        return;
      }
      source.drain(this.#budget);
      this.#tick();
    }
  }

  #tick(): void {
    for (const timed of this.#deps.timed) {
      if (this.#stopped || this.isStale()) return;
      timed.tickIfDue();
    }
  }
}
