/**
 * What the gossip tells the rest of the speaker: each change of a member, and what an operator should be able to read.
 *
 * It decides nothing. Trouble that goes on is told once in a while, not each time it is met.
 */
import type { LogEvent } from "../../base/log.ts";
import type { Member, MemberChange } from "../../base/member.ts";
import type { Millis } from "../../base/time.ts";
import type { KnownMember } from "./member_table.ts";
import type { MembershipNews } from "./membership.ts";
import { decodeMeta } from "./meta.ts";

export type MemberReport =
  | { readonly kind: "member"; readonly change: MemberChange }
  | { readonly kind: "log"; readonly event: LogEvent };

/** For one member: the same trouble is told once in this time. */
const WARN_AGAIN_MS = 60_000;
const WARNED_MAX = 1024;

const MEMBER_EVENTS = {
  alive: "memberJoined",
  suspect: "memberSuspected",
  dead: "memberFailed",
  left: "memberLeft",
} as const;

export class MemberReports {
  readonly #emit: (report: MemberReport) => void;
  readonly #warnedAt = new Map<string, Millis>();

  constructor(deps: { readonly emit: (report: MemberReport) => void }) {
    this.#emit = deps.emit;
  }

  take(news: MembershipNews, now: Millis): void {
    switch (news.kind) {
      case "changed": {
        const { member, previous } = news;
        this.#emit({ kind: "member", change: { node: member.node, member: describe(member) } });
        const { node, address, state, incarnation } = member;
        const event = state === previous ? "memberUpdated" : MEMBER_EVENTS[state];
        this.log({ level: state === previous ? "debug" : "info", event, member: node, address, incarnation });
        return;
      }
      case "forgotten":
        this.#emit({ kind: "member", change: { node: news.node, member: undefined } });
        this.log({ level: "debug", event: "memberForgotten", member: news.node });
        return;
      case "conflict": {
        const { member: { node, address, port }, other } = news;
        const both = { mine: `${address} ${port}`, theirs: `${other.address} ${other.port}` };
        const event = { level: "warn", event: "memberNameConflict", member: node, ...both } as const;
        return this.warn(event, { about: `conflict ${node}`, now });
      }
      case "refuted":
        this.log({ level: "info", event: "ownDeathDenied", incarnation: news.incarnation });
    }
  }

  warn(event: LogEvent, { about, now }: { readonly about: string; readonly now: Millis }): void {
    const last = this.#warnedAt.get(about);
    if (last !== undefined && now - last < WARN_AGAIN_MS) return;
    if (this.#warnedAt.size >= WARNED_MAX) this.#warnedAt.clear();
    this.#warnedAt.set(about, now);
    this.log(event);
  }

  log(event: LogEvent): void {
    this.#emit({ kind: "log", event });
  }
}

function describe({ node, address, port, state, meta }: KnownMember): Member {
  return { node, address, port, state, facts: decodeMeta(meta) };
}
