/**
 * One other speaker as seen from here: which probes are out, how many went unanswered, what it said of itself.
 *
 * Only an answer that repeats a nonce we have just sent is proof of life. What a peer says of itself inside one
 * generation only goes forward (starting, alive, leaving), so a repeated older datagram changes nothing.
 */
import type { PeerState, WantedPeer } from "../../base/wanted.ts";
import type { Millis } from "../../base/time.ts";
import type { WatchMessage, WatchState } from "./message.ts";

/** Answers to older probes than these count as lost. */
const NONCES_MAX = 4;

const ORDER: Readonly<Record<WatchState, number>> = { starting: 0, alive: 1, leaving: 2 };

export class WatchedPeer {
  readonly where: WantedPeer;
  /** When to send the next probe. */
  nextProbeAt: Millis;
  /** Probes since the last answer. */
  unanswered = 0;
  lastSentAt: Millis | undefined;
  lastAnswerAt: Millis | undefined;
  roundTripMs: number | undefined;
  #nonces: { nonce: string; sentAt: Millis }[] = [];
  #heard: "unknown" | "answered" | "dead" = "unknown";
  #generation: number | undefined;
  #said: WatchState | undefined;

  constructor(where: WantedPeer, now: Millis) {
    this.where = where;
    this.nextProbeAt = now;
  }

  get state(): PeerState {
    if (this.#heard === "dead") return "dead";
    // A peer that says it leaves is believed before it has answered: waiting would only lengthen the hand-over.
    if (this.#said === "leaving") return "leaving";
    return this.#heard === "unknown" ? "unknown" : this.#said ?? "unknown";
  }

  get generation(): number | undefined {
    return this.#generation;
  }

  probeSent(nonce: string, now: Millis): void {
    this.#nonces.push({ nonce, sentAt: now });
    if (this.#nonces.length > NONCES_MAX) this.#nonces.shift();
    this.unanswered++;
    this.lastSentAt = now;
  }

  /** True when `message` answers a probe of ours that is still out. */
  answered(message: WatchMessage, now: Millis): boolean {
    const index = this.#nonces.findIndex(({ nonce }) => nonce === message.nonce);
    if (index < 0) return false;
    this.roundTripMs = now - this.#nonces[index]!.sentAt;
    this.#nonces.splice(0, index + 1);
    this.unanswered = 0;
    this.lastAnswerAt = now;
    this.#heard = "answered";
    // A fresh nonce proves that this is the peer's present life, even if its clock went back between two starts.
    if (message.generation !== this.#generation) this.#said = undefined;
    this.#generation = message.generation;
    this.#advance(message.state);
    return true;
  }

  /** Takes what an authentic but possibly old probe says, as far as it cannot take anything back. */
  overheard(message: WatchMessage): void {
    if (this.#generation !== undefined && message.generation < this.#generation) return;
    if (message.generation !== this.#generation) this.#said = undefined;
    this.#generation = message.generation;
    this.#advance(message.state);
  }

  /** All probes went unanswered. What it said no longer holds: if it comes back it will speak anew. */
  giveUp(): void {
    this.#heard = "dead";
    this.#said = undefined;
    this.#generation = undefined;
  }

  /** Our own view is stale: the peer must be heard again, or given up again, before it counts as either. */
  forget(now: Millis): void {
    this.#heard = "unknown";
    this.#nonces = [];
    this.unanswered = 0;
    this.nextProbeAt = now;
  }

  #advance(state: WatchState): void {
    if (this.#said === undefined || ORDER[state] > ORDER[this.#said]) this.#said = state;
  }
}
