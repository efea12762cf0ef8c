import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../../lib/base/rng.ts";
import {
  ANSWER_BYTES_MAX,
  decodeWatchMessage,
  encodeWatchMessage,
  type WatchMessage,
  type WatchState,
} from "../../../lib/protocol/watch/message.ts";
import { Watch, type WatchEffect, type WatchInput } from "../../../lib/protocol/watch/watch.ts";

const B = { node: "b", address: "192.0.2.2", port: 7947 };
const C = { node: "c", address: "192.0.2.3", port: 7947 };

/** Speaker `a`, alive, with a clock that stands still unless moved. */
class Bench {
  now = 1000;
  readonly watch: Watch;
  readonly effects: WatchEffect[] = [];
  /** Probes that were sent, in order. */
  readonly probes: { readonly at: number; readonly to: string; readonly nonce: string }[] = [];
  readonly acks: { readonly to: string; readonly nonce: string; readonly state: WatchState }[] = [];
  readonly changes: string[] = [];
  readonly lives: number[] = [];

  constructor(options: { authenticated?: boolean } = {}) {
    const { authenticated = true } = options;
    this.watch = new Watch({ node: "a", generation: 5, authenticated }, { rng: new SeededRng(7) });
    this.handle({ kind: "state", state: "alive" });
  }

  handle(input: WatchInput | { readonly kind: "tick" }): void {
    this.watch.handle(input, this.now);
    for (let effect; (effect = this.watch.poll()) !== undefined;) {
      if (effect.kind === "peer") this.changes.push(`${effect.node} ${effect.state}`);
      else if (effect.kind === "life") this.lives.push(effect.generation);
      else if (effect.kind !== "send") this.effects.push(effect);
      else {
        const { kind, nonce, state } = effect.message;
        if (kind === "tell" || kind === "claims" || kind === "query") this.effects.push(effect);
        else if (kind === "probe") this.probes.push({ at: this.now, to: effect.address, nonce });
        else this.acks.push({ to: effect.address, nonce, state });
      }
    }
  }

  add(...peers: readonly typeof B[]): void {
    this.handle({ kind: "peers", upsert: peers, remove: [] });
  }

  /** Lets time pass, ticking at every deadline. */
  pass(durationMs: number): void {
    const until = this.now + durationMs;
    for (let at; (at = this.watch.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(this.now, at);
      this.handle({ kind: "tick" });
    }
    this.now = until;
  }

  hear(message: Partial<WatchMessage>, from = B): void {
    const whole = {
      kind: "probe",
      sender: from.node,
      generation: 9,
      state: "alive",
      nonce: "0".repeat(16),
      ...message,
    };
    this.handle({ kind: "message", message: whole as WatchMessage, address: from.address, port: from.port });
  }

  /** Answers the last probe sent to `from`. */
  answer(message: Partial<WatchMessage> = {}, from = B): void {
    const { nonce } = this.probes.findLast(({ to }) => to === from.address)!;
    this.hear({ kind: "ack", nonce, ...message }, from);
  }

  stateOf(node: string): string | undefined {
    const { peers } = this.watch.inspect() as { peers: { node: string; state: string }[] };
    return peers.find((peer) => peer.node === node)?.state;
  }

  /** Lets time pass while every probe to `from` is answered at once. */
  passAnswering(durationMs: number, from = B): void {
    const until = this.now + durationMs;
    this.answer({}, from);
    for (let at; (at = this.watch.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(this.now, at);
      this.handle({ kind: "tick" });
      this.answer({}, from);
    }
    this.now = until;
  }
}

const NOT_A_PROOF: readonly {
  readonly what: string;
  readonly message: Partial<WatchMessage>;
  readonly from?: typeof B;
}[] = [
  { what: "a probe", message: { kind: "probe" } },
  { what: "an answer to no probe of ours", message: { kind: "ack", nonce: "1".repeat(16) } },
  { what: "an answer of somebody else", message: { kind: "ack", sender: "c" } },
  { what: "our own words coming back", message: { kind: "ack", sender: "a" } },
];

for (const { what, message } of NOT_A_PROOF) {
  Deno.test(`Watch: ${what} does not prove that a peer lives`, () => {
    const bench = new Bench();
    bench.add(B, C);
    const { nonce } = bench.probes.find(({ to }) => to === B.address)!;
    bench.hear({ nonce, ...message });
    assertEquals(bench.stateOf("b"), "unknown");
  });
}

Deno.test("Watch: the answer to a probe proves life, once", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  assertEquals(bench.changes, ["b unknown", "b alive"]);
  const recorded = bench.probes[0]!.nonce;
  bench.pass(1000);
  assertEquals(bench.stateOf("b"), "dead");
  bench.hear({ kind: "ack", nonce: recorded });
  assertEquals(bench.stateOf("b"), "dead");
});

Deno.test("Watch: a living peer is probed each 75 ms", () => {
  const bench = new Bench();
  bench.add(B);
  bench.passAnswering(1000);
  const times = bench.probes.slice(1).map(({ at }) => at);
  const pauses = times.slice(1).map((at, i) => at - times[i]!);
  assertEquals(new Set(pauses), new Set([75]));
});

Deno.test("Watch: a probe without an answer is repeated each 50 ms, and 225 ms later the peer is dead", () => {
  const bench = new Bench();
  bench.add(B);
  bench.passAnswering(500);
  bench.probes.length = 0;
  while (bench.probes.length === 0) bench.pass(1);
  bench.pass(224);
  assertEquals([bench.probes.length, bench.stateOf("b")], [5, "alive"]);
  bench.pass(1);
  assertEquals([bench.probes.length, bench.stateOf("b")], [5, "dead"]);
});

Deno.test("Watch: a peer may stand still for 225 ms from any moment on, and is given up within 300 ms of any fault", () => {
  for (let phase = 0; phase < 75; phase++) {
    const paused = new Bench();
    paused.add(B);
    paused.passAnswering(500 + phase);
    paused.pass(225 - 1);
    paused.answer();
    assertEquals(paused.changes, ["b unknown", "b alive"], `it stood still from ${phase} ms on`);
    paused.pass(225 - 1);
    assertEquals(paused.stateOf("b"), "alive", `and from the answer on, ${phase}`);
    paused.pass(75 + 1);
    assertEquals(paused.stateOf("b"), "dead", `and for good, ${phase}`);
  }
});

Deno.test("Watch: three losses in a row are no death", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  for (let round = 0; round < 20; round++) {
    const sent = bench.probes.length;
    while (bench.probes.length < sent + 4) bench.pass(1);
    bench.answer();
  }
  assertEquals(bench.changes, ["b unknown", "b alive"]);
});

Deno.test("Watch: a peer that was never heard is given up like one that fell silent", () => {
  const bench = new Bench();
  bench.add(B);
  bench.pass(260);
  assertEquals(bench.changes, ["b unknown", "b dead"]);
});

Deno.test("Watch: a tick that comes late asks once more instead of judging", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  while (bench.probes.length < 4) bench.pass(1);
  bench.now += 200;
  bench.handle({ kind: "tick" });
  assertEquals(bench.stateOf("b"), "alive");
  bench.pass(60);
  assertEquals(bench.stateOf("b"), "dead");
});

/** Ticks until b is given up, each of them `lateMs` after its deadline, at most 100. */
function lateTicksUntilDead(bench: Bench, lateMs: number): number {
  for (let ticks = 1; ticks <= 100; ticks++) {
    bench.now = Math.max(bench.now, bench.watch.deadline()!.at) + lateMs;
    bench.handle({ kind: "tick" });
    if (bench.stateOf("b") === "dead") return ticks;
  }
  return Infinity;
}

Deno.test("Watch: also whoever always ticks late gives a silent peer up, after three postponements", () => {
  for (const lateMs of [50, 100, 240]) {
    const bench = new Bench();
    bench.add(B);
    bench.answer();
    const diedAfter = lateTicksUntilDead(bench, lateMs);
    // At most three ticks for the three probes, three to ask once more, and the verdict.
    assertEquals(diedAfter >= 4 && diedAfter <= 7, true, `${diedAfter} ticks that are ${lateMs} ms late`);
  }
});

Deno.test("Watch: an answer gives a peer all postponements back", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  const first = lateTicksUntilDead(bench, 100);
  const again = new Bench();
  again.add(B);
  again.answer();
  for (let round = 0; round < 5; round++) {
    for (let ticks = 1; ticks < first; ticks++) {
      again.now = Math.max(again.now, again.watch.deadline()!.at) + 100;
      again.handle({ kind: "tick" });
    }
    assertEquals(again.stateOf("b"), "alive", `round ${round}`);
    again.answer();
  }
});

Deno.test("Watch: a dead peer is probed each 500 ms, and each 75 ms again once it is back", () => {
  const bench = new Bench();
  bench.add(B);
  bench.pass(2000);
  bench.probes.length = 0;
  bench.pass(5000);
  assertEquals(bench.probes.length, 10);
  while (bench.probes.length === 10) bench.pass(1);
  bench.answer();
  bench.probes.length = 0;
  bench.probes.push({ at: bench.now, to: B.address, nonce: "0".repeat(16) });
  bench.passAnswering(1000);
  assertEquals(bench.probes.length - 1, 13);
});

Deno.test("Watch: whoever seems dead and speaks is asked at once", () => {
  const bench = new Bench();
  bench.add(B);
  bench.pass(960);
  bench.probes.length = 0;
  bench.hear({});
  bench.pass(0);
  assertEquals(bench.probes.length, 1);
  bench.answer();
  assertEquals(bench.stateOf("b"), "alive");
});

Deno.test("Watch: two speakers whose answers are lost do not excite each other", () => {
  const bench = new Bench();
  bench.add(B);
  bench.pass(2000);
  bench.probes.length = 0;
  for (let i = 0; i < 1000; i++) {
    bench.hear({});
    bench.pass(1);
  }
  assertEquals(bench.probes.length <= 21, true);
});

Deno.test("Watch: a probe that says leaving is believed at once in the life that we know", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  bench.hear({ state: "leaving" });
  assertEquals(bench.stateOf("b"), "leaving");
  bench.hear({ state: "alive" });
  bench.answer();
  assertEquals(bench.stateOf("b"), "leaving");
});

for (const generation of [8, 10]) {
  Deno.test(`Watch: a recorded probe of generation ${generation} changes nothing about the life of generation 9`, () => {
    const bench = new Bench();
    bench.add(B);
    bench.answer({ generation: 9 });
    for (const state of ["leaving", "starting"] as const) bench.hear({ generation, state });
    assertEquals(bench.changes, ["b unknown", "b alive"]);
    bench.pass(60);
    bench.answer({ generation: 9 });
    assertEquals(bench.changes, ["b unknown", "b alive"]);
  });
}

Deno.test("Watch: a new life is known within one round trip, whether the clock went on or back", () => {
  for (const generation of [3, 12]) {
    const bench = new Bench();
    bench.add(B);
    bench.answer({ generation: 9 });
    bench.now += 60;
    bench.hear({ generation, state: "starting" });
    bench.pass(0);
    bench.answer({ generation, state: "starting" });
    assertEquals(bench.stateOf("b"), "starting", `generation ${generation}`);
  }
});

Deno.test("Watch: after a gap nobody is known, whatever was known before", () => {
  const bench = new Bench();
  const dead = { node: "d", address: "192.0.2.4", port: 7947 };
  bench.add(B, C, dead);
  bench.pass(260);
  bench.pass(500);
  bench.answer({}, B);
  bench.answer({ state: "leaving" }, C);
  const outstanding = bench.probes.findLast(({ to }) => to === B.address)!.nonce;
  bench.handle({ kind: "gap" });
  assertEquals(["b", "c", "d"].map((node) => bench.stateOf(node)), ["unknown", "unknown", "unknown"]);
  bench.hear({ kind: "ack", nonce: outstanding });
  assertEquals(bench.stateOf("b"), "unknown", "an answer to a probe from before the gap");
  bench.answer({}, B);
  assertEquals(bench.stateOf("b"), "alive");
  bench.pass(260);
  assertEquals(bench.stateOf("d"), "dead");
});

Deno.test("Watch: what we say of ourselves goes out at once, and never goes back", () => {
  const bench = new Bench();
  bench.add(B, C);
  bench.probes.length = 0;
  bench.handle({ kind: "state", state: "leaving" });
  assertEquals(bench.probes.map(({ to }) => to), [B.address, C.address]);
  bench.handle({ kind: "state", state: "alive" });
  bench.hear({ nonce: "2".repeat(16) });
  assertEquals(bench.acks.at(-1), { to: B.address, nonce: "2".repeat(16), state: "leaving" });
});

Deno.test("Watch: a speaker that we were not told of is answered but not watched", () => {
  const bench = new Bench();
  bench.hear({ nonce: "3".repeat(16) }, C);
  assertEquals(bench.acks, [{ to: C.address, nonce: "3".repeat(16), state: "alive" }]);
  assertEquals([bench.changes, bench.probes], [[], []]);
});

Deno.test("Watch: our own probe coming back is not answered", () => {
  const bench = new Bench();
  bench.add(B);
  bench.hear({ sender: "a" });
  assertEquals(bench.acks, []);
});

for (
  const { authenticated, state } of [{ authenticated: false, state: "unknown" }, {
    authenticated: true,
    state: "alive",
  }]
) {
  Deno.test(`Watch: an answer from another address ${authenticated ? "counts with" : "does not count without"} a key`, () => {
    const bench = new Bench({ authenticated });
    bench.add(B);
    const { nonce } = bench.probes[0]!;
    bench.handle({
      kind: "message",
      message: { kind: "ack", sender: "b", generation: 9, state: "alive", nonce },
      address: "192.0.2.99",
      port: 7947,
    });
    assertEquals(bench.stateOf("b"), state);
  });
}

Deno.test("Watch: a peer at another address has to be heard there", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  bench.add({ ...B, address: "192.0.2.22" });
  assertEquals(bench.changes, ["b unknown", "b alive", "b unknown"]);
  assertEquals(bench.probes.at(-1)!.to, "192.0.2.22");
});

Deno.test("Watch: the same peer again, and ourselves among the peers, change nothing", () => {
  const bench = new Bench();
  bench.add(B);
  bench.answer();
  bench.add(B, { node: "a", address: "192.0.2.1", port: 7947 });
  assertEquals([bench.changes, bench.probes.length], [["b unknown", "b alive"], 1]);
});

Deno.test("Watch: a removed peer is reported, never probed again, and nothing is left to do", () => {
  const bench = new Bench();
  bench.add(B);
  bench.handle({ kind: "peers", upsert: [], remove: ["b", "nobody"] });
  assertEquals(bench.changes, ["b unknown", "b undefined"]);
  assertEquals(bench.watch.deadline(), undefined);
});

/** B lives and was just heard; nothing is open. */
function living(): Bench {
  const bench = new Bench();
  bench.add(B);
  bench.passAnswering(250);
  bench.effects.length = 0;
  bench.changes.length = 0;
  return bench;
}

Deno.test("Watch: a living peer gets one line, and another one a second after it ended, then less and less often", () => {
  const bench = new Bench();
  bench.add(B);
  bench.passAnswering(1000);
  assertEquals(bench.effects, [{ kind: "openLine", ...B }]);
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    bench.effects.length = 0;
    const lostAt = bench.now;
    bench.handle({ kind: "lineLost", node: "b" });
    while (bench.effects.length === 0) bench.passAnswering(50);
    times.push(Math.floor((bench.now - lostAt) / 1000));
  }
  assertEquals(times, [1, 2, 4, 8]);
  assertEquals(bench.changes, ["b unknown", "b alive"]);
});

Deno.test("Watch: a line that stood for long is tried again after a second, however often one ended before", () => {
  const bench = new Bench();
  bench.add(B);
  bench.passAnswering(1000);
  for (let i = 0; i < 5; i++) {
    bench.handle({ kind: "lineLost", node: "b" });
    bench.passAnswering(70_000);
  }
  bench.effects.length = 0;
  bench.handle({ kind: "lineLost", node: "b" });
  bench.passAnswering(1200);
  assertEquals(bench.effects, [{ kind: "openLine", ...B }]);
});

Deno.test("Watch: every new life of a peer gets a line at once, however often it was restarted", () => {
  const bench = new Bench();
  bench.add(B);
  for (let generation = 1; generation <= 20; generation++) {
    bench.effects.length = 0;
    bench.probes.length = 0;
    while (bench.probes.length === 0) bench.pass(10);
    bench.answer({ generation });
    assertEquals(bench.effects, [{ kind: "openLine", ...B }], `life ${generation}`);
    bench.handle({ kind: "lineLost", node: "b" });
    bench.pass(2000);
    assertEquals(bench.stateOf("b"), "dead");
  }
});

Deno.test("Watch: only an answer tells which life of a peer it is, each once, whatever its clock says", () => {
  const bench = new Bench();
  bench.add(B);
  bench.hear({ kind: "probe", generation: 8 });
  assertEquals(bench.lives, []);
  for (const generation of [9, 9, 7, 7, 9]) {
    bench.answer({ generation });
    bench.pass(200);
  }
  assertEquals(bench.lives, [9, 7, 9]);
});

Deno.test("Watch: the end of the line is confirmed by two closed ports within some milliseconds", () => {
  const bench = living();
  bench.pass(30);
  const lostAt = bench.now;
  bench.probes.length = 0;
  bench.handle({ kind: "lineLost", node: "b" });
  for (let i = 0; i < 60 && bench.changes.length === 0; i++) {
    if (bench.probes.some(({ at }) => at === bench.now)) {
      bench.now += 0.5;
      bench.handle({ kind: "refused", node: "b" });
      bench.now += 0.5;
    } else bench.pass(1);
  }
  assertEquals(bench.changes, ["b dead"]);
  assertEquals([bench.probes.length, bench.now - lostAt <= 15], [2, true]);
  bench.effects.length = 0;
  bench.pass(3000);
  assertEquals(bench.effects, [], "there is no line to the dead");
});

Deno.test("Watch: a peer that is asked because its line ended, and stays silent, is not asked for ever at that rate", () => {
  const bench = living();
  bench.probes.length = 0;
  bench.handle({ kind: "lineLost", node: "b" });
  bench.pass(1000);
  assertEquals(bench.changes, ["b dead"]);
  assertEquals(bench.probes.length <= 10 + 5 + 2, true, `${bench.probes.length}`);
});

Deno.test("Watch: forged ends and refusals move nothing while the peer answers, and cost one probe in 5 ms at most", () => {
  const bench = living();
  bench.probes.length = 0;
  for (let i = 0; i < 1000; i++) {
    const kind = i % 2 === 0 ? "refused" : "lineLost";
    const sent = bench.probes.length;
    for (let k = 0; k < 5; k++) bench.handle({ kind, node: "b" });
    bench.pass(1);
    if (bench.probes.length > sent || i === 0) bench.answer();
  }
  assertEquals(bench.changes, []);
  assertEquals(bench.probes.length <= 201, true, `${bench.probes.length}`);
});

Deno.test("Watch: a word about whom we do not watch, or who is dead, is nothing", () => {
  const bench = new Bench();
  bench.add(B);
  bench.pass(1000);
  bench.probes.length = 0;
  for (const node of ["b", "z"]) {
    bench.handle({ kind: "refused", node });
    bench.handle({ kind: "lineLost", node });
    bench.handle({ kind: "look", node });
  }
  assertEquals([bench.probes, bench.stateOf("b")], [[], "dead"]);
});

Deno.test("Watch: only those that matter are probed; the others are answered, and told what changes", () => {
  const bench = new Bench();
  bench.handle({ kind: "watch", nodes: new Set(["c", "z"]) });
  bench.add(B, C);
  bench.pass(500);
  assertEquals(new Set(bench.probes.map(({ to }) => to)), new Set([C.address]));
  assertEquals(bench.changes, ["c unknown", "c dead"]);
  bench.hear({ nonce: "4".repeat(16) });
  assertEquals(bench.acks.map(({ to }) => to), [B.address]);
  bench.effects.length = 0;
  bench.handle({ kind: "state", state: "leaving" });
  assertEquals(bench.effects.map((effect) => effect.kind === "send" && [effect.message.kind, effect.address]), [[
    "tell",
    B.address,
  ]]);
  bench.handle({ kind: "watch", nodes: new Set(["b"]) });
  assertEquals(bench.changes.slice(2), ["b unknown", "c undefined"]);
});

Deno.test("Watch: whoever is not watched and says that it leaves is watched for a while", () => {
  const bench = new Bench();
  bench.handle({ kind: "watch", nodes: new Set() });
  bench.add(B);
  bench.hear({ kind: "tell", state: "leaving" });
  bench.answer({ state: "leaving" });
  bench.pass(2100);
  assertEquals(bench.changes, ["b unknown", "b leaving", "b dead", "b undefined"]);
  assertEquals(bench.watch.deadline(), undefined);
});

Deno.test("Watch: what a peer says of its interfaces is reported when it changes, and never goes back in one life", () => {
  const bench = new Bench();
  bench.add(B);
  const serving = (sequence: number, name: string) => ({ sequence, usableInterfaces: [name], failedLinkProbes: [] });
  bench.answer({ serving: serving(3, "eth3") });
  bench.hear({ serving: serving(3, "eth3") });
  bench.hear({ serving: serving(2, "eth2") });
  bench.hear({ serving: serving(4, "eth4") });
  bench.hear({ generation: 8, serving: serving(9, "eth9") });
  const names = () =>
    bench.effects.flatMap((effect) => effect.kind === "serving" ? effect.serving.usableInterfaces : []);
  assertEquals(names(), ["eth3", "eth4"]);
  bench.pass(100);
  bench.answer({ generation: 10, serving: serving(1, "eth1") });
  assertEquals(names(), ["eth3", "eth4", "eth1"]);
});

Deno.test("Watch: claims and queries of peers are handed on, those of strangers and of another life are not", () => {
  const bench = new Bench({ authenticated: false });
  bench.add(B);
  bench.answer();
  bench.effects.length = 0;
  const claims = {
    entries: [{ address: "198.51.100.1", term: 1, givenUp: false }],
    standing: false,
    last: true,
    stale: false,
  };
  const nonce = "5".repeat(16);
  bench.hear({ kind: "claims", claims, nonce });
  bench.hear({ kind: "query", nonce });
  bench.hear({ kind: "receipt", nonce });
  const from = { node: "b", generation: 9, nonce };
  assertEquals(bench.effects, [
    { kind: "claims", ...from, claims },
    { kind: "query", ...from },
    { kind: "receipt", node: "b", nonce },
  ]);
  bench.hear({ kind: "claims", claims, nonce, generation: 8 });
  bench.hear({ kind: "claims", claims, nonce }, C);
  bench.hear({ kind: "query", nonce }, { ...B, address: "192.0.2.99" });
  bench.hear({ kind: "receipt", nonce }, C);
  assertEquals(bench.effects.length, 3);
});

for (const kind of ["claims", "query", "receipt"] as const) {
  Deno.test(`Watch: ${kind} that came after an older answer say that a peer is alive, once its life is known`, () => {
    const bench = new Bench();
    bench.add(B);
    bench.answer({ state: "starting" });
    const claims = { entries: [], standing: false, last: true, stale: false };
    bench.hear({ kind, claims, nonce: "5".repeat(16), state: "alive", generation: 8 });
    assertEquals(bench.stateOf("b"), "starting");
    bench.hear({ kind, claims, nonce: "5".repeat(16), state: "alive" });
    assertEquals(bench.stateOf("b"), "alive");
  });
}

Deno.test("Watch: a hundred peers are not due at one instant", () => {
  const bench = new Bench();
  bench.add(...Array.from({ length: 100 }, (_, i) => ({ node: `n${i}`, address: `192.0.3.${i}`, port: 7947 })));
  bench.probes.length = 0;
  bench.pass(50);
  const perMs = new Map<number, number>();
  for (const { at } of bench.probes) perMs.set(at, (perMs.get(at) ?? 0) + 1);
  assertEquals(bench.probes.length, 100);
  assertEquals(Math.max(...perMs.values()) <= 8, true);
});

Deno.test("Watch: one that is watched slowly is asked twice a second, without a line, and given up like the others", () => {
  const bench = new Bench();
  bench.handle({ kind: "watch", nodes: new Set(["b"]), slowly: new Set(["b"]) });
  bench.add(B);
  bench.passAnswering(10_000);
  assertEquals([bench.probes.length >= 19 && bench.probes.length <= 23, bench.effects], [true, []]);
  bench.pass(500 + 225);
  assertEquals(bench.changes.at(-1), "b dead");
});

Deno.test("Watch: one that is watched slowly is asked soon when it is to be watched like the others", () => {
  const bench = new Bench();
  bench.handle({ kind: "watch", nodes: new Set(["b"]), slowly: new Set(["b"]) });
  bench.add(B);
  bench.passAnswering(2000);
  bench.handle({ kind: "watch", nodes: new Set(["b"]) });
  bench.passAnswering(200);
  assertEquals(bench.effects, [{ kind: "openLine", ...B }]);
  bench.pass(75 + 225);
  assertEquals(bench.changes.at(-1), "b dead");
});

Deno.test("Watch: what a new life of a peer claims makes us ask, watched or not, and counts when that has proven itself", () => {
  const claims = {
    entries: [{ address: "192.0.2.9", term: 2, givenUp: false }],
    standing: false,
    last: true,
    stale: false,
  };
  for (const isWatched of [true, false]) {
    const bench = living();
    if (!isWatched) bench.handle({ kind: "watch", nodes: new Set() });
    bench.effects.length = 0;
    bench.hear({ kind: "claims", generation: 10, claims });
    bench.hear({ kind: "ack", generation: 10, nonce: "1".repeat(16) });
    bench.pass(100);
    assertEquals(bench.effects, [], "it may be a recording");
    bench.answer({ generation: 10 });
    const told = () => bench.effects.filter(({ kind }) => kind === "claims");
    assertEquals(told(), []);
    bench.hear({ kind: "claims", generation: 10, claims });
    assertEquals(told(), [{ kind: "claims", node: "b", generation: 10, claims, nonce: "0".repeat(16) }]);
  }
});

/** A speaker without a key, and what it sends, as bytes. */
class Keyless {
  readonly watch: Watch;
  readonly #where: typeof B;

  constructor(where: typeof B, { interfaces }: { readonly interfaces: number }) {
    this.#where = where;
    this.watch = new Watch({ node: where.node, generation: 5, authenticated: false }, { rng: new SeededRng(7) });
    const usableInterfaces = Array.from({ length: interfaces }, (_, i) => `a-long-name-${i}`);
    this.watch.handle({ kind: "state", state: "alive" }, 0);
    this.watch.handle({ kind: "serving", serving: { usableInterfaces, failedLinkProbes: [] } }, 0);
  }

  sent(): Uint8Array[] {
    const datagrams: Uint8Array[] = [];
    for (let effect; (effect = this.watch.poll()) !== undefined;) {
      if (effect.kind === "send") datagrams.push(encodeWatchMessage(effect.message, undefined));
    }
    return datagrams;
  }

  /** What it sends in return. */
  hear(datagram: Uint8Array, from: typeof B, now = 0): Uint8Array[] {
    const decoded = decodeWatchMessage(datagram, undefined);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.watch.handle({ kind: "message", message: decoded.value, address: from.address, port: from.port }, now);
    return this.sent();
  }

  /** Asks `peer` at the next deadline, and hears it. */
  ask(peer: Keyless): { readonly asked: Uint8Array; readonly answered: Uint8Array } {
    const now = this.watch.deadline()?.at ?? 0;
    this.watch.handle({ kind: "tick" }, now);
    const [asked] = this.sent();
    const [answered] = peer.hear(asked!, this.#where, now);
    this.hear(answered!, peer.#where, now);
    return { asked: asked!, answered: answered! };
  }
}

Deno.test("Watch: without a key no probe of a stranger brings an answer that is longer than it", () => {
  for (const interfaces of [0, 1, 32]) {
    for (const node of ["b", "b".repeat(63), "b".repeat(253)]) {
      const speaker = new Keyless({ ...B, node }, { interfaces });
      for (const octets of [0, 40, 60, 100, 284, 285, 300, 600, ANSWER_BYTES_MAX]) {
        const asked = encodeWatchMessage(
          { kind: "probe", sender: "s", generation: 1, state: "alive", nonce: "1".repeat(16), octets },
          undefined,
        );
        const answers = speaker.hear(asked, C);
        assertEquals(answers.every(({ length }) => length <= asked.length), true, `${node.length}, ${octets}`);
        assertEquals(answers.length, asked.length < 32 + node.length ? 0 : 1, `${node.length}, ${octets}`);
      }
    }
  }
});

Deno.test("Watch: without a key a peer is asked with as much as it answers, so that it says all about its interfaces", () => {
  for (const interfaces of [0, 1, 32]) {
    const [a, b] = [
      new Keyless({ ...C, node: "a" }, { interfaces: 0 }),
      new Keyless({ ...B, node: "b".repeat(63) }, { interfaces }),
    ];
    a.watch.handle({ kind: "peers", upsert: [{ ...B, node: "b".repeat(63) }], remove: [] }, 0);
    const first = a.ask(b);
    const second = interfaces === 32 ? a.ask(b) : first;
    assertEquals([first.asked.length, second.asked.length], [512, interfaces === 32 ? ANSWER_BYTES_MAX : 512]);
    for (const { asked, answered } of [a.ask(b), a.ask(b)]) {
      assertEquals(asked.length, answered.length);
      const { value } = decodeWatchMessage(answered, undefined) as { value: WatchMessage };
      assertEquals(value.serving?.usableInterfaces.length, interfaces);
    }
  }
});

Deno.test("Watch: with a key no probe is filled up, and its answer says all", () => {
  const bench = new Bench();
  bench.handle({ kind: "serving", serving: { usableInterfaces: ["eth0"], failedLinkProbes: [] } });
  const sends: WatchEffect[] = [];
  bench.watch.handle({ kind: "peers", upsert: [B], remove: [] }, bench.now);
  const message = { kind: "probe", sender: "z", generation: 1, state: "alive", nonce: "1".repeat(16) } as const;
  bench.watch.handle({ kind: "message", message, address: C.address, port: C.port }, bench.now);
  for (let effect; (effect = bench.watch.poll()) !== undefined;) if (effect.kind === "send") sends.push(effect);
  assertEquals(
    sends.map((effect) => effect.kind === "send" && [effect.message.octets, effect.message.serving?.usableInterfaces]),
    [[undefined, ["eth0"]], [undefined, ["eth0"]]],
  );
});
