/**
 * Hand-overs: how an address goes to another node without silence.
 *
 * The successor answers from the instant it is elected. The old owner falls silent about itself but goes on answering
 * until it sees the successor's gratuitous ARP on the wire or hears its claim, so the overlap is as short as the wire
 * allows and there is no gap. A successor that never noticed that we took its place (lost probes, a healed partition)
 * has no reason to announce anything: it is provoked by a single announcement of ours, to which an owner replies.
 */
import type { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { Answering } from "./answering.ts";
import type { Candidates } from "./candidates.ts";
import type { Election, Verdict } from "./election.ts";
import type { HandOver, OwnedAddress } from "./owned_address.ts";
import type { OwnershipEffect, OwnershipOptions } from "./ownership_io.ts";

export interface HandOversDeps {
  readonly candidates: Candidates;
  readonly election: Election;
  readonly answering: Answering;
  readonly effects: Queue<OwnershipEffect>;
  readonly waiting: Set<OwnedAddress>;
  readonly judge: (address: OwnedAddress, now: Millis) => Verdict;
  readonly decide: (address: OwnedAddress, now: Millis) => void;
}

export class HandOvers {
  readonly #options: Required<OwnershipOptions>;
  readonly #deps: HandOversDeps;

  constructor(options: Required<OwnershipOptions>, deps: HandOversDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * The successor answers. On the segment its announcement stands behind every question that it left to us; its word by
   * the watch may overtake them, so we go on for a moment.
   */
  release(
    address: OwnedAddress,
    { to, verdict }: { readonly to: string; readonly verdict: Verdict },
    now: Millis,
  ): void {
    address.released = { to, at: now };
    const claim = address.foreignClaim!;
    const lingerUntil = address.handOver?.lingerUntil ?? claim.at + this.#options.lingerMs;
    if (!claim.mayOvertake || now >= lingerUntil) return this.#deps.answering.disown(address, verdict);
    this.begin(address, to, now);
    address.handOver!.lingerUntil = lingerUntil;
    this.#deps.answering.report(address, { owned: true, reason: "handingOver", elected: to });
  }

  /** The successor has spoken for it. A claim of another node says nothing of this one, which may not know yet. */
  hasClaimed(successor: string, { address, now }: { readonly address: OwnedAddress; readonly now: Millis }): boolean {
    const { foreignClaim } = address;
    if (foreignClaim === undefined || now - foreignClaim.at > this.#options.claimMs) return false;
    return foreignClaim.node === undefined || foreignClaim.node === successor;
  }

  begin(address: OwnedAddress, successor: string, now: Millis): void {
    address.defence = undefined;
    address.contradictedAt = -Infinity;
    const begun = address.handOver;
    if (begun?.successor === successor) return;
    const { handOverMs, provokeMs } = this.#options;
    // Another successor gets its own time, except from who must not stay for ever: a leaver, and no candidate any more.
    const until = begun !== undefined && this.#mustGo(address) ? begun.until : now + handOverMs;
    address.handOver = { successor, until, provokeAt: this.#deps.election.leaving ? undefined : now + provokeMs };
    this.#deps.waiting.add(address);
    if (address.hushed) return;
    address.hushed = true;
    this.#deps.effects.push({ kind: "hush", address: address.wanted.address });
    this.#deps.answering.giveUp(address, successor);
  }

  #mustGo({ wanted }: OwnedAddress): boolean {
    return this.#deps.election.leaving || !wanted.candidates.includes(this.#options.node);
  }

  continue(address: OwnedAddress, handOver: HandOver, now: Millis): void {
    const { address: key, interfaces } = address.wanted;
    if (now >= (handOver.lingerUntil ?? Infinity)) {
      const verdict = this.#deps.judge(address, now);
      if (verdict.elected === this.#options.node) return this.#deps.decide(address, now);
      return this.#deps.answering.disown(address, verdict);
    }
    if (now >= handOver.until) {
      // A successor that has to hear that we gave up is not left alone with an address that nobody answers for.
      const mustHear = this.#deps.candidates.isSticky(address.wanted) && !this.#mustGo(address);
      if (!mustHear) return this.#deps.answering.disown(address, this.#deps.judge(address, now));
      address.handOver = { ...handOver, until: now + this.#options.handOverMs, provokeAt: now };
    }
    const { provokeAt } = address.handOver!;
    if (provokeAt === undefined || now < provokeAt) return;
    address.handOver!.provokeAt = undefined;
    this.#deps.answering.giveUp(address, handOver.successor);
    // A hand-over that began before `leave` still has its time to provoke; a leaver takes no neighbours back.
    if (!this.#deps.election.leaving) {
      this.#deps.effects.push({ kind: "announce", address: key, interfaces, once: true });
    }
  }
}
