import { assertEquals } from "@std/assert/equals";
import type { Serving } from "../../../lib/base/serving.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../../lib/base/wanted.ts";
import { Ownership } from "../../../lib/protocol/l2/ownership.ts";
import type { Claim, OwnershipInput } from "../../../lib/protocol/l2/ownership_io.ts";

const VIP = "198.51.100.1";

/** Node `b` of a, b, c. Effects are kept as words: `own`, `announce`, `hush`, `disown`, `b elected`, … */
class Bench {
  now = 1000;
  readonly ownership: Ownership;
  readonly claims: Claim[] = [];
  /** Who hears each of them first. */
  readonly firsts: (string | undefined)[] = [];
  /** Whom to watch, as said last. */
  watch: string[] = [];
  /** How often the claims of the others were asked for. */
  asked = 0;
  #words: string[] = [];

  constructor(options: { watched?: boolean } = {}) {
    this.ownership = new Ownership({ node: "b", watched: options.watched ?? true });
  }

  handle(input: OwnershipInput | { readonly kind: "tick" }): this {
    this.ownership.handle(input, this.now);
    for (let effect; (effect = this.ownership.poll()) !== undefined;) {
      if (effect.kind === "changed") this.#words.push(`${effect.elected ?? "nobody"} ${effect.reason}`);
      else if (effect.kind === "claim") {
        this.claims.push(effect.claim);
        this.firsts.push(effect.first);
      } else if (effect.kind === "splitHealed") this.#words.push(`split with ${effect.other}, ${effect.keeps} keeps`);
      else if (effect.kind === "doubt") this.#words.push(`doubt ${effect.node}`);
      else if (effect.kind === "pairs") this.watch = [...effect.watch].sort();
      else if (effect.kind === "askClaims") this.asked++;
      else if (effect.kind !== "unclaim") {
        this.#words.push(effect.kind === "announce" && effect.once ? "announce once" : effect.kind);
      }
    }
    return this;
  }

  want(candidates: readonly string[], rest: Partial<WantedAddress> = {}): this {
    const wanted: WantedAddress = { address: VIP, candidates, interfaces: "all", services: [], ...rest };
    return this.handle({ kind: "wanted", upsert: [wanted], remove: [] });
  }

  unwant(): this {
    return this.handle({ kind: "wanted", upsert: [], remove: [VIP] });
  }

  peers(states: Readonly<Record<string, "unknown" | "starting" | "alive" | "leaving" | "dead" | undefined>>): this {
    return this.handle({ kind: "peers", changes: Object.entries(states).map(([node, state]) => ({ node, state })) });
  }

  claim(): this {
    return this.handle({ kind: "foreignClaim", address: VIP });
  }

  pass(durationMs: number): this {
    const until = this.now + durationMs;
    for (let at; (at = this.ownership.deadline()?.at ?? Infinity) <= until;) {
      this.now = at;
      this.handle({ kind: "tick" });
    }
    this.now = until;
    return this;
  }

  /** The words since the last call. */
  words(): string[] {
    return this.#words.splice(0);
  }

  /** Owner of an address for which `a` is the better candidate but dead. */
  static owner(): Bench {
    const bench = new Bench().peers({ a: "dead", c: "alive" }).want(["a", "b", "c"]).handle({ kind: "complete" });
    bench.words();
    return bench;
  }
}

const SILENT = [
  {
    what: "the snapshot is not complete",
    states: {},
    candidates: ["b"],
    complete: false,
    last: "nobody waitingForSnapshot",
  },
  { what: "it is no candidate", states: {}, candidates: ["a", "c"], complete: true, last: "nobody notCandidate" },
  { what: "there are no candidates", states: {}, candidates: [], complete: true, last: "nobody notCandidate" },
  {
    what: "a better candidate lives",
    states: { a: "alive" },
    candidates: ["a", "b"],
    complete: true,
    last: "a notOwner",
  },
  {
    what: "a better candidate is not known yet",
    states: { a: "unknown" },
    candidates: ["a", "b"],
    complete: true,
    last: "a waitingForPeers",
  },
  {
    what: "the second of two better candidates is not known yet",
    states: { a: "dead", c: "unknown" },
    candidates: ["a", "c", "b"],
    complete: true,
    last: "c waitingForPeers",
  },
] as const;

for (const { what, states, candidates, complete, last } of SILENT) {
  Deno.test(`Ownership: nothing is answered when ${what}`, () => {
    const bench = new Bench().peers(states).want(candidates);
    if (complete) bench.handle({ kind: "complete" });
    const words = bench.words();
    assertEquals([words.includes("own"), words.at(-1)], [false, last]);
  });
}

const ELECTED = [
  { what: "it is the first candidate, whoever else is not known", states: { a: "unknown" }, candidates: ["b", "a"] },
  { what: "the better candidate is dead", states: { a: "dead" }, candidates: ["a", "b"] },
  { what: "the better candidate is starting", states: { a: "starting" }, candidates: ["a", "b"] },
  { what: "the better candidate leaves", states: { a: "leaving" }, candidates: ["a", "b"] },
  { what: "the better candidate has no speaker", states: {}, candidates: ["a", "b"] },
] as const;

for (const { what, states, candidates } of ELECTED) {
  Deno.test(`Ownership: an address is answered when ${what}`, () => {
    const bench = new Bench().peers(states).handle({ kind: "complete" }).want(candidates);
    assertEquals(bench.words(), ["own", "announce", "b elected"]);
  });
}

Deno.test("Ownership: without a watch every candidate counts as living", () => {
  const bench = new Bench({ watched: false }).handle({ kind: "complete" }).want(["a", "b"]);
  assertEquals(bench.words(), ["a notOwner"]);
  assertEquals(bench.want(["b", "a"]).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: the death of the owner moves the address at once", () => {
  const bench = new Bench().peers({ a: "alive" }).want(["a", "b"]).handle({ kind: "complete" });
  bench.words();
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: an old owner goes on, without announcing, until it sees its successor", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  assertEquals(bench.words(), ["hush", "a handingOver"]);
  assertEquals(bench.pass(300).words(), []);
  assertEquals(bench.claim().words(), ["disown", "a notOwner"]);
  assertEquals(bench.ownership.deadline(), undefined);
});

Deno.test("Ownership: a successor that shows nothing is provoked once, and after 2 s the old owner stops", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.pass(499).words(), []);
  assertEquals(bench.pass(1).words(), ["announce once"]);
  assertEquals(bench.pass(1499).words(), []);
  assertEquals(bench.pass(1).words(), ["disown", "a notOwner"]);
});

Deno.test("Ownership: an owner repeats its announcement when somebody else claims the address, after a moment", () => {
  const bench = Bench.owner().claim();
  assertEquals(bench.pass(249).claim().words(), []);
  assertEquals(bench.pass(1).words(), ["repeat"]);
  assertEquals(bench.pass(5000).words(), []);
  assertEquals(
    bench.claim().pass(100).want(["c", "b"]).pass(5000).words(),
    ["disown", "c notOwner"],
    "it had the news",
  );
});

Deno.test("Ownership: an owner repeats its announcement when a node that was lost is back, once", () => {
  const bench = Bench.owner().peers({ c: "dead" }).peers({ c: "alive" });
  assertEquals(bench.words(), ["repeat"]);
  assertEquals(bench.peers({ c: "leaving" }).peers({ c: "dead" }).peers({ c: "starting" }).words(), [], "it had left");
  assertEquals(bench.peers({ z: "dead" }).peers({ z: "alive" }).words(), ["repeat"], "it may have been one");
});

Deno.test("Ownership: a claim shortly before the successor was known to live ends the hand-over at once", () => {
  assertEquals(Bench.owner().claim().pass(400).peers({ a: "alive" }).words(), ["repeat", "disown", "a notOwner"]);
});

Deno.test("Ownership: an older claim does not", () => {
  assertEquals(Bench.owner().claim().pass(600).peers({ a: "alive" }).words(), ["repeat", "hush", "a handingOver"]);
});

Deno.test("Ownership: what another node than the successor claimed shortly before does not end the hand-over", () => {
  const claimed = (node: string) => Bench.owner().handle({ kind: "foreignClaim", address: VIP, node });
  assertEquals(claimed("c").pass(300).peers({ a: "alive" }).words().slice(-1), ["a handingOver"]);
  assertEquals(claimed("a").pass(300).peers({ a: "alive" }).words().slice(-2), ["disown", "a notOwner"]);
});

Deno.test("Ownership: a claim that was contradicted ends no hand-over: its node has given way, or says it again", () => {
  const contradicted = (waitMs: number) => {
    const bench = new Bench().peers({ a: "alive", c: "alive" }).want(["b", "a", "c"]).handle({ kind: "complete" });
    const claims = [{ address: VIP, term: 1, givenUp: false }];
    bench.handle({ kind: "claims", node: "a", claims, standing: false, stale: false }).pass(waitMs)
      .words();
    return bench.want(["a", "b", "c"]).words();
  };
  assertEquals(contradicted(50), ["hush", "a handingOver"]);
  assertEquals(contradicted(300), ["hush", "a handingOver"]);
});

Deno.test("Ownership: when the successor dies during the hand-over, the neighbours are taken back", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.pass(100).peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.pass(5000).words(), []);
});

Deno.test("Ownership: when the successor becomes uncertain during the hand-over, the old owner does not stop", () => {
  const bench = Bench.owner().peers({ a: "alive" }).pass(1900).peers({ a: "unknown" });
  bench.words();
  assertEquals(bench.pass(5000).words(), []);
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: another successor gets its own 2 s", () => {
  const bench = Bench.owner().want(["a", "c", "b"]).pass(1900);
  bench.words();
  assertEquals(bench.peers({ a: "alive" }).words(), ["a handingOver"]);
  assertEquals(bench.pass(1999).words(), ["announce once"]);
  assertEquals(bench.pass(1).words(), ["disown", "a notOwner"]);
});

Deno.test("Ownership: quick flaps of a better candidate end with one owner", () => {
  const bench = Bench.owner();
  for (let i = 0; i < 10; i++) bench.peers({ a: "alive" }).pass(30).peers({ a: "dead" }).pass(30);
  assertEquals(bench.words().slice(-3), ["own", "announce", "b elected"]);
  assertEquals(bench.pass(5000).words(), []);
});

Deno.test("Ownership: a node that is no candidate any more hands over too", () => {
  const bench = Bench.owner().want(["c"]);
  assertEquals(bench.words(), ["hush", "c handingOver"]);
  assertEquals(bench.claim().words(), ["disown", "c notCandidate"]);
});

Deno.test("Ownership: nobody to hand over to means to stop at once", () => {
  assertEquals(Bench.owner().want(["a"]).words(), ["disown", "nobody notCandidate"]);
});

Deno.test("Ownership: an address that nobody wants is not answered any more, in the middle of a hand-over too", () => {
  assertEquals(Bench.owner().unwant().words(), ["disown", "nobody notCandidate"]);
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.unwant().pass(5000).claim().words(), ["disown", "nobody notCandidate"]);
  assertEquals(bench.ownership.deadline(), undefined);
});

Deno.test("Ownership: an address that was removed and is wanted again starts from nothing", () => {
  const bench = Bench.owner().peers({ a: "alive" }).unwant();
  bench.words();
  assertEquals(bench.want(["a", "b"]).pass(5000).words(), ["a notOwner"]);
  assertEquals(bench.unwant().want(["b"]).words(), ["nobody notCandidate", "own", "announce", "b elected"]);
});

Deno.test("Ownership: removed and wanted in one delta, in the same state, is answered at the end", () => {
  const wanted = { address: VIP, candidates: ["b"], interfaces: "all", services: [] } as const;
  const bench = Bench.owner().handle({ kind: "wanted", upsert: [wanted], remove: [VIP] });
  assertEquals(bench.words(), ["disown", "nobody notCandidate", "own", "announce", "b elected"]);
});

Deno.test("Ownership: other interfaces are announced on, but not during a hand-over", () => {
  const bench = Bench.owner().want(["a", "b"], { interfaces: ["eth1"] });
  assertEquals(bench.words(), ["own", "announce"]);
  bench.peers({ a: "alive" });
  bench.words();
  assertEquals(bench.want(["a", "b"], { interfaces: ["eth1", "eth2"] }).words(), ["own"]);
  assertEquals(bench.want(["a", "b"], { interfaces: ["eth1", "eth2"], services: ["default/x"] }).words(), []);
});

Deno.test("Ownership: after a gap nothing is answered before every other candidate is known", () => {
  const bench = Bench.owner().handle({ kind: "gap" });
  assertEquals(bench.words(), ["disown", "nobody waitingForPeers"]);
  assertEquals(bench.peers({ c: "alive" }).pass(5000).words(), []);
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: after a gap the first candidate waits for the others too", () => {
  const bench = new Bench().peers({ a: "alive" }).want(["b", "a"]).handle({ kind: "complete" });
  bench.words();
  assertEquals(bench.handle({ kind: "gap" }).words(), ["disown", "nobody waitingForPeers"]);
  assertEquals(bench.peers({ a: "alive" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: after a gap an address of this node alone is confirmed at once", () => {
  const bench = new Bench().want(["b"]).handle({ kind: "complete" });
  bench.words();
  assertEquals(bench.handle({ kind: "gap" }).words(), ["disown", "own", "announce"]);
});

Deno.test("Ownership: a leaver goes on until its successor shows itself, then it has left", () => {
  const bench = Bench.owner().handle({ kind: "leave" });
  assertEquals(bench.words(), ["hush", "c handingOver"]);
  assertEquals(bench.claim().words(), ["disown", "c leaving", "left"]);
});

Deno.test("Ownership: a leaver waits 2 s at most and provokes nobody, also when successors change", () => {
  const bench = Bench.owner().handle({ kind: "leave" }).pass(1500).peers({ a: "alive" });
  bench.words();
  assertEquals(bench.pass(499).words(), []);
  assertEquals(bench.pass(1).words(), ["disown", "a leaving", "left"]);
});

Deno.test("Ownership: a claim from before the leave is no successor", () => {
  const bench = Bench.owner().claim();
  bench.words();
  assertEquals(bench.handle({ kind: "leave" }).words(), ["hush", "c handingOver"]);
});

Deno.test("Ownership: a leaver without a successor stops at once", () => {
  const bench = Bench.owner().peers({ c: "dead" }).handle({ kind: "leave" });
  assertEquals(bench.words(), ["disown", "nobody leaving", "left"]);
});

Deno.test("Ownership: a leaver takes nothing, whoever dies and whatever is wanted", () => {
  const bench = Bench.owner().handle({ kind: "leave" }).claim();
  bench.words();
  bench.peers({ a: "dead", c: "dead" }).want(["b"]).unwant().want(["b"]).handle({ kind: "gap" }).handle({
    kind: "leave",
  });
  assertEquals(bench.words().includes("own"), false);
});

Deno.test("Ownership: to leave before the snapshot is complete needs nothing", () => {
  const bench = new Bench().want(["b"]);
  bench.words();
  assertEquals(bench.handle({ kind: "leave" }).handle({ kind: "complete" }).words(), [
    "left",
    "nobody leaving",
  ]);
});

Deno.test("Ownership: the reports tell each change once", () => {
  const bench = Bench.owner();
  bench.want(["a", "b", "c"]).peers({ a: "dead", c: "leaving" }).peers({ c: "alive" }).handle({ kind: "complete" });
  assertEquals(bench.words(), []);
});

Deno.test("Ownership: a hundred candidates that die in one go are one change of owner, not a hundred", () => {
  const others = Array.from({ length: 100 }, (_, index) => `other-${index}`);
  const all = (state: "alive" | "dead") => Object.fromEntries(others.map((node) => [node, state]));
  const bench = new Bench().peers(all("alive")).want([...others, "b"]).handle({ kind: "complete" });
  assertEquals(bench.words().at(-1), "other-0 notOwner");
  assertEquals(bench.peers(all("dead")).words(), ["own", "announce", "b elected"]);
});

/** Like {@linkcode Bench.owner}, but the address stays where it is: `never`, or after so many milliseconds. */
function kept(failback: "never" | { readonly afterMs: number }): Bench {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback };
  const bench = new Bench().peers({ a: "dead", c: "alive" }).want(["a", "b", "c"], { policy }).handle({
    kind: "complete",
  }).handle({ kind: "claimsKnown" });
  bench.words();
  return bench;
}

/** The process of `node` lives, and is this one. */
const life = (node: string, generation: number) =>
  ({ kind: "peers", changes: [{ node, state: "alive", generation }] }) as const;

const hear = (
  node: string,
  term: number,
  rest: Partial<Claim> & { readonly standing?: boolean; readonly stale?: boolean } = {},
) => {
  const { standing = false, stale = false, ...claim } = rest;
  return {
    kind: "claims",
    node,
    claims: [{ address: VIP, term, givenUp: false, ...claim }],
    standing,
    stale,
  } as const;
};

Deno.test("Ownership: every change of hands is told with a higher term, and to nobody where nobody is watched", () => {
  const bench = Bench.owner();
  assertEquals(bench.claims, [{ address: VIP, term: 1, givenUp: false }]);
  bench.peers({ a: "alive" }).handle(hear("a", 2)).peers({ a: "dead" });
  assertEquals(bench.claims.at(-1), { address: VIP, term: 3, givenUp: false });
  assertEquals(new Bench({ watched: false }).handle({ kind: "complete" }).want(["b"]).claims, []);
});

Deno.test("Ownership: an announcement of the successor ends a hand-over at once", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.claim().words(), ["disown", "a notOwner"]);
});

Deno.test("Ownership: a claim, which may overtake questions from before the successor answered, ends it after 5 ms", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.handle(hear("a", 2)).words(), []);
  assertEquals(bench.pass(3).handle(hear("a", 2)).words(), []);
  assertEquals(bench.pass(1.9).words(), []);
  assertEquals(bench.pass(0.1).words(), ["disown", "a notOwner"]);
  assertEquals(bench.ownership.deadline(), undefined);
});

Deno.test("Ownership: an announcement after the claim ends it then", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  bench.words();
  assertEquals(bench.handle(hear("a", 2)).pass(1).claim().words(), ["disown", "a notOwner"]);
});

Deno.test("Ownership: who is elected again while it lingers goes on, and announces itself", () => {
  const bench = Bench.owner().peers({ a: "alive" }).handle(hear("a", 2)).pass(2);
  bench.words();
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.pass(1000).words(), []);
});

Deno.test("Ownership: a leaver stops as soon as its successor says that it answers", () => {
  const bench = Bench.owner().handle({ kind: "leave" });
  bench.words();
  assertEquals(bench.handle(hear("c", 2)).words(), []);
  assertEquals(bench.pass(5).words(), ["disown", "c leaving", "left"]);
});

Deno.test("Ownership: an owner that another one contradicts says so once in a while, and then takes its neighbours back", () => {
  const bench = Bench.owner();
  for (let i = 0; i < 10; i++) bench.handle(hear("c", 5 + i)).pass(10);
  assertEquals([bench.claims.length, bench.words()], [2, []]);
  assertEquals(bench.pass(150).words(), ["repeat"]);
  assertEquals(bench.claims.at(-1)!.term > 5, true);
});

Deno.test("Ownership: a claim is contradicted at once also when its frame came first, and the next one not so soon", () => {
  const ours = { address: VIP, term: 1, givenUp: false };
  const bench = Bench.owner().handle({ kind: "foreignClaim", address: VIP, node: "c" }).pass(5);
  bench.claims.length = 0;
  assertEquals(bench.handle(hear("c", 1, { standing: true })).claims, [ours]);
  assertEquals(bench.pass(20).handle(hear("c", 1)).claims, [ours]);
  assertEquals(bench.pass(230).handle(hear("c", 1)).claims, [ours, ours]);
  assertEquals(bench.words(), ["repeat"], "one defence for both kinds of claim");
});

Deno.test("Ownership: a defence says its claim again beside its frames, first to whom it is against", () => {
  for (const contradicted of [hear("c", 1), { kind: "foreignClaim", address: VIP, node: "c" }] as const) {
    const bench = Bench.owner().handle(contradicted);
    bench.claims.length = bench.firsts.length = 0;
    assertEquals(bench.pass(249).claims, []);
    assertEquals(bench.pass(1).words(), ["repeat"]);
    assertEquals([bench.claims, bench.firsts], [[{ address: VIP, term: 1, givenUp: false }], ["c"]]);
    assertEquals(bench.pass(10_000).claims.length, 1);
  }
});

Deno.test("Ownership: whoever answers in the place of one that seems to live casts doubt on it", () => {
  const bench = new Bench().peers({ a: "alive", c: "alive" }).want(["a", "b", "c"]).handle({ kind: "complete" });
  bench.words();
  assertEquals(bench.handle(hear("c", 4)).words(), ["doubt a"]);
  assertEquals(bench.handle(hear("a", 5)).words(), []);
});

Deno.test("Ownership: a claim of one that is dead to us is nothing; it says it again when it is back", () => {
  const bench = Bench.owner();
  assertEquals(bench.handle(hear("a", 9)).words(), []);
  assertEquals(bench.claims.length, 1);
});

Deno.test("Ownership: after a split the better candidate keeps the address, and both say so", () => {
  const loser = Bench.owner().pass(300).peers({ a: "alive" });
  loser.words();
  assertEquals(loser.handle(hear("a", 1, { standing: true })).words(), [
    "disown",
    "a notOwner",
    "split with a, a keeps",
  ]);
  const winner = Bench.owner().pass(300);
  assertEquals(winner.handle(hear("c", 7, { standing: true })).words(), ["split with c, b keeps"]);
});

Deno.test("Ownership: with failback never, the address stays when the better candidate is back", () => {
  const bench = kept("never").peers({ a: "alive" });
  assertEquals(bench.words(), ["b kept", "repeat"]);
  assertEquals(bench.pass(1_000_000).words(), []);
  assertEquals(bench.peers({ a: "dead" }).words(), ["b elected"]);
});

Deno.test("Ownership: with failback never, a better candidate that comes back takes nothing that another one holds", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().peers({ a: "unknown" }).want(["b", "a"], { policy }).handle({ kind: "complete" });
  bench.words();
  assertEquals(bench.peers({ a: "alive" }).pass(900).words(), [], "nobody has said who answers");
  assertEquals(bench.handle(hear("a", 3)).handle({ kind: "claimsKnown" }).words(), ["a notOwner"]);
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.claims.at(-1)!.term, 4);
});

Deno.test("Ownership: with failback never and nobody who claims it, the first candidate takes it", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().peers({ a: "alive" }).want(["b", "a"], { policy }).handle({ kind: "complete" });
  assertEquals(bench.words().at(-1), "nobody waitingForClaims");
  assertEquals(bench.asked, 1);
  assertEquals(bench.handle({ kind: "claimsKnown" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: with failback never, the status says who held it when no speaker knows", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().peers({ a: "alive" }).want(["b", "a"], { policy, lastHolder: "a" });
  bench.handle({ kind: "complete" }).handle({ kind: "claimsKnown" });
  assertEquals(bench.words().at(-1), "a notOwner");
});

Deno.test("Ownership: with failback after a while, the better candidate gets it when it has lived for so long", () => {
  const bench = kept({ afterMs: 60_000 }).peers({ a: "alive" });
  bench.words();
  assertEquals(bench.pass(30_000).peers({ a: "dead" }).peers({ a: "alive" }).words(), [
    "b elected",
    "b kept",
    "repeat",
  ]);
  assertEquals(bench.pass(59_999).words(), []);
  assertEquals(bench.pass(1).words(), ["hush", "a handingOver"]);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 1, givenUp: true });
  assertEquals(bench.handle(hear("a", 2)).pass(5).words(), ["disown", "a notOwner"]);
});

Deno.test("Ownership: who gave up goes on answering until the successor has heard it, however often that is lost", () => {
  const bench = kept({ afterMs: 1000 }).peers({ a: "alive" }).pass(1000);
  bench.words();
  bench.claims.length = 0;
  bench.pass(10_000);
  assertEquals(bench.words().includes("disown"), false);
  assertEquals(bench.claims.length >= 4 && bench.claims.every(({ givenUp }) => givenUp), true);
});

Deno.test("Ownership: whoever waits for a holder that gave up takes over", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: { afterMs: 1000 } };
  const bench = new Bench().peers({ a: "alive" }).want(["b", "a"], { policy }).handle({ kind: "complete" });
  bench.handle(hear("a", 3)).handle({ kind: "claimsKnown" });
  assertEquals(bench.words().at(-1), "a notOwner");
  assertEquals(bench.handle(hear("a", 3, { givenUp: true })).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.claims.at(-1)!.term, 4);
});

/** With failback never `b` is the first candidate, and leaves the address with the one that is heard. */
function firstWhileHeldBy(heard: ReturnType<typeof hear>): Bench {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().peers({ a: "alive", c: "alive" }).want(["b", "a", "c"], { policy }).handle(heard);
  bench.handle({ kind: "complete" }).handle({ kind: "claimsKnown" }).words();
  return bench;
}

Deno.test("Ownership: a holder gives up what it claimed, though a third one has given up a higher term since", () => {
  const bench = firstWhileHeldBy(hear("a", 4));
  bench.handle(hear("c", 5, { givenUp: true }));
  assertEquals(bench.words(), [], "that was not the holder's word");
  bench.handle(hear("a", 3, { givenUp: true }));
  assertEquals(bench.words(), [], "nor is one from before its claim");
  bench.handle(hear("a", 4, { givenUp: true }));
  assertEquals(bench.words(), ["own", "announce", "b elected"]);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 6, givenUp: false });
});

Deno.test("Ownership: a holder that was restarted, and knows no term any more, can give up as well", () => {
  const bench = firstWhileHeldBy(hear("a", 4));
  bench.handle(hear("a", 1)).handle(hear("a", 1, { givenUp: true }));
  assertEquals(bench.words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: after a split with failback never, the later term keeps the address, of equal ones the better candidate", () => {
  for (const [term, keeps] of [[1, "b"], [2, "c"]] as const) {
    const bench = kept("never").pass(300);
    assertEquals(bench.handle(hear("c", term, { standing: true })).words().at(-1), `split with c, ${keeps} keeps`);
  }
  const better = kept("never").pass(300).peers({ a: "alive" });
  assertEquals(better.handle(hear("a", 1, { standing: true })).words().at(-1), "split with a, a keeps");
});

Deno.test("Ownership: while a member lives that is not Herald, failback is immediate and nobody stands back", () => {
  const bench = kept("never").peers({ a: "alive" });
  bench.words();
  assertEquals(bench.handle({ kind: "foreignMembers", nodes: ["c"] }).words(), ["hush", "a handingOver"]);
  const unable = Bench.owner().handle({ kind: "serving", serving: NOWHERE, noCarrier: new Set(["eth0"]) });
  unable.words();
  assertEquals(unable.handle({ kind: "foreignMembers", nodes: ["c"] }).words(), ["own", "announce", "b elected"]);
});

const NOWHERE = { usableInterfaces: [], failedLinkProbes: [] };
const SOMEWHERE = { usableInterfaces: ["eth0"], failedLinkProbes: [] };

Deno.test("Ownership: who loses its carrier stands back at once, and is told why", () => {
  const bench = Bench.owner();
  const lost = { kind: "serving", serving: NOWHERE, noCarrier: new Set(["eth0"]) } as const;
  assertEquals(bench.handle(lost).words(), ["hush", "c handingOver"]);
  assertEquals(bench.handle(hear("c", 2)).pass(5).words(), ["disown", "c noCarrier"]);
  const back = { kind: "serving", serving: SOMEWHERE, noCarrier: new Set<string>() } as const;
  assertEquals(bench.handle(back).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: who loses IPv6 hands over its IPv6 addresses alone, and has them back with it", () => {
  const six = "2001:db8:1::1";
  const bench = new Bench().peers({ c: "alive" });
  const common = { candidates: ["b", "c"], interfaces: "all", services: [] } as const;
  bench.handle({ kind: "wanted", upsert: [VIP, six].map((address) => ({ ...common, address })), remove: [] });
  bench.handle({ kind: "complete" }).words();
  const noIpv6 = { ...SOMEWHERE, ipv4OnlyInterfaces: ["eth0"] };
  const say = (serving: Serving) => bench.handle({ kind: "serving", serving, noCarrier: new Set<string>() }).words();
  assertEquals(say(noIpv6), ["hush", "c handingOver"]);
  bench.handle({ ...hear("c", 2), claims: [{ address: six, term: 2, givenUp: false }] });
  assertEquals(bench.pass(5).words(), ["disown", "c noIpv6"]);
  assertEquals(say(SOMEWHERE), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: where nobody has IPv6, the first of all would answer, and says why nobody hears it", () => {
  const bench = Bench.owner().want(["b", "c"], { address: "2001:db8:1::1" });
  bench.words();
  const noIpv6 = { ...SOMEWHERE, ipv4OnlyInterfaces: ["eth0"] };
  bench.handle({ kind: "peers", changes: [{ node: "c", state: "alive", serving: noIpv6 }] });
  bench.handle({ kind: "serving", serving: noIpv6, noCarrier: new Set() });
  assertEquals(bench.words(), ["b noIpv6"]);
});

Deno.test("Ownership: an owner that says that it cannot serve is succeeded, and gets it back when it can", () => {
  const bench = new Bench().peers({ a: "alive" }).want(["a", "b"]).handle({ kind: "complete" });
  bench.words();
  const say = (serving: Serving) => bench.handle({ kind: "peers", changes: [{ node: "a", state: "alive", serving }] });
  assertEquals(say(NOWHERE).words(), ["own", "announce", "b elected"]);
  assertEquals(say(SOMEWHERE).words(), ["hush", "a handingOver"]);
});

Deno.test("Ownership: when nobody can serve, nobody stands back", () => {
  const bench = Bench.owner();
  bench.handle({ kind: "peers", changes: [{ node: "c", state: "alive", serving: NOWHERE }] });
  assertEquals(bench.handle({ kind: "serving", serving: NOWHERE, noCarrier: new Set() }).words(), ["b noInterface"]);
});

Deno.test("Ownership: who answered because nobody could serve it claims the address as soon as it can", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().want(["b"], { policy });
  bench.handle({ kind: "serving", serving: NOWHERE, noCarrier: new Set(["eth0"]) });
  bench.peers({ c: "alive" }).handle({ kind: "complete" }).handle({ kind: "claimsKnown" });
  assertEquals([bench.words().at(-1), bench.claims], ["b noCarrier", []]);
  bench.handle({
    kind: "serving",
    serving: { usableInterfaces: ["eth0"], failedLinkProbes: [] },
    noCarrier: new Set(),
  });
  assertEquals([bench.words(), bench.claims], [["own", "announce", "b elected"], [
    { address: VIP, term: 1, givenUp: false },
  ]]);
});

Deno.test("Ownership: when the link probes fail for all, the first with a link owns, not the first of all", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, linkProbes: ["192.0.2.1"] };
  const failed: Serving = { usableInterfaces: ["eth0"], failedLinkProbes: policy.linkProbes };
  const bench = new Bench().want(["a", "b", "c"], { policy });
  bench.handle({ kind: "serving", serving: failed, noCarrier: new Set() });
  const says = (node: string, serving: Serving) => ({ node, state: "alive", serving }) as const;
  bench.handle({ kind: "peers", changes: [says("a", NOWHERE), says("c", failed)] }).handle({ kind: "complete" });
  assertEquals(bench.words(), ["nobody waitingForSnapshot", "own", "announce", "b linkProbeFailed"]);
  assertEquals(bench.handle({ kind: "peers", changes: [says("a", failed)] }).words(), ["hush", "a handingOver"]);
});

Deno.test("Ownership: the two after the owner watch it; the owner watches nobody", () => {
  const bench = new Bench().peers({ a: "alive", c: "alive" }).want(["a", "b", "c"]).handle({ kind: "complete" });
  assertEquals(bench.watch, ["a"]);
  assertEquals(bench.want(["a", "c", "b"]).watch, ["a", "c"]);
  assertEquals(bench.want(["b", "a", "c"]).watch, []);
  assertEquals(bench.want(["a", "b", "c"]).watch, ["a"], "as long as it answers, and as the next one");
});

Deno.test("Ownership: who is cut off answers nothing, and asks who does before it answers again", () => {
  const bench = Bench.owner();
  const asked = bench.asked;
  assertEquals(bench.handle({ kind: "cutOff", cutOff: true }).words(), ["disown", "nobody safe"]);
  assertEquals(bench.peers({ a: "alive" }).peers({ a: "dead" }).words(), []);
  assertEquals(bench.handle({ kind: "cutOff", cutOff: false }).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.asked, asked + 1);
});

Deno.test("Ownership: whoever has just taken an address that another one had is no part of a split", () => {
  const bench = Bench.owner().pass(100);
  assertEquals(bench.handle(hear("c", 3, { standing: true })).words(), []);
  assertEquals(bench.pass(100).want(["c", "b"]).words(), ["hush", "c handingOver"], "and that word was of the past");
});

Deno.test("Ownership: a speaker that goes on against our word knows better as soon as we know the same", () => {
  const bench = Bench.owner().handle(hear("c", 3)).handle(hear("c", 5));
  assertEquals(bench.pass(100).want(["c", "b"]).words(), ["disown", "c notOwner"]);
});

Deno.test("Ownership: a node that is no candidate any more stops after 2 s, also when its successors change", () => {
  const bench = Bench.owner().peers({ a: "alive" }).want(["a", "c"]).pass(1500);
  bench.words();
  assertEquals(bench.peers({ a: "dead" }).words(), ["c handingOver"]);
  assertEquals(bench.pass(499).words().includes("disown"), false);
  assertEquals(bench.pass(1).words(), ["disown", "c notCandidate"]);
});

Deno.test("Ownership: with failback never, a node that is no candidate any more stops after 2 s, heard or not", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = kept("never").want(["a", "c"], { policy });
  bench.words();
  assertEquals(bench.pass(1999).words().includes("disown"), false);
  assertEquals(bench.pass(1).words(), ["disown", "c notCandidate"]);
});

Deno.test("Ownership: who handed an address over does not take it back when failback never begins to hold", () => {
  const bench = Bench.owner().peers({ a: "alive" }).handle(hear("a", 1));
  bench.words();
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  assertEquals(bench.handle({ kind: "claimsKnown" }).want(["a", "b", "c"], { policy }).words(), []);
});

Deno.test("Ownership: whoever hands over gives up before all, whatever its own policy: theirs may keep the address with it", () => {
  const givenUp = { address: VIP, term: 1, givenUp: true };
  const slowly = Bench.owner().peers({ a: "alive" });
  assertEquals(slowly.claims.at(-1), givenUp);
  slowly.claims.length = 0;
  assertEquals(slowly.pass(2000).claims, [givenUp], "again, as the first one may be lost");
  const atOnce = Bench.owner().claim().peers({ a: "alive" });
  assertEquals(atOnce.words().at(-1), "a notOwner");
  assertEquals(atOnce.claims.at(-1), givenUp);
  assertEquals(Bench.owner().peers({ a: "alive" }).handle(hear("a", 2)).claims.filter((it) => it.givenUp), [givenUp]);
});

Deno.test("Ownership: who answers with a claim that did not count beside the one that is given up makes a later one", () => {
  const bench = Bench.owner();
  assertEquals(bench.handle(hear("c", 5, { givenUp: true })).words(), []);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 6, givenUp: false });
  bench.claims.length = 0;
  assertEquals(bench.handle(hear("c", 5, { givenUp: true })).claims, [], "ours is above it now");
  assertEquals(
    Bench.owner().peers({ a: "alive" }).handle(hear("c", 5, { givenUp: true })).claims.at(-1)!.givenUp,
    true,
  );
});

Deno.test("Ownership: while the first candidate is uncertain, an owner stops for a better one that answers, for no worse one", () => {
  for (const [candidates, stops] of [[["a", "c", "b"], true], [["a", "b", "c"], false]] as const) {
    const bench = new Bench().peers({ a: "dead", c: "dead" }).want(candidates).handle({ kind: "complete" });
    bench.peers({ a: "unknown", c: "alive" }).words();
    assertEquals(bench.handle(hear("c", 1)).pass(5).words().includes("disown"), stops);
  }
});

Deno.test("Ownership: the greatest term that a message can carry is followed by none", () => {
  const forged = 2 ** 32 - 1;
  const contradicted = Bench.owner().handle(hear("c", forged));
  const after = Bench.owner().handle(hear("c", forged)).peers({ a: "alive" }).handle(hear("a", forged));
  after.peers({ a: "dead" });
  const answered = Bench.owner().handle(hear("c", forged, { givenUp: true }));
  for (const { claims } of [contradicted, after, answered]) {
    assertEquals(claims.at(-1), { address: VIP, term: forged, givenUp: false });
  }
});

Deno.test("Ownership: who held an address that was unwanted for a moment gives it up: others may not have heard of it", () => {
  const bench = kept("never").peers({ a: "alive" });
  bench.unwant().claims.length = 0;
  bench.want(["a", "b", "c"], { policy: { ...DEFAULT_ADDRESS_POLICY, failback: "never" } });
  assertEquals([bench.words().at(-1), bench.claims], ["a notOwner", [{ address: VIP, term: 1, givenUp: true }]]);
  bench.unwant().want(["a", "b", "c"]);
  assertEquals(bench.claims.length, 1, "it does not hold it any more");
});

Deno.test("Ownership: who held an address that was unwanted for a moment, and has it again, claims it with a later term", () => {
  const bench = Bench.owner().unwant().want(["a", "b", "c"]);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 2, givenUp: false });
});

Deno.test("Ownership: with failback never, a holder that was started anew, or is no peer any more, is waited for no longer", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const waiting = () => {
    const bench = new Bench().handle(life("a", 1)).want(["b", "a"], { policy }).handle({ kind: "complete" });
    bench.handle(hear("a", 3)).handle({ kind: "claimsKnown" });
    assertEquals(bench.words().at(-1), "a notOwner");
    return bench;
  };
  assertEquals(waiting().handle(life("c", 1)).handle(life("c", 2)).words(), []);
  const next = waiting().handle(life("a", 2));
  assertEquals([next.words(), next.claims.at(-1)?.term], [["own", "announce", "b elected"], 4]);
  assertEquals(waiting().peers({ a: undefined }).peers({ a: "alive" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: a claim that comes after the give-up that followed it is nothing, but for another life of its node", () => {
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const bench = new Bench().peers({ c: "alive" }).handle(life("a", 1)).want(["c", "b", "a"], { policy });
  bench.handle({ kind: "complete" }).handle({ kind: "claimsKnown" });
  bench.handle(hear("a", 5, { givenUp: true })).words();
  assertEquals(bench.handle(hear("a", 5)).handle(hear("a", 4)).words(), []);
  assertEquals(bench.handle(hear("a", 6)).words(), ["a notOwner"]);
  bench.handle(hear("a", 6, { givenUp: true })).words();
  assertEquals(bench.handle(life("a", 2)).handle(hear("a", 1)).words(), ["a notOwner"]);
});

Deno.test("Ownership: what is claimed after a give-up has a higher term, also when the address was not wanted meanwhile", () => {
  const bench = Bench.owner().peers({ a: "alive" });
  assertEquals(bench.claims.at(-1), { address: VIP, term: 1, givenUp: true });
  bench.handle(hear("a", 1)).unwant().want(["b", "a"]);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 2, givenUp: false });
});

Deno.test("Ownership: who hears that another one gave up what it has had for long takes that one's neighbours back", () => {
  const bench = Bench.owner().pass(300);
  assertEquals(bench.handle(hear("c", 5, { givenUp: true })).pass(250).words(), ["repeat"]);
  assertEquals(bench.handle(hear("c", 5)).pass(250).words(), ["repeat"], "its claim comes too late to mean more");
  const split = bench.handle(hear("c", 5, { standing: true }));
  assertEquals(split.words(), ["split with c, b keeps"]);
  const successor = Bench.owner().handle(hear("c", 5, { givenUp: true }));
  assertEquals(successor.pass(1000).words(), [], "a hand-over is no such thing");
});

/** Node `b` with a plan of before the start, by which it comes first; `a` is no candidate in it. */
function restored(): Bench {
  const bench = new Bench().handle({ kind: "stale", stale: true }).peers({ a: "alive", c: "alive" }).want(["b", "c"]);
  return bench.handle({ kind: "complete" });
}

Deno.test("Ownership: with a plan that may be old, nothing is answered before the others have said what they answer for", () => {
  const bench = restored();
  assertEquals([bench.asked, bench.words().at(-1)], [1, "nobody waitingForClaims"]);
  assertEquals(bench.handle({ kind: "claimsKnown" }).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: with a plan that may be old, whoever answers and hears the API comes first, as long as it lives", () => {
  const bench = restored().handle({ kind: "claimsKnown" });
  bench.words();
  bench.claims.length = 0;
  const yields = ["hush", "a handingOver", "disown", "a notOwner"];
  assertEquals(bench.handle(hear("a", 1)).pass(100).words(), yields);
  assertEquals(bench.claims.every(({ givenUp }) => givenUp), true, "it is not contradicted");
  assertEquals(bench.watch, ["a"]);
  assertEquals(bench.peers({ a: "dead" }).words(), ["own", "announce", "b elected"]);
  const other = restored().handle(hear("a", 1)).handle({ kind: "claimsKnown" });
  assertEquals(other.words().at(-1), "a notOwner");
  assertEquals(other.handle(hear("a", 1, { givenUp: true })).words(), ["own", "announce", "b elected"]);
});

Deno.test("Ownership: of two plans that may be old the order decides, as of two that are known to hold", () => {
  const bench = restored().handle({ kind: "claimsKnown" });
  bench.words();
  assertEquals(bench.handle(hear("a", 5, { stale: true })).words(), []);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 6, givenUp: false });
});

Deno.test("Ownership: who hears the API again goes by its plan, and says again what it answers for", () => {
  const bench = restored().handle(hear("a", 1)).handle({ kind: "claimsKnown" });
  bench.words();
  bench.claims.length = 0;
  assertEquals(bench.handle({ kind: "stale", stale: false }).words(), ["own", "announce", "b elected"]);
  assertEquals(bench.claims.length > 0, true);
  const owner = restored().handle({ kind: "claimsKnown" });
  owner.claims.length = 0;
  assertEquals(owner.handle({ kind: "stale", stale: false }).claims, [{ address: VIP, term: 1, givenUp: false }]);
});

Deno.test("Ownership: with failback never, a claim from a plan that may be old takes nothing from one that hears the API", () => {
  const bench = kept("never");
  assertEquals(bench.handle(hear("c", 9, { stale: true })).words(), []);
  assertEquals(bench.claims.at(-1), { address: VIP, term: 9, givenUp: false });
  const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" } as const;
  const third = new Bench().peers({ a: "alive", c: "alive" }).want(["b", "c", "a"], { policy });
  third.handle({ kind: "complete" }).handle(hear("a", 1)).handle({ kind: "claimsKnown" }).words();
  assertEquals(third.handle(hear("c", 9, { stale: true })).words(), ["doubt a"], "and perhaps that one is dead");
  assertEquals(third.handle(hear("c", 9)).words(), ["c notOwner"]);
});

Deno.test("Ownership: of many addresses that others announce each is defended in its time", () => {
  const bench = Bench.owner();
  const others = ["198.51.100.2", "198.51.100.3"];
  const upsert = others.map((address) => ({ address, candidates: ["b"], interfaces: "all" as const, services: [] }));
  bench.handle({ kind: "wanted", upsert, remove: [] }).words();
  const times: number[] = [];
  for (const address of [VIP, ...others, VIP]) {
    bench.handle({ kind: "foreignClaim", address });
    times.push(bench.ownership.deadline()!.at - 1000);
    bench.pass(50);
  }
  assertEquals(times, [250, 250, 250, 250], "the first one is due first, whatever comes after it");
  const defended = [49, 1, 50, 50].map((ms) => bench.pass(ms).words().length);
  assertEquals(defended, [0, 1, 1, 1]);
  assertEquals(bench.pass(60_000).words(), []);
});
