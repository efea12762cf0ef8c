/**
 * Claims: tells the other speakers what this node answers for, asks them for the same, and takes in what they say.
 *
 * A take-over is told to everybody who lives, first to whom it was taken from; so an old owner stops although it did not
 * see the gratuitous ARP. Whoever comes back hears all that stands, because it cannot know what it missed; whoever
 * starts, or stood still, asks. Every claim is a fact with a term, and is repeated until its receipt comes
 * (`claim_delivery.ts`): lost, late or doubled messages only delay.
 *
 * What a node says that is dead to us waits without a receipt until we have seen it too. It would come again; but after a
 * divided network has healed only what both say at once shows that both answered, and an eighth of a second later one of
 * them has given way.
 *
 * Whoever does not answer a question is not waited for longer than `askMs`, but it is asked on, because it may live and
 * answer for addresses in another part of a divided network. The gossip needs seconds to find that out, and when the
 * network heals before, neither of us was dead to the other one, and nobody would say what stands.
 *
 * It does not judge who is right; that is ownership's. Which datagrams carry the words is the watch's business.
 */
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import { hex64, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState } from "../../base/wanted.ts";
import { ClaimDelivery, type ClaimDeliveryOptions, type SendClaims } from "./claim_delivery.ts";
import type { PeerView } from "./liveness.ts";
import type { Claim, OthersClaims } from "./ownership_io.ts";

export type ClaimsInput =
  | { readonly kind: "peer"; readonly peer: PeerView }
  /** This node answers from now on, or says so again; `first` hears it before the others. */
  | { readonly kind: "claim"; readonly claim: Claim; readonly first: string | undefined }
  | { readonly kind: "unclaim"; readonly address: string }
  /** Ask everybody who may live. */
  | { readonly kind: "askClaims" }
  /** Whether what this node claims may be of an old plan. */
  | { readonly kind: "stale"; readonly stale: boolean }
  /** A peer asks. */
  | { readonly kind: "query"; readonly node: string; readonly nonce: string; readonly generation: number }
  | HeardClaims
  /** A peer has taken in the message with this nonce. */
  | { readonly kind: "receipt"; readonly node: string; readonly nonce: string };

export type ClaimsEffect =
  | SendClaims & { readonly claims: SaidClaims }
  | { readonly kind: "sendReceipt"; readonly node: string; readonly nonce: string }
  | { readonly kind: "sendQuery"; readonly node: string; readonly nonce: string }
  /** What somebody says whose word counts. */
  | OthersClaims
  /** Everybody who was asked has answered, died, or had its time. */
  | { readonly kind: "claimsKnown" };

/** What one message says. */
export type SaidClaims = SendClaims["claims"] & {
  /** The speaker does not hear the API server. */
  readonly stale: boolean;
};

/** A peer says what it answers for. */
export interface HeardClaims {
  readonly kind: "claims";
  readonly node: string;
  readonly nonce: string;
  readonly claims: SaidClaims;
}

export interface ClaimsOptions extends ClaimDeliveryOptions {
  readonly askMs?: number;
  readonly askAgainMs?: number;
  /** Between two questions to whoever is not waited for any more. */
  readonly askLateMs?: number;
  /** How long it is asked on: by then the gossip knows whether it lives. */
  readonly askLateMsMax?: number;
}

interface Peer {
  state: PeerState;
  generation: number | undefined;
  /** It has been dead since it last heard what stands. */
  isBehind: boolean;
  /** When it last was told what stands. */
  toldStandingAt: Millis;
  /** What it said while it was not alive to us; not confirmed. */
  readonly early: Map<string, HeardClaims>;
  /** Of its messages that were taken in last. */
  readonly nonces: Set<string>;
}

/** Whoever hears no answer asks again after 250 ms; sooner, and it is a recording that makes us flood our peer. */
const ANSWER_AGAIN_MS = 100;
/** Messages per node. */
const EARLY_MAX = 256;
const NONCES_MAX = 512;
/** Two that tell each other what stands have done so once. */
const STANDING_AGAIN_MS = 2000;

export class Claims implements Machine<ClaimsInput, ClaimsEffect> {
  readonly #options: Required<Omit<ClaimsOptions, keyof ClaimDeliveryOptions>>;
  readonly #rng: Rng;
  readonly #delivery: ClaimDelivery;
  readonly #peers = new Map<string, Peer>();
  readonly #held = new Map<string, Claim>();
  /** Told with the next tick, by who hears it first. */
  readonly #fresh = new Map<string, { readonly claim: Claim; readonly first: string | undefined }>();
  /** Nodes that were asked and did not answer, with the nonce of the question. */
  readonly #asked = new Map<string, string>();
  /** When a question of each peer was answered last. */
  readonly #answeredAt = new Map<string, Millis>();
  #askUntil: Millis | undefined;
  #askAgainAt: Millis = Infinity;
  /** When those that still have not answered are asked no more. */
  #askLateUntil: Millis = -Infinity;
  #freshSince: Millis | undefined;
  #stale = false;
  readonly #effects = new Queue<ClaimsEffect>();

  constructor(options: ClaimsOptions, deps: { rng: Rng }) {
    this.#options = { askMs: 1000, askAgainMs: 250, askLateMs: 1000, askLateMsMax: 60_000, ...options };
    this.#rng = deps.rng;
    const isCurrent = (claim: Claim) => this.#isCurrent(claim);
    this.#delivery = new ClaimDelivery(options, { ...deps, isCurrent });
  }

  handle(input: ClaimsInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "peer":
        this.#changePeer(input.peer, now);
        this.#endAsking(now);
        return this.#send(now);
      case "claims":
        this.#receive(input, now);
        this.#endAsking(now);
        return this.#send(now);
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
        for (const [node, { state }] of this.#peers) if (state !== "dead") this.#ask(node);
        return this.#endAsking(now);
      case "stale":
        this.#stale = input.stale;
        return;
      case "query":
        if (now - (this.#answeredAt.get(input.node) ?? -Infinity) < ANSWER_AGAIN_MS) return;
        this.#answeredAt.set(input.node, now);
        this.#delivery.answer(input.node, [...this.#held.values()], input);
        return this.#send(now);
      case "receipt":
        this.#delivery.receipt(input.node, input.nonce);
        return this.#send(now);
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
    const at = Math.min(this.#freshSince ?? Infinity, this.#askUntil ?? Infinity, this.#askAgainAt);
    return earlier(at === Infinity ? undefined : { at, why: "claims" }, this.#delivery.deadline());
  }

  inspect(): Json {
    return { held: this.#held.size, ...this.#delivery.sizes(), asked: [...this.#asked.keys()] };
  }

  #changePeer({ node, state, generation, isForeign = false, isUnheard = false }: PeerView, now: Millis): void {
    if (state === undefined) {
      this.#peers.delete(node);
      this.#answeredAt.delete(node);
      this.#asked.delete(node);
      return this.#delivery.forgetPeer(node);
    }
    const isDead = state === "dead";
    const before = this.#peers.get(node);
    const peer = before ?? newPeer(state);
    this.#peers.set(node, peer);
    const isBack = before === undefined || before.state === "dead";
    const hasDied = isDead && before?.state !== "dead";
    if (peer.generation !== undefined && generation !== peer.generation) beginLife(peer);
    peer.state = state;
    peer.generation = generation;
    this.#delivery.setPeer(node, { givesReceipts: !isForeign && !isUnheard, isDead });
    if (isDead) this.#asked.delete(node);
    else if (this.#askUntil !== undefined && !this.#asked.has(node) && isBack) this.#ask(node);
    // It is back without having been restarted: neither of us knows what the other one took meanwhile.
    if (peer.isBehind && state === "alive") this.#tellStanding(node, peer, now);
    peer.isBehind = hasDied || (peer.isBehind && (isDead || state === "unknown"));
    if (state === "unknown") return;
    const early = [...peer.early.values()];
    peer.early.clear();
    if (state !== "alive") return;
    for (const heard of early) this.#take(heard, { peer, now });
  }

  #receive(heard: HeardClaims, now: Millis): void {
    const peer = this.#peers.get(heard.node);
    if (peer === undefined) return;
    const { state, early } = peer;
    // That an answer is complete waits for nothing and needs no receipt: who does not hear it asks again.
    if (heard.claims.last && heard.claims.entries.length === 0) this.#endAnswer(heard);
    else if (state !== "dead" && state !== "starting") this.#take(heard, { peer, now });
    else if (early.size < EARLY_MAX) early.set(heard.nonce, heard);
  }

  /** A message whose receipt was lost comes again: it is confirmed again and nothing more. */
  #take(
    { node, nonce, claims }: HeardClaims,
    { peer, now }: { readonly peer: Peer; readonly now: Millis },
  ): void {
    const { nonces } = peer;
    this.#effects.push({ kind: "sendReceipt", node, nonce });
    if (nonces.has(nonce)) return;
    nonces.add(nonce);
    if (nonces.size > NONCES_MAX) nonces.delete(nonces.values().next().value!);
    const { entries, standing, last, stale } = claims;
    this.#effects.push({ kind: "claims", node, claims: entries, standing, stale });
    if (standing) this.#answerStanding(node, peer, now);
    if (last) this.#endAnswer({ node, nonce });
  }

  #endAnswer({ node, nonce }: Pick<HeardClaims, "node" | "nonce">): void {
    if (this.#asked.get(node) === nonce) this.#asked.delete(node);
  }

  #tellStanding(node: string, peer: Peer, now: Millis): void {
    peer.toldStandingAt = now;
    this.#delivery.tell(node, [...this.#held.values()], { standing: true });
  }

  /** It did not hear us, though we may have heard it all the time: it learns from us what we answered for beside it. */
  #answerStanding(node: string, peer: Peer, now: Millis): void {
    if (peer.state === "dead" || now - peer.toldStandingAt < STANDING_AGAIN_MS) return;
    this.#tellStanding(node, peer, now);
  }

  #ask(node: string): void {
    const nonce = hex64(this.#rng);
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
      if (first !== undefined) this.#delivery.tell(first, some.map(({ claim }) => claim), { standing: false });
    }
    // Nearly all hear the same.
    const claims = all.map(({ claim }) => claim);
    const living: string[] = [];
    for (const [node, { state }] of this.#peers) {
      const untold = byFirst.has(node) ? all.filter(({ first }) => first !== node).map(({ claim }) => claim) : claims;
      if (state === "dead") this.#delivery.keepFor(node, untold);
      else if (untold === claims) living.push(node);
      else this.#delivery.tell(node, untold, { standing: false });
    }
    this.#delivery.tellAll(living, claims, { standing: false });
  }

  /** Said last of its address, as far as it is not taken back. */
  #isCurrent(claim: Claim): boolean {
    const held = this.#held.get(claim.address);
    return claim.givenUp ? held === undefined : held === claim;
  }

  #send(now: Millis): void {
    this.#delivery.send(now);
    for (let effect; (effect = this.#delivery.poll()) !== undefined;) {
      this.#effects.push({ ...effect, claims: { ...effect.claims, stale: this.#stale } });
    }
  }
}

function newPeer(state: PeerState): Peer {
  return {
    state,
    generation: undefined,
    isBehind: false,
    toldStandingAt: -Infinity,
    early: new Map(),
    nonces: new Set(),
  };
}

/** It has missed nothing, since it asks for itself, and does not mean any more what it said before. */
function beginLife(peer: Peer): void {
  peer.isBehind = false;
  peer.early.clear();
}
