import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../../lib/base/rng.ts";
import type { PeerState } from "../../../lib/base/wanted.ts";
import { Claims, type ClaimsInput, type ClaimsOptions, type SaidClaims } from "../../../lib/protocol/l2/claims.ts";

interface Sent {
  readonly node: string;
  readonly nonce: string;
}

/** Whoever is not deaf gives receipts at once. */
class Bench {
  now = 1000;
  /** Of all the others. */
  generation = 1;
  readonly claims: Claims;
  readonly nonces = new Map<string, string>();
  readonly deaf = new Set<string>();
  /** What nobody gave a receipt for. */
  readonly unheard: Sent[] = [];
  #words: string[] = [];

  constructor(options: Partial<ClaimsOptions> = {}) {
    this.claims = new Claims({ entriesMax: 3, messagesPerMs: 4, ...options }, { rng: new SeededRng(5) });
  }

  handle(...inputs: readonly (ClaimsInput | { readonly kind: "tick" })[]): this {
    for (const input of inputs) {
      this.claims.handle(input, this.now);
      const heard: Sent[] = [];
      for (let effect; (effect = this.claims.poll()) !== undefined;) {
        if (effect.kind === "claimsKnown") this.#words.push("known");
        else if (effect.kind === "sendQuery") {
          this.nonces.set(effect.node, effect.nonce);
          this.#words.push(`ask ${effect.node}`);
        } else if (effect.kind === "sendReceipt") this.#words.push(`receipt ${effect.nonce}`);
        else if (effect.kind === "claims") {
          this.#words.push(`${effect.node} says ${effect.claims.map(({ address }) => address).join(" ")}`);
        } else {
          const { entries, standing, last } = effect.claims;
          const told = entries.map(({ address, givenUp }) => `${givenUp ? "-" : ""}${address}`);
          this.#words.push(
            `${effect.node}: ${[...told, ...(standing ? ["standing"] : []), ...(last ? ["last"] : [])].join(" ")}`,
          );
          if (!last) (this.deaf.has(effect.node) ? this.unheard : heard).push(effect);
        }
      }
      this.handle(...heard.map(({ node, nonce }) => ({ kind: "receipt", node, nonce }) as const));
    }
    return this;
  }

  peers(states: Readonly<Record<string, PeerState | undefined>>): this {
    return this.handle(
      ...Object.entries(states).map(([node, state]) =>
        ({ kind: "peer", peer: { node, state, generation: this.generation } }) as const
      ),
    );
  }

  claim(
    address: string,
    rest: { readonly term?: number; readonly givenUp?: boolean; readonly first?: string } = {},
  ): this {
    const { term = 1, givenUp = false, first } = rest;
    return this.handle({ kind: "claim", claim: { address, term, givenUp }, first });
  }

  query(node: string, nonce: string, generation = 1): this {
    return this.handle({ kind: "query", node, nonce, generation });
  }

  hear(node: string, nonce: string, said: Partial<SaidClaims> = {}): this {
    const entries = [{ address: "x", term: 1, givenUp: false }];
    const claims = { entries, standing: false, last: false, stale: false, ...said };
    return this.handle({ kind: "claims", node, nonce, claims });
  }

  /** A receipt for one of `unheard`. */
  confirm(index: number): this {
    const { node, nonce } = this.unheard[index]!;
    return this.handle({ kind: "receipt", node, nonce });
  }

  /** `node` has answered the last question. */
  answered(node: string): this {
    return this.hear(node, this.nonces.get(node)!, { entries: [], last: true });
  }

  pass(durationMs: number): this {
    const until = this.now + durationMs;
    for (let at; (at = this.claims.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(at, this.now);
      this.handle({ kind: "tick" });
    }
    this.now = until;
    return this;
  }

  words(): string[] {
    return this.#words.splice(0);
  }
}

Deno.test("Claims: a take-over is told to everybody who lives, first to whoever waits for it", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive", d: "dead" });
  bench.claim("x", { first: "c" }).claim("y", { first: "c" });
  assertEquals(bench.words(), []);
  assertEquals(bench.pass(0).words(), ["c: x y", "b: x y"]);
  assertEquals(bench.pass(10_000).words(), []);
});

Deno.test("Claims: what is not answered any more is not told any more", () => {
  const bench = new Bench().peers({ b: "alive" });
  bench.claim("x").handle({ kind: "unclaim", address: "x" });
  assertEquals(bench.pass(10).words(), []);
  bench.claim("x", { term: 2, givenUp: true, first: "b" }).handle({ kind: "unclaim", address: "x" });
  assertEquals(bench.pass(10).words(), ["b: -x"], "that it was given up is still news");
});

Deno.test("Claims: whoever comes back without a restart hears all that stands, and whoever asks too", () => {
  const bench = new Bench().peers({ b: "dead" });
  for (const address of ["w", "x", "y", "z"]) bench.claim(address);
  bench.pass(10);
  assertEquals(bench.words(), []);
  assertEquals(bench.peers({ b: "alive" }).words(), ["b: w x y standing", "b: z standing"]);
  bench.query("q", "1");
  assertEquals(bench.pass(1).words(), ["q: w x y", "q: z last"]);
});

Deno.test("Claims: to whoever is dead to us, and asks, what fits into one message comes with the word that it was all", () => {
  for (const count of [0, 1, 3, 4, 6]) {
    const bench = new Bench().peers({ b: "dead" });
    const addresses = ["u", "v", "w", "x", "y", "z"].slice(0, count);
    for (const address of addresses) bench.claim(address);
    bench.pass(10);
    bench.query("b", "1");
    const words = bench.pass(1).words();
    assertEquals(words.length, Math.max(1, Math.ceil(count / 3)));
    assertEquals(words.map((word) => word.endsWith(" last")), words.map((_, i) => i === words.length - 1));
    assertEquals(words.flatMap((word) => word.match(/\b[u-z]\b/g) ?? []), addresses);
  }
});

Deno.test("Claims: whoever was started anew asks for itself, as soon as that is known", () => {
  const bench = new Bench().peers({ b: "dead" }).claim("x");
  bench.pass(10);
  assertEquals(bench.peers({ b: "unknown" }).peers({ b: "alive" }).words(), ["b: x standing"]);
  for (const hears of ["dead", "unknown", "starting"] as const) {
    bench.peers({ b: "dead" }).generation++;
    assertEquals(bench.peers({ b: hears }).peers({ b: "alive" }).words(), []);
  }
});

Deno.test("Claims: whoever did not hear us is told what stands in return, once, though we heard it all the time", () => {
  const bench = new Bench().peers({ b: "alive", c: "dead" }).claim("x");
  bench.pass(10).words();
  let nonce = 0;
  const stands = (node: string) => bench.hear(node, `${++nonce}`, { standing: true });
  const told = () => bench.words().filter((word) => word.includes(": "));
  stands("b");
  stands("b");
  assertEquals(told(), ["b: x standing"]);
  bench.pass(2000);
  stands("b");
  assertEquals(told(), ["b: x standing"]);
  bench.peers({ c: "alive" });
  stands("c");
  assertEquals(told(), ["c: x standing"]);
});

Deno.test("Claims: it says of every message whether its plan may be old, when it is sent", () => {
  const claims = new Claims({ entriesMax: 3 }, { rng: new SeededRng(5) });
  const stale: boolean[] = [];
  const handle = (input: ClaimsInput, now: number) => {
    claims.handle(input, now);
    claims.handle({ kind: "tick" }, now);
    for (let effect; (effect = claims.poll()) !== undefined;) {
      if (effect.kind === "sendClaims") stale.push(effect.claims.stale);
    }
  };
  handle({ kind: "peer", peer: { node: "b", state: "alive" } }, 0);
  handle({ kind: "stale", stale: true }, 0);
  handle({ kind: "claim", claim: { address: "x", term: 1, givenUp: false }, first: undefined }, 1);
  handle({ kind: "stale", stale: false }, 200);
  assertEquals(stale, [true, false]);
});

Deno.test("Claims: a question is answered also when there is nothing to claim", () => {
  assertEquals(new Bench().query("q", "1").words(), ["q: last"]);
  assertEquals(new Bench().peers({ b: "alive" }).query("b", "1").words(), ["b: last"]);
});

Deno.test("Claims: a question that is sent again and again, as a recording may be, is answered ten times a second", () => {
  const bench = new Bench().peers({ b: "alive" }).claim("x");
  bench.pass(10).words();
  for (let i = 0; i < 100; i++) bench.query("b", "n").pass(5);
  assertEquals(bench.words().filter((it) => it === "b: x").length, 5);
});

Deno.test("Claims: everybody who may live is asked, again where no answer comes, and waited for a second at most", () => {
  const bench = new Bench().peers({ b: "alive", c: "unknown", d: "dead" }).handle({ kind: "askClaims" });
  assertEquals(bench.words(), ["ask b", "ask c"]);
  bench.answered("b").hear("c", "0".repeat(16), { entries: [], last: true });
  assertEquals(bench.pass(999).words(), ["ask c", "ask c", "ask c"]);
  assertEquals(bench.pass(1).words(), ["known"]);
});

Deno.test("Claims: whoever was not waited for is asked on, once a second, until it answers, dies, or a minute is over", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive", d: "alive" }).handle({ kind: "askClaims" });
  bench.pass(1000).words();
  assertEquals(bench.pass(999).words(), []);
  assertEquals(bench.pass(1).words(), ["ask b", "ask c", "ask d"]);
  bench.answered("b");
  assertEquals(bench.peers({ c: "dead" }).pass(1000).words(), ["ask d"], "and it is no news that all is known");
  assertEquals(bench.pass(120_000).words().length, 57);
  assertEquals(bench.claims.deadline(), undefined);
});

Deno.test("Claims: all is known when the last one has answered or died, at once when there is nobody", () => {
  assertEquals(new Bench().handle({ kind: "askClaims" }).words(), ["known"]);
  const bench = new Bench().peers({ b: "alive", c: "alive" }).handle({ kind: "askClaims" });
  bench.words();
  assertEquals(bench.peers({ c: "dead" }).words(), []);
  assertEquals(bench.answered("b").words(), ["known"]);
});

Deno.test("Claims: thousands of claims go out a few messages a millisecond, and none is lost", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive" });
  for (let i = 0; i < 300; i++) bench.claim(`a${i}`, { first: "c" });
  let told = 0;
  for (let ms = 0; ms < 200; ms++) {
    const words = bench.pass(ms === 0 ? 0 : 1).words();
    assertEquals(words.length <= 4, true);
    told += words.length;
  }
  assertEquals(told, 200);
});

Deno.test("Claims: what gets no receipt is told again, three times within a second, then once a second", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive" });
  bench.deaf.add("b");
  bench.claim("x", { givenUp: true }).pass(0);
  assertEquals(bench.words(), ["b: -x", "c: -x"]);
  const sendings = (durationMs: number) => {
    const at: number[] = [];
    for (let ms = 1; ms <= durationMs; ms++) for (const _ of bench.pass(1).words()) at.push(ms);
    return at;
  };
  assertEquals(sendings(1874), [125, 375, 875]);
  assertEquals(sendings(10_000).length, 10);
  assertEquals(bench.peers({ b: "dead" }).pass(60_000).words(), [], "to the dead nothing is repeated");
  bench.deaf.delete("b");
  assertEquals(
    bench.peers({ b: "unknown" }).pass(60_000).words(),
    ["b: -x"],
    "but who is back hears what was given up",
  );
});

Deno.test("Claims: a lost message is the same one when it comes again, and a late receipt of the first is one of both", () => {
  const bench = new Bench().peers({ b: "alive" });
  bench.deaf.add("b");
  bench.claim("x").pass(500);
  const nonces = bench.unheard.map(({ nonce }) => nonce);
  assertEquals([nonces.length, new Set(nonces).size], [3, 1]);
  bench.words();
  assertEquals(bench.confirm(0).pass(60_000).words(), []);
});

Deno.test("Claims: what does not hold any more is not told again", () => {
  const bench = new Bench().peers({ b: "alive" });
  bench.deaf.add("b");
  for (const address of ["w", "x", "y"]) bench.claim(address);
  bench.pass(0).claim("x", { givenUp: true }).handle({ kind: "unclaim", address: "y" }).pass(1);
  assertEquals(bench.words(), ["b: w x y", "b: -x"]);
  assertEquals(bench.pass(130).words(), ["b: w", "b: -x"]);
  bench.claim("x", { term: 2 }).handle({ kind: "unclaim", address: "w" }).pass(1);
  assertEquals(bench.words(), ["b: x"]);
  bench.pass(60_000);
  assertEquals(new Set(bench.words()), new Set(["b: x"]));
});

Deno.test("Claims: all that was missed is told as soon as one receipt comes", () => {
  const bench = new Bench().peers({ b: "alive" });
  bench.deaf.add("b");
  for (let i = 0; i < 9; i++) bench.claim(`a${i}`);
  bench.pass(1875).words();
  assertEquals(bench.pass(1000).words(), ["b: a3 a4 a5"]);
  bench.deaf.clear();
  assertEquals(bench.pass(1010).words().sort(), ["b: a0 a1 a2", "b: a3 a4 a5", "b: a6 a7 a8"]);
  assertEquals(bench.pass(60_000).words(), []);
});

Deno.test("Claims: who gives no receipts, as MetalLB or another version, is told once", () => {
  for (const kind of ["isForeign", "isUnheard"]) {
    const bench = new Bench().handle({ kind: "peer", peer: { node: "b", state: "alive", [kind]: true } });
    bench.deaf.add("b");
    assertEquals(bench.claim("x").pass(60_000).words(), ["b: x"]);
  }
});

Deno.test("Claims: an answer is complete when all of it is confirmed, and is not begun anew for the same process", () => {
  const bench = new Bench().peers({ b: "alive" });
  for (const address of ["w", "x", "y", "z"]) bench.claim(address);
  bench.pass(10).words();
  bench.deaf.add("b");
  assertEquals(bench.query("b", "1").pass(100).words(), ["b: w x y", "b: z"]);
  assertEquals(bench.query("b", "2").pass(20).words(), []);
  assertEquals(bench.confirm(1).pass(10).words(), ["b: w x y"]);
  assertEquals(bench.confirm(0).pass(100).words(), ["b: last"]);
  assertEquals(bench.query("b", "3").pass(110).words(), ["b: w x y", "b: z"]);
  assertEquals(bench.query("b", "4", 2).pass(0).words(), ["b: w x y", "b: z"], "another life has heard nothing");
});

Deno.test("Claims: what does not fit into the queue is told when there is room", () => {
  const bench = new Bench({ entriesMax: 1, messagesPerMs: 100 }).peers({ b: "alive" });
  for (let i = 0; i < 20_010; i++) bench.claim(`a${i}`);
  bench.pass(1000);
  assertEquals(new Set(bench.words()).size, 20_010);
  assertEquals(bench.claims.deadline(), undefined);
});

Deno.test("Claims: a message that comes again is confirmed again and taken once", () => {
  const bench = new Bench().peers({ b: "alive" });
  assertEquals(bench.hear("b", "1").words(), ["receipt 1", "b says x"]);
  assertEquals(bench.hear("b", "1").words(), ["receipt 1"]);
  assertEquals(bench.hear("b", "2").words(), ["receipt 2", "b says x"]);
});

Deno.test("Claims: what a node says that is dead to us, or starts, is kept until it lives, each message once", () => {
  for (const state of ["dead", "starting"] as const) {
    const bench = new Bench().peers({ b: state });
    assertEquals(bench.hear("b", "1").hear("b", "2").hear("b", "1").peers({ b: "unknown" }).words(), []);
    assertEquals(bench.peers({ b: "alive" }).words(), ["receipt 1", "b says x", "receipt 2", "b says x"]);
    assertEquals(bench.peers({ b: "alive" }).words(), []);
  }
});

Deno.test("Claims: what was kept of another life is dropped without a receipt, so that it is said again if it holds", () => {
  const bench = new Bench().peers({ b: "dead" }).hear("b", "1");
  assertEquals(bench.peers({ b: "starting" }).peers({ b: "alive" }).words(), []);
  assertEquals(bench.hear("b", "1").words(), ["receipt 1", "b says x"]);
  bench.peers({ b: "dead" }).hear("b", "2").generation++;
  assertEquals(bench.peers({ b: "alive" }).words(), []);
});

Deno.test("Claims: of a node that is no peer nothing is taken or confirmed", () => {
  const bench = new Bench().hear("b", "1").peers({ b: "alive" });
  assertEquals(bench.peers({ b: undefined }).hear("b", "1").words(), []);
});

Deno.test("Claims: the end of an answer needs no receipt, and counts from whoever was asked", () => {
  const bench = new Bench().peers({ b: "alive" }).handle({ kind: "askClaims" }).peers({ b: "starting" });
  bench.words();
  assertEquals(bench.answered("b").words(), ["known"]);
});

Deno.test("Claims: the end of an answer that claims something is taken like any claim, once, and before all is known", () => {
  const bench = new Bench().peers({ b: "alive" }).handle({ kind: "askClaims" }).peers({ b: "starting" });
  bench.words();
  const nonce = bench.nonces.get("b")!;
  assertEquals(bench.hear("b", nonce, { last: true }).words(), []);
  assertEquals(bench.peers({ b: "alive" }).words(), [`receipt ${nonce}`, "b says x", "known"]);
  assertEquals(bench.hear("b", nonce, { last: true }).words(), [`receipt ${nonce}`]);
});

Deno.test("Claims: what is kept has a limit, and the rest is said again by whoever means it", () => {
  const bench = new Bench().peers({ b: "dead" });
  for (let i = 0; i < 1000; i++) bench.hear("b", `${i}`);
  assertEquals(bench.peers({ b: "alive" }).words().length, 512);
  assertEquals(bench.hear("b", "999").words(), ["receipt 999", "b says x"]);
});

Deno.test("Claims: the memory of what was taken has a limit", () => {
  const bench = new Bench().peers({ b: "alive" });
  for (let i = 0; i < 1000; i++) bench.hear("b", `${i}`);
  bench.words();
  assertEquals(bench.hear("b", "999").words(), ["receipt 999"]);
  assertEquals(bench.hear("b", "0").words(), ["receipt 0", "b says x"]);
});
