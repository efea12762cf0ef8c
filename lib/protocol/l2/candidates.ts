/**
 * The candidates of an address in the order in which they own it now: the rule that every speaker applies alike.
 *
 *     1. whoever answers already, while a failback policy keeps the address there; and for a speaker that does not hear
 *        the API, whoever answers and does hear it
 *     2. the living candidates that can serve, in the order of the API
 *     3. the living ones whose link probes fail, in the same order: if they fail for all, nobody stands back for that
 *     4. those without a link, or without IPv6 for an IPv6 address, likewise
 *
 * While a member lives that is not Herald, it is MetalLB's order and nothing else, because that is what it applies.
 * A candidate that was not heard yet, nor given up, counts as living here; `isUndecided` tells.
 */
import type { Serving } from "../../base/serving.ts";
import type { Millis } from "../../base/time.ts";
import { DEFAULT_ADDRESS_POLICY, type PeerState, type WantedAddress } from "../../base/wanted.ts";
import type { PeerView } from "./liveness.ts";
import { type StandBackReason, standBackReason } from "./standing_back.ts";

interface Peer {
  state: PeerState;
  generation: number | undefined;
  serving: Serving | undefined;
  /** Since when it lives and says the same of its interfaces. */
  steadySince: Millis;
}

export interface CandidatesOptions {
  readonly node: string;
  /** Without a watch every candidate counts as living, as in MetalLB without memberlist. */
  readonly watched: boolean;
}

export class Candidates {
  readonly #options: CandidatesOptions;
  readonly #peers = new Map<string, Peer>();
  #serving: Serving | undefined;
  #noCarrier: ReadonlySet<string> = new Set();
  #leaving = false;
  /** Living ones with which no claims can be exchanged. */
  readonly #unheard = new Set<string>();
  /** Members that are not Herald live. */
  mixed = false;

  constructor(options: CandidatesOptions) {
    this.#options = options;
  }

  stateOf(node: string): PeerState | undefined {
    return this.#peers.get(node)?.state;
  }

  /** True when its process was started anew since we heard of it last. */
  isNewLife({ node, generation }: PeerView): boolean {
    const known = this.#peers.get(node)?.generation;
    return known !== undefined && generation !== known;
  }

  /** True when something of it is new. */
  update({ node, state, generation, serving, isUnheard = false }: PeerView, now: Millis): boolean {
    const peer = this.#peers.get(node);
    const isSame = peer?.state === state && peer?.generation === generation && peer?.serving === serving;
    if (isSame && isUnheard === this.#unheard.has(node)) return false;
    if (isUnheard && state !== undefined) this.#unheard.add(node);
    else this.#unheard.delete(node);
    if (state === undefined) return this.#peers.delete(node);
    this.#peers.set(node, { state, generation, serving, steadySince: now });
    return true;
  }

  /** Nothing of what was known of the others holds. */
  forget(now: Millis): void {
    for (const peer of this.#peers.values()) {
      peer.state = "unknown";
      peer.steadySince = now;
    }
  }

  /** This node itself. */
  updateSelf(serving: Serving, noCarrier: ReadonlySet<string>): void {
    this.#serving = serving;
    this.#noCarrier = noCarrier;
  }

  leave(): void {
    this.#leaving = true;
  }

  mayLive(node: string): boolean {
    if (node === this.#options.node) return !this.#leaving;
    if (!this.#options.watched) return true;
    const state = this.#peers.get(node)?.state;
    return state === "alive" || state === "unknown";
  }

  isUndecided(node: string): boolean {
    return this.#options.watched && this.#peers.get(node)?.state === "unknown";
  }

  /** Why `node` cannot serve the address; `undefined`: it can, or it does not matter. */
  standsBack(wanted: WantedAddress, node: string): StandBackReason | undefined {
    if (this.mixed) return undefined;
    if (node !== this.#options.node) return standBackReason(wanted, { node, serving: this.#peers.get(node)?.serving });
    return standBackReason(wanted, { node, serving: this.#serving, noCarrier: this.#noCarrier });
  }

  /** True when who answers for the address now has a say in who will. */
  isSticky({ candidates, policy = DEFAULT_ADDRESS_POLICY }: WantedAddress): boolean {
    if (this.mixed || policy.failback === "immediate") return false;
    // Who answers must be known to all alike; where it cannot be told, only the order is.
    return this.#unheard.size === 0 || !candidates.some((node) => this.#unheard.has(node));
  }

  /**
   * Up to `countMax` of the candidates that may live, in the order in which they own the address; `ahead` before all of
   * them, whether it is one or not.
   */
  order(
    wanted: WantedAddress,
    options: { readonly holder: string | undefined; readonly countMax: number; readonly ahead?: string | undefined },
  ): string[] {
    const { holder, countMax, ahead } = options;
    const order = ahead !== undefined && this.mayLive(ahead) ? [ahead] : [];
    const unable: string[] = [];
    const linkless: string[] = [];
    const take = (node: string) => {
      if (order.includes(node) || !this.mayLive(node)) return;
      const reason = this.standsBack(wanted, node);
      const into = reason === undefined ? order : reason === "linkProbeFailed" ? unable : linkless;
      if (!into.includes(node)) into.push(node);
    };
    if (holder !== undefined && this.isSticky(wanted) && wanted.candidates.includes(holder)) take(holder);
    for (const node of wanted.candidates) {
      if (order.length >= countMax) return order;
      take(node);
    }
    // Whoever holds the address and cannot serve does not hold it any more.
    const byOrder = (a: string, b: string) => wanted.candidates.indexOf(a) - wanted.candidates.indexOf(b);
    return [...order, ...unable.sort(byOrder), ...linkless.sort(byOrder)].slice(0, countMax);
  }

  /** When the first candidate that could take over from `holder` may do so; `undefined`: there is none, or never. */
  failbackAt(wanted: WantedAddress, holder: string): { readonly node: string; readonly at: Millis } | undefined {
    const { failback } = wanted.policy ?? DEFAULT_ADDRESS_POLICY;
    const node = this.order(wanted, { holder: undefined, countMax: 1 })[0];
    if (typeof failback !== "object" || node === undefined || node === holder) return undefined;
    const peer = this.#peers.get(node);
    if (peer?.state !== "alive") return undefined;
    return { node, at: peer.steadySince + failback.afterMs };
  }
}
