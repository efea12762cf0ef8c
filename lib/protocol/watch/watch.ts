/**
 * Watch: speakers probe each other directly, a dozen times a second, so that a dead owner of an address is noticed within a
 * few lost probes instead of after seconds of gossip.
 *
 * It says who lives, not who owns what: `l2/ownership` draws the conclusion. It is not a membership protocol either;
 * whom to probe comes from outside. This is the fast lane of fail-over beside SWIM, and it carries what the speakers of
 * an address have to tell each other: where they can serve, and what they answer for.
 *
 * A probe asks, an answer proves. A peer is dead when several probes in a row went unanswered (`times.ts`). A dead peer
 * is still probed, more slowly, and at once when it speaks to us. A peer that has not been heard nor given up is
 * `unknown`, and after a pause of our own everybody is `unknown` again, since we cannot tell what we missed.
 *
 * When only the process died, its kernel tells: an idle connection ("line") to the peer's port ends at once, and a probe
 * is answered by "port unreachable". Both only make us ask. The peer is given up when its port was found closed twice,
 * some milliseconds apart and without an answer between, so that a forged word never moves an address by itself.
 */
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Serving } from "../../base/serving.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState, WantedPeer } from "../../base/wanted.ts";
import type { WatchClaims, WatchMessage, WatchState } from "./message.ts";
import { WatchedPeer } from "./peer.ts";
import { type WatchReceiver, WatchSelf, type WatchSend, type WatchWords } from "./self.ts";
import { type WatchTimes, watchTimes } from "./times.ts";

export type WatchInput =
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  /** Watch these of the peers, and no others, some of them `slowly`. Until this is said, all of them are watched. */
  | { readonly kind: "watch"; readonly nodes: ReadonlySet<string>; readonly slowly?: ReadonlySet<string> }
  /** Something may have happened to this peer: watch it for a while. */
  | { readonly kind: "look"; readonly node: string }
  | { readonly kind: "message"; readonly message: WatchMessage; readonly address: string; readonly port: number }
  /** The kernel at the other end says that nobody holds the port. */
  | { readonly kind: "refused"; readonly node: string }
  /** The line ended, or could not be had. */
  | { readonly kind: "lineLost"; readonly node: string }
  /** What we say of ourselves from now on; it only goes forward. */
  | { readonly kind: "state"; readonly state: WatchState }
  | { readonly kind: "serving"; readonly serving: Serving }
  /** Hand these claims to a peer; with the nonce of its query if that is answered by them. */
  | { readonly kind: "sendClaims"; readonly node: string; readonly claims: WatchClaims; readonly nonce: string }
  /** Tell a peer that the claims with this nonce were taken in. */
  | { readonly kind: "sendReceipt"; readonly node: string; readonly nonce: string }
  | { readonly kind: "sendQuery"; readonly node: string; readonly nonce: string }
  /** This process stood still: nothing that was known of the peers holds. */
  | { readonly kind: "gap" };

export type WatchEffect =
  | WatchSend
  | { readonly kind: "openLine"; readonly node: string; readonly address: string; readonly port: number }
  | { readonly kind: "closeLine"; readonly node: string }
  /** A peer's state changed; `undefined` when it is watched no longer. */
  | { readonly kind: "peer"; readonly node: string; readonly state: PeerState | undefined }
  /** It has proven which life of its process it is, and it is another one than before, or the first that was heard. */
  | { readonly kind: "life"; readonly node: string; readonly generation: number }
  /** What a peer says of its interfaces changed. */
  | { readonly kind: "serving"; readonly node: string; readonly serving: Serving }
  | {
    readonly kind: "claims";
    readonly node: string;
    readonly generation: number;
    readonly nonce: string;
    readonly claims: WatchClaims;
  }
  | { readonly kind: "query"; readonly node: string; readonly generation: number; readonly nonce: string }
  | { readonly kind: "receipt"; readonly node: string; readonly nonce: string };

export interface WatchOptions {
  readonly node: string;
  /** See {@linkcode WatchMessage.generation}. */
  readonly generation: number;
  /** True when messages are authenticated: then a peer may speak from any address. */
  readonly authenticated: boolean;
  readonly times?: WatchTimes;
  /** Between two probes of a peer that is thought dead. */
  readonly deadIntervalMs?: number;
  readonly lossesMax?: number;
  /** How long a closed port must be found closed. */
  readonly confirmMs?: number;
  /** How long a peer is watched that is not among those to watch. */
  readonly lookMs?: number;
}

const POSTPONEMENTS_MAX = 3;
/** How often a doubted peer is asked in a row. */
const CONFIRMATIONS_MAX = 10;
const LINE_RETRY_MS = 1000;
const LINE_RETRY_MS_MAX = 60_000;

export class Watch implements Machine<WatchInput, WatchEffect> {
  readonly #options: Required<WatchOptions>;
  readonly #rng: Rng;
  readonly #self: WatchSelf;
  readonly #peers = new Map<string, WatchedPeer>();
  readonly #effects = new Queue<WatchEffect>();
  /** `undefined`: all of them. */
  #wanted: ReadonlySet<string> | undefined;
  #slowly: ReadonlySet<string> = new Set();
  #strangers = 0;
  #deadline: Deadline | undefined | "stale";

  constructor(options: WatchOptions, deps: { rng: Rng }) {
    this.#options = {
      times: watchTimes(),
      deadIntervalMs: 500,
      lossesMax: 3,
      confirmMs: 5,
      lookMs: 2000,
      ...options,
    };
    this.#rng = deps.rng;
    this.#self = new WatchSelf(options, deps);
  }

  handle(input: WatchInput | Tick, now: Millis): void {
    this.#deadline = "stale";
    switch (input.kind) {
      case "peers":
        return this.#changePeers(input.upsert, input.remove, now);
      case "watch":
        this.#wanted = input.nodes;
        this.#slowly = input.slowly ?? new Set();
        for (const peer of this.#peers.values()) {
          const { node } = peer.where;
          this.#pace(peer, this.#slowly.has(node), now);
          this.#want(peer, input.nodes.has(node), now);
        }
        return;
      case "look":
        return this.#lookAt(this.#peers.get(input.node), now);
      case "message":
        return this.#receive(input, now);
      case "refused":
      case "lineLost":
        return this.#doubt(input, now);
      case "state":
        if (this.#self.advance(input.state)) this.#tellAll(now);
        return;
      case "serving":
        if (this.#self.serve(input.serving)) this.#tellAll(now);
        return;
      case "sendClaims":
        return this.#sendTo(input.node, { kind: "claims", nonce: input.nonce, claims: input.claims });
      case "sendReceipt":
        return this.#sendTo(input.node, { kind: "receipt", nonce: input.nonce });
      case "sendQuery":
        return this.#sendTo(input.node, { kind: "query", nonce: input.nonce });
      case "gap":
        for (const peer of this.#peers.values()) {
          if (!peer.isWatched) continue;
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
      state: this.#self.state,
      generation: this.#options.generation,
      intervalMs: this.#options.times.intervalMs,
      detectionMs: this.#options.times.detectionMs,
      strangers: this.#strangers,
      peers: [...this.#peers.values()].map((peer) => peer.inspect()),
    };
  }

  #changePeers(upsert: readonly WantedPeer[], remove: readonly string[], now: Millis): void {
    for (const node of remove) this.#forget(node);
    for (const where of upsert) {
      if (where.node === this.#options.node) continue;
      const known = this.#peers.get(where.node);
      if (known?.where.address === where.address && known.where.port === where.port) continue;
      // A peer at another address is another process: it has to be heard there.
      if (known !== undefined) this.#closeLine(known);
      const peer = new WatchedPeer(where, this.#wanted?.has(where.node) ?? true);
      peer.isSlow = this.#slowly.has(where.node);
      this.#peers.set(where.node, peer);
      if (peer.isWatched) this.#begin(peer, now);
      else if (known?.isWatched) this.#effects.push({ kind: "peer", node: where.node, state: undefined });
    }
  }

  #forget(node: string): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    this.#closeLine(peer);
    this.#peers.delete(node);
    if (peer.isWatched) this.#effects.push({ kind: "peer", node, state: undefined });
  }

  #want(peer: WatchedPeer, wanted: boolean, now: Millis): void {
    const before = peer.isWatched;
    peer.wanted = wanted;
    if (wanted) peer.lookUntil = undefined;
    if (peer.isWatched && !before) this.#begin(peer, now);
    if (!peer.isWatched && before) this.#end(peer);
  }

  /** A slow one is asked as rarely as one that is dead, and has no line: its death is to be known in a second or so. */
  #pace(peer: WatchedPeer, isSlow: boolean, now: Millis): void {
    const { intervalMs } = this.#options.times;
    if (peer.isSlow && !isSlow && peer.isWatched) peer.nextProbeAt = Math.min(peer.nextProbeAt, now + intervalMs);
    peer.isSlow = isSlow;
  }

  /** The first probe goes out now, the others at a phase of its own: a hundred peers should not be due at one instant. */
  #begin(peer: WatchedPeer, now: Millis): void {
    peer.forget();
    this.#effects.push({ kind: "peer", node: peer.where.node, state: peer.state });
    this.#probe(peer, now);
    peer.nextProbeAt = now + 1 + below(this.#rng, this.#options.times.retryMs);
    peer.phaseMs = 1 + below(this.#rng, this.#options.times.intervalMs);
  }

  #end(peer: WatchedPeer): void {
    peer.lookUntil = undefined;
    peer.nextProbeAt = Infinity;
    peer.forget();
    this.#closeLine(peer);
    this.#effects.push({ kind: "peer", node: peer.where.node, state: undefined });
  }

  #lookAt(peer: WatchedPeer | undefined, now: Millis): void {
    if (peer === undefined || peer.wanted) return;
    const before = peer.isWatched;
    peer.lookUntil = now + this.#options.lookMs;
    if (!before) this.#begin(peer, now);
  }

  #receive(input: WatchInput & { kind: "message" }, now: Millis): void {
    const { message, address, port } = input;
    if (message.sender === this.#options.node) return;
    // Also a speaker that we were not told of yet must hear that we live, or it would take what we own.
    if (message.kind === "probe") this.#answer(message, { address, port });
    const peer = this.#peers.get(message.sender);
    if (peer === undefined || (!this.#options.authenticated && address !== peer.where.address)) {
      this.#strangers++;
      return;
    }
    const { node } = peer.where;
    const { serving } = peer;
    const { generation, nonce } = message;
    switch (message.kind) {
      case "ack":
        this.#takeAnswer(peer, message, now);
        break;
      case "claims":
        // What a life claims that has not proven itself is no word of anybody; when it has, it says it again.
        if (!peer.mayBeOfThisLife(message)) return this.#overhear(peer, message, now);
        this.#believe(peer, message, now);
        if (message.claims !== undefined) {
          this.#effects.push({ kind: "claims", node, generation, nonce, claims: message.claims });
        }
        break;
      case "query":
        this.#believe(peer, message, now);
        this.#effects.push({ kind: "query", node, generation, nonce });
        break;
      case "receipt":
        this.#believe(peer, message, now);
        this.#effects.push({ kind: "receipt", node, nonce });
        break;
      case "probe":
      case "tell":
        this.#overhear(peer, message, now);
    }
    if (peer.serving !== undefined && peer.serving !== serving) {
      this.#effects.push({ kind: "serving", node, serving: peer.serving });
    }
  }

  #answer(probe: WatchMessage, to: WatchReceiver): void {
    const answer = this.#self.answer(probe, to);
    if (answer !== undefined) this.#effects.push(answer);
  }

  #takeAnswer(peer: WatchedPeer, message: WatchMessage, now: Millis): void {
    const { generation } = peer;
    this.#changing(peer, now, () => {
      if (!peer.answered(message, now)) return;
      if (generation !== message.generation) {
        this.#effects.push({ kind: "life", node: peer.where.node, generation: message.generation });
      }
      this.#rest(peer, now);
    });
  }

  /** What is said on the side by the life that we know: an answer from before may arrive after it. */
  #believe(peer: WatchedPeer, message: WatchMessage, now: Millis): void {
    if (peer.isWatched) this.#changing(peer, now, () => void peer.overheard(message));
  }

  #overhear(peer: WatchedPeer, message: WatchMessage, now: Millis): void {
    if (!peer.isWatched) {
      peer.hearServing(message);
      // Nobody watches it, but it has something to say that the membership will know only later, or a new life.
      if (message.state !== "alive" || !peer.mayBeOfThisLife(message)) this.#lookAt(peer, now);
      return;
    }
    this.#changing(peer, now, () => {
      // Whoever is back is asked now, so that its life is proven within one round trip. The pause keeps two speakers
      // whose answers are lost from exciting each other.
      const askAt = Math.max(now, (peer.lastSentAt ?? -Infinity) + this.#options.times.retryMs);
      if (peer.overheard(message)) peer.nextProbeAt = Math.min(peer.nextProbeAt, askAt);
    });
  }

  /** An answer came: the next probe is due an interval after the one that it answers, and a line may be had. */
  #rest(peer: WatchedPeer, now: Millis): void {
    const { deadIntervalMs, times } = this.#options;
    const intervalMs = peer.isSlow ? deadIntervalMs : times.intervalMs;
    peer.nextProbeAt = Math.max(now, peer.lastSentAt! + (peer.phaseMs ?? intervalMs));
    peer.phaseMs = undefined;
    if (peer.isSlow || peer.hasLine || now < peer.nextLineAt) return;
    peer.hasLine = true;
    peer.lineSince = now;
    const { node, address, port } = peer.where;
    this.#effects.push({ kind: "openLine", node, address, port });
  }

  #closeLine(peer: WatchedPeer): void {
    if (!peer.hasLine) return;
    peer.hasLine = false;
    this.#effects.push({ kind: "closeLine", node: peer.where.node });
  }

  /** The other end's kernel says that the process is gone. */
  #doubt(input: WatchInput & { kind: "refused" | "lineLost" }, now: Millis): void {
    const peer = this.#peers.get(input.node);
    if (peer === undefined || !peer.isWatched) return;
    if (input.kind === "lineLost") {
      if (!peer.hasLine) return;
      peer.hasLine = false;
      if (now - peer.lineSince >= LINE_RETRY_MS_MAX) peer.lineFailures = 0;
      peer.nextLineAt = now + Math.min(LINE_RETRY_MS << Math.min(peer.lineFailures, 10), LINE_RETRY_MS_MAX);
      peer.lineFailures++;
    }
    if (peer.state === "dead" || peer.state === "unknown") return;
    peer.doubtedSince ??= now;
    const { confirmMs } = this.#options;
    // A word may be forged. It takes two, to two probes, with so much time between them that an answer would be here.
    if (input.kind === "refused" && peer.refused(now) >= confirmMs - 1) {
      return this.#changing(peer, now, () => peer.giveUp());
    }
    peer.nextProbeAt = Math.min(peer.nextProbeAt, Math.max(now, (peer.lastSentAt ?? -Infinity) + confirmMs));
    if (now >= peer.nextProbeAt) this.#probe(peer, now);
  }

  #tick(peer: WatchedPeer, now: Millis): void {
    if (!peer.isWatched) return;
    if (peer.lookUntil !== undefined && now >= peer.lookUntil) return this.#end(peer);
    const { deadIntervalMs, times } = this.#options;
    const lateMs = now - this.#verdictAt(peer);
    // When this tick is late, answers may lie unread in the socket: ask once more instead of judging by our own delay.
    // But not for ever: between two ticks the socket is read, and a thread that is always late must see a death too.
    if (lateMs >= times.answerTimeoutMs && peer.postponements < POSTPONEMENTS_MAX) {
      peer.postponements++;
      peer.nextProbeAt = peer.lastChanceAt = now;
    } else if (lateMs >= 0) this.#changing(peer, now, () => peer.giveUp());
    if (now < peer.nextProbeAt) return;
    this.#probe(peer, now);
    if (peer.state === "dead") peer.nextProbeAt = now + deadIntervalMs;
  }

  #findDeadline(): Deadline | undefined {
    let earliest: WatchedPeer | undefined;
    let at = Infinity;
    for (const peer of this.#peers.values()) {
      if (!peer.isWatched) continue;
      const next = Math.min(peer.nextProbeAt, this.#verdictAt(peer), peer.lookUntil ?? Infinity);
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
    const { lossesMax, times } = this.#options;
    if (peer.state === "dead" || peer.unanswered < lossesMax) return Infinity;
    return Math.max(peer.lastChanceAt! + times.answerTimeoutMs, peer.unansweredSince! + times.detectionMs);
  }

  /** Say it at once: a hand-over should not wait for the next round. */
  #tellAll(now: Millis): void {
    for (const peer of this.#peers.values()) {
      if (peer.isWatched) this.#probe(peer, now);
      else this.#send({ kind: "tell", nonce: this.#self.nonce() }, peer.where);
    }
  }

  #probe(peer: WatchedPeer, now: Millis): void {
    const nonce = this.#self.nonce();
    peer.probeSent(nonce, now);
    if (peer.unanswered <= this.#options.lossesMax) peer.lastChanceAt = now;
    // The kernel closes one socket after the other: the first probe after the line's end may still find the port open.
    const { confirmMs, times } = this.#options;
    const isConfirming = peer.doubtedSince !== undefined && now - peer.doubtedSince < CONFIRMATIONS_MAX * confirmMs;
    peer.nextProbeAt = now + (isConfirming ? Math.min(confirmMs, times.retryMs) : times.retryMs);
    // Without a key an answer is not longer than its probe, so that no stranger makes us send more than it sends itself.
    const length = this.#options.authenticated ? {} : { octets: peer.answerBytes };
    this.#send({ kind: "probe", nonce, ...length }, { ...peer.where, probed: peer.where.node });
  }

  #sendTo(node: string, words: WatchWords): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) this.#send(words, peer.where);
  }

  #send(words: WatchWords, to: WatchReceiver): void {
    this.#effects.push(this.#self.say(words, to));
  }

  /** Runs `change` and reports the peer's state if it is another one afterwards. */
  #changing(peer: WatchedPeer, now: Millis, change: () => void): void {
    const before = peer.state;
    change();
    if (peer.state === before) return;
    // Whoever was probed slowly as dead and is not dead any more may die again, and that must be seen soon.
    if (before === "dead") peer.nextProbeAt = Math.min(peer.nextProbeAt, now + this.#options.times.intervalMs);
    if (peer.state === "dead") {
      peer.nextProbeAt = now + this.#options.deadIntervalMs;
      this.#closeLine(peer);
    }
    this.#effects.push({ kind: "peer", node: peer.where.node, state: peer.state });
  }
}
