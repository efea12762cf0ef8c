/**
 * Watch: the speakers of a cluster probe each other directly, ten times a second, so that a dead owner of an address
 * is noticed within three lost probes instead of after seconds of gossip.
 *
 * It says who lives, not who owns what: `l2/ownership` draws the conclusion. It is not a membership protocol either;
 * whom to probe comes from outside. This is the fast lane of fail-over beside SWIM.
 *
 * A probe asks, an answer proves. A peer is dead after `lossesMax` probes without an answer. A dead peer is still
 * probed, more slowly, and at once when it speaks to us. A peer that has not been heard nor given up is `unknown`,
 * and after a pause of our own everybody is `unknown` again, since we cannot tell what we missed.
 */
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState, WantedPeer } from "../../base/wanted.ts";
import type { WatchMessage, WatchState } from "./message.ts";
import { WatchedPeer } from "./peer.ts";

export type WatchInput =
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  | { readonly kind: "message"; readonly message: WatchMessage; readonly address: string; readonly port: number }
  /** What we say of ourselves from now on. */
  | { readonly kind: "state"; readonly state: WatchState }
  /** This process stood still: nothing that was known of the peers holds. */
  | { readonly kind: "gap" };

export type WatchEffect =
  | { readonly kind: "send"; readonly address: string; readonly port: number; readonly message: WatchMessage }
  /** A peer's state changed; `undefined` when it is watched no longer. */
  | { readonly kind: "peer"; readonly node: string; readonly state: PeerState | undefined };

export interface WatchOptions {
  readonly node: string;
  /** See {@linkcode WatchMessage.generation}. */
  readonly generation: number;
  /** True when messages are authenticated: then a peer may speak from any address. */
  readonly authenticated: boolean;
  /** Between two probes of a peer that lives. */
  readonly intervalMs?: number;
  /** Between two probes of a peer that is thought dead. */
  readonly deadIntervalMs?: number;
  /** How long the last allowed probe may take; the ones before it had longer. */
  readonly answerTimeoutMs?: number;
  readonly lossesMax?: number;
}

export class Watch implements Machine<WatchInput, WatchEffect> {
  readonly #options: Required<WatchOptions>;
  readonly #rng: Rng;
  readonly #peers = new Map<string, WatchedPeer>();
  readonly #effects = new Queue<WatchEffect>();
  #state: WatchState = "starting";
  #strangers = 0;

  constructor(options: WatchOptions, deps: { rng: Rng }) {
    this.#options = { intervalMs: 100, deadIntervalMs: 500, answerTimeoutMs: 50, lossesMax: 3, ...options };
    this.#rng = deps.rng;
  }

  handle(input: WatchInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "peers":
        return this.#changePeers(input.upsert, input.remove, now);
      case "message":
        return this.#receive(input, now);
      case "state":
        this.#state = input.state;
        // Say it at once: the hand-over should not wait for the next round.
        for (const peer of this.#peers.values()) this.#probe(peer, now);
        return;
      case "gap":
        for (const peer of this.#peers.values()) {
          this.#changing(peer, () => peer.forget(now));
          this.#probe(peer, now);
        }
        return;
      case "tick":
        for (const peer of this.#peers.values()) this.#tick(peer, now);
    }
  }

  poll(): WatchEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    let next: Deadline | undefined;
    for (const peer of this.#peers.values()) {
      next = earlier(next, { at: peer.nextProbeAt, why: `probe ${peer.where.node}` });
      const verdictAt = this.#verdictAt(peer);
      if (verdictAt !== undefined) next = earlier(next, { at: verdictAt, why: `give up ${peer.where.node}` });
    }
    return next;
  }

  inspect(): Json {
    return {
      state: this.#state,
      generation: this.#options.generation,
      intervalMs: this.#options.intervalMs,
      strangers: this.#strangers,
      peers: [...this.#peers.values()].map((peer) => ({
        node: peer.where.node,
        address: peer.where.address,
        port: peer.where.port,
        state: peer.state,
        generation: peer.generation ?? null,
        unanswered: peer.unanswered,
        roundTripMs: peer.roundTripMs ?? null,
        lastAnswerAt: peer.lastAnswerAt ?? null,
      })),
    };
  }

  #changePeers(upsert: readonly WantedPeer[], remove: readonly string[], now: Millis): void {
    for (const node of remove) {
      if (this.#peers.delete(node)) this.#effects.push({ kind: "peer", node, state: undefined });
    }
    for (const where of upsert) {
      if (where.node === this.#options.node) continue;
      const known = this.#peers.get(where.node)?.where;
      if (known !== undefined && known.address === where.address && known.port === where.port) continue;
      // A peer at another address is another process: it has to be heard there.
      const peer = new WatchedPeer(where, now);
      this.#peers.set(where.node, peer);
      this.#effects.push({ kind: "peer", node: where.node, state: peer.state });
      this.#probe(peer, now);
    }
  }

  #receive(input: WatchInput & { kind: "message" }, now: Millis): void {
    const { message, address, port } = input;
    const peer = this.#peers.get(message.sender);
    const stranger = peer === undefined || (!this.#options.authenticated && address !== peer.where.address);
    if (stranger) {
      if (message.sender !== this.#options.node) this.#strangers++;
      return;
    }
    if (message.kind === "ack") {
      this.#changing(peer, () => peer.answered(message, now));
      return;
    }
    this.#send({ kind: "ack", nonce: message.nonce }, { address, port });
    this.#changing(peer, () => peer.overheard(message));
    // Whoever is back gets its own probe now, so that its life is proven within one round trip. The pause keeps two
    // speakers whose answers are lost from exciting each other.
    const isBack = peer.state === "dead" || peer.state === "unknown";
    const lastSentAt = peer.lastSentAt ?? -Infinity;
    if (isBack && now - lastSentAt >= this.#options.answerTimeoutMs) this.#probe(peer, now);
  }

  #tick(peer: WatchedPeer, now: Millis): void {
    const verdictAt = this.#verdictAt(peer);
    if (verdictAt !== undefined && now >= verdictAt) this.#changing(peer, () => peer.giveUp());
    if (now >= peer.nextProbeAt) this.#probe(peer, now);
  }

  /** When a peer whose allowed probes all went out is given up, if nothing is heard until then. */
  #verdictAt(peer: WatchedPeer): Millis | undefined {
    if (peer.state === "dead" || peer.unanswered < this.#options.lossesMax || peer.lastSentAt === undefined) {
      return undefined;
    }
    return peer.lastSentAt + this.#options.answerTimeoutMs;
  }

  #probe(peer: WatchedPeer, now: Millis): void {
    const nonce = hex32(this.#rng.u32()) + hex32(this.#rng.u32());
    peer.probeSent(nonce, now);
    peer.nextProbeAt = now + (peer.state === "dead" ? this.#options.deadIntervalMs : this.#options.intervalMs);
    this.#send({ kind: "probe", nonce }, peer.where);
  }

  #send(message: Pick<WatchMessage, "kind" | "nonce">, to: { readonly address: string; readonly port: number }): void {
    const { node: sender, generation } = this.#options;
    this.#effects.push({
      kind: "send",
      address: to.address,
      port: to.port,
      message: { ...message, sender, generation, state: this.#state },
    });
  }

  /** Runs `change` and reports the peer's state if it is another one afterwards, or the same in a new life. */
  #changing(peer: WatchedPeer, change: () => void): void {
    const before = peer.state;
    change();
    if (peer.state !== before) this.#effects.push({ kind: "peer", node: peer.where.node, state: peer.state });
  }
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
