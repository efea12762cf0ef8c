/**
 * SWIM with Lifeguard, as HashiCorp memberlist speaks it: who is a member of the cluster, found out by probing and told
 * by gossip, so that Herald's and MetalLB's speakers see each other.
 *
 *     seeds ──> Discovery ── push/pull ──┐                    ┌──> member events
 *     datagrams ─────────────────────────┴──> Membership ─────┤
 *     ticks ──> Prober ── suspect ───────────────^            └──> rumours ──> GossipSender ──> datagrams
 *
 * It does not say who announces an address, and it is not fast: seconds, where the watch needs a tenth of one. Messages
 * come in decoded; what goes out by datagram is bytes, because how much fits in one is part of the protocol.
 */
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { countsAsLiving } from "../../base/member.ts";
import { Queue } from "../../base/queue.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { MemberlistMessage, MemberVersions } from "../../wire/memberlist/message.ts";
import type { StreamMessage } from "../../wire/memberlist/stream_message.ts";
import { Awareness } from "./awareness.ts";
import { Discovery } from "./discovery.ts";
import { Exchanges, type StreamEffect } from "./exchanges.ts";
import { type Datagram, type End, GossipSender } from "./gossip_sender.ts";
import { type MemberReport, MemberReports } from "./member_reports.ts";
import type { KnownMember } from "./member_table.ts";
import { Membership, type MembershipNews } from "./membership.ts";
import { decodeMeta } from "./meta.ts";
import { PingRelay } from "./ping_relay.ts";
import { Prober } from "./prober.ts";
import { pushPullIntervalMs, type SwimTiming } from "./timing.ts";

export type SwimInput =
  | { readonly kind: "datagram"; readonly messages: readonly MemberlistMessage[]; readonly from: End }
  /** Somebody opened a stream and said this. */
  | { readonly kind: "streamRequest"; readonly id: number; readonly message: StreamMessage }
  /** The answer on a stream that we opened. */
  | { readonly kind: "streamReply"; readonly id: number; readonly message: StreamMessage }
  | { readonly kind: "streamFailed"; readonly id: number; readonly reason: string }
  /** All speakers that the API knows, without us. */
  | { readonly kind: "seeds"; readonly seeds: readonly End[] }
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  /** This process stood still; what had queued was discarded. */
  | { readonly kind: "gap"; readonly gapMs: Millis }
  | { readonly kind: "leave" };

/** In the order in which they must be applied. */
export type SwimEffect =
  | { readonly kind: "sendDatagram"; readonly datagram: Datagram }
  | StreamEffect
  | MemberReport
  /** Once: a first seed told us of the others, or none could. */
  | { readonly kind: "joined" }
  /** After `leave`: everybody who listens was told. */
  | { readonly kind: "left" };

export interface SwimOptions extends End {
  readonly node: string;
  readonly meta: Uint8Array;
  readonly timing: SwimTiming;
  /** What sealing and labelling add to a datagram. */
  readonly overheadBytes: number;
  readonly versions?: MemberVersions;
}

/** MetalLB's: protocol 1 to 5, spoken 2, no delegate. */
export const METALLB_VERSIONS: MemberVersions = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 0,
  delegateMax: 0,
  delegateCurrent: 0,
};

const HINT = "the API names a speaker there; it needs the same --ml-bindport and secret, and TCP and UDP to that port";
const LEAVE_MS_MAX = 1000;
/** So many hear it from ourselves, at once. */
const LEAVE_TOLD_MAX = 16;
const LEAVE_GOSSIP_MS = 50;
const NOTHING = new Uint8Array(0);

export class Swim implements Machine<SwimInput, SwimEffect> {
  readonly #options: SwimOptions;
  readonly #rng: Rng;
  readonly #effects = new Queue<SwimEffect>();
  readonly #awareness: Awareness;
  readonly #sender: GossipSender;
  readonly #membership: Membership;
  readonly #reports: MemberReports;
  readonly #relay: PingRelay;
  readonly #discovery: Discovery;
  readonly #exchanges: Exchanges;
  #prober: Prober | undefined;
  #seqNo: number;
  #gossipAt: Millis = Infinity;
  #pushPullAt: Millis = Infinity;
  /** `undefined` unless we leave; Infinity once we have left. */
  #leaveBy: Millis | undefined;
  #joined = false;
  #now: Millis = 0;
  #deadline: Deadline | undefined | "stale";

  constructor(options: SwimOptions, deps: { readonly rng: Rng }) {
    this.#options = options;
    this.#rng = deps.rng;
    // Numbers that cannot be guessed are not answered by anybody who was not asked.
    this.#seqNo = deps.rng.u32();
    const { timing, overheadBytes, versions = METALLB_VERSIONS } = options;
    this.#awareness = new Awareness({ max: timing.awarenessMax });
    this.#sender = new GossipSender({
      retransmitMult: timing.retransmitMult,
      bytesMax: timing.datagramBytesMax - overheadBytes,
    }, {
      send: (datagram) => this.#effects.push({ kind: "sendDatagram", datagram }),
      members: () => this.#membership.table.size,
    });
    this.#membership = new Membership({ ...options, versions }, {
      rng: deps.rng,
      sender: this.#sender,
      awareness: this.#awareness,
      tell: (news) => this.#takeNews(news),
    });
    this.#reports = new MemberReports({ emit: (report) => this.#effects.push(report) });
    this.#relay = new PingRelay({ timeoutMs: timing.probeTimeoutMs }, { sender: this.#sender });
    this.#discovery = new Discovery({
      rng: deps.rng,
      isMember: (end) => this.#isLiveMember(end),
      join: (to) => this.#exchanges.join(to),
      onHopeless: ({ address, port }, failure) =>
        this.#reports.log({ level: "warn", event: "speakerNotJoined", address, port, error: failure, hint: HINT }),
    });
    this.#exchanges = new Exchanges({
      membership: this.#membership,
      emit: (effect) => this.#effects.push(effect),
      pingAnswered: (seqNo) => this.#prober!.streamAnswered(seqNo),
      joinEnded: (to, failure) => this.#joinEnded(to, failure),
      warn: (about, event) => this.#reports.warn(event, { about, now: this.#now }),
      log: (event) => this.#reports.log(event),
    });
    this.#membership.announce();
  }

  handle(input: SwimInput | Tick, now: Millis): void {
    this.#now = now;
    this.#deadline = "stale";
    this.#start(now);
    switch (input.kind) {
      case "datagram":
        for (const message of input.messages) this.#take(message, input.from);
        break;
      case "streamRequest":
        this.#exchanges.takeRequest(input.id, { message: input.message, now });
        break;
      case "streamReply":
        this.#exchanges.takeReply(input.id, { message: input.message, now });
        break;
      case "streamFailed":
        this.#exchanges.fail(input.id, input.reason);
        break;
      case "seeds":
        this.#discovery.setSeeds(input.seeds, now);
        this.#joinIfOver();
        break;
      case "meta":
        this.#membership.setMeta(input.meta);
        break;
      case "gap":
        this.#takeGap(input.gapMs);
        break;
      case "leave":
        this.#leave();
        break;
      case "tick":
        this.#tick();
    }
    this.#endLeave();
  }

  poll(): SwimEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    // Asked after every packet of any kind, most of which change nothing here.
    if (this.#deadline === "stale") this.#deadline = this.#findDeadline();
    return this.#deadline;
  }

  inspect(): Json {
    const { self, table } = this.#membership;
    return {
      incarnation: self.incarnation,
      healthScore: this.#awareness.score,
      rumours: this.#sender.rumours,
      seeds: this.#discovery.size,
      unjoined: this.#discovery.hopeless.map(({ address, port }) => `${address} ${port}`),
      ...this.#prober?.inspect(),
      members: [...table.values()].map(({ node, address, port, state, incarnation, suspicion, meta }) => ({
        ...{ node, address, port, state, incarnation },
        confirmations: suspicion?.confirmations ?? null,
        facts: decodeMeta(meta) as unknown as Json ?? null,
      })),
    };
  }

  /** The first phases are random, so that nodes that start together do not act together. */
  #start(now: Millis): void {
    if (this.#prober !== undefined) return;
    const { timing } = this.#options;
    this.#prober = new Prober({ timing, firstAt: now + below(this.#rng, timing.probeIntervalMs) }, {
      membership: this.#membership,
      sender: this.#sender,
      awareness: this.#awareness,
      nextSeqNo: () => this.#nextSeqNo(),
      pingByStream: (member, seqNo) => this.#exchanges.ping(member, seqNo),
      onStreamOnly: (node) => {
        const event = { level: "warn", event: "memberAnswersByStreamOnly", member: node } as const;
        this.#reports.warn(event, { about: node, now: this.#now });
      },
    });
    this.#gossipAt = now + below(this.#rng, timing.gossipIntervalMs);
    this.#pushPullAt = now + below(this.#rng, timing.pushPullIntervalMs);
  }

  #tick(): void {
    const now = this.#now;
    const { timing } = this.#options;
    this.#membership.tick(now);
    this.#relay.tick(now);
    if (!this.#membership.isLeaving) {
      this.#prober?.tick(now);
      this.#discovery.tick(now);
    }
    if (now >= this.#gossipAt) {
      this.#gossipAt = now + (this.#leaveBy === undefined ? timing.gossipIntervalMs : LEAVE_GOSSIP_MS);
      this.#gossip();
    }
    if (now >= this.#pushPullAt) {
      this.#pushPullAt = now + pushPullIntervalMs(timing.pushPullIntervalMs, this.#membership.table.size);
      this.#pushPull();
    }
  }

  #findDeadline(): Deadline | undefined {
    if (this.#prober === undefined) return undefined;
    // With nothing to tell there is nothing to wake up for.
    const gossip = this.#sender.rumours > 0 ? { at: this.#gossipAt, why: "gossip" } : undefined;
    let deadline = earlier(gossip, earlier(this.#membership.deadline(), this.#relay.deadline()));
    if (this.#membership.isLeaving) {
      return this.#leaveBy === Infinity ? deadline : earlier(deadline, { at: this.#leaveBy!, why: "leave" });
    }
    deadline = earlier(deadline, { at: this.#pushPullAt, why: "exchange states" });
    return earlier(deadline, earlier(this.#prober.deadline(), this.#discovery.deadline()));
  }

  #take(message: MemberlistMessage, from: End): void {
    const now = this.#now;
    switch (message.kind) {
      case "ping":
        if (message.node !== "" && message.node !== this.#options.node) return;
        return this.#sender.send(message.source ?? from, { kind: "ack", seqNo: message.seqNo, payload: NOTHING });
      case "indirectPing":
        return this.#relay.ask(message, { seqNo: this.#nextSeqNo(), source: this.#membership.self, from, now });
      case "ack":
        if (!this.#prober!.answered(message.seqNo, now)) this.#relay.answered(message.seqNo);
        return;
      case "nack":
        return this.#prober!.denied(message.seqNo);
      case "alive":
        return this.#membership.takeAlive(message, now);
      case "suspect":
        return this.#membership.takeSuspect(message, now);
      case "dead":
        return this.#membership.takeDead(message, now);
      case "user":
        // What users of the cluster tell each other is for those who know it; no speaker says anything that way.
        return;
    }
  }

  #gossip(): void {
    const { timing } = this.#options;
    const { self, table } = this.#membership;
    if (this.#sender.rumours === 0) return;
    const mayHear = ({ state, stateChangedAt }: KnownMember) =>
      countsAsLiving(state) || (state === "dead" && this.#now - stateChangedAt <= timing.gossipToTheDeadMs);
    for (const member of table.pick(timing.gossipNodes, (each) => each !== self && mayHear(each))) {
      if (!this.#sender.sendRumours(member)) return;
    }
  }

  #pushPull(): void {
    const { self, table } = this.#membership;
    const [member] = table.pick(1, (each) => each !== self && each.state === "alive");
    if (member !== undefined) this.#exchanges.exchangeWith(member);
  }

  #joinEnded(to: End, failure: string | undefined): void {
    this.#discovery.ended(to, { failure, now: this.#now });
    if (failure === undefined) this.#becomeJoined();
    else this.#joinIfOver();
  }

  #joinIfOver(): void {
    // Asking of every seed whether it is a member is dear in a large cluster, and once is enough.
    if (!this.#joined && this.#discovery.isOver) this.#becomeJoined();
  }

  #becomeJoined(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#effects.push({ kind: "joined" });
  }

  #takeNews(news: MembershipNews): void {
    if (news.kind === "changed" && news.member === this.#membership.self) return;
    this.#reports.take(news, this.#now);
  }

  #takeGap(gapMs: Millis): void {
    this.#membership.postponeSuspicions(gapMs);
    this.#prober!.abandon(this.#now);
    this.#awareness.apply(1);
    // We may be dead to the others by now: one of them is asked. Shorter pauses, of which a starved node has many, went by
    // between two probes.
    if (gapMs >= this.#options.timing.probeIntervalMs) this.#pushPullAt = Math.min(this.#pushPullAt, this.#now);
  }

  #leave(): void {
    if (this.#leaveBy !== undefined) return;
    const { self, table } = this.#membership;
    this.#membership.leave(this.#now);
    const { node, incarnation } = self;
    const living = table.pick(LEAVE_TOLD_MAX, (each) => each !== self && countsAsLiving(each.state));
    for (const member of living) {
      this.#sender.sendAlone(member, [{ kind: "dead", node, incarnation, from: node }]);
    }
    this.#leaveBy = living.length === 0 ? this.#now : this.#now + LEAVE_MS_MAX;
    this.#gossipAt = this.#now;
  }

  #endLeave(): void {
    if (this.#leaveBy === undefined || this.#leaveBy === Infinity) return;
    if (this.#now < this.#leaveBy && this.#sender.isTelling(this.#options.node)) return;
    this.#leaveBy = Infinity;
    this.#effects.push({ kind: "left" });
  }

  #isLiveMember({ address, port }: End): boolean {
    for (const member of this.#membership.table.values()) {
      if (member.address === address && member.port === port) return countsAsLiving(member.state);
    }
    return false;
  }

  #nextSeqNo(): number {
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    return this.#seqNo;
  }
}
