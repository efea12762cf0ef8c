/**
 * One other speaker as seen from here: which probes are out, how many went unanswered, what it said of itself.
 *
 * Only an answer that repeats a nonce we have just sent is proof of life, and of which life: a probe could be a recording.
 * What a peer says of itself inside one generation only goes forward (starting, alive, leaving), so a probe of the
 * generation that we know is believed as well, recorded or not; one of any other generation only makes us ask.
 */
import type { JsonObject } from "../../base/json.ts";
import type { Serving } from "../../base/serving.ts";
import type { PeerState, WantedPeer } from "../../base/wanted.ts";
import type { Millis } from "../../base/time.ts";
import { ANSWER_BYTES_MAX, isLaterState, type WatchMessage, type WatchState } from "./message.ts";

/** Answers to older probes than these count as lost. */
const NONCES_MAX = 8;
/** Enough for a long name and some interfaces; whoever has more to say leaves them out of its first answer. */
const FIRST_ANSWER_BYTES = 512;

export class WatchedPeer {
  readonly where: WantedPeer;
  /** It is one of those to watch. */
  wanted: boolean;
  /** It matters that it lives, but not to the tenth of a second. */
  isSlow = false;
  /** Watched until then although nobody wanted it: it said, or somebody else did, that something changed. */
  lookUntil: Millis | undefined;
  /** When to send the next probe. */
  nextProbeAt: Millis = Infinity;
  /** The pause between the first answer's probe and the next one, in place of an interval. */
  phaseMs: number | undefined;
  /** Probes since the last answer. */
  unanswered = 0;
  /** When the first of them was sent. */
  unansweredSince: Millis | undefined;
  /** When the last probe was sent that it must answer in order not to be given up. */
  lastChanceAt: Millis | undefined;
  /** How often in a row it was asked once more instead of being given up, because we were late ourselves. */
  postponements = 0;
  lastSentAt: Millis | undefined;
  lastAnswerAt: Millis | undefined;
  roundTripMs: number | undefined;
  /** How long its answers are. */
  answerBytes = FIRST_ANSWER_BYTES;
  /** Since the last answer: when its kernel, or the end of its line, first said that the process is gone. */
  doubtedSince: Millis | undefined;
  /** The idle connection to it: whether it is held, since when, and when it may be tried again. */
  hasLine = false;
  lineSince: Millis = -Infinity;
  /** How often in a row this life of the peer had no line for long. */
  lineFailures = 0;
  nextLineAt: Millis = -Infinity;
  /** What it said of its interfaces last. */
  serving: Serving | undefined;
  #servingSequence = 0;
  /** When its kernel first refused a probe since the last answer, and when it did last. */
  #firstRefusedAt: Millis | undefined;
  #lastRefusedAt: Millis = -Infinity;
  #nonces: { nonce: string; sentAt: Millis }[] = [];
  #heard: "unknown" | "answered" | "dead" = "unknown";
  #generation: number | undefined;
  #said: WatchState | undefined;

  constructor(where: WantedPeer, wanted: boolean) {
    this.where = where;
    this.wanted = wanted;
  }

  get isWatched(): boolean {
    return this.wanted || this.lookUntil !== undefined;
  }

  get state(): PeerState {
    return this.#heard === "answered" ? this.#said ?? "unknown" : this.#heard;
  }

  /** The life of its process that has proven itself last. */
  get generation(): number | undefined {
    return this.#generation;
  }

  probeSent(nonce: string, now: Millis): void {
    this.#nonces.push({ nonce, sentAt: now });
    if (this.#nonces.length > NONCES_MAX) this.#nonces.shift();
    if (this.unanswered++ === 0) this.unansweredSince = now;
    this.lastSentAt = now;
  }

  /** Takes the answer to a probe of ours that is still out; false for any other. */
  answered(message: WatchMessage, now: Millis): boolean {
    const index = this.#nonces.findIndex(({ nonce }) => nonce === message.nonce);
    if (index < 0) return false;
    this.roundTripMs = now - this.#nonces[index]!.sentAt;
    this.#nonces.splice(0, index + 1);
    this.unanswered = 0;
    this.postponements = 0;
    this.doubtedSince = undefined;
    this.#firstRefusedAt = undefined;
    this.lastAnswerAt = now;
    this.answerBytes = (message.serving === undefined ? undefined : message.octets) ?? ANSWER_BYTES_MAX;
    this.#heard = "answered";
    // A fresh nonce proves that this is the peer's present life, even if its clock went back between two starts.
    if (message.generation !== this.#generation) {
      this.#said = undefined;
      this.#servingSequence = 0;
      // The line ended with the process at its other end. That is what a line is for, and no reason to wait for the next.
      this.lineFailures = 0;
      this.nextLineAt = -Infinity;
    }
    this.#generation = message.generation;
    this.#advance(message.state);
    this.hearServing(message);
    return true;
  }

  /** Its kernel says that nobody holds the port. Milliseconds since it first refused another probe that is out; or 0. */
  refused(now: Millis): number {
    if (this.unanswered === 0) return 0;
    const isAnother = this.#firstRefusedAt !== undefined && this.lastSentAt! > this.#lastRefusedAt;
    this.#firstRefusedAt ??= now;
    this.#lastRefusedAt = now;
    return isAnother ? now - this.#firstRefusedAt : 0;
  }

  /** Takes what a probe says. True when the peer should be asked: it is not known to live, or has perhaps a new life. */
  overheard(message: WatchMessage): boolean {
    if (this.#heard !== "answered" || message.generation !== this.#generation) return true;
    this.#advance(message.state);
    this.hearServing(message);
    return false;
  }

  /** Takes what a message says of the peer's interfaces, if it is newer than what is known of this life. */
  hearServing({ generation, serving }: WatchMessage): void {
    if (serving === undefined || (this.#generation !== undefined && generation !== this.#generation)) return;
    if (serving.sequence <= this.#servingSequence) return;
    const { sequence, ...said } = serving;
    this.#servingSequence = sequence;
    this.serving = said;
  }

  /** True unless the message is surely of another life than the one that we know. */
  mayBeOfThisLife(message: WatchMessage): boolean {
    return this.#generation === undefined || message.generation === this.#generation;
  }

  /** All probes went unanswered. What it said no longer holds: if it comes back it will speak anew. */
  giveUp(): void {
    this.#heard = "dead";
    this.postponements = 0;
    this.#said = undefined;
  }

  /** Our own view is stale: the peer must be heard again, or given up again, before it counts as either. */
  forget(): void {
    this.#heard = "unknown";
    this.#said = undefined;
    this.#nonces = [];
    this.unanswered = 0;
    this.postponements = 0;
    this.doubtedSince = undefined;
    this.#firstRefusedAt = undefined;
  }

  inspect(): JsonObject {
    const { node, address, port } = this.where;
    return {
      ...{ node, address, port },
      watched: this.isWatched,
      state: this.isWatched ? this.state : null,
      generation: this.#generation ?? null,
      unanswered: this.unanswered,
      roundTripMs: this.roundTripMs ?? null,
      lastAnswerAt: this.lastAnswerAt ?? null,
      line: this.hasLine,
    };
  }

  #advance(state: WatchState): void {
    if (this.#said === undefined || isLaterState(state, this.#said)) this.#said = state;
  }
}
