/**
 * Who holds which address, and who gets which (reference §5.3, §11.5).
 *
 * Pools that a `serviceAllocation` pins to the Service come first, by priority (lower first, 0 last) and then by name;
 * then the general pools by name. In a pool the lowest free address is given; two families come from one pool, IPv4
 * first. The result depends on what is held, never on the order in which objects arrived. There is no time in here.
 *
 * An address that a Service gives up is first *retired*: nobody else gets it until `confirm` says that the API no
 * longer shows it, because two Services must not hold one address in the API either, unless they could share it. A
 * Service that shares is given the lowest address that is free or that it can share (reference §5.6).
 */
import { invariant } from "../../base/assert.ts";
import { compareIp, formatIp, type Ip, type IpFamily, parseIp } from "../../base/ip.ts";
import { compareText, type Pool, poolAdmits, poolServesClass } from "../config/config.ts";
import { isLeftOut } from "../config/pool_index.ts";
import { compareRanges, type RangeEntry, RangeSet } from "../config/range_set.ts";
import { AddressUsers } from "./address_users.ts";
import type { AllocReason, AllocRequest, AllocResult, PoolCounters } from "./alloc_request.ts";
import { AllocPool } from "./pool.ts";
import { type Rest, RestingAddresses } from "./resting_addresses.ts";
import { sameShare, type Share } from "./share.ts";

/** Asked by name only. */
type PoolNames = { has(name: string): boolean };

interface Holding {
  /** In the order in which they are shown. */
  readonly held: readonly Ip[];
  /** Given up, but perhaps still shown by the API. */
  readonly retired: readonly Ip[];
  /** One for all its addresses. */
  readonly share: Share | undefined;
}

const NOTHING: Holding = { held: [], retired: [], share: undefined };

type Refusal = Extract<AllocResult, { ok: false }>;

/** More addresses than one Service can sensibly show; the rest of a hostile list is not reserved. */
const HELD_MAX = 64;

/** Ends a refusal where waiting helps by itself. */
const RESTING_TEXT = ": the last free ones rest after use (herald.dev/reuse-after)";

export class Allocator {
  readonly #pools = new Map<string, AllocPool>();
  /** Pinned ones in their order, then the general ones; those without autoAssign are left out. */
  #automatic: readonly AllocPool[] = [];
  #index = new RangeSet<AllocPool>();
  #disabled: PoolNames = new Set();
  readonly #holdings = new Map<string, Holding>();
  /** Of every address held or retired. */
  readonly #users = new AddressUsers();
  readonly #resting = new RestingAddresses();
  readonly #changedPools = new Set<string>();
  /** Something became possible that was not: an address is free, or may be shared on other terms. */
  #freed = false;

  /** Replaces all pools. What Services hold stays held, in a pool or not; `adopt` says whether it may. */
  setPools(pools: readonly Pool[], options: { disabled?: PoolNames } = {}): void {
    const previous = new Map(this.#pools);
    const fresh = new Set<AllocPool>();
    this.#pools.clear();
    this.#disabled = options.disabled ?? new Set();
    const entries: RangeEntry<AllocPool>[] = [];
    for (const pool of pools) {
      const old = previous.get(pool.name);
      const kept = old?.sameAddresses(pool) === true ? old : undefined;
      const next = new AllocPool(pool, {
        previous: kept,
        isUsed: (ip) => this.#users.isUsed(ip) || this.#resting.has(ip),
      });
      if (kept === undefined) fresh.add(next);
      this.#pools.set(pool.name, next);
      for (const range of pool.ranges) entries.push({ range, value: next });
    }
    entries.sort((a, b) => compareRanges(a.range, b.range));
    this.#index = new RangeSet(entries);
    this.#automatic = [...this.#pools.values()].filter(({ pool }) => pool.autoAssign).sort(comparePreference);
    for (const name of [...previous.keys(), ...this.#pools.keys()]) this.#changedPools.add(name);
    if (fresh.size > 0) this.#fill(fresh);
    for (const ip of this.#resting.all()) {
      const pool = this.#index.find(ip);
      if (pool !== undefined && fresh.has(pool)) pool.rests(ip);
      if (pool?.pool.reuseAfterMs === undefined) this.#endRest(ip, pool);
    }
  }

  #fill(fresh: ReadonlySet<AllocPool>): void {
    for (const { ip, shares } of this.#users.all()) {
      const pool = this.#index.find(ip);
      if (pool === undefined || !fresh.has(pool)) continue;
      pool.taken(ip);
      for (const share of shares) pool.joined(ip, share);
    }
  }

  /**
   * Gives new addresses. What the Service holds already and may keep is kept (its pool is tried first); the rest of
   * what it held is retired. A refusal changes nothing.
   */
  assign(request: AllocRequest): AllocResult {
    if (request.addresses !== undefined) return this.#assignRequested(request, request.addresses);
    if (request.pool !== undefined) return this.#assignFromPool(request, request.pool);
    const kept = this.extend(request);
    if (kept !== undefined) return kept;
    const admitted = this.#automatic.filter(({ pool }) => poolAdmits(pool, request));
    for (const families of familyChoices(request)) {
      for (const pool of admitted) {
        const found = this.#pick(pool, { families, request });
        if (found !== undefined) return this.#give(request, { pool, addresses: found });
      }
    }
    return refuse("noAvailableIPs", `no available IPs${this.#whyNone(request, admitted)}`);
  }

  /**
   * Fills up what the Service holds to all wanted families, from the pool that it holds them in: the second address of
   * a Service that became dual-stack. `undefined`, and nothing is changed, when it holds none or the pool cannot.
   */
  extend(request: AllocRequest): AllocResult | undefined {
    const { held } = this.#holdingOf(request.serviceKey);
    const pool = this.#commonPool(held);
    if (pool === undefined || !poolAdmits(pool.pool, request)) return undefined;
    if (request.pool !== undefined && request.pool !== pool.pool.name) return undefined;
    const found = this.#pick(pool, { families: request.families, request });
    if (found === undefined || !found.some((ip) => has(held, ip))) return undefined;
    return this.#give(request, { pool, addresses: found });
  }

  /** True when the pool of what the Service holds has addresses of every family that it wants, free or not. */
  canExtend(request: AllocRequest): boolean {
    const pool = this.#commonPool(this.#holdingOf(request.serviceKey).held);
    return pool !== undefined && request.families.every((family) => pool.hasFamily(family));
  }

  /**
   * Makes the Service the holder of addresses that it shows already, if it may have them; their order stays. Whatever
   * else it held is retired. A refusal changes nothing.
   */
  adopt(request: AllocRequest, addresses: readonly string[]): AllocResult {
    const ips: Ip[] = [];
    for (const text of addresses) {
      const ip = parseIp(text);
      if (ip === undefined) {
        return refuse("invalidAddress", `${JSON.stringify(text.slice(0, 64))} is not an IP address`);
      }
      ips.push(ip);
    }
    if (!familiesFit(ips, request)) {
      const wanted = request.families.map((family) => `IPv${family}`).join(" and ");
      return refuse("familyMismatch", `${list(ips)} is not what the Service needs: ${wanted}`);
    }
    if (request.addresses !== undefined && !sameSet(ips, request.addresses)) {
      return refuse("notRequested", `${list(request.addresses)} is requested, not ${list(ips)}`);
    }
    const pool = this.#allowedPool(ips, request);
    if (!(pool instanceof AllocPool)) return pool;
    return this.#give(request, { pool, addresses: ips });
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
    this.#update(serviceKey, { held, retired, share });
  }

  /** Gives up everything the Service holds; others get it only after `confirm`. */
  retire(serviceKey: string): void {
    const holding = this.#holdings.get(serviceKey);
    if (holding !== undefined) this.#update(serviceKey, { held: [], retired: [], share: holding.share });
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
    return this.#holdingOf(serviceKey).held.map(formatIp);
  }

  /** The Services that hold or retired an address, by name. */
  usersOf(address: string): readonly string[] {
    const ip = parseIp(address);
    return ip === undefined ? [] : this.#users.usersOf(ip);
  }

  /** Name of the one pool that all addresses are in; those left out by `avoidBuggyIPs` are in none. */
  poolOf(addresses: readonly string[]): string | undefined {
    const ips = addresses.map(parseIp);
    return ips.includes(undefined) ? undefined : this.#commonPool(ips as Ip[])?.pool.name;
  }

  /** By pool name. */
  counters(): PoolCounters[] {
    return [...this.#pools.values()].map((pool) => pool.counters()).sort((a, b) => compareText(a.name, b.name));
  }

  /** `undefined` when there is no such pool. */
  countersOf(pool: string): PoolCounters | undefined {
    return this.#pools.get(pool)?.counters();
  }

  /** How many Services hold addresses of each pool. */
  servicesByPool(): Map<string, number> {
    const counts = new Map<string, number>([...this.#pools.keys()].map((name) => [name, 0]));
    for (const { held } of this.#holdings.values()) {
      const name = held.length === 0 ? undefined : this.#commonPool(held)?.pool.name;
      if (name !== undefined) counts.set(name, counts.get(name)! + 1);
    }
    return counts;
  }

  /** What somebody would not think of when no pool has an address for the Service. */
  #whyNone(request: AllocRequest, admitted: readonly AllocPool[]): string {
    if (admitted.some((pool) => hasResting(pool, request))) return RESTING_TEXT;
    const { loadBalancerClass } = request;
    const isBound = this.#automatic.length > 0 &&
      this.#automatic.every(({ pool }) => !poolServesClass(pool, loadBalancerClass));
    if (!isBound) return "";
    return loadBalancerClass === undefined
      ? ": every pool is bound to load balancer classes (herald.dev/load-balancer-class)"
      : `: no pool serves load balancer class ${JSON.stringify(loadBalancerClass)}`;
  }

  #assignRequested(request: AllocRequest, addresses: readonly Ip[]): AllocResult {
    if (!familiesFit(addresses, { families: request.families, oneIsEnough: false })) {
      const wanted = request.families.map((family) => `IPv${family}`).join(" and ");
      return refuse(
        "familyMismatch",
        `requested ${list(addresses)} does not match the families of the Service: ${wanted}`,
      );
    }
    const pool = this.#allowedPool(addresses, request);
    if (!(pool instanceof AllocPool)) return pool;
    return this.#give(request, { pool, addresses });
  }

  #assignFromPool(request: AllocRequest, name: string): AllocResult {
    const pool = this.#pools.get(name);
    if (pool === undefined) {
      return this.#disabled.has(name)
        ? refuse("disabledPool", `pool "${name}" has errors and is disabled`)
        : refuse("unknownPool", `unknown pool "${name}"`);
    }
    if (!poolAdmits(pool.pool, request)) return refuse("poolIncompatible", incompatible(pool, request));
    for (const families of familyChoices(request)) {
      const found = this.#pick(pool, { families, request });
      if (found !== undefined) return this.#give(request, { pool, addresses: found });
    }
    const rest = hasResting(pool, request) ? RESTING_TEXT : "";
    return refuse("poolExhausted", `no available IPs in pool ${name}${rest}`);
  }

  /** The pool that may give exactly these addresses to the Service, or why none may. */
  #allowedPool(ips: readonly Ip[], request: AllocRequest): AllocPool | Refusal {
    const pool = this.#commonPool(ips);
    if (pool === undefined) return refuse("ipNotAllowed", `${list(ips)} is not allowed in config`);
    const name = pool.pool.name;
    if (request.pool !== undefined && request.pool !== name) {
      return refuse(
        "poolMismatch",
        `${list(ips)} is in pool ${name}, which is not compatible with requested pool ${request.pool}`,
      );
    }
    if (!poolAdmits(pool.pool, request)) return refuse("poolIncompatible", incompatible(pool, request));
    for (const ip of ips) {
      if (!this.#users.admits(ip, request)) return { ok: false, ...this.#users.refusal(ip, request) };
    }
    return pool;
  }

  /**
   * One address per family, IPv4 first: the one it holds there, or else the one it had last and that rests, or else the
   * lowest that is free or that it can share.
   */
  #pick(pool: AllocPool, options: { families: readonly IpFamily[]; request: AllocRequest }): Ip[] | undefined {
    const { request, families } = options;
    const { held } = this.#holdingOf(request.serviceKey);
    const rested = this.#resting.ofService(request.serviceKey);
    const found: Ip[] = [];
    for (const family of families) {
      const isMine = (ip: Ip): boolean =>
        ip.family === family && this.#commonPool([ip]) === pool && this.#users.admits(ip, request);
      const ip = held.find(isMine) ?? rested.find(isMine) ?? this.#lowest(pool, { family, request });
      if (ip === undefined) return undefined;
      found.push(ip);
    }
    return found.sort(compareIp);
  }

  #lowest(pool: AllocPool, options: { family: IpFamily; request: AllocRequest }): Ip | undefined {
    const { family, request } = options;
    const free = pool.lowest(family);
    const { serviceKey, share } = request;
    if (share === undefined) return free;
    const admits = (ip: Ip): boolean => this.#users.admits(ip, { serviceKey, share });
    return pool.lowestShared(family, { share, below: free?.value, admits }) ?? free;
  }

  #commonPool(ips: readonly Ip[]): AllocPool | undefined {
    let common: AllocPool | undefined;
    for (const ip of ips) {
      const pool = this.#index.find(ip);
      if (pool === undefined || isLeftOut(pool.pool, ip) || (common !== undefined && common !== pool)) return undefined;
      common = pool;
    }
    return common;
  }

  #holdingOf(serviceKey: string): Holding {
    return this.#holdings.get(serviceKey) ?? NOTHING;
  }

  #give(request: AllocRequest, options: { pool: AllocPool; addresses: readonly Ip[] }): AllocResult {
    const { serviceKey, share } = request;
    this.#update(serviceKey, { held: options.addresses, retired: [], share });
    return { ok: true, pool: options.pool.pool.name, addresses: options.addresses.map(formatIp) };
  }

  /** What the Service had and `next` does not mention is retired too. */
  #update(serviceKey: string, next: Holding): void {
    const before = this.#holdingOf(serviceKey);
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
}

/**
 * Pools that are bound to classes before the others, because only Services of these classes come to them at all; then
 * pinned pools by priority, 0 last, then the general ones; by name among equals.
 */
function comparePreference({ pool: a }: AllocPool, { pool: b }: AllocPool): number {
  return Number(a.classes === undefined) - Number(b.classes === undefined) || rank(a) - rank(b) ||
    compareText(a.name, b.name);
}

function rank(pool: Pool): number {
  if (pool.allocation === undefined) return 2 ** 33;
  return pool.allocation.priority === 0 ? 2 ** 32 : pool.allocation.priority;
}

/** What to look for in turn: both families; where one is enough then the primary, then the other. */
function familyChoices({ families, oneIsEnough }: AllocRequest): (readonly IpFamily[])[] {
  return oneIsEnough && families.length > 1 ? [families, ...families.map((family) => [family])] : [families];
}

function familiesFit(ips: readonly Ip[], wanted: Pick<AllocRequest, "families" | "oneIsEnough">): boolean {
  if (ips.length === 0 || new Set(ips.map(({ family }) => family)).size < ips.length) return false;
  if (!ips.every(({ family }) => wanted.families.includes(family))) return false;
  return ips.length === wanted.families.length || wanted.oneIsEnough;
}

function has(ips: readonly Ip[], ip: Ip): boolean {
  return ips.some((other) => compareIp(other, ip) === 0);
}

function sameSet(a: readonly Ip[], b: readonly Ip[]): boolean {
  return a.length === b.length && a.every((ip) => has(b, ip));
}

function list(ips: readonly Ip[]): string {
  return `[${ips.map((ip) => `"${formatIp(ip)}"`).join(" ")}]`;
}

function incompatible({ pool }: AllocPool, request: AllocRequest): string {
  const why = poolServesClass(pool, request.loadBalancerClass)
    ? "its serviceAllocation does not admit the Service"
    : `it serves only the load balancer class ${[...pool.classes ?? []].join(" and ")}`;
  return `pool ${pool.name} is not compatible with ${request.serviceKey}: ${why}`;
}

function hasResting(pool: AllocPool, { families }: AllocRequest): boolean {
  return families.some((family) => pool.hasResting(family));
}

function refuse(reason: AllocReason, message: string): Refusal {
  return { ok: false, reason, message };
}
