import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../../lib/base/rng.ts";
import { Claims, type ClaimsInput } from "../../../lib/protocol/l2/claims.ts";

const claim = (address: string, term = 1, givenUp = false) => ({ address, term, givenUp });

class Bench {
  now = 1000;
  readonly claims = new Claims({ entriesMax: 3, messagesPerMs: 4 }, { rng: new SeededRng(5) });
  readonly nonces = new Map<string, string>();
  #words: string[] = [];

  handle(...inputs: readonly (ClaimsInput | { readonly kind: "tick" })[]): this {
    for (const input of inputs) {
      this.claims.handle(input, this.now);
      for (let effect; (effect = this.claims.poll()) !== undefined;) {
        if (effect.kind === "claimsKnown") this.#words.push("known");
        else if (effect.kind === "sendQuery") {
          this.nonces.set(effect.node, effect.nonce);
          this.#words.push(`ask ${effect.node}`);
        } else {
          const { entries, standing, last } = effect.claims;
          const marks = `${standing ? " standing" : ""}${last ? " last" : ""}${
            effect.nonce === undefined ? "" : " reply"
          }`;
          this.#words.push(`${effect.node}: ${entries.map(({ address }) => address).join(" ")}${marks}`);
        }
      }
    }
    return this;
  }

  peers(states: Readonly<Record<string, "unknown" | "alive" | "dead" | undefined>>): this {
    return this.handle(...Object.entries(states).map(([node, state]) => ({ kind: "peer", node, state }) as const));
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
  bench.handle({ kind: "claim", claim: claim("x"), first: "c" }, { kind: "claim", claim: claim("y"), first: "c" });
  assertEquals(bench.words(), []);
  assertEquals(bench.pass(0).words(), ["c: x y last", "b: x y last"]);
  assertEquals(bench.pass(10_000).words(), []);
});

Deno.test("Claims: what is not answered any more is not told any more", () => {
  const bench = new Bench().peers({ b: "alive" });
  bench.handle({ kind: "claim", claim: claim("x"), first: undefined }, { kind: "unclaim", address: "x" });
  assertEquals(bench.pass(10).words(), []);
  bench.handle({ kind: "claim", claim: claim("x", 2, true), first: "b" }, { kind: "unclaim", address: "x" });
  assertEquals(bench.pass(10).words(), ["b: x last"], "that it was given up is still news");
});

Deno.test("Claims: whoever comes back without a restart hears all that stands, and whoever asks too", () => {
  const bench = new Bench().peers({ b: "dead" });
  for (const address of ["w", "x", "y", "z"]) bench.handle({ kind: "claim", claim: claim(address), first: undefined });
  bench.pass(10);
  assertEquals(bench.words(), []);
  assertEquals(bench.peers({ b: "alive" }).words(), ["b: w x y standing", "b: z standing last"]);
  bench.handle({ kind: "query", node: "q", nonce: "1" });
  assertEquals(bench.words(), ["q: w x y reply", "q: z last reply"]);
});

Deno.test("Claims: a question is answered also when there is nothing to claim", () => {
  assertEquals(new Bench().handle({ kind: "query", node: "q", nonce: "1" }).words(), ["q:  last reply"]);
});

Deno.test("Claims: a question that is sent again and again, as a recording may be, is answered ten times a second", () => {
  const bench = new Bench().peers({ b: "alive" }).handle({ kind: "claim", claim: claim("x"), first: undefined });
  bench.pass(10).words();
  const question = { kind: "query", node: "b", nonce: "n" } as const;
  for (let i = 0; i < 100; i++) bench.handle(question).pass(5);
  assertEquals(bench.words().length, 5);
});

Deno.test("Claims: everybody who may live is asked, again where no answer comes, and waited for a second at most", () => {
  const bench = new Bench().peers({ b: "alive", c: "unknown", d: "dead" }).handle({ kind: "askClaims" });
  assertEquals(bench.words(), ["ask b", "ask c"]);
  bench.handle({ kind: "heard", node: "b", nonce: bench.nonces.get("b")!, last: true });
  bench.handle({ kind: "heard", node: "c", nonce: "0".repeat(16), last: true });
  assertEquals(bench.pass(999).words(), ["ask c", "ask c", "ask c"]);
  assertEquals(bench.pass(1).words(), ["known"]);
});

Deno.test("Claims: whoever was not waited for is asked on, once a second, until it answers, dies, or a minute is over", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive", d: "alive" }).handle({ kind: "askClaims" });
  bench.pass(1000).words();
  assertEquals(bench.pass(999).words(), []);
  assertEquals(bench.pass(1).words(), ["ask b", "ask c", "ask d"]);
  bench.handle({ kind: "heard", node: "b", nonce: bench.nonces.get("b")!, last: true });
  assertEquals(bench.peers({ c: "dead" }).pass(1000).words(), ["ask d"], "and it is no news that all is known");
  assertEquals(bench.pass(120_000).words().length, 57);
  assertEquals(bench.claims.deadline(), undefined);
});

Deno.test("Claims: all is known when the last one has answered or died, at once when there is nobody", () => {
  assertEquals(new Bench().handle({ kind: "askClaims" }).words(), ["known"]);
  const bench = new Bench().peers({ b: "alive", c: "alive" }).handle({ kind: "askClaims" });
  bench.handle({ kind: "heard", node: "b", nonce: bench.nonces.get("b")!, last: false });
  bench.words();
  assertEquals(bench.peers({ c: "dead" }).words(), []);
  bench.handle({ kind: "heard", node: "b", nonce: bench.nonces.get("b")!, last: true });
  assertEquals(bench.words(), ["known"]);
});

Deno.test("Claims: thousands of claims go out a few messages a millisecond, and none is lost", () => {
  const bench = new Bench().peers({ b: "alive", c: "alive" });
  for (let i = 0; i < 300; i++) bench.handle({ kind: "claim", claim: claim(`a${i}`), first: "c" });
  let told = 0;
  for (let ms = 0; ms < 200; ms++) {
    const words = bench.pass(ms === 0 ? 0 : 1).words();
    assertEquals(words.length <= 4, true);
    told += words.length;
  }
  assertEquals(told, 200);
});
