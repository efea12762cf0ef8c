import { assertEquals } from "@std/assert/equals";
import type { Member, MemberState, ReceivedFacts } from "../../../lib/base/member.ts";
import { Liveness, type LivenessInput, type PeerView } from "../../../lib/protocol/l2/liveness.ts";

const FACTS: ReceivedFacts = {
  version: "1",
  capabilities: [],
  generation: 5,
  watchPort: 7947,
  state: "alive",
  usableInterfaces: ["eth0"],
  failedLinkProbes: [],
  listsAreCut: false,
};

class Bench {
  now = 1000;
  readonly liveness: Liveness;
  /** `b alive`, `watch b c`, `foreign d`. */
  #words: string[] = [];
  readonly views = new Map<string, PeerView>();

  constructor(options: { membership?: boolean } = {}) {
    this.liveness = new Liveness({ membership: options.membership ?? true });
  }

  handle(input: LivenessInput | { readonly kind: "tick" }): this {
    this.liveness.handle(input, this.now);
    for (let effect; (effect = this.liveness.poll()) !== undefined;) {
      if (effect.kind === "peer") {
        this.views.set(effect.peer.node, effect.peer);
        this.#words.push(`${effect.peer.node} ${effect.peer.state ?? "gone"}`);
      } else if (effect.kind === "unheard") this.#words.push(`unheard ${effect.node}`);
      else if (effect.kind === "foreignMembers") this.#words.push(["foreign", ...effect.nodes].join(" "));
      else {
        const names = [...effect.nodes].map((node) => effect.slowly.has(node) ? `${node} (slowly)` : node);
        this.#words.push(["watch", ...names].join(" "));
      }
    }
    return this;
  }

  list(...upsert: readonly string[]): this {
    return this.handle({ kind: "peers", upsert, remove: [] });
  }

  member(node: string, state: MemberState | undefined, facts: ReceivedFacts | "foreign" = FACTS): this {
    const member: Member | undefined = state === undefined
      ? undefined
      : { node, address: "192.0.2.9", port: 7946, state, facts: facts === "foreign" ? undefined : facts };
    return this.handle({ kind: "member", change: { node, member } });
  }

  watched(node: string, state: "unknown" | "starting" | "alive" | "leaving" | "dead" | undefined): this {
    return this.handle({ kind: "watched", node, state });
  }

  pairs(watch: readonly string[], candidates: readonly string[]): this {
    return this.handle({ kind: "pairs", watch: new Set(watch), candidates: new Set(candidates) });
  }

  words(): string[] {
    return this.#words.splice(0);
  }

  /** b is watched and lives; c and d live as the membership has it. */
  static settled(): Bench {
    const bench = new Bench().list("b", "c", "d").pairs(["b"], ["a", "b", "c", "d"]).watched("b", "unknown")
      .watched("b", "alive").member("b", "alive").member("c", "alive").member("d", "alive").handle({
        kind: "membersKnown",
      });
    bench.words();
    return bench;
  }
}

Deno.test("Liveness: without a membership the watch decides alone, and watches whom it will", () => {
  const bench = new Bench({ membership: false }).list("b").watched("b", "unknown").watched("b", "alive");
  bench.pairs(["b"], ["b"]).watched("b", "dead").watched("b", undefined);
  assertEquals(bench.words(), ["b unknown", "b alive", "b dead", "b gone"]);
});

Deno.test("Liveness: where there is a verdict of the watch, it holds against the membership", () => {
  const bench = Bench.settled();
  assertEquals(bench.member("b", "dead").words(), []);
  assertEquals(bench.watched("b", "dead").member("b", "alive").words(), ["b dead"]);
  assertEquals(bench.watched("b", "leaving").words(), ["b leaving"]);
});

Deno.test("Liveness: of the others the membership decides, a suspect lives, and what a Meta says counts", () => {
  const bench = Bench.settled();
  assertEquals(bench.member("c", "suspect").words(), []);
  assertEquals(bench.member("c", "alive", { ...FACTS, state: "leaving" }).words(), ["c leaving", "watch b c"]);
  assertEquals(bench.member("d", "dead").words(), ["d dead", "watch b c d"]);
});

for (const state of ["dead", "left"] as const) {
  Deno.test(`Liveness: a candidate that is ${state} to the membership is watched, so that it is seen coming back`, () => {
    const bench = Bench.settled().member("c", state);
    assertEquals(bench.words(), ["c dead", "watch b c"]);
    assertEquals(bench.watched("c", "unknown").watched("c", "dead").words(), []);
    assertEquals(bench.watched("c", "alive").words(), ["c alive"], "watched until the membership knows it too");
    assertEquals(bench.member("c", "alive").words(), ["watch b"]);
    assertEquals(bench.watched("c", undefined).words(), []);
  });
}

Deno.test("Liveness: whoever is no candidate is not watched, whatever becomes of it", () => {
  const bench = Bench.settled().pairs([], ["a"]);
  assertEquals(bench.words(), ["watch"]);
  assertEquals(bench.member("c", "dead").words(), ["c dead"]);
});

Deno.test("Liveness: a pair that begins to be watched goes on living until there is a verdict", () => {
  const bench = Bench.settled().pairs(["b", "c"], ["b", "c", "d"]);
  assertEquals(bench.watched("c", "unknown").words(), ["watch b c"]);
  assertEquals(bench.watched("c", "dead").words(), ["c dead"]);
});

Deno.test("Liveness: a member that is not Herald is never watched, and its membership decides", () => {
  const bench = Bench.settled().list("m").pairs(["b", "m"], ["b", "c", "m"]);
  bench.words();
  bench.member("m", "alive", "foreign");
  assertEquals(bench.words(), ["m alive", "foreign m", "watch b"]);
  assertEquals(bench.watched("m", "dead").words(), []);
  assertEquals(bench.member("m", "suspect", "foreign").words(), []);
  assertEquals(bench.member("m", "dead", "foreign").words(), ["m dead", "foreign"]);
});

Deno.test("Liveness: before the membership has joined, silence of the watch is no death: it may be MetalLB", () => {
  const bench = new Bench().handle({ kind: "opened" }).list("m", "h").pairs([], ["m", "h"]);
  assertEquals(bench.words(), ["m unknown", "h unknown", "watch m h"]);
  assertEquals(bench.watched("m", "dead").watched("h", "alive").words(), ["h alive"]);
  assertEquals(bench.member("m", "alive", "foreign").words(), ["m alive", "foreign m", "watch h"]);
});

Deno.test("Liveness: a membership that does not join is waited for a second", () => {
  const bench = new Bench().handle({ kind: "opened" }).list("b").pairs([], ["b"]).watched("b", "dead");
  bench.words();
  assertEquals(bench.liveness.deadline()?.at, 2000);
  bench.now = 2000;
  assertEquals(bench.handle({ kind: "tick" }).words(), ["b dead"]);
  assertEquals(bench.liveness.deadline(), undefined);
});

Deno.test("Liveness: after a gap nobody is known, and everybody is asked", () => {
  const bench = Bench.settled().handle({ kind: "gap" }).watched("b", "unknown");
  assertEquals(bench.words(), ["c unknown", "d unknown", "watch b c d", "b unknown"]);
  assertEquals(bench.watched("c", "unknown").watched("c", "alive").words(), ["c alive", "watch b d"]);
  assertEquals(bench.watched("d", "dead").words(), ["d dead"]);
});

Deno.test("Liveness: what a node says of its interfaces comes by the watch at once, or by its Meta", () => {
  const bench = Bench.settled();
  const usable = (node: string) => bench.views.get(node)?.serving?.usableInterfaces;
  bench.member("c", "alive", { ...FACTS, usableInterfaces: ["eth5"] });
  bench.handle({ kind: "serving", node: "b", serving: { usableInterfaces: [], failedLinkProbes: [] } });
  assertEquals([usable("b"), usable("c")], [[], ["eth5"]]);
  bench.member("b", "alive", FACTS);
  assertEquals(usable("b"), [], "the Meta of one that is watched is old");
  bench.pairs([], ["b", "c", "d"]).watched("b", undefined).member("b", "suspect").member("b", "alive");
  assertEquals(usable("b"), [], "also when the watch has ended: the gossip repeats what it knew");
  bench.member("b", "alive", { ...FACTS, usableInterfaces: ["eth6"] });
  assertEquals(usable("b"), ["eth6"]);
  bench.watched("d", "unknown").watched("d", "dead").member("d", "alive", { ...FACTS, usableInterfaces: ["eth7"] });
  assertEquals(usable("d"), ["eth7"], "whom the watch does not hear it tells nothing of");
  bench.member("d", "alive", { ...FACTS, usableInterfaces: [], listsAreCut: true });
  assertEquals(usable("d"), ["eth7"], "what was cut says nothing");
});

Deno.test("Liveness: a failure that the gossip takes back does not bring back the link that the watch told is gone", () => {
  const bench = Bench.settled();
  bench.handle({ kind: "serving", node: "b", serving: { usableInterfaces: [], failedLinkProbes: [] } });
  bench.pairs([], ["a", "b", "c", "d"]).watched("b", undefined).member("b", "dead");
  assertEquals(bench.views.get("b")?.state, "dead");
  bench.member("b", "alive");
  assertEquals(bench.views.get("b")?.state, "alive");
  assertEquals(bench.views.get("b")?.serving?.usableInterfaces, []);
});

Deno.test("Liveness: a Meta of before, from a member that was forgotten meanwhile, does not undo what the watch told", () => {
  const bench = Bench.settled();
  const usable = () => bench.views.get("b")?.serving?.usableInterfaces;
  bench.handle({ kind: "serving", node: "b", serving: { usableInterfaces: [], failedLinkProbes: [] } });
  bench.pairs([], ["a", "b", "c", "d"]).watched("b", undefined).member("b", "dead").member("b", undefined);
  bench.member("b", "alive");
  assertEquals([bench.views.get("b")?.state, usable()], ["alive", []]);
  bench.member("b", undefined).member("b", "alive", { ...FACTS, generation: 6 });
  assertEquals(usable(), ["eth0"], "of another life it is news");
});

Deno.test("Liveness: which life a node has the watch proves; a Meta, or a word of the node, only when it is a later one", () => {
  const bench = Bench.settled();
  const told = () => bench.words().map(() => bench.views.get("b")?.generation);
  const life = (generation: number, { isProven = true } = {}) =>
    bench.handle({ kind: "life", node: "b", generation, isProven });
  life(5);
  assertEquals(told(), [], "the Meta said so already");
  life(4);
  assertEquals(told(), [4], "its clock went back");
  bench.member("b", "suspect");
  assertEquals(told(), [], "the gossip still speaks of the life before");
  bench.member("b", "alive", { ...FACTS, generation: 3 });
  life(3, { isProven: false });
  assertEquals(told(), []);
  bench.member("b", "alive", { ...FACTS, generation: 7 });
  assertEquals(told(), [7]);
  life(8, { isProven: false });
  assertEquals(told(), [8]);
  life(8);
  assertEquals(told(), []);
});

Deno.test("Liveness: nothing is kept of a node that is no peer and dead", () => {
  const bench = Bench.settled().member("c", undefined).handle({ kind: "peers", upsert: [], remove: ["c"] });
  assertEquals(bench.words(), ["c dead", "watch b c", "c gone", "watch b"]);
  assertEquals(bench.liveness.count(), { known: 2, living: 2 });
});

Deno.test("Liveness: a candidate that the gossip calls starting is watched, and alive once the watch says so", () => {
  const bench = Bench.settled().member("c", "alive", { ...FACTS, state: "starting" });
  assertEquals(bench.words(), ["c starting", "watch b c"]);
  assertEquals(bench.watched("c", "unknown").watched("c", "alive").words(), ["c alive"], "and it is watched on");
  assertEquals(bench.member("c", "alive").words(), ["watch b"], "until the gossip calls it alive too");
});

/** c is watched, dead to the watch that never heard it, and alive to the gossip. */
function unheard(): Bench {
  const bench = Bench.settled().pairs(["b", "c"], ["b", "c", "d"]).watched("c", "unknown").watched("c", "dead");
  assertEquals(bench.words(), ["watch b c", "c dead"]);
  return bench;
}

Deno.test("Liveness: whom the watch never heard is not dead for ever while the gossip steadily calls it alive", () => {
  const bench = unheard();
  assertEquals(bench.liveness.deadline()?.at, 6000);
  bench.now = 5999;
  assertEquals(bench.handle({ kind: "tick" }).words(), []);
  bench.now = 6000;
  assertEquals(bench.handle({ kind: "tick" }).words(), ["unheard c", "c alive"]);
  assertEquals(bench.liveness.deadline(), undefined);
  assertEquals(bench.member("c", "suspect").words(), []);
  assertEquals(bench.member("c", "left").words(), ["c dead"]);
  assertEquals(
    bench.member("c", "alive", { ...FACTS, generation: 6 }).words(),
    ["c alive"],
    "known to be so",
  );
  assertEquals(bench.views.get("c")?.isUnheard, true);
  assertEquals(bench.watched("c", "alive").words(), ["c alive"], "heard at last");
  assertEquals(bench.views.get("c")?.isUnheard, undefined);
  assertEquals(bench.watched("c", "dead").words(), ["c dead"]);
  assertEquals(bench.liveness.deadline(), undefined);
});

Deno.test("Liveness: a suspicion or a pause of our own begins the time anew in which the gossip must be steady", () => {
  for (
    const disturb of [(bench: Bench) => bench.member("c", "suspect"), (bench: Bench) => bench.handle({ kind: "gap" })]
  ) {
    const bench = unheard();
    bench.now = 4000;
    disturb(bench).watched("c", "unknown").watched("c", "dead").member("c", "alive");
    bench.now = 6000;
    bench.words();
    assertEquals(bench.handle({ kind: "tick" }).words(), []);
    assertEquals(bench.liveness.deadline()?.at, 9000);
  }
});

Deno.test("Liveness: one that was heard is dead to the watch, until a new life of it stays unheard", () => {
  const bench = Bench.settled().watched("b", "dead");
  assertEquals(bench.liveness.deadline(), undefined);
  bench.member("b", "left").member("b", "alive", { ...FACTS, generation: 6 });
  assertEquals(bench.views.get("b")?.state, "dead");
  bench.words();
  bench.now = 6000;
  assertEquals(bench.handle({ kind: "tick" }).words(), ["unheard b", "b alive"]);
});

Deno.test("Liveness: where it matters that this node may be alone, everybody is watched, slowly but for the pairs", () => {
  const bench = Bench.settled().member("e", "alive", "foreign").list("e");
  bench.words();
  bench.handle({ kind: "watchAll", all: true });
  assertEquals(bench.words(), ["watch b c (slowly) d (slowly)"]);
  for (const node of ["b", "c", "d"]) bench.watched(node, "dead");
  assertEquals(bench.liveness.count(), { known: 4, living: 1 });
  bench.now += 60_000;
  assertEquals([bench.liveness.deadline(), bench.liveness.count().living], [undefined, 1], "the gossip's word is old");
  bench.words();
  for (const node of ["b", "c", "d"]) bench.watched(node, "alive");
  bench.words();
  assertEquals(bench.handle({ kind: "watchAll", all: false }).words(), ["watch b"]);
});

Deno.test("Liveness: after a pause of our own a member that is not Herald is told again, as nobody else tells of it", () => {
  const bench = new Bench().list("b").member("b", "alive", "foreign").handle({ kind: "membersKnown" });
  bench.words();
  assertEquals(bench.handle({ kind: "gap" }).words(), ["b alive"]);
});

Deno.test("Liveness: of thousands of members that are not Herald a hundred are told, and none when all are gone", () => {
  const bench = Bench.settled();
  let names = 0;
  const count = () => {
    for (const words of bench.words()) if (words.startsWith("foreign")) names += words.split(" ").length - 1;
  };
  for (let i = 0; i < 5000; i++) bench.member(`m${i}`, "alive", "foreign");
  count();
  assertEquals(names, 100 * 101 / 2);
  for (let i = 0; i < 5000; i++) bench.member(`m${i}`, "dead", "foreign");
  assertEquals(bench.words().findLast((words) => words.startsWith("foreign")), "foreign");
});
