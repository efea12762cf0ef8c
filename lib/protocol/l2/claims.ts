/**
 * Claims: tells the other speakers what this node answers for, and asks them for the same.
 *
 * A take-over is told to everybody who lives, first to whom it was taken from; so an old owner stops although it did not
 * see the gratuitous ARP. Whoever comes back hears all that stands, because it cannot know what it missed; whoever
 * starts, or stood still, asks. All of it is repetition of facts with a term: lost, late or doubled messages only delay.
 *
 * Whoever does not answer is not waited for longer than `askMs`, but it is asked on, because it may live and answer for
 * addresses in another part of a divided network. The gossip needs seconds to find that out, and when the network heals
 * before, neither of us was dead to the other one, and nobody would say what stands.
 *
 * It does not judge who is right; that is ownership's. Which datagrams carry the words is the watch's business.
 */
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState } from "../../base/wanted.ts";
import type { Claim } from "./ownership_io.ts";

export type ClaimsInput =
  | { readonly kind: "peer"; readonly node: string; readonly state: PeerState | undefined }
  /** This node answers from now on, or says so again; `first` hears it before the others. */
  | { readonly kind: "claim"; readonly claim: Claim; readonly first: string | undefined }
  | { readonly kind: "unclaim"; readonly address: string }
  /** Ask everybody who may live. */
  | { readonly kind: "askClaims" }
  /** A peer asks. */
  | { readonly kind: "query"; readonly node: string; readonly nonce: string }
  /** A peer told something; `last`: and that was all, if it answers a query of ours. */
  | { readonly kind: "heard"; readonly node: string; readonly nonce: string; readonly last: boolean };

export type ClaimsEffect =
  | { readonly kind: "sendQuery"; readonly node: string; readonly nonce: string }
  | { readonly kind: "sendClaims"; readonly node: string; readonly claims: ClaimsMessage; readonly nonce?: string }
  /** Everybody who was asked has answered, died, or had its time. */
  | { readonly kind: "claimsKnown" };

export interface ClaimsMessage {
  readonly entries: readonly Claim[];
  readonly standing: boolean;
  readonly last: boolean;
}

export interface ClaimsOptions {
  /** How many claims fit into one message. */
  readonly entriesMax: number;
  readonly askMs?: number;
  readonly askAgainMs?: number;
  /** Between two questions to whoever is not waited for any more. */
  readonly askLateMs?: number;
  /** How long it is asked on: by then the gossip knows whether it lives. */
  readonly askLateMsMax?: number;
  /** Messages per millisecond; what is left waits, so that packets get their turn. */
  readonly messagesPerMs?: number;
}

/** A flood beyond it is not told: the words are repeated whenever somebody comes back or contradicts. */
const OUTBOX_MAX = 20_000;
/** Whoever hears no answer asks again after 250 ms; sooner, and it is a recording that makes us flood our peer. */
const ANSWER_AGAIN_MS = 100;

export class Claims implements Machine<ClaimsInput, ClaimsEffect> {
  readonly #options: Required<ClaimsOptions>;
  readonly #rng: Rng;
  readonly #peers = new Map<string, PeerState>();
  readonly #held = new Map<string, Claim>();
  /** Told with the next tick, by who hears it first. */
  readonly #fresh = new Map<string, { readonly claim: Claim; readonly first: string | undefined }>();
  readonly #outbox = new Queue<ClaimsEffect>();
  /** Nodes that were asked and did not answer, with the nonce of the question. */
  readonly #asked = new Map<string, string>();
  /** When a question of each peer was answered last. */
  readonly #answeredAt = new Map<string, Millis>();
  #askUntil: Millis | undefined;
  #askAgainAt: Millis = Infinity;
  /** When those that still have not answered are asked no more. */
  #askLateUntil: Millis = -Infinity;
  #turnAt: Millis = -Infinity;
  #turnLeft = 0;
  #freshSince: Millis | undefined;
  readonly #effects = new Queue<ClaimsEffect>();

  constructor(options: ClaimsOptions, deps: { rng: Rng }) {
    this.#options = {
      askMs: 1000,
      askAgainMs: 250,
      askLateMs: 1000,
      askLateMsMax: 60_000,
      messagesPerMs: 32,
      ...options,
    };
    this.#rng = deps.rng;
  }

  handle(input: ClaimsInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "peer":
        return this.#changePeer(input.node, input.state, now);
      case "claim":
        if (input.claim.givenUp) this.#held.delete(input.claim.address);
        else this.#held.set(input.claim.address, input.claim);
        this.#fresh.set(input.claim.address, input);
        this.#freshSince ??= now;
        return;
      case "unclaim":
        this.#held.delete(input.address);
        if (this.#fresh.get(input.address)?.claim.givenUp === false) this.#fresh.delete(input.address);
        return;
      case "askClaims":
        this.#askUntil = now + this.#options.askMs;
        this.#askAgainAt = now + this.#options.askAgainMs;
        this.#askLateUntil = this.#askUntil + this.#options.askLateMsMax;
        this.#asked.clear();
        for (const [node, state] of this.#peers) if (state !== "dead") this.#ask(node);
        return this.#endAsking(now);
      case "query":
        if (now - (this.#answeredAt.get(input.node) ?? -Infinity) < ANSWER_AGAIN_MS) return;
        this.#answeredAt.set(input.node, now);
        this.#queueFor(input.node, [...this.#held.values()], { standing: false, nonce: input.nonce });
        return this.#send(now);
      case "heard":
        if (input.last && this.#asked.get(input.node) === input.nonce) this.#asked.delete(input.node);
        return this.#endAsking(now);
      case "tick":
        this.#tellFresh();
        this.#endAsking(now);
        if (now >= this.#askAgainAt) this.#askAgain(now);
        this.#send(now);
    }
  }

  poll(): ClaimsEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    let at = this.#freshSince ?? Infinity;
    if (this.#outbox.size > 0) at = Math.min(at, this.#turnAt + 1);
    at = Math.min(at, this.#askUntil ?? Infinity, this.#askAgainAt);
    return at === Infinity ? undefined : { at, why: "claims" };
  }

  inspect(): Json {
    return { held: this.#held.size, waiting: this.#outbox.size, asked: [...this.#asked.keys()] };
  }

  #changePeer(node: string, state: PeerState | undefined, now: Millis): void {
    const before = this.#peers.get(node);
    if (state === undefined) {
      this.#peers.delete(node);
      this.#answeredAt.delete(node);
    } else this.#peers.set(node, state);
    const isGone = state === undefined || state === "dead";
    if (isGone) this.#asked.delete(node);
    else if (this.#askUntil !== undefined && !this.#asked.has(node) && (before === undefined || before === "dead")) {
      this.#ask(node);
    }
    // It is back without having been restarted: neither of us knows what the other one took meanwhile.
    if (before === "dead" && state === "alive") this.#queueFor(node, [...this.#held.values()], { standing: true });
    this.#endAsking(now);
    this.#send(now);
  }

  #ask(node: string): void {
    const nonce = this.#rng.u32().toString(16).padStart(8, "0") + this.#rng.u32().toString(16).padStart(8, "0");
    this.#asked.set(node, nonce);
    this.#effects.push({ kind: "sendQuery", node, nonce });
  }

  #askAgain(now: Millis): void {
    const { askAgainMs, askLateMs } = this.#options;
    if (now >= this.#askLateUntil) this.#asked.clear();
    for (const node of [...this.#asked.keys()]) this.#ask(node);
    const pauseMs = this.#askUntil === undefined ? askLateMs : askAgainMs;
    this.#askAgainAt = this.#asked.size === 0 ? Infinity : now + pauseMs;
  }

  #endAsking(now: Millis): void {
    if (this.#asked.size === 0) this.#askAgainAt = Infinity;
    if (this.#askUntil === undefined || (this.#asked.size > 0 && now < this.#askUntil)) return;
    this.#askUntil = undefined;
    if (this.#asked.size > 0) this.#askAgainAt = now + this.#options.askLateMs;
    this.#effects.push({ kind: "claimsKnown" });
  }

  #tellFresh(): void {
    this.#freshSince = undefined;
    if (this.#fresh.size === 0) return;
    const all = [...this.#fresh.values()];
    this.#fresh.clear();
    const byFirst = Map.groupBy(all, ({ first }) => first);
    for (const [first, some] of byFirst) {
      if (first !== undefined) this.#queueFor(first, some.map(({ claim }) => claim), { standing: false });
    }
    for (const node of this.#peers.keys()) {
      const untold = all.filter(({ first }) => first !== node).map(({ claim }) => claim);
      if (this.#peers.get(node) !== "dead") this.#queueFor(node, untold, { standing: false });
    }
  }

  #queueFor(
    node: string,
    claims: readonly Claim[],
    options: { readonly standing: boolean; readonly nonce?: string | undefined },
  ): void {
    const { standing, nonce } = options;
    const { entriesMax } = this.#options;
    if (claims.length === 0 && nonce === undefined) return;
    for (let at = 0; at === 0 || at < claims.length; at += entriesMax) {
      if (this.#outbox.size >= OUTBOX_MAX) return;
      const message = { entries: claims.slice(at, at + entriesMax), standing, last: at + entriesMax >= claims.length };
      this.#outbox.push({ kind: "sendClaims", node, claims: message, ...(nonce === undefined ? {} : { nonce }) });
    }
  }

  /** As many as this millisecond allows. */
  #send(now: Millis): void {
    if (now - this.#turnAt >= 1) {
      this.#turnAt = now;
      this.#turnLeft = this.#options.messagesPerMs;
    }
    for (; this.#turnLeft > 0; this.#turnLeft--) {
      const message = this.#outbox.shift();
      if (message === undefined) return;
      this.#effects.push(message);
    }
  }
}
