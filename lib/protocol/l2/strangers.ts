/**
 * Strangers: what to do about a claim of an address that comes from the segment, by who says it and how far we are.
 *
 * A speaker of the cluster is no stranger: its claim is handed on to ownership. Before we have a right to the address a
 * stranger has the better one, and we give way; afterwards its claim is told, and defended at most every 10 s (RFC 5227
 * §2.4 (c)). A probe of a stranger is no claim while we answer: the answer tells it that it is too late.
 */
import type { Agenda } from "../../base/agenda.ts";
import { invariant } from "../../base/assert.ts";
import type { ConflictState, DoubleAnswerState } from "../../base/conflict.ts";
import type { Mac } from "../../base/mac.ts";
import type { Queue } from "../../base/queue.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { AddressClaim, ConflictGuardEffect, ConflictGuardOptions } from "./conflict_io.ts";
import { type Guarded, isAnswered, isBetweenOwners, rivalryMs, type Stranger } from "./guarded_address.ts";
import type { L2Interface } from "./interface.ts";
import type { KnownStations } from "./known_stations.ts";

export interface StrangersDeps {
  readonly rng: Rng;
  readonly addresses: ReadonlyMap<string, Guarded>;
  readonly interfaces: ReadonlyMap<number, L2Interface>;
  readonly stations: KnownStations;
  readonly agenda: Agenda<Guarded>;
  readonly effects: Queue<ConflictGuardEffect>;
}

/** Longer than the announcements of a node that did not know yet, or did not hear us. */
const RIVALRY_MS = 6_000;
const DOUBLE_ANSWER_MS = 3_600_000;

/** A node that answers for what it does not own. */
interface DoubleAnswer {
  readonly address: string;
  readonly mac: Mac;
  readonly interfaceName: string;
  /** It was found by an answer. */
  readonly hasAnswered: boolean;
  readonly toldAt: Millis;
  claimedAt: Millis;
}

export class Strangers {
  readonly #options: Required<ConflictGuardOptions>;
  readonly #deps: StrangersDeps;
  /** By node: speakers that we know, so there are no more than those. */
  readonly #doubleAnswers = new Map<string, DoubleAnswer>();

  constructor(options: Required<ConflictGuardOptions>, deps: StrangersDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  forgetNode(node: string): void {
    const known = this.#doubleAnswers.get(node);
    if (known === undefined) return;
    this.#doubleAnswers.delete(node);
    this.#tellDoubleAnswer("gone", node, known);
  }

  hasDoubleAnswer({ address }: Guarded): boolean {
    return this.#doubleAnswers.values().some((known) => known.address === address);
  }

  /** Whoever was not heard to claim the address for long enough answers beside us no more: an answer may be lost. */
  checkDoubleAnswers({ address, policy }: Guarded, now: Millis): void {
    const { checkMs, defendMs } = this.#options;
    for (const [node, known] of this.#doubleAnswers) {
      if (known.address !== address) continue;
      // Whether it still answers is asked; what a kernel says of itself (arp_announce=0) comes when it likes.
      const pauseMs = known.hasAnswered && policy.probe !== "off" ? defendMs : checkMs;
      if (now - known.claimedAt > 2.5 * pauseMs) this.forgetNode(node);
    }
  }

  /** The address is not ours any more. */
  endDoubleAnswers({ address }: Guarded): void {
    for (const [node, known] of this.#doubleAnswers) if (known.address === address) this.forgetNode(node);
  }

  claim(claim: AddressClaim, now: Millis): void {
    const { address, mac, form } = claim;
    const guarded = this.#deps.addresses.get(address);
    if (guarded === undefined || guarded.phase === "idle" || this.#deps.stations.isOwn(mac)) return;
    const node = this.#deps.stations.nodeOf(mac, now);
    const mayBeSpeaker = this.#mayBeSuccessor(guarded) || this.#deps.stations.isExpecting(now);
    if (node === undefined && mayBeSpeaker && guarded.phase !== "settled") {
      // No verdict is fair yet: ask once more.
      if (guarded.probesLeft === 0) guarded.probesLeft = 1;
    }
    if (node !== undefined || mayBeSpeaker) {
      // Only a gratuitous frame says "from now on": an ordinary request of a station that uses the address does not.
      if (form === "gratuitous") this.#deps.effects.push({ kind: "speakerClaim", address, node });
      if (node !== undefined && form !== "probe") this.#noticeDoubleAnswer(guarded, { claim, node, now });
      return;
    }
    if (guarded.phase !== "settled") return this.#contend(guarded, claim, now);
    if (form === "probe") return this.#tellOfProbe(guarded, claim, now);
    this.#defend(guarded, claim, now);
  }

  /**
   * An answer to one of the occasional probes, which do not begin before a hand-over is over, says it at once. Of
   * announcements and requests some may be the last of an owner before us; whoever goes on is no such one.
   */
  #noticeDoubleAnswer(
    guarded: Guarded,
    { claim, node, now }: { claim: AddressClaim; node: string; now: Millis },
  ): void {
    const { address, phase, report } = guarded;
    if (phase !== "settled" || report?.owned !== true || isBetweenOwners(report)) return;
    const { quietMs } = this.#options;
    if (claim.form !== "reply" && rivalryMs(guarded, { node, now, quietMs }) < RIVALRY_MS) return;
    const known = this.#doubleAnswers.get(node);
    if (known !== undefined) {
      // Of all that it answers for one address is named: five thousand of them have one cause and one remedy.
      if (known.address !== address) return;
      known.claimedAt = now;
      if (now - known.toldAt < DOUBLE_ANSWER_MS) return;
    }
    const { mac, ifindex, form } = claim;
    const hasAnswered = form === "reply";
    const found = { address, mac, interfaceName: this.#nameOf(ifindex), hasAnswered, toldAt: now, claimedAt: now };
    this.#doubleAnswers.set(node, found);
    // Whoever mends it wants to see that it is over.
    if (known === undefined) this.#deps.agenda.set(guarded, now + this.#options.defendMs);
    this.#tellDoubleAnswer("found", node, found);
  }

  #tellDoubleAnswer(state: DoubleAnswerState, other: string, { address, mac, interfaceName }: DoubleAnswer): void {
    this.#deps.effects.push({ kind: "doubleAnswer", state, address, other, mac, interface: interfaceName });
  }

  #nameOf(ifindex: number): string {
    return this.#deps.interfaces.get(ifindex)?.name ?? `${ifindex}`;
  }

  /** While we hand over, a station that we do not know is the successor, unless we know that it is another one. */
  #mayBeSuccessor({ report }: Guarded): boolean {
    if (report === undefined || !isBetweenOwners(report)) return false;
    return report.elected === null || !this.#deps.stations.knows(report.elected);
  }

  /** A claim before we have a right to the address. */
  #contend(guarded: Guarded, claim: AddressClaim, now: Millis): void {
    // Of two that ask at the same time both give way (RFC 5227 §2.1.1); but whoever answers already was first.
    if (claim.form === "probe" && guarded.phase === "tentative") return this.#tellOfProbe(guarded, claim, now);
    const isAsking = guarded.probesLeft >= 0;
    const isNews = guarded.phase !== "yielded" || guarded.stranger === undefined;
    this.#notice(guarded, claim, now);
    // Between two rounds it may say what it likes: we ask again when it is time to.
    if (guarded.phase === "yielded" && !isAsking) return;
    const wasAnswered = isAnswered(guarded);
    const { address, interfaces, phase } = guarded;
    guarded.phase = "yielded";
    guarded.yieldedTo = claim.mac;
    guarded.probesLeft = -1;
    guarded.announceLater ||= wasAnswered;
    this.#deps.agenda.set(guarded, now + this.#retryDelay(guarded));
    if (wasAnswered) {
      this.#deps.effects.push({ kind: "listen", address, interfaces });
      this.#deps.effects.push({ kind: "hush", address });
    }
    if (isNews) this.tell(guarded, "yielded");
    if (phase !== "yielded") this.report(guarded);
  }

  #retryDelay(guarded: Guarded): Millis {
    const { retryMs, retryMsMax } = this.#options;
    const delayMs = Math.min(retryMs * 2 ** Math.min(guarded.retries++, 16), retryMsMax);
    // Two that gave way to each other must not meet again.
    return delayMs + below(this.#deps.rng, Math.max(1, Math.ceil(delayMs / 2)));
  }

  /** A claim of what is ours. */
  #defend(guarded: Guarded, claim: AddressClaim, now: Millis): void {
    const { address, interfaces } = guarded;
    const { defendMs } = this.#options;
    const isNews = guarded.stranger === undefined;
    this.#notice(guarded, claim, now);
    if (isNews) {
      this.tell(guarded, "found");
      this.#deps.agenda.set(guarded, now + defendMs);
    }
    if (now - guarded.defendedAt < defendMs) return;
    guarded.defendedAt = now;
    this.#deps.effects.push({ kind: "announce", address, interfaces, once: true });
  }

  #notice(guarded: Guarded, { ifindex, mac, form }: AddressClaim, now: Millis): void {
    guarded.stranger = { mac, interfaceName: this.#nameOf(ifindex), form, claimedAt: now };
  }

  /** Of the stranger that was noticed last. */
  tell({ address, stranger }: Guarded, state: ConflictState): void {
    invariant(stranger !== undefined, "A conflict is with somebody");
    this.#tellConflict(address, state, stranger);
  }

  #tellOfProbe(guarded: Guarded, { ifindex, mac, form }: AddressClaim, now: Millis): void {
    if (now - guarded.probeToldAt < this.#options.checkMs) return;
    guarded.probeToldAt = now;
    this.#tellConflict(guarded.address, "probed", { mac, form, interfaceName: this.#nameOf(ifindex) });
  }

  #tellConflict(
    address: string,
    state: ConflictState,
    { mac, interfaceName, form }: Omit<Stranger, "claimedAt">,
  ): void {
    this.#deps.effects.push({ kind: "conflict", address, state, mac, interface: interfaceName, form });
  }

  /** What ownership reported, corrected by what we keep it from. */
  report({ phase, report }: Guarded): void {
    if (report === undefined) return;
    if (!report.owned || (phase !== "proving" && phase !== "yielded")) return this.#deps.effects.push(report);
    this.#deps.effects.push({ ...report, owned: false, reason: phase === "proving" ? "probing" : "conflict" });
  }
}
