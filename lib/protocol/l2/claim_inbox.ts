/**
 * Claim inbox: takes in what the other speakers say that they answer for, each message once, and gives receipts.
 *
 * A node that is back may have seen us first: what it says is kept until we have seen it too, and only then confirmed;
 * if it turns out to be another life, or dead, its words are dropped without a receipt, and whoever still means them
 * repeats them. A message whose receipt was lost comes again: it is confirmed again and nothing more.
 */
import { Queue } from "../../base/queue.ts";
import type { PeerState } from "../../base/wanted.ts";
import type { Claim } from "./ownership_io.ts";

export interface HeardClaims {
  readonly node: string;
  /** Of the process that says it. */
  readonly generation: number;
  readonly nonce: string;
  readonly claims: {
    readonly entries: readonly Claim[];
    readonly standing: boolean;
    /** The question with this nonce is answered. */
    readonly last: boolean;
    /** It does not know whether it is still wanted. */
    readonly stale: boolean;
  };
}

export type ClaimInboxEffect =
  | { readonly kind: "claims"; readonly heard: HeardClaims }
  | { readonly kind: "sendReceipt"; readonly node: string; readonly nonce: string };

interface Sender {
  state: PeerState;
  /** Not confirmed. */
  readonly early: Map<string, HeardClaims>;
  /** The last ones that were taken in. */
  readonly nonces: Set<string>;
}

/** Messages per node. */
const EARLY_MAX = 256;
const NONCES_MAX = 512;

export class ClaimInbox {
  readonly #senders = new Map<string, Sender>();
  readonly #effects = new Queue<ClaimInboxEffect>();

  poll(): ClaimInboxEffect | undefined {
    return this.#effects.shift();
  }

  setPeer(node: string, state: PeerState | undefined): void {
    if (state === undefined) {
      this.#senders.delete(node);
      return;
    }
    const sender = this.#senders.get(node);
    if (sender === undefined) {
      this.#senders.set(node, { state, early: new Map(), nonces: new Set() });
      return;
    }
    sender.state = state;
    if (state === "unknown") return;
    const early = [...sender.early.values()];
    sender.early.clear();
    if (state !== "alive") return;
    for (const heard of early) this.#take(heard, sender);
  }

  /** Another process is there now. */
  forgetLife(node: string): void {
    this.#senders.get(node)?.early.clear();
  }

  receive(heard: HeardClaims): void {
    const sender = this.#senders.get(heard.node);
    if (sender === undefined) return;
    // That an answer is complete needs no receipt: who does not hear it asks again.
    if (heard.claims.last && heard.claims.entries.length === 0) return this.#effects.push({ kind: "claims", heard });
    if (sender.state !== "dead" && sender.state !== "starting") return this.#take(heard, sender);
    if (sender.early.size < EARLY_MAX) sender.early.set(heard.nonce, heard);
  }

  #take(heard: HeardClaims, { nonces }: Sender): void {
    const { node, nonce } = heard;
    this.#effects.push({ kind: "sendReceipt", node, nonce });
    if (nonces.has(nonce)) return;
    nonces.add(nonce);
    if (nonces.size > NONCES_MAX) nonces.delete(nonces.values().next().value!);
    this.#effects.push({ kind: "claims", heard });
  }
}
