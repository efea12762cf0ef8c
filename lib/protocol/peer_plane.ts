/**
 * The peer plane: the machines that deal with the other speakers, composed into one.
 *
 *     datagrams, closed ports, lines ──> Watch ── verdicts ──> Liveness ── who lives, whom to watch
 *     members ──────────────────────────────────────────────────^   │
 *     what this node answers for ──> Claims <── what they say of    └──> whoever decides about addresses
 *                                       │       their addresses              ^
 *                                       └── claims that count ───────────────┘
 *
 * It routes and nothing more. Whom the addresses need to be watched comes from outside (`pairs`).
 */
import type { JsonObject } from "../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../base/machine.ts";
import type { MemberChange } from "../base/member.ts";
import { Queue } from "../base/queue.ts";
import type { Rng } from "../base/rng.ts";
import type { Millis } from "../base/time.ts";
import type { WantedPeer } from "../base/wanted.ts";
import { Claims, type ClaimsInput } from "./l2/claims.ts";
import { Liveness, type PeerView } from "./l2/liveness.ts";
import type { OthersClaims } from "./l2/ownership_io.ts";
import { CLAIMS_MAX } from "./watch/message.ts";
import type { WatchTimes } from "./watch/times.ts";
import { Watch, type WatchEffect, type WatchInput } from "./watch/watch.ts";

export type PeerPlaneInput =
  | { readonly kind: "opened" }
  | { readonly kind: "peers"; readonly upsert: readonly WantedPeer[]; readonly remove: readonly string[] }
  | WatchInput & { readonly kind: "message" | "refused" | "lineLost" | "state" | "serving" }
  | { readonly kind: "member"; readonly change: MemberChange }
  | { readonly kind: "membersKnown" }
  | { readonly kind: "watchAll"; readonly all: boolean }
  | { readonly kind: "pairs"; readonly watch: ReadonlySet<string>; readonly candidates: ReadonlySet<string> }
  | { readonly kind: "doubt"; readonly node: string }
  | ClaimsInput & { readonly kind: "claim" | "unclaim" | "askClaims" | "stale" }
  | { readonly kind: "gap" };

export type PeerPlaneEffect =
  | WatchEffect & { readonly kind: "send" | "openLine" | "closeLine" }
  /** All that changed in one go. */
  | { readonly kind: "peers"; readonly changes: readonly PeerView[] }
  | { readonly kind: "foreignMembers"; readonly nodes: readonly string[] }
  | { readonly kind: "unheard"; readonly node: string }
  | OthersClaims
  | { readonly kind: "claimsKnown" };

export interface PeerPlaneOptions {
  readonly node: string;
  readonly generation: number;
  readonly authenticated: boolean;
  /** There is a membership beside the watch: only who matters is watched. */
  readonly membership?: boolean;
  readonly times?: WatchTimes;
}

export class PeerPlane implements Machine<PeerPlaneInput, PeerPlaneEffect> {
  readonly #watch: Watch;
  readonly #liveness: Liveness;
  readonly #claims: Claims;
  /** What the others say of their addresses, until it is known which of them live. */
  readonly #words = new Queue<ClaimsInput & { readonly kind: "query" | "receipt" | "claims" }>();
  readonly #effects = new Queue<PeerPlaneEffect>();

  constructor(options: PeerPlaneOptions, deps: { rng: Rng }) {
    const { membership = false } = options;
    this.#watch = new Watch(options, deps);
    this.#liveness = new Liveness({ membership });
    this.#claims = new Claims({ entriesMax: CLAIMS_MAX }, deps);
    // Before the membership and the addresses say who matters, nobody is probed in vain.
    if (membership) this.#watch.handle({ kind: "watch", nodes: new Set() }, 0);
  }

  handle(input: PeerPlaneInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "peers": {
        const upsert = input.upsert.map(({ node }) => node);
        this.#liveness.handle({ kind: "peers", upsert, remove: input.remove }, now);
        this.#watch.handle(input, now);
        break;
      }
      case "opened":
      case "member":
      case "membersKnown":
      case "watchAll":
      case "pairs":
        this.#liveness.handle(input, now);
        break;
      case "message":
      case "refused":
      case "lineLost":
      case "state":
      case "serving":
        this.#watch.handle(input, now);
        break;
      case "doubt":
        this.#watch.handle({ kind: "look", node: input.node }, now);
        break;
      case "claim":
      case "unclaim":
      case "askClaims":
      case "stale":
        this.#claims.handle(input, now);
        break;
      case "gap":
        this.#liveness.handle(input, now);
        this.#route(now);
        this.#watch.handle(input, now);
        break;
      case "tick":
        this.#watch.handle(input, now);
        this.#route(now);
        this.#liveness.handle(input, now);
        this.#route(now);
        this.#claims.handle(input, now);
    }
    this.#route(now);
  }

  poll(): PeerPlaneEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return earlier(this.#watch.deadline(), earlier(this.#liveness.deadline(), this.#claims.deadline()));
  }

  inspect(): JsonObject {
    return { watch: this.#watch.inspect(), liveness: this.#liveness.inspect(), claims: this.#claims.inspect() };
  }

  /** See {@linkcode Liveness.count}. */
  count(): { readonly known: number; readonly living: number } {
    return this.#liveness.count();
  }

  /** Moves effects of one part to the inputs of the next. They only flow to the right, but for whom to watch. */
  #route(now: Millis): void {
    const changes = new Map<string, PeerView>();
    for (let moved = true; moved;) {
      moved = false;
      for (let effect; (effect = this.#watch.poll()) !== undefined; moved = true) this.#fromWatch(effect, now);
      for (let effect; (effect = this.#liveness.poll()) !== undefined; moved = true) {
        if (effect.kind === "peer") changes.set(effect.peer.node, effect.peer);
        else if (effect.kind === "watch") this.#watch.handle(effect, now);
        else this.#effects.push(effect);
      }
    }
    // Peers that change together are decided on together.
    if (changes.size > 0) this.#effects.push({ kind: "peers", changes: [...changes.values()] });
    for (const peer of changes.values()) this.#claims.handle({ kind: "peer", peer }, now);
    for (let word; (word = this.#words.shift()) !== undefined;) this.#claims.handle(word, now);
    for (let effect; (effect = this.#claims.poll()) !== undefined;) {
      if (effect.kind === "claimsKnown" || effect.kind === "claims") this.#effects.push(effect);
      else this.#watch.handle(effect, now);
    }
    for (let effect; (effect = this.#watch.poll()) !== undefined;) this.#fromWatch(effect, now);
  }

  #fromWatch(effect: WatchEffect, now: Millis): void {
    switch (effect.kind) {
      case "send":
      case "openLine":
      case "closeLine":
        this.#effects.push(effect);
        return;
      case "peer":
        this.#liveness.handle({ kind: "watched", node: effect.node, state: effect.state }, now);
        return;
      case "life":
        this.#liveness.handle({ ...effect, isProven: true }, now);
        return;
      case "serving":
        this.#liveness.handle(effect, now);
        return;
      case "claims":
        // The first of a life may come before any other word of it.
        this.#liveness.handle({ kind: "life", node: effect.node, generation: effect.generation, isProven: false }, now);
        this.#words.push(effect);
        return;
      case "query":
      case "receipt":
        this.#words.push(effect);
    }
  }
}
