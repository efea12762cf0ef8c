/**
 * Follows a node's links and addresses by netlink: lists them once, then lives on notices, and has them listed anew when
 * the kernel had to drop some. What counts of it is decided by `LinkTable`.
 *
 * Belongs to the packet thread's loop: a source of notices, and something that lives in time. A list waits for whoever
 * changes links at the moment, so only the first one is made here, when there is nobody to answer yet. Of a later one
 * nobody knows from when it is: notices that come before it does are acted upon at once, and once more on top of it.
 */
import type { JsonObject } from "../base/json.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { LinkList } from "../edge/net/background_list.ts";
import type { Netlink } from "../edge/net/netlink.ts";
import type { LinkChange } from "../edge/net/netlink_codec.ts";
import { Driver, type Timed } from "../edge/run/driver.ts";
import type { PacketSource } from "../edge/run/packet_loop.ts";
import { LinkTable, type LinkTableEffect, type LinkTableInput } from "../protocol/l2/link_table.ts";

export interface LinkFollowerOptions {
  /** Sources of the patterns of interface names that are not used. */
  readonly exclusions: readonly string[];
}

export interface LinkFollowerDeps {
  /** Opened with notices of everything. */
  readonly netlink: Netlink;
  readonly clock: Clock;
  /** Have all links and addresses of the namespace listed: `takeList` is to hear of it, soon or late. */
  readonly requestList: () => void;
  /** False when the kernel refused to open what an `open` asked for. */
  readonly apply: (effect: LinkFollowerEffect) => boolean;
}

/** A list of thousands of links takes long: lists take at most one part in this many of the time. */
const LIST_SHARE = 10;
/** Datagrams a turn: what follows from each may take a while. */
const NOTICES_MAX = 32;
/** After the kernel refused. */
const RETRY_MS = 1000;
/** Notices of some thousand links that change while a list is made. */
const CHANGES_KEPT_MAX = 10_000;

/** A list that is being made. */
interface Awaited {
  readonly since: Millis;
  /** What happened meanwhile; `"lost"` when it is not known, so that the list cannot be trusted. */
  changes: LinkChange[] | "lost";
}

/** To the packet thread, beside `ToPacketThread`: what it had listed; `undefined` when the kernel refused. */
export interface LinksListed {
  readonly kind: "links";
  readonly list: LinkList | undefined;
}

export type LinkFollowerEffect = Exclude<LinkTableEffect, { kind: "listAnew" }>;

export class LinkFollower implements Timed, PacketSource {
  readonly #deps: LinkFollowerDeps;
  readonly #table: LinkTable;
  readonly #driver: Driver<LinkTableInput, LinkTableEffect>;
  /** When to list anew; until then notices are followed as they come. */
  #listAt: Millis | undefined;
  /** No list begins before. */
  #notBefore: Millis = -Infinity;
  #awaited: Awaited | undefined;

  constructor(options: LinkFollowerOptions, deps: LinkFollowerDeps) {
    this.#deps = deps;
    this.#table = new LinkTable({ exclusions: options.exclusions.map((source) => new RegExp(source)) });
    this.#driver = new Driver({ name: "links" }, {
      machine: this.#table,
      clock: deps.clock,
      apply: (effect) => this.#apply(effect),
    });
  }

  /** Once, before the loop runs. */
  start(): void {
    const { netlink } = this.#deps;
    const since = this.#deps.clock.now();
    this.#driver.input({ kind: "list", links: netlink.listLinks(), addresses: netlink.listAddresses() });
    this.#rest(since);
    this.#driver.tickIfDue();
  }

  /** `undefined`: the kernel refused. */
  takeList(list: LinkList | undefined): void {
    const awaited = this.#awaited;
    if (awaited === undefined) return;
    this.#awaited = undefined;
    this.#rest(awaited.since);
    if (list === undefined) this.#listAt = this.#deps.clock.now() + RETRY_MS;
    else if (awaited.changes === "lost") this.#listSoon();
    else this.#driver.input({ kind: "list", ...list, changes: awaited.changes });
  }

  get fd(): number {
    return this.#deps.netlink.fd;
  }

  drain(budget: number): number {
    const changes = this.#deps.netlink.readChanges(Math.min(budget, NOTICES_MAX));
    this.#keep(changes);
    if (changes === "lost") {
      this.#listSoon();
      return 0;
    }
    if (changes.length > 0) this.#driver.input({ kind: "changes", changes });
    return changes.length;
  }

  /** What a notice says does not age. */
  discard(): number {
    return 0;
  }

  tickIfDue(): void {
    if (this.#listAt !== undefined && this.#deps.clock.now() >= this.#listAt) this.#requestList();
    this.#driver.tickIfDue();
  }

  timeoutMs(): number {
    const untilList = this.#listAt === undefined ? Infinity : Math.max(this.#listAt - this.#deps.clock.now(), 0);
    return Math.min(untilList, this.#driver.timeoutMs());
  }

  inspect(): JsonObject {
    return this.#table.inspect();
  }

  /** While one is awaited its end decides. */
  #listSoon(): void {
    if (this.#awaited === undefined) this.#listAt ??= Math.max(this.#deps.clock.now(), this.#notBefore);
  }

  #requestList(): void {
    this.#listAt = undefined;
    this.#awaited = { since: this.#deps.clock.now(), changes: [] };
    this.#deps.requestList();
  }

  #rest(since: Millis): void {
    const now = this.#deps.clock.now();
    this.#notBefore = now + (now - since) * (LIST_SHARE - 1);
  }

  #keep(changes: readonly LinkChange[] | "lost"): void {
    const awaited = this.#awaited;
    if (awaited === undefined || awaited.changes === "lost") return;
    const isTooMuch = changes === "lost" || awaited.changes.length + changes.length > CHANGES_KEPT_MAX;
    if (isTooMuch) awaited.changes = "lost";
    else awaited.changes.push(...changes);
  }

  #apply(effect: LinkTableEffect): void {
    if (effect.kind === "listAnew") return this.#listSoon();
    if (!this.#deps.apply(effect) && effect.kind === "open") {
      this.#driver.input({ kind: "notOpened", ifindex: effect.interface.ifindex });
    }
  }
}
