import { assertEquals } from "@std/assert/equals";
import type { PeerState } from "../../../lib/base/wanted.ts";
import { ClaimInbox } from "../../../lib/protocol/l2/claim_inbox.ts";

/** What `b` says, and what becomes of it: `take 1` for the message with the nonce 1, `receipt 1`. */
class Bench {
  readonly inbox = new ClaimInbox();

  peer(state: PeerState | undefined): string[] {
    this.inbox.setPeer("b", state);
    return this.#words();
  }

  hear(nonce: string, { last = false, claims = true } = {}): string[] {
    const entries = claims ? [{ address: "198.51.100.1", term: 1, givenUp: false }] : [];
    this.inbox.receive({ node: "b", generation: 1, nonce, claims: { entries, standing: false, last, stale: false } });
    return this.#words();
  }

  #words(): string[] {
    const words: string[] = [];
    for (let effect; (effect = this.inbox.poll()) !== undefined;) {
      words.push(effect.kind === "sendReceipt" ? `receipt ${effect.nonce}` : `take ${effect.heard.nonce}`);
    }
    return words;
  }
}

Deno.test("ClaimInbox: a message that comes again is confirmed again and taken once", () => {
  const bench = new Bench();
  bench.peer("alive");
  assertEquals(bench.hear("1"), ["receipt 1", "take 1"]);
  assertEquals(bench.hear("1"), ["receipt 1"]);
  assertEquals(bench.hear("2"), ["receipt 2", "take 2"]);
});

Deno.test("ClaimInbox: what a node says that is dead to us, or starts, is kept until it lives, each message once", () => {
  for (const state of ["dead", "starting"] as const) {
    const bench = new Bench();
    bench.peer(state);
    assertEquals([bench.hear("1"), bench.hear("2"), bench.hear("1"), bench.peer("unknown")].flat(), []);
    assertEquals(bench.peer("alive"), ["receipt 1", "take 1", "receipt 2", "take 2"]);
    assertEquals(bench.peer("alive"), []);
  }
});

Deno.test("ClaimInbox: what was kept of another life is dropped without a receipt, so that it is said again if it holds", () => {
  const bench = new Bench();
  bench.peer("dead");
  bench.hear("1");
  assertEquals([bench.peer("starting"), bench.peer("alive")].flat(), []);
  assertEquals(bench.hear("1"), ["receipt 1", "take 1"]);
  bench.peer("dead");
  bench.hear("2");
  bench.inbox.forgetLife("b");
  assertEquals(bench.peer("alive"), []);
});

Deno.test("ClaimInbox: of a node that is no peer nothing is taken, kept or confirmed", () => {
  const bench = new Bench();
  assertEquals([bench.hear("1"), bench.peer("alive")].flat(), []);
  bench.peer(undefined);
  assertEquals(bench.hear("1"), []);
});

Deno.test("ClaimInbox: the end of an answer needs no receipt and waits for nothing", () => {
  const bench = new Bench();
  bench.peer("dead");
  assertEquals(bench.hear("1", { last: true, claims: false }), ["take 1"]);
});

Deno.test("ClaimInbox: the end of an answer that claims something is taken like any claim, once", () => {
  const bench = new Bench();
  bench.peer("dead");
  assertEquals(bench.hear("1", { last: true }), []);
  assertEquals(bench.peer("alive"), ["receipt 1", "take 1"]);
  assertEquals(bench.hear("1", { last: true }), ["receipt 1"]);
});

Deno.test("ClaimInbox: what is kept has a limit, and the rest is said again by whoever means it", () => {
  const bench = new Bench();
  bench.peer("dead");
  for (let i = 0; i < 1000; i++) bench.hear(`${i}`);
  assertEquals(bench.peer("alive").length, 512);
  assertEquals(bench.hear("999"), ["receipt 999", "take 999"]);
});
