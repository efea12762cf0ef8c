/**
 * Follows a node's links and addresses by netlink: lists them once, then lives on notices, and lists anew when the kernel
 * had to drop some. What counts of it is decided by `LinkTable`.
 *
 * Belongs to the packet thread's loop: a source of notices, and something that lives in time.
 */
import type { JsonObject } from "../base/json.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { Netlink } from "../edge/net/netlink.ts";
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
  /** False when the kernel refused to open what an `open` asked for. */
  readonly apply: (effect: LinkFollowerEffect) => boolean;
}

/** A list of thousands of links takes long, and packets wait meanwhile: lists take at most one part in this many of the time. */
const LIST_SHARE = 10;

export type LinkFollowerEffect = Exclude<LinkTableEffect, { kind: "listAnew" }>;

export class LinkFollower implements Timed, PacketSource {
  readonly #deps: LinkFollowerDeps;
  readonly #table: LinkTable;
  readonly #driver: Driver<LinkTableInput, LinkTableEffect>;
  /** When to list anew; until then notices are followed as they come. */
  #listAt: Millis | undefined;
  /** No list begins before. */
  #notBefore: Millis = -Infinity;

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
    this.#list();
    this.#driver.tickIfDue();
  }

  get fd(): number {
    return this.#deps.netlink.fd;
  }

  drain(budget: number): number {
    const changes = this.#deps.netlink.readChanges(budget);
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
    if (this.#listAt !== undefined && this.#deps.clock.now() >= this.#listAt) this.#list();
    this.#driver.tickIfDue();
  }

  timeoutMs(): number {
    const untilList = this.#listAt === undefined ? Infinity : Math.max(this.#listAt - this.#deps.clock.now(), 0);
    return Math.min(untilList, this.#driver.timeoutMs());
  }

  inspect(): JsonObject {
    return this.#table.inspect();
  }

  #listSoon(): void {
    this.#listAt ??= Math.max(this.#deps.clock.now(), this.#notBefore);
  }

  #list(): void {
    const { netlink, clock } = this.#deps;
    const begin = clock.now();
    this.#listAt = undefined;
    this.#driver.input({ kind: "list", links: netlink.listLinks(), addresses: netlink.listAddresses() });
    const end = clock.now();
    this.#notBefore = end + (end - begin) * (LIST_SHARE - 1);
  }

  #apply(effect: LinkTableEffect): void {
    if (effect.kind === "listAnew") return this.#listSoon();
    if (!this.#deps.apply(effect) && effect.kind === "open") {
      this.#driver.input({ kind: "notOpened", ifindex: effect.interface.ifindex });
    }
  }
}
