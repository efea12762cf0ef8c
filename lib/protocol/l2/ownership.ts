/**
 * Ownership: which addresses this node answers for now, and when it lets go of one.
 *
 * Every speaker applies one rule to the same order (`candidates.ts`): the first candidate that lives owns the address.
 * This machine joins the order (from the API) with who lives and makes every change of owner without silence:
 *
 *     not owner ── elected ──> owner ── another is elected ──> handing over ── successor seen, or 2 s ──> not owner
 *                                ^                                  │
 *                                └────────── elected again ─────────┘
 *
 * Its parts have files of their own: who should own an address (`election.ts`), what is done about it (`answering.ts`),
 * how it goes to another node (`hand_overs.ts`), and what others say of it (`contention.ts`).
 *
 * A candidate that was neither heard nor given up yet decides nothing: whoever owns goes on, whoever does not waits.
 * After a pause of this process (`gap`) its ownership counts as lost, and nothing is answered before every other
 * candidate is known again. With a failback policy who answers already has a say.
 *
 * It is about addresses of both families; which frames carry the claim is the responders' business.
 */
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import { sameInterfaces, type WantedAddress } from "../../base/wanted.ts";
import { Answering } from "./answering.ts";
import { Candidates } from "./candidates.ts";
import { Contention } from "./contention.ts";
import { Election, type Verdict } from "./election.ts";
import { HandOvers } from "./hand_overs.ts";
import type { PeerView } from "./liveness.ts";
import { announces, forgetLife, isLastResort, type OwnedAddress, ownedAddress } from "./owned_address.ts";
import type { OwnershipEffect, OwnershipInput, OwnershipOptions } from "./ownership_io.ts";
import { WatchPairs } from "./watch_pairs.ts";

/** More addresses than that change at once nowhere. */
const DROPPED_MAX = 10_000;

export class Ownership implements Machine<OwnershipInput, OwnershipEffect> {
  readonly #options: Required<OwnershipOptions>;
  readonly #candidates: Candidates;
  readonly #election: Election;
  readonly #pairs: WatchPairs;
  readonly #addresses = new Map<string, OwnedAddress>();
  /** Nodes that fell silent without having left, and were not heard since. */
  readonly #lost = new Set<string>();
  /** Terms of addresses that nobody wants. Others may not have heard that, and wait for us if we held them. */
  readonly #dropped = new Map<string, { readonly term: number; readonly wasHeld: boolean }>();
  readonly #effects = new Queue<OwnershipEffect>();
  /** Those of `#addresses` that wait for an instant: a hand-over, a defence, a failback. */
  readonly #waiting = new Set<OwnedAddress>();
  readonly #answering: Answering;
  readonly #handOvers: HandOvers;
  readonly #contention: Contention;
  #deadline: Deadline | undefined;
  #left = false;

  constructor(options: OwnershipOptions) {
    this.#options = { handOverMs: 2000, lingerMs: 5, provokeMs: 500, claimMs: 500, defendMs: 250, ...options };
    this.#candidates = new Candidates(options);
    this.#pairs = new WatchPairs(options);
    this.#election = new Election(options, { candidates: this.#candidates });
    const shared = {
      addresses: this.#addresses,
      candidates: this.#candidates,
      election: this.#election,
      pairs: this.#pairs,
      effects: this.#effects,
      waiting: this.#waiting,
      judge: (address: OwnedAddress, now: Millis) => this.#judge(address, now),
      decide: (address: OwnedAddress, now: Millis) => this.#decide(address, now),
    };
    this.#answering = new Answering(options, shared);
    this.#handOvers = new HandOvers(this.#options, { ...shared, answering: this.#answering });
    this.#contention = new Contention(this.#options, { ...shared, answering: this.#answering });
  }

  handle(input: OwnershipInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "wanted":
        for (const address of input.remove) this.#remove(address);
        for (const wanted of input.upsert) this.#upsert(wanted, now);
        break;
      case "complete":
        this.#election.complete = true;
        this.#askClaims();
        this.#decideAll(now);
        break;
      case "peers":
        this.#changePeers(input.changes, now);
        break;
      case "foreignMembers":
        this.#candidates.mixed = input.nodes.length > 0;
        this.#decideAll(now);
        break;
      case "serving":
        this.#candidates.updateSelf(input.serving, input.noCarrier);
        this.#decideAll(now);
        break;
      case "foreignClaim":
        // The segment may send thousands a second: what is only to be defended later costs no look at all that waits.
        if (!this.#contention.seeClaim(input, now)) return this.#awaitDefence(input.address);
        break;
      case "claims":
        for (const claim of input.claims) this.#contention.hearClaim(claim, input, now);
        break;
      case "claimsKnown":
        this.#election.claimsKnown = true;
        this.#decideAll(now);
        break;
      case "cutOff":
        this.#election.cutOff = input.cutOff;
        if (!input.cutOff) this.#askClaims();
        for (const address of this.#addresses.values()) {
          if (input.cutOff && address.owned) this.#answering.stop(address);
          this.#decide(address, now);
        }
        break;
      case "stale":
        this.#changeStale(input.stale, now);
        break;
      case "gap":
        this.#gap(now);
        break;
      case "leave":
        this.#election.leaving = true;
        this.#candidates.leave();
        // No successor can have announced itself before it could know that we leave.
        for (const address of this.#addresses.values()) address.foreignClaim = undefined;
        this.#decideAll(now);
        break;
      case "tick":
        // The plane ticks for all its machines, and thousands of addresses may wait here for minutes.
        if (now < (this.#deadline?.at ?? Infinity)) return;
        for (const address of [...this.#waiting]) this.#continue(address, now);
    }
    if (this.#election.leaving && !this.#left && !this.#ownsAny()) {
      this.#left = true;
      this.#effects.push({ kind: "left" });
    }
    const pairs = this.#pairs.take(this.#addresses.values());
    if (pairs !== undefined) this.#effects.push(pairs);
    this.#deadline = this.#findDeadline();
  }

  poll(): OwnershipEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#deadline;
  }

  inspect(): Json {
    return {
      complete: this.#election.complete,
      claimsKnown: this.#election.claimsKnown,
      cutOff: this.#election.cutOff,
      leaving: this.#election.leaving,
      addresses: [...this.#addresses.values()].map((address) => ({
        address: address.wanted.address,
        owned: address.owned,
        reason: address.reported?.reason ?? null,
        elected: address.reported?.elected ?? null,
        holder: address.holder ?? null,
        term: address.term,
        candidates: address.wanted.candidates.map((node) => ({
          node,
          state: node === this.#options.node ? "self" : this.#candidates.stateOf(node) ?? null,
          standsBack: this.#candidates.standsBack(address.wanted, node) ?? null,
        })),
        interfaces: address.wanted.interfaces,
        services: address.wanted.services,
      })),
    };
  }

  #upsert(wanted: WantedAddress, now: Millis): void {
    const address = this.#addresses.get(wanted.address);
    this.#pairs.count(wanted.candidates, 1);
    if (address === undefined) {
      return this.#begin(wanted, now);
    }
    this.#pairs.count(address.wanted.candidates, -1);
    const moved = !sameInterfaces(address.wanted.interfaces, wanted.interfaces);
    address.wanted = wanted;
    if (address.owned && moved) {
      if (address.hushed) this.#answering.answer(address);
      else this.#answering.tell(address);
    }
    this.#decide(address, now);
  }

  #begin(wanted: WantedAddress, now: Millis): void {
    const fresh = ownedAddress(wanted);
    const dropped = this.#dropped.get(wanted.address);
    this.#dropped.delete(wanted.address);
    fresh.term = dropped?.term ?? 0;
    this.#addresses.set(wanted.address, fresh);
    this.#decide(fresh, now);
    if (dropped?.wasHeld && !fresh.owned) this.#answering.giveUp(fresh, fresh.reported?.elected ?? undefined);
  }

  #remove(key: string): void {
    const address = this.#addresses.get(key);
    if (address === undefined) return;
    if (address.term > 0) {
      this.#dropped.set(key, { term: address.term, wasHeld: address.holder === this.#options.node });
      if (this.#dropped.size > DROPPED_MAX) this.#dropped.delete(this.#dropped.keys().next().value!);
    }
    this.#addresses.delete(key);
    this.#pairs.count(address.wanted.candidates, -1);
    this.#waiting.delete(address);
    // Nobody wants it any more, so there is no successor to wait for.
    if (address.owned) this.#answering.disownIt(address);
    this.#effects.push({ kind: "changed", address: key, owned: false, reason: "notCandidate", elected: null });
  }

  #changePeers(changes: readonly PeerView[], now: Millis): void {
    let changed = false;
    let isBack = false;
    for (const change of changes) {
      const { node, state } = change;
      const before = this.#candidates.stateOf(node);
      const isNewLife = this.#candidates.isNewLife(change);
      if (!this.#candidates.update(change, now)) continue;
      changed = true;
      if (isNewLife || state === undefined) {
        for (const address of this.#addresses.values()) forgetLife(address, node);
      }
      if (state === before) continue;
      if (state === "dead" && before !== "leaving") this.#lost.add(node);
      if (state === "dead" || state === "unknown") continue;
      if (this.#lost.delete(node) && state !== undefined) isBack = true;
    }
    if (changed) this.#decideAll(now);
    if (isBack) this.#repeatAll();
  }

  /** While a node was lost to us it may have taken, in its part of the network, what it was a candidate of at the time. */
  #repeatAll(): void {
    for (const address of this.#addresses.values()) {
      if (announces(address)) this.#effects.push({ kind: "repeat", address: address.wanted.address });
    }
  }

  #decideAll(now: Millis): void {
    for (const address of this.#addresses.values()) this.#decide(address, now);
  }

  /** Brings one address from what it is to what it should be. */
  #decide(address: OwnedAddress, now: Millis): void {
    const { elected, reason } = this.#judge(address, now);
    if (elected === this.#options.node) {
      this.#answering.endHandOver(address);
      // Who answered only because nobody could serve it did not insist, and does from now on.
      const insistsNow = isLastResort(address.reported) && (reason === "elected" || reason === "kept");
      // A successor that we waited for may have told the segment already; take the neighbours back.
      if (!address.owned || address.hushed || insistsNow) this.#answering.own(address, now);
      return this.#answering.report(address, { owned: true, reason, elected });
    }
    if (!address.owned) return this.#answering.report(address, { owned: false, reason, elected });
    if (reason === "waitingForPeers") {
      // Whoever comes first of all, one that comes before us answers already.
      const better = address.order.find((node) => !this.#candidates.isUndecided(node));
      if (
        better !== undefined && better !== this.#options.node && this.#handOvers.hasClaimed(better, { address, now })
      ) {
        return this.#handOvers.release(address, { to: better, verdict: { elected, reason } }, now);
      }
      // Whom we meant to hand over to may be gone: nobody to wait for, nobody to stop for.
      this.#answering.endHandOver(address);
      return this.#answering.report(address, { owned: true, reason, elected });
    }
    if (elected === null) return this.#answering.disown(address, { elected, reason });
    if (this.#handOvers.hasClaimed(elected, { address, now })) {
      return this.#handOvers.release(address, { to: elected, verdict: { elected, reason } }, now);
    }
    this.#handOvers.begin(address, elected, now);
    this.#answering.report(address, { owned: true, reason: "handingOver", elected });
  }

  #continue(address: OwnedAddress, now: Millis): void {
    if (address.handOver !== undefined) this.#handOvers.continue(address, address.handOver, now);
    const { defence } = address;
    if (defence !== undefined && now >= defence.at) {
      address.defence = undefined;
      if (announces(address)) this.#contention.takeBack(address, defence.against, now);
    }
    if (address.reported?.reason === "kept") {
      if (now >= (address.failbackAt ?? Infinity)) this.#decide(address, now);
    } else if (address.handOver === undefined && address.defence === undefined) {
      this.#waiting.delete(address);
    }
  }

  #awaitDefence(key: string): void {
    const at = this.#addresses.get(key)?.defence?.at ?? Infinity;
    if (at < (this.#deadline?.at ?? Infinity)) this.#deadline = { at, why: `keep ${key}` };
  }

  #findDeadline(): Deadline | undefined {
    let next: Deadline | undefined;
    for (const { handOver, defence, failbackAt, wanted, reported } of this.#waiting) {
      const at = Math.min(
        handOver?.until ?? Infinity,
        handOver?.provokeAt ?? Infinity,
        handOver?.lingerUntil ?? Infinity,
        defence?.at ?? Infinity,
        (reported?.reason === "kept" ? failbackAt : undefined) ?? Infinity,
      );
      if (at < (next?.at ?? Infinity)) next = { at, why: `${handOver ? "hand over" : "keep"} ${wanted.address}` };
    }
    return next;
  }

  #judge(address: OwnedAddress, now: Millis): Verdict {
    const { order } = address;
    const verdict = this.#election.judge(address, now);
    if (address.order !== order) this.#pairs.change();
    if (verdict.reason === "kept" && address.failbackAt !== undefined) this.#waiting.add(address);
    return verdict;
  }

  #askClaims(): void {
    if (!this.#options.watched) return;
    this.#election.claimsKnown = false;
    this.#effects.push({ kind: "askClaims" });
  }

  /** Who hears the API again says once more what it answers for: now that counts. */
  #changeStale(stale: boolean, now: Millis): void {
    if (stale === this.#election.stale) return;
    this.#election.stale = stale;
    if (stale || !this.#options.watched) return;
    this.#decideAll(now);
    for (const address of this.#addresses.values()) {
      if (announces(address) && address.holder === this.#options.node) this.#answering.claim(address, undefined);
    }
  }

  #gap(now: Millis): void {
    // Liveness forgets at the same time, and will tell what it learns anew.
    this.#candidates.forget(now);
    if (this.#election.complete) this.#askClaims();
    for (const address of this.#addresses.values()) {
      address.unconfirmed = true;
      if (address.owned) this.#answering.stop(address);
      this.#decide(address, now);
    }
  }

  #ownsAny(): boolean {
    return this.#addresses.values().some(({ owned }) => owned);
  }
}
