/**
 * What this node believes of every member, and the rules by which a message changes it (wire-facts §1.8).
 *
 *              alive, newer incarnation
 *        ┌──────────────────────────────────┐
 *        v                                  │
 *      alive ── suspect ──> suspect ── time is over, or dead ──> dead ── for long ──> forgotten
 *        └──────────────── dead by itself ─────────────────────> left ───────────────────┘
 *
 * Only a member itself raises its incarnation, which is how it denies what is said of it. What is accepted is told on.
 */
import { sameBytes } from "../../base/bytes.ts";
import type { Rng } from "../../base/rng.ts";
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";
import {
  type AliveMessage,
  type DeadMessage,
  type MemberVersions,
  type SuspectMessage,
  U32_MAX,
} from "../../wire/memberlist/message.ts";
import type { MemberRecord } from "../../wire/memberlist/stream_message.ts";
import type { Awareness } from "./awareness.ts";
import { type KnownMember, MEMBERS_MAX, MemberTable } from "./member_table.ts";
import type { End, GossipSender } from "./gossip_sender.ts";
import { Suspicion, suspicionTimes } from "./suspicion.ts";
import type { SwimTiming } from "./timing.ts";

export interface MembershipOptions extends End {
  readonly node: string;
  readonly versions: MemberVersions;
  readonly meta: Uint8Array;
  readonly timing: SwimTiming;
}

export type MembershipNews =
  /** Its state, address or Meta is another one. */
  | { readonly kind: "changed"; readonly member: KnownMember; readonly previous: KnownMember["state"] | undefined }
  | { readonly kind: "forgotten"; readonly node: string }
  /** Two nodes have one name. */
  | { readonly kind: "conflict"; readonly member: KnownMember; readonly other: End }
  /** We were accused, or our old life was spoken of, and denied it. */
  | { readonly kind: "refuted"; readonly incarnation: number };

export interface MembershipDeps {
  readonly rng: Rng;
  readonly sender: GossipSender;
  readonly awareness: Awareness;
  readonly tell: (news: MembershipNews) => void;
}

const NO_META = new Uint8Array(0);

const NOBODY_SPEAKS: MemberVersions = {
  protocolMin: 0,
  protocolMax: 0,
  protocolCurrent: 0,
  delegateMin: 0,
  delegateMax: 0,
  delegateCurrent: 0,
};

export class Membership {
  readonly table: MemberTable;
  readonly self: KnownMember;
  readonly #timing: SwimTiming;
  readonly #deps: MembershipDeps;
  readonly #suspected = new Set<KnownMember>();
  #leaving = false;

  constructor(options: MembershipOptions, deps: MembershipDeps) {
    const { node, address, port, versions, meta, timing } = options;
    this.#timing = timing;
    this.#deps = deps;
    this.table = new MemberTable(deps);
    this.self = {
      ...{ node, address, port, versions, meta },
      incarnation: 1,
      state: "alive",
      stateChangedAt: 0,
      suspicion: undefined,
    };
    this.table.add(this.self);
  }

  get isLeaving(): boolean {
    return this.#leaving;
  }

  /** What this node says of itself. */
  announce(): void {
    const { node, address, port, versions, meta, incarnation } = this.self;
    this.#deps.sender.tellOfMember(node, { kind: "alive", node, address, port, versions, meta, incarnation });
  }

  setMeta(meta: Uint8Array): void {
    if (this.#leaving || sameBytes(meta, this.self.meta)) return;
    this.self.meta = meta;
    this.#raiseIncarnation(this.self.incarnation);
    this.announce();
  }

  /** From here on nothing that is said of us is denied: our own farewell comes back to us by others. */
  leave(now: Millis): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const { node, incarnation } = this.self;
    this.takeDead({ kind: "dead", node, incarnation, from: node }, now);
  }

  takeAlive(message: AliveMessage, now: Millis): void {
    const isSelf = message.node === this.self.node;
    if (isSelf && this.#leaving) return;
    if (!speaksSensibly(message.versions)) return;
    let member = this.table.get(message.node);
    const previous = member?.state;
    const moves = member !== undefined && (member.address !== message.address || member.port !== message.port);
    if (member === undefined) {
      if (this.table.size >= MEMBERS_MAX) return;
      member = this.#addUnknown(message, now);
    } else if (moves && member.state !== "left") {
      const { address, port } = message;
      this.#deps.tell({ kind: "conflict", member, other: { address, port } });
      return;
    }
    if (isSelf) return this.#takeOwnAlive(message);
    if (previous !== undefined && message.incarnation <= member.incarnation && !moves) return;
    this.#endSuspicion(member);
    this.#deps.sender.tellOfMember(message.node, message);
    const isNews = previous !== "alive" || moves || !sameBytes(member.meta, message.meta);
    if (member.state !== "alive") member.stateChangedAt = now;
    member.state = "alive";
    member.incarnation = message.incarnation;
    member.address = message.address;
    member.port = message.port;
    // Of thousands of members nearly all are of our own version: one object serves for them.
    member.versions = sameVersions(message.versions, this.self.versions) ? this.self.versions : message.versions;
    // The message's Meta is a view into a whole packet.
    member.meta = message.meta.length === 0 ? NO_META : message.meta.slice();
    if (isNews) this.#deps.tell({ kind: "changed", member, previous });
  }

  takeSuspect(message: SuspectMessage, now: Millis): void {
    const member = this.table.get(message.node);
    if (member === undefined || message.incarnation < member.incarnation) return;
    if (member.suspicion !== undefined) {
      if (member.suspicion.confirm(message.from)) this.#deps.sender.tellOfMember(message.node, message);
      return;
    }
    if (member.state !== "alive") return;
    if (member === this.self) return this.#refute(message.incarnation);
    this.#deps.sender.tellOfMember(message.node, message);
    member.incarnation = message.incarnation;
    member.suspicion = new Suspicion(suspicionTimes(this.#timing, this.table.size), { from: message.from, at: now });
    this.#suspected.add(member);
    this.#changeState(member, { state: "suspect", now });
  }

  takeDead(message: DeadMessage, now: Millis): void {
    const member = this.table.get(message.node);
    if (member === undefined || message.incarnation < member.incarnation) return;
    this.#endSuspicion(member);
    if (member.state === "dead" || member.state === "left") return;
    if (member === this.self && !this.#leaving) return this.#refute(message.incarnation);
    this.#deps.sender.tellOfMember(message.node, message);
    member.incarnation = message.incarnation;
    this.#changeState(member, { state: message.node === message.from ? "left" : "dead", now });
  }

  /** Takes the whole state of another node. What it believes dead we only suspect. */
  merge(records: readonly MemberRecord[], now: Millis): void {
    for (const record of records) {
      const { node, incarnation } = record;
      if (record.state === "alive") this.takeAlive({ ...record, kind: "alive" }, now);
      else if (record.state === "left") this.takeDead({ kind: "dead", node, incarnation, from: node }, now);
      else this.takeSuspect({ kind: "suspect", node, incarnation, from: this.self.node }, now);
    }
  }

  /** Why their state and ours cannot be merged: the first node that not everybody could talk to. */
  incompatible(records: readonly MemberRecord[]): string | undefined {
    const alive = [...records, ...this.table.values()].filter(({ state }) => state === "alive");
    const most = (read: (versions: MemberVersions) => number) => Math.max(...alive.map((m) => read(m.versions)));
    const least = (read: (versions: MemberVersions) => number) => -most((versions) => -read(versions));
    const protocol = [most((v) => v.protocolMin), least((v) => v.protocolMax)] as const;
    const delegate = [most((v) => v.delegateMin), least((v) => v.delegateMax)] as const;
    const isWithin = (value: number, [min, max]: readonly [number, number]) => value >= min && value <= max;
    const misfit = alive.find(({ versions }) =>
      !isWithin(versions.protocolCurrent, protocol) || !isWithin(versions.delegateCurrent, delegate)
    );
    if (misfit === undefined) return undefined;
    const { protocolCurrent, delegateCurrent } = misfit.versions;
    return `${misfit.node} speaks protocol ${protocolCurrent} and delegate protocol ${delegateCurrent}; ` +
      `all together understand ${protocol.join(" to ")} and ${delegate.join(" to ")}`;
  }

  /** Declares dead whose time to deny it is over. */
  tick(now: Millis): void {
    for (const member of [...this.#suspected]) {
      if (member.suspicion!.endsAt > now) continue;
      const { node, incarnation } = member;
      this.takeDead({ kind: "dead", node, incarnation, from: this.self.node }, now);
    }
  }

  deadline(): Deadline | undefined {
    let earliest: Deadline | undefined;
    for (const { node, suspicion } of this.#suspected) {
      const at = suspicion!.endsAt;
      if (earliest === undefined || at < earliest.at) earliest = { at, why: `declare ${node} dead` };
    }
    return earliest;
  }

  /** This process stood still: nobody could deny anything to it meanwhile. */
  postponeSuspicions(byMs: Millis): void {
    for (const { suspicion } of this.#suspected) suspicion!.postpone(byMs);
  }

  forgetTheDead(now: Millis): void {
    const isOver = ({ state, stateChangedAt }: KnownMember) =>
      (state === "dead" || state === "left") && now - stateChangedAt > this.#timing.gossipToTheDeadMs;
    for (const { node } of this.table.remove((member) => member !== this.self && isOver(member))) {
      this.#deps.tell({ kind: "forgotten", node });
    }
  }

  #takeOwnAlive(message: AliveMessage): void {
    const { self } = this;
    if (message.incarnation < self.incarnation) return;
    const isSame = sameBytes(message.meta, self.meta) && sameVersions(message.versions, self.versions);
    if (message.incarnation === self.incarnation && isSame) return;
    this.#refute(message.incarnation);
  }

  #refute(accusedIncarnation: number): void {
    this.#raiseIncarnation(accusedIncarnation);
    this.#deps.awareness.apply(1);
    this.announce();
    this.#deps.tell({ kind: "refuted", incarnation: this.self.incarnation });
  }

  /** Above our own and above `other`, as far as the number reaches. */
  #raiseIncarnation(other: number): void {
    this.self.incarnation = Math.min(Math.max(this.self.incarnation, other) + 1, U32_MAX);
  }

  #addUnknown(message: AliveMessage, now: Millis): KnownMember {
    const { node, address, port } = message;
    const member: KnownMember = {
      ...{ node, address, port },
      meta: NO_META,
      versions: NOBODY_SPEAKS,
      incarnation: 0,
      state: "dead",
      stateChangedAt: now,
      suspicion: undefined,
    };
    this.table.add(member);
    return member;
  }

  #changeState(member: KnownMember, { state, now }: { state: KnownMember["state"]; now: Millis }): void {
    const previous = member.state;
    member.state = state;
    member.stateChangedAt = now;
    this.#deps.tell({ kind: "changed", member, previous });
  }

  #endSuspicion(member: KnownMember): void {
    member.suspicion = undefined;
    this.#suspected.delete(member);
  }
}

/** Nothing said at all is accepted too. */
function speaksSensibly(versions: MemberVersions): boolean {
  const { protocolMin, protocolMax } = versions;
  return protocolMin === 0 ? protocolMax === 0 : protocolMin <= protocolMax;
}

function sameVersions(a: MemberVersions, b: MemberVersions): boolean {
  return a.protocolMin === b.protocolMin && a.protocolMax === b.protocolMax &&
    a.protocolCurrent === b.protocolCurrent && a.delegateMin === b.delegateMin &&
    a.delegateMax === b.delegateMax && a.delegateCurrent === b.delegateCurrent;
}
