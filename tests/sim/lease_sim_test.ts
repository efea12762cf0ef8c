/**
 * Three controllers and one Lease under random faults: clocks that run at different speeds, paused processes, requests
 * and answers that are lost or late, a watch that lags and breaks, an API that goes away, restarts with and without a
 * goodbye.
 *
 * Checked at every write that reaches the API: since it was sent, and while it was under way, nobody else has begun to
 * lead (a write is under way for one request time-out at most, as the client sees to). And in the end, when all is
 * well again, exactly one leads.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { below, type Rng, SeededRng } from "../../lib/base/rng.ts";
import { LeaseElection } from "../../lib/decision/control/lease_election.ts";
import type { Lease, LeaseEffect, LeaseInput } from "../../lib/decision/control/lease_io.ts";
import { leaseTimes } from "../../lib/decision/control/lease_times.ts";
import { VirtualTime } from "./virtual_time.ts";

const SEEDS = 200;
const DURATION_MS = 5_000;
const FAULTS_MS = 120_000;
const CALM_MS = 30_000;
const TIMES = leaseTimes(DURATION_MS);

interface Stats {
  leads: number;
  writes: number;
  losses: number;
}

class World {
  readonly time = new VirtualTime();
  readonly rng: Rng;
  readonly stats: Stats = { leads: 0, writes: 0, losses: 0 };
  readonly trace: string[] = [];
  readonly nodes: Node[] = [];
  lease: Lease | undefined;
  isApiUp = true;
  isCalm = false;
  /** Who began to lead, in order. */
  leaders: string[] = [];
  readonly seed: number;
  #version = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.rng = new SeededRng(seed);
    for (const place of ["x", "y", "z"]) this.nodes.push(new Node(this, place));
  }

  below(bound: number): number {
    return below(this.rng, bound);
  }

  chance(percent: number): boolean {
    return !this.isCalm && this.below(100) < percent;
  }

  note(text: string): void {
    this.trace.push(`${this.time.now.toFixed(0)} ${text}`);
  }

  write(effect: LeaseEffect & { kind: "write" }): { ok: true; lease: Lease } | { ok: false } {
    if (effect.resourceVersion !== this.lease?.resourceVersion) return { ok: false };
    const { holder, durationMs, transitions } = effect;
    this.#put({ resourceVersion: String(++this.#version), holder, durationMs, transitions });
    return { ok: true, lease: this.lease! };
  }

  /** By a human. */
  removeLease(): void {
    this.#put(undefined);
  }

  #put(lease: Lease | undefined): void {
    this.lease = lease;
    for (const node of this.nodes) node.watch(lease);
  }

  began(identity: string): void {
    this.stats.leads++;
    this.leaders.push(identity);
    this.note(`${identity} leads`);
  }

  /** A status write takes effect. */
  applied(identity: string): void {
    this.stats.writes++;
    assertEquals(
      this.leaders.at(-1),
      identity,
      `seed ${this.seed}: a write of ${identity} lands under another leader\n${this.trace.slice(-40).join("\n")}`,
    );
  }

  run(): void {
    for (const node of this.nodes) node.start();
    for (let at = 0; at < FAULTS_MS; at += 250) this.time.after(at, () => this.#fault());
    this.time.pass(FAULTS_MS);
    this.isCalm = true;
    this.isApiUp = true;
    for (const node of this.nodes) node.resume();
    this.time.pass(CALM_MS);
    const leading = this.nodes.filter((node) => node.mayWrite());
    const states = this.nodes.map((node) => JSON.stringify(node.machine.inspect())).join("\n");
    assertEquals(leading.length, 1, `seed ${this.seed}: ${leading.length} lead at the end\n${states}`);
    for (const node of this.nodes) node.end();
  }

  #fault(): void {
    const node = this.nodes[this.below(this.nodes.length)]!;
    const dice = this.below(1000);
    if (dice < 20) node.pause(this.below(2 * DURATION_MS));
    else if (dice < 32) node.restart("killed");
    else if (dice < 44) node.restart("stopped");
    else if (dice < 56) {
      this.isApiUp = false;
      this.note("the API goes");
      this.time.after(this.below(2 * DURATION_MS), () => this.isApiUp = true);
    } else if (dice < 70) node.cutOff(this.below(2 * DURATION_MS));
  }
}

class Node {
  readonly world: World;
  readonly place: string;
  machine!: LeaseElection;
  #life = 0;
  #identity = "";
  /** This clock's speed and start. */
  readonly #rate: number;
  readonly #offset: number;
  #isPaused = false;
  #isCut = false;
  /** Status writes that are under way. */
  #underWay = 0;
  /** What waits for the end of the pause. */
  #queued: (() => void)[] = [];

  constructor(world: World, place: string) {
    this.world = world;
    this.place = place;
    this.#rate = 1 + (world.below(2001) - 1000) / 100_000;
    this.#offset = world.below(1_000_000);
  }

  get #now(): number {
    return this.#offset + this.world.time.now * this.#rate;
  }

  mayWrite(): boolean {
    return !this.#isPaused && this.machine.mayWrite(this.#now);
  }

  start(): void {
    const life = ++this.#life;
    this.#identity = `${this.place}_${life}`;
    this.#underWay = 0;
    const options = { identity: this.#identity, podPrefix: `${this.place}_`, durationMs: DURATION_MS };
    this.machine = new LeaseElection(options, { rng: this.world.rng });
    this.#input({ kind: "start" });
    this.#writeNow(life);
  }

  end(): void {
    this.#life++;
  }

  pause(forMs: number): void {
    if (this.#isPaused) return;
    this.world.note(`${this.#identity} is paused for ${forMs}`);
    this.#isPaused = true;
    this.world.time.after(forMs, () => this.resume());
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const run of this.#queued.splice(0)) run();
    this.#input({ kind: "tick" });
  }

  cutOff(forMs: number): void {
    this.#isCut = true;
    this.world.note(`${this.#identity} is cut off for ${forMs}`);
    this.world.time.after(forMs, () => this.#isCut = false);
  }

  restart(how: "killed" | "stopped"): void {
    this.resume();
    this.world.note(`${this.#identity} is ${how}`);
    if (how === "killed") return this.start();
    // As the program does: it decides nothing more, waits a second for its writes and says whether all came back.
    const life = this.#life;
    const limit = this.world.time.now + 1000;
    const stopWriting = this.machine;
    const wait = () => {
      if (life !== this.#life) return;
      if (this.#underWay > 0 && this.world.time.now < limit) return this.world.time.after(20, wait);
      const isClean = this.#underWay === 0;
      this.#stopsWriting = undefined;
      this.#input({ kind: "stop", isClean });
      this.world.time.after(500, () => life === this.#life && this.start());
    };
    this.#stopsWriting = stopWriting;
    wait();
  }

  #stopsWriting: LeaseElection | undefined;

  watch(lease: Lease | undefined): void {
    if (this.#isCut || this.world.chance(10)) return;
    this.#later(this.world.below(this.world.chance(10) ? 3_000 : 50), () => this.#input({ kind: "seen", lease }));
  }

  /** Runs in this life of the process, when it is not paused. */
  #later(delayMs: number, run: () => void): void {
    const life = this.#life;
    this.world.time.after(delayMs, () => {
      if (life !== this.#life) return;
      if (this.#isPaused) this.#queued.push(run);
      else run();
    });
  }

  #input(input: LeaseInput | { kind: "tick" }): void {
    this.machine.handle(input, this.#now);
    for (let effect = this.machine.poll(); effect !== undefined; effect = this.machine.poll()) this.#apply(effect);
    const deadline = this.machine.deadline();
    if (deadline === undefined) return;
    const delayMs = Math.max(0.01, (deadline.at - this.#now) / this.#rate);
    const { machine } = this;
    this.#later(delayMs, () => {
      if (machine.deadline()?.at !== undefined && machine.deadline()!.at <= this.#now) this.#input({ kind: "tick" });
    });
  }

  #apply(effect: LeaseEffect): void {
    switch (effect.kind) {
      case "get":
        return this.#request(effect.request, () => ({ kind: "got", request: effect.request, lease: this.world.lease }));
      case "write":
        return this.#request(effect.request, () => {
          const result = this.world.write(effect);
          const { request } = effect;
          this.world.note(
            `${this.#identity} writes ${effect.holder || "nobody"} over ${effect.resourceVersion}: ${result.ok}`,
          );
          return result.ok
            ? { kind: "written", request, lease: result.lease }
            : { kind: "failed", request, reason: "changed", message: "conflict" };
        });
      case "lead":
        return this.world.began(this.#identity);
      case "follow":
        this.world.stats.losses++;
        return this.world.note(`${this.#identity} follows: ${effect.reason}`);
    }
  }

  /** A request may be lost, late or without an answer; after the time-out the client says that it does not know. */
  #request(request: number, serve: () => LeaseInput): void {
    const { world } = this;
    const timeoutMs = TIMES.requestTimeoutMs / this.#rate;
    const failed: LeaseInput = { kind: "failed", request, reason: "unknown", message: "no answer" };
    const isLost = this.#isCut || !world.isApiUp || world.chance(5);
    // A request that the client has given up may still be served a little later.
    const servedAfterMs = world.below(world.chance(10) ? 2 * timeoutMs : 30);
    const answerMs = world.below(world.chance(10) ? timeoutMs : 20);
    let isSettled = false;
    const settle = (input: LeaseInput) => {
      if (isSettled) return;
      isSettled = true;
      this.#input(input);
    };
    if (!isLost) {
      world.time.after(servedAfterMs, () => {
        const answer = serve();
        if (!world.chance(5)) this.#later(answerMs, () => settle(answer));
      });
    }
    this.#later(timeoutMs, () => settle(failed));
  }

  /** A status write every now and then, and more of them when it matters: just before the lease ends. */
  #writeNow(life: number): void {
    if (life !== this.#life) return;
    this.#later(this.world.below(100), () => {
      if (this.machine !== this.#stopsWriting && this.machine.mayWrite(this.#now)) this.#statusWrite();
      this.#writeNow(life);
    });
  }

  #statusWrite(): void {
    const { world } = this;
    const identity = this.#identity;
    const isLate = world.chance(30);
    const delayMs = world.below(isLate ? TIMES.requestTimeoutMs / this.#rate : 20);
    this.#underWay++;
    const life = this.#life;
    world.time.after(delayMs, () => {
      world.applied(identity);
      if (life === this.#life) this.#later(0, () => this.#underWay--);
    });
  }
}

Deno.test(`Three controllers, ${SEEDS} seeds: no write lands after another one has begun to lead, and one leads in the end`, () => {
  const total: Stats = { leads: 0, writes: 0, losses: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed);
    world.run();
    total.leads += world.stats.leads;
    total.writes += world.stats.writes;
    total.losses += world.stats.losses;
  }
  // The histories must be worth something.
  assert(total.leads > 5 * SEEDS, `${total.leads} terms`);
  assert(total.losses > SEEDS, `${total.losses} losses`);
  assert(total.writes > 500 * SEEDS, `${total.writes} writes`);
});
