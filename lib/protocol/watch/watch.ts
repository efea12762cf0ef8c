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
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState, WantedPeer } from "../../base/wanted.ts";
import { isLaterState, type WatchMessage, type WatchState } from "./message.ts";
import { WatchedPeer } from "./peer.ts";

export type WatchInput =
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  | { readonly kind: "message"; readonly message: WatchMessage; readonly address: string; readonly port: number }
  /** What we say of ourselves from now on; it only goes forward. */
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

const POSTPONEMENTS_MAX = 3;

export class Watch implements Machine<WatchInput, WatchEffect> {
  readonly #options: Required<WatchOptions>;
  readonly #rng: Rng;
  readonly #peers = new Map<string, WatchedPeer>();
  readonly #effects = new Queue<WatchEffect>();
  #state: WatchState = "starting";
  #strangers = 0;
  #deadline: Deadline | undefined | "stale";

  constructor(options: WatchOptions, deps: { rng: Rng }) {
    this.#options = { intervalMs: 100, deadIntervalMs: 500, answerTimeoutMs: 50, lossesMax: 3, ...options };
    this.#rng = deps.rng;
  }

  handle(input: WatchInput | Tick, now: Millis): void {
    this.#deadline = "stale";
    switch (input.kind) {
      case "peers":
        return this.#changePeers(input.upsert, input.remove, now);
      case "message":
        return this.#receive(input, now);
      case "state":
        if (!isLaterState(input.state, this.#state)) return;
        this.#state = input.state;
        // Say it at once: the hand-over should not wait for the next round.
        for (const peer of this.#peers.values()) this.#probe(peer, now);
        return;
      case "gap":
        for (const peer of this.#peers.values()) {
          this.#changing(peer, now, () => peer.forget());
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
    // Asked after every packet of any kind, most of which change nothing here.
    if (this.#deadline === "stale") this.#deadline = this.#findDeadline();
    return this.#deadline;
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
      // The first probe goes out now, the next ones at a random phase: a hundred peers should not be due at one instant.
      const peer = new WatchedPeer(where, now + 1 + below(this.#rng, this.#options.intervalMs));
      this.#peers.set(where.node, peer);
      this.#effects.push({ kind: "peer", node: where.node, state: peer.state });
      this.#probe(peer, now);
    }
  }

  #receive(input: WatchInput & { kind: "message" }, now: Millis): void {
    const { message, address, port } = input;
    if (message.sender === this.#options.node) return;
    // Also a speaker that we were not told of yet must hear that we live, or it would take what we own.
    if (message.kind === "probe") this.#send({ kind: "ack", nonce: message.nonce }, { address, port });
    const peer = this.#peers.get(message.sender);
    if (peer === undefined || (!this.#options.authenticated && address !== peer.where.address)) {
      this.#strangers++;
      return;
    }
    if (message.kind === "ack") {
      this.#changing(peer, now, () => peer.answered(message, now));
      return;
    }
    const { answerTimeoutMs } = this.#options;
    this.#changing(peer, now, () => {
      // Whoever is back is asked now, so that its life is proven within one round trip. The pause keeps two speakers
      // whose answers are lost from exciting each other.
      const askAt = Math.max(now, (peer.lastSentAt ?? -Infinity) + answerTimeoutMs);
      if (peer.overheard(message)) peer.nextProbeAt = Math.min(peer.nextProbeAt, askAt);
    });
  }

  #tick(peer: WatchedPeer, now: Millis): void {
    const { intervalMs, deadIntervalMs, answerTimeoutMs } = this.#options;
    const lateMs = now - this.#verdictAt(peer);
    // When this tick is late, answers may lie unread in the socket: ask once more instead of judging by our own delay.
    // But not for ever: between two ticks the socket is read, and a thread that is always late must see a death too.
    if (lateMs >= answerTimeoutMs && peer.postponements < POSTPONEMENTS_MAX) {
      peer.postponements++;
      peer.nextProbeAt = peer.lastChanceAt = now;
    } else if (lateMs >= 0) this.#changing(peer, now, () => peer.giveUp());
    if (now < peer.nextProbeAt) return;
    peer.nextProbeAt = now + (peer.state === "dead" ? deadIntervalMs : intervalMs);
    this.#probe(peer, now);
  }

  #findDeadline(): Deadline | undefined {
    let earliest: WatchedPeer | undefined;
    let at = Infinity;
    for (const peer of this.#peers.values()) {
      const next = Math.min(peer.nextProbeAt, this.#verdictAt(peer));
      if (next >= at) continue;
      at = next;
      earliest = peer;
    }
    if (earliest === undefined) return undefined;
    return { at, why: `${at === earliest.nextProbeAt ? "probe" : "give up"} ${earliest.where.node}` };
  }

  /**
   * When a peer is given up if nothing is heard until then; `Infinity` when it is not up to that. Probes out of turn do
   * not shorten the time: a peer that stands still for less than a gap (DESIGN §2) keeps what it owns, here as there.
   */
  #verdictAt(peer: WatchedPeer): Millis {
    const { intervalMs, answerTimeoutMs, lossesMax } = this.#options;
    if (peer.state === "dead" || peer.unanswered < lossesMax) return Infinity;
    const detectionMs = (lossesMax - 1) * intervalMs + answerTimeoutMs;
    return Math.max(peer.lastChanceAt! + answerTimeoutMs, peer.unansweredSince! + detectionMs);
  }

  #probe(peer: WatchedPeer, now: Millis): void {
    const nonce = hex32(this.#rng.u32()) + hex32(this.#rng.u32());
    peer.probeSent(nonce, now);
    if (peer.unanswered <= this.#options.lossesMax) peer.lastChanceAt = now;
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

  /** Runs `change` and reports the peer's state if it is another one afterwards. */
  #changing(peer: WatchedPeer, now: Millis, change: () => void): void {
    const before = peer.state;
    change();
    if (peer.state === before) return;
    // Whoever was probed slowly as dead and is not dead any more may die again, and that must be seen soon.
    if (before === "dead") peer.nextProbeAt = Math.min(peer.nextProbeAt, now + this.#options.intervalMs);
    this.#effects.push({ kind: "peer", node: peer.where.node, state: peer.state });
  }
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
