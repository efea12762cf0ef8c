import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LeaseElection } from "../../../lib/decision/control/lease_election.ts";
import type { Lease, LeaseEffect, LeaseInput } from "../../../lib/decision/control/lease_io.ts";
import { SeededRng } from "../../../lib/base/rng.ts";

/** Fifths of 3 s: writes end 9 s after a renewal, another may take the lease after 12 s and leads after 15 s. */
const DURATION_MS = 15_000;

/** One candidate; `now` may begin anywhere, as the clocks of two machines do. */
class Candidate {
  readonly machine: LeaseElection;
  readonly log: string[] = [];
  now: number;

  constructor(options: { identity?: string; podPrefix?: string; startsAt?: number; durationMs?: number } = {}) {
    const { identity = "a", startsAt = 500, durationMs = DURATION_MS, podPrefix } = options;
    this.now = startsAt;
    this.machine = new LeaseElection({ identity, durationMs, podPrefix }, { rng: new SeededRng(1) });
  }

  /** What comes of an input after `afterMs`, without the log. */
  give(input: LeaseInput | { kind: "tick" }, afterMs = 0): Exclude<LeaseEffect, { kind: "log" }>[] {
    this.now += afterMs;
    this.machine.handle(input, this.now);
    const effects: Exclude<LeaseEffect, { kind: "log" }>[] = [];
    for (let effect = this.machine.poll(); effect !== undefined; effect = this.machine.poll()) {
      if (effect.kind === "log") this.log.push(effect.event.event);
      else effects.push(effect);
    }
    return effects;
  }

  /** Lets time pass, tick by tick, until something comes out. */
  wait(limitMs: number): { afterMs: number; effects: Exclude<LeaseEffect, { kind: "log" }>[] } {
    const began = this.now;
    for (let ticks = 0; ticks < 100; ticks++) {
      const at = this.machine.deadline()?.at ?? Infinity;
      if (at > began + limitMs) {
        this.now = began + limitMs;
        return { afterMs: limitMs, effects: [] };
      }
      this.now = Math.max(this.now, at);
      const effects = this.give({ kind: "tick" });
      if (effects.length > 0) return { afterMs: this.now - began, effects };
    }
    throw new Error("ticks without an effect");
  }

  mayWrite(afterMs = 0): boolean {
    return this.machine.mayWrite(this.now + afterMs);
  }
}

function lease(resourceVersion: string, holder: string, more: Partial<Lease> = {}): Lease {
  return { resourceVersion, holder, durationMs: DURATION_MS, transitions: 0, ...more };
}

function kinds(effects: readonly LeaseEffect[]): string[] {
  return effects.map((effect) => effect.kind);
}

type Write = Extract<LeaseEffect, { kind: "write" }>;

/** The only effect of its kind. */
function theOne<Kind extends LeaseEffect["kind"]>(kind: Kind, effects: readonly LeaseEffect[]) {
  const found = effects.filter((effect): effect is Extract<LeaseEffect, { kind: Kind }> => effect.kind === kind);
  assertEquals(found.length, 1, `one ${kind} in ${JSON.stringify(effects)}`);
  return found[0]!;
}

function writeOf(effects: readonly LeaseEffect[]): Write {
  assertEquals(effects.length, 1, JSON.stringify(effects));
  return theOne("write", effects);
}

/** How long until it leads, with every renewal confirmed; `nextRequest` is the number of the first. */
function untilLead(candidate: Candidate, nextRequest: number): number {
  const began = candidate.now;
  for (let request = nextRequest;; request++) {
    const { effects } = candidate.wait(60_000);
    if (kinds(effects).includes("lead")) return candidate.now - began;
    assertEquals(kinds(effects), ["write"]);
    candidate.give({ kind: "written", request, lease: lease(`renewed ${request}`, "a") });
  }
}

/** A candidate that leads since 10 ms, with version 1. */
function leader(options: ConstructorParameters<typeof Candidate>[0] = {}): Candidate {
  const candidate = new Candidate(options);
  candidate.give({ kind: "start" });
  candidate.give({ kind: "got", request: 1, lease: undefined }, 5);
  const { identity = "a" } = options;
  assertEquals(kinds(candidate.give({ kind: "written", request: 2, lease: lease("1", identity) }, 5)), [
    "lead",
    "settled",
  ]);
  return candidate;
}

Deno.test("Without a Lease the first one makes it and leads at once", () => {
  const a = new Candidate();
  assertEquals(a.give({ kind: "start" }), [{ kind: "get", request: 1 }]);
  assertEquals(a.mayWrite(), false);
  assertEquals(a.give({ kind: "got", request: 1, lease: undefined }, 5), [{
    kind: "write",
    request: 2,
    resourceVersion: undefined,
    holder: "a",
    durationMs: DURATION_MS,
    transitions: 0,
    isAcquisition: true,
  }]);
  assertEquals(a.mayWrite(), false);
  assertEquals(kinds(a.give({ kind: "written", request: 2, lease: lease("1", "a") }, 5)), ["lead", "settled"]);
  assertEquals(a.mayWrite(), true);
});

Deno.test("A released Lease is taken at once and counts as a change of holder", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  const released = lease("7", "", { durationMs: 1000, transitions: 3 });
  const write = writeOf(a.give({ kind: "got", request: 1, lease: released }, 5));
  assertEquals([write.resourceVersion, write.transitions, write.isAcquisition], ["7", 4, true]);
  assertEquals(kinds(a.give({ kind: "written", request: 2, lease: lease("8", "a") }, 5)), ["lead", "settled"]);
});

Deno.test("A Lease of somebody else is waited out from when it was seen to change, then fenced for one request time-out", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  assertEquals(kinds(a.give({ kind: "got", request: 1, lease: lease("1", "b") }, 5)), ["settled"]);
  a.give({ kind: "seen", lease: lease("2", "b") }, 3_000);
  const taken = a.wait(60_000);
  assertEquals(taken.afterMs, 12_000);
  assertEquals(kinds(taken.effects), ["write"]);
  assertEquals(a.give({ kind: "written", request: 2, lease: lease("3", "a") }, 100), []);
  assertEquals(a.mayWrite(), false);
  const fenced = a.wait(60_000);
  assertEquals([fenced.afterMs, kinds(fenced.effects)], [2_900, ["lead", "write"]]);
  assertEquals(a.mayWrite(), true);
});

Deno.test("What another holder promised counts, not our own duration; nonsense is bounded", () => {
  const rows: [number, number][] = [[30_000, 24_000], [5_000, 4_000], [0, 800], [1e12, 48_000], [NaN, 12_000]];
  for (const [durationMs, waitMs] of rows) {
    const a = new Candidate();
    a.give({ kind: "start" });
    a.give({ kind: "got", request: 1, lease: lease("1", "b", { durationMs }) });
    assertEquals(a.wait(100_000).afterMs, waitMs, `a lease of ${durationMs}`);
    // A short lease of another one does not shorten the fence below our own time-out.
    a.give({ kind: "written", request: 2, lease: lease("2", "a") });
    assertEquals(untilLead(a, 3), Math.max(3_000, waitMs / 4), `the fence of ${durationMs}`);
  }
});

Deno.test("The wall clock of the holder does not matter: the same record, seen at any time, is waited out from there", () => {
  for (const startsAt of [0, 1e9, 123.456]) {
    const a = new Candidate({ startsAt });
    a.give({ kind: "start" });
    a.give({ kind: "got", request: 1, lease: lease("1", "b") });
    // Told again without a change: no renewal.
    a.give({ kind: "seen", lease: lease("1", "b") }, 6_000);
    assertEquals(a.wait(60_000).afterMs, 6_000);
  }
});

Deno.test("Two candidates for a free Lease: the precondition lets one win, the other looks and waits", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  a.give({ kind: "got", request: 1, lease: lease("1", "") });
  const looks = a.give({ kind: "failed", request: 2, reason: "changed", message: "conflict" }, 5);
  assertEquals(looks, [{ kind: "get", request: 3 }]);
  assertEquals(kinds(a.give({ kind: "got", request: 3, lease: lease("2", "b") }, 5)), ["settled"]);
  assertEquals(a.wait(60_000).afterMs, 12_000);
});

Deno.test("A server that says conflict for ever is not asked in a circle", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  a.give({ kind: "got", request: 1, lease: lease("1", "") });
  let requests = 2;
  const began = a.now;
  for (let round = 0; round < 20; round++) {
    const answer = a.give({ kind: "failed", request: requests, reason: "changed", message: "conflict" });
    const next = theOne("get", round === 0 ? answer : a.wait(10_000).effects);
    requests = next.request + 1;
    a.give({ kind: "got", request: next.request, lease: lease("1", "") });
  }
  assert(a.now - began > 19 * 375, `20 rounds in ${a.now - began} ms`);
});

Deno.test("A leader renews every fifth and counts from when the renewal was sent", () => {
  const a = leader();
  const renewal = a.wait(60_000);
  // It was sent 5 ms before it was confirmed.
  assertEquals(renewal.afterMs, 2_995);
  assertEquals(renewal.effects.map((effect) => effect.kind === "write" && effect.resourceVersion), ["1"]);
  a.give({ kind: "written", request: 3, lease: lease("2", "a") }, 2_000);
  assertEquals(a.mayWrite(6_999), true);
  assertEquals(a.mayWrite(7_000), false);
  assertEquals(a.wait(60_000).afterMs, 1_000);
});

Deno.test("A renewal whose answer is lost: writes stop at three fifths, and before that it looks and renews anew", () => {
  const a = leader();
  a.wait(60_000);
  assertEquals(a.give({ kind: "failed", request: 3, reason: "unknown", message: "timeout" }, 3_000), []);
  const look = a.wait(60_000);
  assertEquals(look.effects, [{ kind: "get", request: 4 }]);
  assert(look.afterMs <= 750, `after ${look.afterMs}`);
  // It had happened.
  const renewal = writeOf(a.give({ kind: "got", request: 4, lease: lease("2", "a") }, 10));
  assertEquals([renewal.resourceVersion, renewal.isAcquisition], ["2", false]);
  assertEquals(a.give({ kind: "written", request: 5, lease: lease("3", "a") }, 10), []);
  assertEquals(a.mayWrite(), true);
});

Deno.test("A renewal that changes nothing is none: nobody has seen it", () => {
  const a = leader();
  a.wait(60_000);
  a.give({ kind: "written", request: 3, lease: lease("1", "a") });
  assertEquals(a.wait(60_000).effects, [{ kind: "get", request: 4 }]);
  assertEquals(a.mayWrite(6_000), false);
});

Deno.test("A leader that is cut off from the API stops writing at three fifths and says why; back again it fences itself", () => {
  const a = leader();
  const began = a.now;
  a.wait(60_000);
  let lost: readonly LeaseEffect[] = [];
  for (let id = 3; lost.length === 0; id++) {
    a.give({ kind: "failed", request: id, reason: "unknown", message: "unreachable" });
    const { effects } = a.wait(60_000);
    if (effects.some(({ kind }) => kind === "follow")) lost = effects;
  }
  assertEquals(lost[0], { kind: "follow", reason: "expired" });
  assertEquals(a.now - began, 8_995);
  assertEquals(a.log.at(-1), "leadershipLost");
  const get = theOne("get", lost);
  const again = writeOf(a.give({ kind: "got", request: get.request, lease: lease("1", "a", { transitions: 5 }) }, 10));
  assertEquals([again.isAcquisition, again.transitions], [false, 5]);
  a.give({ kind: "written", request: again.request, lease: lease("2", "a") });
  assertEquals(a.mayWrite(), false);
  const fenced = a.wait(60_000);
  assertEquals([fenced.afterMs, kinds(fenced.effects)], [3_000, ["lead", "write"]]);
});

Deno.test("A process that was stopped: after waking nothing is written before the lease is renewed and fenced", () => {
  for (const stoppedMs of [9_000, 30_000]) {
    const a = leader();
    assertEquals(a.mayWrite(stoppedMs), false, "the clock alone forbids it, before any input is handled");
    // The answer to a renewal that was sent before waits in the socket.
    const b = leader();
    b.wait(60_000);
    const effects = b.give({ kind: "written", request: 3, lease: lease("2", "a") }, stoppedMs);
    assertEquals(effects[0], { kind: "follow", reason: "expired" });
    assertEquals(b.mayWrite(), false);
  }
});

Deno.test("An answer to the acquisition that comes too late makes no leader", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  a.give({ kind: "got", request: 1, lease: undefined });
  assertEquals(kinds(a.give({ kind: "written", request: 2, lease: lease("1", "a") }, 9_000)), ["get"]);
  assertEquals(a.mayWrite(), false);
});

Deno.test("An acquisition of which nobody knows whether it happened: what it had to wait out is waited out", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  a.give({ kind: "got", request: 1, lease: lease("1", "b", { durationMs: 60_000 }) });
  a.wait(100_000);
  a.give({ kind: "failed", request: 2, reason: "unknown", message: "timeout" });
  a.wait(10_000);
  a.give({ kind: "got", request: 3, lease: lease("2", "a") });
  a.give({ kind: "written", request: 4, lease: lease("3", "a") });
  assertEquals(untilLead(a, 5), 12_000);
});

Deno.test("A watch that says that somebody else leads makes a leader look, and only the answer counts", () => {
  const a = leader();
  // Late news of the holder before us.
  assertEquals(a.give({ kind: "seen", lease: lease("0", "b") }), [{ kind: "get", request: 3 }]);
  assertEquals(a.mayWrite(), true);
  writeOf(a.give({ kind: "got", request: 3, lease: lease("1", "a") }));
  a.give({ kind: "written", request: 4, lease: lease("2", "a") });
  assertEquals(a.mayWrite(), true);
  a.give({ kind: "seen", lease: lease("9", "b") });
  assertEquals(a.give({ kind: "got", request: 5, lease: lease("9", "b") }), [{ kind: "follow", reason: "taken" }]);
  assertEquals(a.mayWrite(), false);
  assertEquals(a.wait(60_000).afterMs, 12_000);
});

Deno.test("A Lease that somebody removes: the leader makes it anew, the others do not take it before its term ends", () => {
  const a = leader();
  assertEquals(a.give({ kind: "seen", lease: undefined }), [{ kind: "get", request: 3 }]);
  const write = writeOf(a.give({ kind: "got", request: 3, lease: undefined }));
  assertEquals(write.resourceVersion, undefined);
  a.give({ kind: "written", request: 4, lease: lease("5", "a") });
  assertEquals(a.mayWrite(), true);

  const b = new Candidate({ identity: "b" });
  b.give({ kind: "start" });
  b.give({ kind: "got", request: 1, lease: lease("1", "a") });
  assertEquals(b.give({ kind: "seen", lease: undefined }, 1_000), []);
  assertEquals(b.wait(60_000).afterMs, 11_000);
});

Deno.test("What the process before in the same Pod left is taken at once, but fenced; of another Pod or later it is waited out", () => {
  const rows: [string, boolean][] = [["pod-1_old", true], ["pod-10_old", false], ["pod-2_old", false]];
  for (const [holder, atOnce] of rows) {
    const a = new Candidate({ identity: "pod-1_new", podPrefix: "pod-1_" });
    a.give({ kind: "start" });
    const effects = a.give({ kind: "got", request: 1, lease: lease("1", holder) });
    assertEquals(kinds(effects), atOnce ? ["write"] : ["settled"], holder);
    if (!atOnce) continue;
    assertEquals(kinds(a.give({ kind: "written", request: 2, lease: lease("2", "pod-1_new") })), ["settled"]);
    assertEquals(a.wait(60_000).afterMs, 3_000);
  }
  // Two processes that claim to be the same Pod do not take it from each other in turns.
  const a = leader({ identity: "pod-1_x", podPrefix: "pod-1_" });
  a.give({ kind: "seen", lease: lease("2", "pod-1_y") });
  a.give({ kind: "got", request: 3, lease: lease("2", "pod-1_y") });
  assertEquals(a.wait(60_000).afterMs, 12_000);
});

Deno.test("Stop: a clean leader releases, one with writes under way leaves a short lease, a follower goes without a word", () => {
  for (const isClean of [true, false]) {
    const a = leader();
    const write = writeOf(a.give({ kind: "stop", isClean }));
    assertEquals([write.holder, write.durationMs, write.resourceVersion], [isClean ? "" : "a", 1_000, "1"]);
    assertEquals(a.mayWrite(), false);
    assertEquals(a.give({ kind: "written", request: 3, lease: lease("2", write.holder) }), [{ kind: "stopped" }]);
    assertEquals(a.machine.deadline(), undefined);
  }
  const b = new Candidate();
  b.give({ kind: "start" });
  b.give({ kind: "got", request: 1, lease: lease("1", "c") });
  assertEquals(b.give({ kind: "stop", isClean: true }), [{ kind: "stopped" }]);
});

Deno.test("Stop in the middle: an answer that is under way is awaited, a fence that did not end is left to the next one", () => {
  const renewing = leader();
  renewing.wait(60_000);
  assertEquals(renewing.give({ kind: "stop", isClean: true }), []);
  const release = writeOf(renewing.give({ kind: "written", request: 3, lease: lease("2", "a") }));
  assertEquals([release.holder, release.resourceVersion], ["", "2"]);

  const fencing = new Candidate({ podPrefix: "p_", identity: "p_2" });
  fencing.give({ kind: "start" });
  fencing.give({ kind: "got", request: 1, lease: lease("1", "p_1") });
  assertEquals(fencing.give({ kind: "stop", isClean: true }), []);
  const short = writeOf(fencing.give({ kind: "written", request: 2, lease: lease("2", "p_2") }));
  assertEquals(short.holder, "p_2");
  // A refused release changes nothing: the term ends by itself.
  assertEquals(fencing.give({ kind: "failed", request: 3, reason: "changed", message: "conflict" }), [{
    kind: "stopped",
  }]);
});

Deno.test("A missing right is said once, tried again slowly, and the program may start its caches meanwhile", () => {
  const a = new Candidate();
  a.give({ kind: "start" });
  const refused = { kind: "failed", reason: "refused", message: "leases is forbidden" } as const;
  assertEquals(kinds(a.give({ ...refused, request: 1 })), ["settled"]);
  assertEquals(a.log, ["leaseRefused"]);
  for (let request = 2; request < 6; request++) {
    const again = a.wait(60_000);
    assertEquals([again.afterMs, kinds(again.effects)], [5_000, ["get"]]);
    a.give({ ...refused, request });
  }
  assertEquals(a.log.filter((event) => event === "leaseRefused").length, 1);
});

Deno.test("Answers to requests of before, and none at all, do no harm", () => {
  const a = leader();
  assertEquals(a.give({ kind: "got", request: 1, lease: lease("9", "b") }), []);
  assertEquals(a.give({ kind: "written", request: 99, lease: lease("9", "b") }), []);
  a.wait(60_000);
  const unanswered = a.wait(60_000);
  assertEquals(unanswered.effects, [{ kind: "follow", reason: "expired" }]);
  assertEquals(a.wait(60_000).effects, [{ kind: "get", request: 4 }]);
  const b = new Candidate();
  b.give({ kind: "start" });
  const again = b.wait(60_000);
  assertEquals(kinds(again.effects), ["settled"]);
  assertEquals(again.afterMs, 6_000);
  assertEquals(kinds(b.wait(60_000).effects), ["get"]);
});
