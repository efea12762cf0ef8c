/**
 * The failure detector: every interval one member of the round is pinged; if it is silent, others are asked to ping it,
 * and it is asked over a stream; if nobody hears it, it is suspected (SWIM §3.1, Lifeguard §IV-A).
 *
 *     ping ── probeTimeout ──> indirect pings, stream ping ── probeInterval * (score + 1) ──> suspect
 */
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";
import type { Awareness } from "./awareness.ts";
import type { KnownMember } from "./member_table.ts";
import type { Membership } from "./membership.ts";
import type { End, GossipSender } from "./gossip_sender.ts";
import type { SwimTiming } from "./timing.ts";

export interface ProberDeps {
  readonly membership: Membership;
  readonly sender: GossipSender;
  readonly awareness: Awareness;
  readonly nextSeqNo: () => number;
  /** Asks over a stream; the outcome comes back by `streamAnswered`. */
  readonly pingByStream: (member: KnownMember, seqNo: number) => void;
  /** A member answers by stream alone: something on the way loses datagrams. */
  readonly onStreamOnly: (node: string) => void;
}

interface Round {
  readonly member: KnownMember;
  readonly seqNo: number;
  readonly askOthersAt: Millis;
  endsAt: Millis;
  othersAsked: boolean;
  nacksExpected: number;
  nacks: number;
  streamAnswered: boolean;
  postponed: boolean;
}

/** Protocol versions from which a node knows the message. */
const STREAM_PING_PROTOCOL = 3;
const NACK_PROTOCOL = 4;
/** When a tick is later than this, answers may lie unread: they are read before anybody is judged. */
const LATE_MS = 50;

export class Prober {
  readonly #timing: SwimTiming;
  readonly #deps: ProberDeps;
  #nextAt: Millis;
  #round: Round | undefined;
  /** An interval began while the last round was not over. */
  #overdue = false;

  constructor(options: { readonly timing: SwimTiming; readonly firstAt: Millis }, deps: ProberDeps) {
    this.#timing = options.timing;
    this.#nextAt = options.firstAt;
    this.#deps = deps;
  }

  tick(now: Millis): void {
    const round = this.#round;
    if (round !== undefined && !round.othersAsked && now >= round.askOthersAt) this.#askOthers(round);
    if (round !== undefined && now >= round.endsAt) this.#end(round, now);
    if (now < this.#nextAt) return;
    const { probeIntervalMs } = this.#timing;
    this.#nextAt = Math.max(this.#nextAt + probeIntervalMs, now + probeIntervalMs / 2);
    if (this.#round === undefined) this.#begin(now);
    else this.#overdue = true;
  }

  deadline(): Deadline {
    const round = this.#round;
    const next = { at: this.#nextAt, why: "probe the next member" };
    if (round === undefined) return next;
    const at = round.othersAsked ? round.endsAt : Math.min(round.askOthersAt, round.endsAt);
    return at < next.at ? { at, why: `wait for ${round.member.node} to answer` } : next;
  }

  /** True when it was the answer to the present probe. */
  answered(seqNo: number, now: Millis): boolean {
    if (this.#round?.seqNo !== seqNo) return false;
    this.#succeed(now);
    return true;
  }

  /** Somebody whom we asked did not hear it either. */
  denied(seqNo: number): void {
    if (this.#round?.seqNo === seqNo) this.#round.nacks++;
  }

  streamAnswered(seqNo: number): void {
    if (this.#round?.seqNo === seqNo) this.#round.streamAnswered = true;
  }

  /** This process stood still: what the present probe found means nothing. */
  abandon(now: Millis): void {
    this.#round = undefined;
    this.#overdue = false;
    this.#nextAt = Math.max(this.#nextAt, now);
  }

  inspect(): { readonly probing: string | null } {
    return { probing: this.#round?.member.node ?? null };
  }

  #begin(now: Millis): void {
    this.#overdue = false;
    const { membership, sender, awareness, nextSeqNo } = this.#deps;
    const { self, table } = membership;
    const member = table.nextInRound(
      (each) => each !== self && (each.state === "alive" || each.state === "suspect"),
      () => membership.forgetTheDead(now),
    );
    if (member === undefined) return;
    const seqNo = nextSeqNo();
    this.#round = {
      ...{ member, seqNo },
      askOthersAt: now + this.#timing.probeTimeoutMs,
      endsAt: now + awareness.stretch(this.#timing.probeIntervalMs),
      ...{ othersAsked: false, nacksExpected: 0, nacks: 0, streamAnswered: false, postponed: false },
    };
    const ping = { kind: "ping" as const, seqNo, node: member.node, source: self };
    if (member.state === "alive") sender.send(member, ping);
    // Whoever is suspected hears it from us, so that it can deny it.
    else sender.sendAlone(member, [ping, suspicionOf(member, self)]);
  }

  #askOthers(round: Round): void {
    round.othersAsked = true;
    const { membership: { self, table }, sender, pingByStream } = this.#deps;
    const { member, seqNo } = round;
    const others = table.pick(
      this.#timing.indirectChecks,
      (each) => each !== self && each !== member && each.state === "alive",
    );
    for (const other of others) {
      const nack = other.versions.protocolMax >= NACK_PROTOCOL;
      if (nack) round.nacksExpected++;
      const { node, address, port } = member;
      sender.send(other, { kind: "indirectPing", seqNo, node, address, port, nack, source: self });
    }
    if (this.#timing.streamPings && member.versions.protocolMax >= STREAM_PING_PROTOCOL) pingByStream(member, seqNo);
  }

  #end(round: Round, now: Millis): void {
    if (now - round.endsAt > LATE_MS && !round.postponed) {
      round.postponed = true;
      round.endsAt = now + LATE_MS;
      return;
    }
    const { member } = round;
    if (round.streamAnswered) {
      this.#deps.onStreamOnly(member.node);
      return this.#succeed(now);
    }
    // Where others could say that they did not hear it either, their silence is held against us, not against it.
    this.#deps.awareness.apply(round.nacksExpected > 0 ? Math.max(0, round.nacksExpected - round.nacks) : 1);
    this.#finish(now);
    this.#deps.membership.takeSuspect(suspicionOf(member, this.#deps.membership.self), now);
  }

  #succeed(now: Millis): void {
    this.#deps.awareness.apply(-1);
    this.#finish(now);
  }

  #finish(now: Millis): void {
    this.#round = undefined;
    if (this.#overdue) this.#begin(now);
  }
}

function suspicionOf(member: KnownMember, from: End & { readonly node: string }) {
  const { node, incarnation } = member;
  return { kind: "suspect" as const, node, incarnation, from: from.node };
}
