/**
 * Who has which address, what rests, and what both mean for the pools: the state behind the allocator. It decides
 * nothing; what is put in here was found to be possible.
 */
import { invariant } from "../../base/assert.ts";
import { compareIp, formatIp, type Ip, parseIp } from "../../base/ip.ts";
import { isLeftOut } from "../config/pool_index.ts";
import { RangeSet } from "../config/range_set.ts";
import type { AllocReason } from "./alloc_request.ts";
import { AddressUsers, type Asking } from "./address_users.ts";
import type { AllocPool } from "./pool.ts";
import { type Rest, RestingAddresses } from "./resting_addresses.ts";
import { sameShare, type Share } from "./share.ts";

export interface Holding {
  /** In the order in which they are shown. */
  readonly held: readonly Ip[];
  /** Given up, but perhaps still shown by the API. */
  readonly retired: readonly Ip[];
  /** One for all its addresses. */
  readonly share: Share | undefined;
}

const NOTHING: Holding = { held: [], retired: [], share: undefined };

/** More addresses than one Service can sensibly show; the rest of a hostile list is not reserved. */
const HELD_MAX = 64;

export class AddressBook {
  #index = new RangeSet<AllocPool>();
  readonly #holdings = new Map<string, Holding>();
  /** Of every address held or retired. */
  readonly #users = new AddressUsers();
  readonly #resting = new RestingAddresses();
  readonly #changedPools = new Set<string>();
  /** Something became possible that was not: an address is free, or may be shared on other terms. */
  #freed = false;

  /** `fresh` pools know nothing yet of who has their addresses; `names` are those of all pools before and after. */
  setPools(index: RangeSet<AllocPool>, options: { fresh: ReadonlySet<AllocPool>; names: Iterable<string> }): void {
    const { fresh, names } = options;
    this.#index = index;
    for (const name of names) this.#changedPools.add(name);
    if (fresh.size > 0) this.#fill(fresh);
    for (const ip of this.#resting.all()) {
      const pool = index.find(ip);
      if (pool !== undefined && fresh.has(pool)) pool.rests(ip);
      if (pool?.pool.reuseAfterMs === undefined) this.#endRest(ip, pool);
    }
  }

  /** True when nobody can be given the address just so: it is used, or it rests. */
  isTaken(ip: Ip): boolean {
    return this.#users.isUsed(ip) || this.#resting.has(ip);
  }

  /** True when the Service may have the address beside those that are on it. */
  admits(ip: Ip, asking: Asking): boolean {
    return this.#users.admits(ip, asking);
  }

  /** Why `admits` said no. */
  refusal(ip: Ip, asking: Asking): { readonly reason: AllocReason; readonly message: string } {
    return this.#users.refusal(ip, asking);
  }

  /** What the Service had and what rests now, the latest first. */
  restedOf(serviceKey: string): readonly Ip[] {
    return this.#resting.ofService(serviceKey);
  }

  holdings(): Iterable<Holding> {
    return this.#holdings.values();
  }

  /**
   * Reserves addresses for the Service without asking whether it may have them. For addresses that are left alone, and
   * for those that the API shows and that are to go: as long as they are there nobody new gets them. Where it stands in
   * the way of somebody who has a better right it counts as one that gave the address up.
   */
  hold(serviceKey: string, addresses: readonly string[], share: Share | undefined): void {
    const held: Ip[] = [];
    const retired: Ip[] = [];
    for (const text of addresses) {
      if (held.length + retired.length === HELD_MAX) break;
      const ip = parseIp(text);
      if (ip === undefined || has(held, ip) || has(retired, ip)) continue;
      (this.#users.admits(ip, { serviceKey, share }) ? held : retired).push(ip);
    }
    this.update(serviceKey, { held, retired, share });
  }

  /** Gives up everything the Service holds; others get it only after `confirm`. */
  retire(serviceKey: string): void {
    const holding = this.#holdings.get(serviceKey);
    if (holding !== undefined) this.update(serviceKey, { held: [], retired: [], share: holding.share });
  }

  /** The API shows what the Service holds now: what it retired is free. */
  confirm(serviceKey: string): void {
    const holding = this.#holdings.get(serviceKey);
    if (holding === undefined || holding.retired.length === 0) return;
    for (const ip of holding.retired) this.#vacate(ip, { serviceKey, share: holding.share });
    if (holding.held.length === 0) this.#holdings.delete(serviceKey);
    else this.#holdings.set(serviceKey, { ...holding, retired: [] });
  }

  /** Frees everything at once. */
  release(serviceKey: string): void {
    const holding = this.#holdings.get(serviceKey);
    if (holding === undefined) return;
    this.#holdings.delete(serviceKey);
    for (const ip of [...holding.held, ...holding.retired]) this.#vacate(ip, { serviceKey, share: holding.share });
  }

  /** True when since the last call something became possible that was refused before. */
  takeFreed(): boolean {
    const freed = this.#freed;
    this.#freed = false;
    return freed;
  }

  /** What began to rest since the last call; `endRest` is to be called for each when its time is over. */
  takeRests(): readonly Rest[] {
    return this.#resting.takeStarted();
  }

  isResting(rest: Rest): boolean {
    return this.#resting.isLive(rest);
  }

  endRest({ address, serial }: Rest): void {
    const pool = this.#index.find(address);
    this.#endRest(address, pool, serial);
  }

  /** Names of pools whose counters may have changed since the last call, those that are gone included. */
  takeChangedPools(): readonly string[] {
    if (this.#changedPools.size === 0) return [];
    const names = [...this.#changedPools];
    this.#changedPools.clear();
    return names;
  }

  /** What the Service holds, in its order; without what it retired. */
  heldBy(serviceKey: string): readonly string[] {
    return this.holdingOf(serviceKey).held.map(formatIp);
  }

  /** The Services that hold or retired an address, by name. */
  usersOf(address: string): readonly string[] {
    const ip = parseIp(address);
    return ip === undefined ? [] : this.#users.usersOf(ip);
  }

  commonPool(ips: readonly Ip[]): AllocPool | undefined {
    let common: AllocPool | undefined;
    for (const ip of ips) {
      const pool = this.#index.find(ip);
      if (pool === undefined || isLeftOut(pool.pool, ip) || (common !== undefined && common !== pool)) return undefined;
      common = pool;
    }
    return common;
  }

  /** The pool whose `avoidBuggyIPs` keeps one of the addresses from everybody. */
  leftOutBy(ips: readonly Ip[]): AllocPool | undefined {
    return ips.map((ip) => ({ ip, pool: this.#index.find(ip) }))
      .find(({ ip, pool }) => pool !== undefined && isLeftOut(pool.pool, ip))?.pool;
  }

  holdingOf(serviceKey: string): Holding {
    return this.#holdings.get(serviceKey) ?? NOTHING;
  }

  /** What the Service had and `next` does not mention is retired too. */
  update(serviceKey: string, next: Holding): void {
    const before = this.holdingOf(serviceKey);
    const { held, share } = next;
    const retired = [...next.retired];
    for (const ip of [...before.held, ...before.retired]) {
      if (!has(held, ip) && !has(retired, ip)) retired.push(ip);
    }
    if (held.length === 0 && retired.length === 0) return;
    const isChanged = !sameShare(before.share, share);
    const old = { serviceKey, share: before.share };
    for (const ip of held) {
      if (isChanged || !has(before.held, ip)) this.#place(ip, { old, isHeld: true, share, before });
    }
    for (const ip of retired) {
      if (isChanged || !has(before.retired, ip)) this.#place(ip, { old, isHeld: false, share, before });
    }
    // Others may be able to join it now.
    if (isChanged && before.held.length + before.retired.length > 0) this.#freed = true;
    this.#holdings.set(serviceKey, { held, retired, share });
  }

  #place(
    ip: Ip,
    options: {
      old: { serviceKey: string; share: Share | undefined };
      isHeld: boolean;
      share: Share | undefined;
      before: Holding;
    },
  ): void {
    const { old, isHeld, share, before } = options;
    const { serviceKey } = old;
    invariant(
      !isHeld || this.#users.admits(ip, { serviceKey, share }),
      `${formatIp(ip)} is given to ${serviceKey}, which cannot have it beside ${this.#users.usersOf(ip)}`,
    );
    const pool = this.#index.find(ip);
    const wasHere = has(before.held, ip) || has(before.retired, ip);
    if (wasHere && old.share !== undefined) pool?.left(ip, old.share);
    const isFirst = this.#users.set(ip, { serviceKey, isHeld, share });
    if (isFirst && this.#endRest(ip, pool) && share !== undefined) this.#freed = true;
    if (isFirst) pool?.taken(ip);
    if (share !== undefined) pool?.joined(ip, share);
    if (pool !== undefined) this.#changedPools.add(pool.pool.name);
  }

  #vacate(ip: Ip, user: { serviceKey: string; share: Share | undefined }): void {
    const { serviceKey, share } = user;
    const pool = this.#index.find(ip);
    if (share !== undefined) pool?.left(ip, share);
    this.#freed = true;
    if (!this.#users.delete(ip, serviceKey)) return;
    const durationMs = pool?.pool.reuseAfterMs;
    if (pool !== undefined) this.#changedPools.add(pool.pool.name);
    if (pool !== undefined && durationMs !== undefined && !isLeftOut(pool.pool, ip)) {
      const eldest = this.#resting.start(ip, { serviceKey, durationMs });
      pool.rests(ip);
      if (eldest !== undefined) this.#wake(eldest, this.#index.find(eldest));
    }
    pool?.released(ip);
  }

  /** True when the address rested. */
  #endRest(ip: Ip, pool: AllocPool | undefined, serial?: number): boolean {
    if (!this.#resting.end(ip, serial)) return false;
    this.#wake(ip, pool);
    return true;
  }

  #wake(ip: Ip, pool: AllocPool | undefined): void {
    pool?.rested(ip);
    if (pool !== undefined) this.#changedPools.add(pool.pool.name);
    this.#freed = true;
  }
  #fill(fresh: ReadonlySet<AllocPool>): void {
    for (const { ip, shares } of this.#users.all()) {
      const pool = this.#index.find(ip);
      if (pool === undefined || !fresh.has(pool)) continue;
      pool.taken(ip);
      for (const share of shares) pool.joined(ip, share);
    }
  }
}

/** True when `ip` is among them. */
export function has(ips: readonly Ip[], ip: Ip): boolean {
  return ips.some((other) => compareIp(other, ip) === 0);
}
