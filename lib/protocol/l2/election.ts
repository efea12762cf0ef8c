/**
 * Election: who should own an address by all that is known now, and what that makes of this node.
 *
 * It joins the order of the candidates with what may keep this node from a decision: a snapshot that is not whole, a view
 * from before a pause, claims that are not known yet. It asks for nothing and tells nobody.
 */
import { sameTexts } from "../../base/text_list.ts";
import type { Millis } from "../../base/time.ts";
import type { Candidates } from "./candidates.ts";
import type { OwnedAddress, OwnershipState } from "./owned_address.ts";
import { WATCHING_ORDER } from "./watch_pairs.ts";

export type Verdict = Omit<OwnershipState, "owned">;

export class Election {
  readonly #options: { readonly node: string };
  readonly #candidates: Candidates;
  /** The first snapshot of what is wanted is whole. */
  complete = false;
  /** Who lives has said what it answers for, or had its time to. */
  claimsKnown: boolean;
  cutOff = false;
  /** What is wanted may be old. */
  stale = false;
  leaving = false;

  constructor(
    options: { readonly node: string; readonly watched: boolean },
    deps: { readonly candidates: Candidates },
  ) {
    this.#options = options;
    this.#candidates = deps.candidates;
    this.claimsKnown = !options.watched;
  }

  /** Who should own the address, and what that makes of us. `waitingForPeers` when it cannot be said yet. */
  judge(address: OwnedAddress, now: Millis): Verdict {
    const { node } = this.#options;
    const { wanted } = address;
    if (!this.complete) return { elected: null, reason: "waitingForSnapshot" };
    if (this.cutOff) return { elected: null, reason: "safe" };
    if (address.unconfirmed) {
      if (wanted.candidates.some((other) => other !== node && this.#candidates.isUndecided(other))) {
        return { elected: null, reason: "waitingForPeers" };
      }
      address.unconfirmed = false;
    }
    if (address.holder === node && this.#isFailbackDue(address, now)) address.holder = undefined;
    const { holder, holderIsFresh } = address;
    // Whoever hears the API knows better than our plan.
    const ahead = this.stale && holderIsFresh && holder !== node ? holder : undefined;
    const order = this.#candidates.order(wanted, { holder, countMax: WATCHING_ORDER, ahead });
    if (!sameTexts(address.order, order)) address.order = order;
    const first = order[0] ?? null;
    if (first === node) return this.#judgeOwn(address);
    if (first !== null && this.#candidates.isUndecided(first) && !this.leaving) {
      return { elected: first, reason: "waitingForPeers" };
    }
    if (this.leaving) return { elected: first, reason: "leaving" };
    if (!wanted.candidates.includes(node)) return { elected: first, reason: "notCandidate" };
    const before = wanted.candidates.indexOf(node) < wanted.candidates.indexOf(first ?? "");
    return { elected: first, reason: (before ? this.#candidates.standsBack(wanted, node) : undefined) ?? "notOwner" };
  }

  /**
   * We are the first; with a failback policy, or a plan that may be old, that is not enough as long as others may say that
   * they answer.
   */
  #judgeOwn(address: OwnedAddress): Verdict {
    const { node } = this.#options;
    const { wanted } = address;
    const isSticky = this.#candidates.isSticky(wanted);
    const mustAsk = isSticky || this.stale;
    if (mustAsk && !address.owned && !this.claimsKnown) return { elected: null, reason: "waitingForClaims" };
    const reason = this.#candidates.standsBack(wanted, node);
    if (reason !== undefined) return { elected: node, reason };
    const isKept = isSticky && this.#candidates.order(wanted, { holder: undefined, countMax: 1 })[0] !== node;
    address.failbackAt = isKept ? this.#candidates.failbackAt(wanted, node)?.at : undefined;
    return { elected: node, reason: isKept ? "kept" : "elected" };
  }

  #isFailbackDue({ wanted }: OwnedAddress, now: Millis): boolean {
    const failback = this.#candidates.failbackAt(wanted, this.#options.node);
    return failback !== undefined && now >= failback.at;
  }
}
