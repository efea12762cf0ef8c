/**
 * This speaker as the others hear of it: what it says of itself, and the messages that carry it.
 *
 * Its state only goes forward, and what it says of its interfaces has a number that grows, so that whoever hears two
 * messages in the wrong order keeps the newer one.
 */
import { hex64, type Rng } from "../../base/rng.ts";
import { sameServing, type Serving } from "../../base/serving.ts";
import { isLaterState, type WatchMessage, watchMessageBytes, type WatchServing, type WatchState } from "./message.ts";

/** What there is to say, beside what every message says of its sender. */
export type WatchWords = Pick<WatchMessage, "kind" | "nonce" | "claims" | "octets">;

export interface WatchReceiver {
  readonly address: string;
  readonly port: number;
  /** The peer that is probed by it: for this one, a refusal is of interest. */
  readonly probed?: string;
}

export interface WatchSend extends WatchReceiver {
  readonly kind: "send";
  readonly message: WatchMessage;
}

export class WatchSelf {
  readonly #node: string;
  readonly #generation: number;
  readonly #rng: Rng;
  #state: WatchState = "starting";
  #serving: WatchServing | undefined;

  constructor(options: { readonly node: string; readonly generation: number }, deps: { readonly rng: Rng }) {
    this.#node = options.node;
    this.#generation = options.generation;
    this.#rng = deps.rng;
  }

  get state(): WatchState {
    return this.#state;
  }

  /** False when that is no step forward. */
  advance(state: WatchState): boolean {
    if (!isLaterState(state, this.#state)) return false;
    this.#state = state;
    return true;
  }

  /** False when it is what was said before. */
  serve(serving: Serving): boolean {
    if (this.#serving !== undefined && sameServing(this.#serving, serving)) return false;
    this.#serving = { ...serving, sequence: (this.#serving?.sequence ?? 0) + 1 };
    return true;
  }

  say(words: WatchWords, to: WatchReceiver): WatchSend {
    const { address, port, probed } = to;
    // A receipt answers too, and should not be longer than what it is for.
    const isOfClaims = words.kind === "claims" || words.kind === "receipt";
    const serving = this.#serving === undefined || isOfClaims ? {} : { serving: this.#serving };
    const message = { ...words, sender: this.#node, generation: this.#generation, state: this.#state, ...serving };
    return { kind: "send", address, port, message, ...(probed === undefined ? {} : { probed }) };
  }

  /** As much as there is room for: without a key, whoever is named as the sender may not have asked. */
  answer({ nonce, octets: room }: WatchMessage, to: WatchReceiver): WatchSend | undefined {
    const whole = this.say({ kind: "ack", nonce }, to);
    if (room === undefined) return whole;
    const { serving: _, ...brief } = whole.message;
    for (const message of [whole.message, brief]) {
      const octets = watchMessageBytes(message);
      if (octets <= room) return { ...whole, message: { ...message, octets } };
    }
    return undefined;
  }

  nonce(): string {
    return hex64(this.#rng);
  }
}
