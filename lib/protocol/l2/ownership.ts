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
 * The successor answers from the instant it is elected. The old owner falls silent about itself but goes on answering
 * until it sees the successor's gratuitous ARP on the wire or hears its claim, so the overlap is as short as the wire
 * allows and there is no gap. A successor that never noticed that we took its place (lost probes, a healed partition)
 * has no reason to announce anything: it is provoked by a single announcement of ours, to which an owner replies.
 *
 * An owner that sees another station announce its address waits a moment before it takes its neighbours back: most of
 * the time the other one has only heard the news first.
 *
 * A candidate that was neither heard nor given up yet decides nothing: whoever owns goes on, whoever does not waits.
 * After a pause of this process (`gap`) its ownership counts as lost, and nothing is answered before every other
 * candidate is known again. With a failback policy who answers already has a say: a claim carries a term that goes up
 * with every change of hands, the higher one wins, and of equal ones the better candidate's.
 *
 * It is about addresses of both families; which frames carry the claim is the responders' business.
 */
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import { sameInterfaces, type WantedAddress } from "../../base/wanted.ts";
import { Answering, termAfter } from "./answering.ts";
import { Candidates } from "./candidates.ts";
import { Election, type Verdict } from "./election.ts";
import type { PeerView } from "./liveness.ts";
import {
  announces,
  type HandOver,
  isLastResort,
  noteGivenUp,
  type OwnedAddress,
  ownedAddress,
  wasGivenUp,
} from "./owned_address.ts";
import {
  type Claim,
  type OthersClaims,
  type OwnershipEffect,
  type OwnershipInput,
  type OwnershipOptions,
} from "./ownership_io.ts";
import { WatchPairs } from "./watch_pairs.ts";

/** Younger owners are no part of a split. */
const SPLIT_MS_MIN = 250;
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
  #deadline: Deadline | undefined;
  #left = false;

  constructor(options: OwnershipOptions) {
    this.#options = { handOverMs: 2000, lingerMs: 5, provokeMs: 500, claimMs: 500, defendMs: 250, ...options };
    this.#candidates = new Candidates(options);
    this.#pairs = new WatchPairs(options);
    this.#election = new Election(options, { candidates: this.#candidates });
    this.#answering = new Answering(options, {
      candidates: this.#candidates,
      pairs: this.#pairs,
      effects: this.#effects,
      waiting: this.#waiting,
    });
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
      case "newLife":
        for (const address of this.#forgetHolder(input.node, input.generation)) this.#decide(address, now);
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
        this.#foreignClaim(input, now);
        break;
      case "claims":
        for (const claim of input.claims) this.#hearClaim(claim, input, now);
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
      if (!this.#candidates.update(change, now)) continue;
      changed = true;
      if (state === before) continue;
      if (state === undefined) this.#forgetHolder(node);
      if (state === "dead" && before !== "leaving") this.#lost.add(node);
      if (state === "dead" || state === "unknown") continue;
      if (this.#lost.delete(node) && state !== undefined) isBack = true;
    }
    if (changed) this.#decideAll(now);
    if (isBack) this.#repeatAll();
  }

  /** Nobody waits for a node that does not know that it had the address. `life`: the one that does know. */
  #forgetHolder(node: string, life?: number): readonly OwnedAddress[] {
    const held = [...this.#addresses.values()].filter(({ holder, holderLife }) =>
      holder === node && (life === undefined || holderLife !== life)
    );
    for (const address of held) address.holder = undefined;
    return held;
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
      if (better !== undefined && better !== this.#options.node && this.#hasClaimed(better, { address, now })) {
        return this.#release(address, { to: better, verdict: { elected, reason } }, now);
      }
      // Whom we meant to hand over to may be gone: nobody to wait for, nobody to stop for.
      this.#answering.endHandOver(address);
      return this.#answering.report(address, { owned: true, reason, elected });
    }
    if (elected === null) return this.#answering.disown(address, { elected, reason });
    if (this.#hasClaimed(elected, { address, now })) {
      return this.#release(address, { to: elected, verdict: { elected, reason } }, now);
    }
    this.#handOverTo(address, elected, now);
    this.#answering.report(address, { owned: true, reason: "handingOver", elected });
  }

  /**
   * The successor answers. On the segment its announcement stands behind every question that it left to us; its word by
   * the watch may overtake them, so we go on for a moment.
   */
  #release(
    address: OwnedAddress,
    { to, verdict }: { readonly to: string; readonly verdict: Verdict },
    now: Millis,
  ): void {
    address.released = { to, at: now };
    const claim = address.foreignClaim!;
    const lingerUntil = address.handOver?.lingerUntil ?? claim.at + this.#options.lingerMs;
    if (!claim.mayOvertake || now >= lingerUntil) return this.#answering.disown(address, verdict);
    this.#handOverTo(address, to, now);
    address.handOver!.lingerUntil = lingerUntil;
    this.#answering.report(address, { owned: true, reason: "handingOver", elected: to });
  }

  /** The successor has spoken for it. A claim of another node says nothing of this one, which may not know yet. */
  #hasClaimed(successor: string, { address, now }: { readonly address: OwnedAddress; readonly now: Millis }): boolean {
    const { foreignClaim } = address;
    if (foreignClaim === undefined || now - foreignClaim.at > this.#options.claimMs) return false;
    return foreignClaim.node === undefined || foreignClaim.node === successor;
  }

  #handOverTo(address: OwnedAddress, successor: string, now: Millis): void {
    address.defence = undefined;
    address.contradictedAt = -Infinity;
    const begun = address.handOver;
    if (begun?.successor === successor) return;
    const { handOverMs, provokeMs } = this.#options;
    // Another successor gets its own time, except from who must not stay for ever: a leaver, and no candidate any more.
    const until = begun !== undefined && this.#mustGo(address) ? begun.until : now + handOverMs;
    address.handOver = { successor, until, provokeAt: this.#election.leaving ? undefined : now + provokeMs };
    this.#waiting.add(address);
    if (address.hushed) return;
    address.hushed = true;
    this.#effects.push({ kind: "hush", address: address.wanted.address });
    this.#answering.giveUp(address, successor);
  }

  #mustGo({ wanted }: OwnedAddress): boolean {
    return this.#election.leaving || !wanted.candidates.includes(this.#options.node);
  }

  #continue(address: OwnedAddress, now: Millis): void {
    if (address.handOver !== undefined) this.#continueHandOver(address, address.handOver, now);
    const { defence } = address;
    if (defence !== undefined && now >= defence.at) {
      address.defence = undefined;
      if (announces(address)) this.#takeBack(address, defence.against, now);
    }
    if (address.reported?.reason === "kept") {
      if (now >= (address.failbackAt ?? Infinity)) this.#decide(address, now);
    } else if (address.handOver === undefined && address.defence === undefined) {
      this.#waiting.delete(address);
    }
  }

  #continueHandOver(address: OwnedAddress, handOver: HandOver, now: Millis): void {
    const { address: key, interfaces } = address.wanted;
    if (now >= (handOver.lingerUntil ?? Infinity)) {
      const verdict = this.#judge(address, now);
      if (verdict.elected === this.#options.node) return this.#decide(address, now);
      return this.#answering.disown(address, verdict);
    }
    if (now >= handOver.until) {
      // A successor that has to hear that we gave up is not left alone with an address that nobody answers for.
      const mustHear = this.#candidates.isSticky(address.wanted) && !this.#mustGo(address);
      if (!mustHear) return this.#answering.disown(address, this.#judge(address, now));
      address.handOver = { ...handOver, until: now + this.#options.handOverMs, provokeAt: now };
    }
    const { provokeAt } = address.handOver!;
    if (provokeAt === undefined || now < provokeAt) return;
    address.handOver!.provokeAt = undefined;
    this.#answering.giveUp(address, handOver.successor);
    // A hand-over that began before `leave` still has its time to provoke; a leaver takes no neighbours back.
    if (!this.#election.leaving) this.#effects.push({ kind: "announce", address: key, interfaces, once: true });
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

  #foreignClaim({ address: key, node }: OwnershipInput & { kind: "foreignClaim" }, now: Millis): void {
    const address = this.#addresses.get(key);
    if (address === undefined || !address.owned) return;
    // What a speaker that we hear means by it, its claim says better: the frame may be the last of a former owner.
    const isHeard = node !== undefined && this.#options.watched && this.#candidates.mayLive(node);
    if (!isHeard || !announces(address)) address.foreignClaim = { at: now, node, mayOvertake: false };
    if (announces(address)) this.#defend(address, node, now);
    else this.#decide(address, now);
  }

  /** Whoever claims what is ours has not noticed us, or we have not heard yet what it has (RFC 5227 §2.4). */
  #defend(address: OwnedAddress, against: string | undefined, now: Millis): void {
    address.defence ??= { at: now + this.#options.defendMs, against };
    this.#waiting.add(address);
  }

  /** Another one has answered beside us, though it does not any more: its neighbours do not know. */
  #defendOld(
    address: OwnedAddress,
    { node: other, standing }: Pick<OthersClaims, "node" | "standing">,
    now: Millis,
  ): void {
    if (!announces(address) || now - address.ownedSince < SPLIT_MS_MIN) return;
    this.#defend(address, other, now);
    if (!standing) return;
    this.#effects.push({ kind: "splitHealed", address: address.wanted.address, other, keeps: this.#options.node });
  }

  /** In both layers: what the segment hears from us, the other speakers hear as well. */
  #takeBack(address: OwnedAddress, from: string | undefined, now: Millis): void {
    this.#effects.push({ kind: "repeat", address: address.wanted.address });
    if (this.#options.watched && address.holder === this.#options.node) this.#contradict(address, from, now);
  }

  #contradict(address: OwnedAddress, other: string | undefined, now: Millis): void {
    address.contradictedAt = now;
    // Whoever hears it gives way, or says again that it does not.
    if (other !== undefined && this.#candidates.mayLive(other)) address.foreignClaim = undefined;
    this.#answering.claim(address, other);
  }

  #hearClaim(claim: Claim, from: Omit<OthersClaims, "kind" | "claims">, now: Millis): void {
    const address = this.#addresses.get(claim.address);
    const { node } = from;
    // Whoever is dead to us says it again when it is not any more; two that are dead to each other would only shout.
    if (address === undefined || !this.#candidates.mayLive(node)) return;
    if (claim.givenUp) {
      noteGivenUp(address, claim, from);
      if (address.holder === node && claim.term >= address.holderTerm) address.holder = undefined;
      address.term = Math.max(address.term, claim.term);
      this.#decide(address, now);
      this.#defendOld(address, from, now);
      // A claim of ours that is not above that one did not count beside it: nobody would know that it is us who answer.
      if (!announces(address) || address.holder !== this.#options.node || address.term > claim.term) return;
      address.term = termAfter(address.term);
      return this.#answering.claim(address, node);
    }
    if (wasGivenUp(address, claim, from)) return this.#defendOld(address, from, now);
    const insisted = address.owned && !address.hushed;
    const wasOwned = address.owned;
    const theirsHolds = this.#beats(claim, from, address);
    if (theirsHolds) {
      address.holder = node;
      address.term = claim.term;
    }
    // Another life of the holder may not know how high its term was.
    if (address.holder === node) {
      address.holderTerm = claim.term;
      address.holderLife = from.generation;
      address.holderIsFresh = !from.stale;
    }
    if (!wasOwned) {
      this.#decide(address, now);
      const { released } = address;
      if (from.standing && released?.to === node && now - released.at <= this.#options.handOverMs) {
        address.released = undefined;
        this.#effects.push({ kind: "splitHealed", address: claim.address, other: node, keeps: node });
      }
      return this.#doubtOwner(address, node);
    }
    address.foreignClaim = { at: now, node, mayOvertake: !from.standing };
    this.#decide(address, now);
    // Whoever has just begun did not go on in a part of the network.
    const isOld = now - address.ownedSince >= SPLIT_MS_MIN;
    if (from.standing && isOld && (insisted || address.reported?.elected === node)) {
      const keeps = address.owned && !address.hushed ? this.#options.node : node;
      this.#effects.push({ kind: "splitHealed", address: claim.address, other: node, keeps });
    }
    if (!address.owned || address.hushed) return;
    // We keep it, by the order, and the other one hears so, but not at the rate at which two could contradict each other.
    // If it goes on nevertheless it may know better: then its claim counts as soon as we know the same.
    address.holder = this.#options.node;
    if (from.standing) address.foreignClaim = undefined;
    address.term = Math.max(address.term, theirsHolds ? termAfter(claim.term) : claim.term);
    if (now - address.contradictedAt >= this.#options.defendMs) this.#contradict(address, node, now);
    this.#defend(address, node, now);
  }

  /** True when another node's claim counts more than what is known: a later term, or the same one of a better candidate. */
  #beats(claim: Claim, { node, stale }: Pick<OthersClaims, "node" | "stale">, address: OwnedAddress): boolean {
    const { holder, holderIsFresh, term, wanted } = address;
    if (holder === undefined || !this.#candidates.mayLive(holder)) return true;
    const isFresh = holder === this.#options.node ? !this.#election.stale : holderIsFresh;
    if (holder !== node && stale === isFresh) return !stale;
    if (claim.term !== term) return claim.term > term;
    return wanted.candidates.indexOf(node) <= wanted.candidates.indexOf(holder);
  }

  /** Somebody answers although another one comes first: that one may be dead, and we do not watch it. */
  #doubtOwner(address: OwnedAddress, claimant: string): void {
    const [owner] = address.order;
    if (owner === undefined || owner === claimant || owner === this.#options.node) return;
    this.#effects.push({ kind: "doubt", node: owner });
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
