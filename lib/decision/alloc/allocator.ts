/**
 * Who gets which address (reference §5.3, §11.5); who has which is in the address book.
 *
 * Pools that a `serviceAllocation` pins to the Service come first, by priority (lower first, 0 last) and then by name;
 * then the general pools by name. In a pool the lowest free address is given; two families come from one pool, IPv4
 * first. The result depends on what is held, never on the order in which objects arrived. There is no time in here.
 *
 * An address that a Service gives up is first *retired*: nobody else gets it until `confirm` says that the API no
 * longer shows it, because two Services must not hold one address in the API either, unless they could share it. A
 * Service that shares is given the lowest address that is free or that it can share (reference §5.6).
 */
import { compareIp, formatIp, type Ip, type IpFamily, parseIp } from "../../base/ip.ts";
import { compareText, type Pool, poolAdmits, poolServesClass } from "../config/config.ts";
import { compareRanges, type RangeEntry, RangeSet } from "../config/range_set.ts";
import { AddressBook, has } from "./address_book.ts";
import type { AllocReason, AllocRequest, AllocResult, PoolCounters } from "./alloc_request.ts";
import { AllocPool } from "./pool.ts";

/** Asked by name only. */
type PoolNames = { has(name: string): boolean };

type Refusal = Extract<AllocResult, { ok: false }>;

/** Ends a refusal where waiting helps by itself. */
const RESTING_TEXT = ": the last free ones rest after use (herald.dev/reuse-after)";

export class Allocator {
  readonly #pools = new Map<string, AllocPool>();
  /** Pinned ones in their order, then the general ones; those without autoAssign are left out. */
  #automatic: readonly AllocPool[] = [];
  #disabled: PoolNames = new Set();
  readonly book = new AddressBook();

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
      const next = new AllocPool(pool, { previous: kept, isUsed: (ip) => this.book.isTaken(ip) });
      if (kept === undefined) fresh.add(next);
      this.#pools.set(pool.name, next);
      for (const range of pool.ranges) entries.push({ range, value: next });
    }
    entries.sort((a, b) => compareRanges(a.range, b.range));
    this.#automatic = [...this.#pools.values()].filter(({ pool }) => pool.autoAssign).sort(comparePreference);
    this.book.setPools(new RangeSet(entries), { fresh, names: [...previous.keys(), ...this.#pools.keys()] });
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
    const { held } = this.book.holdingOf(request.serviceKey);
    const pool = this.book.commonPool(held);
    if (pool === undefined || !poolAdmits(pool.pool, request)) return undefined;
    if (request.pool !== undefined && request.pool !== pool.pool.name) return undefined;
    const found = this.#pick(pool, { families: request.families, request });
    if (found === undefined || !found.some((ip) => has(held, ip))) return undefined;
    return this.#give(request, { pool, addresses: found });
  }

  /** True when the pool of what the Service holds has addresses of every family that it wants, free or not. */
  canExtend(request: AllocRequest): boolean {
    const pool = this.book.commonPool(this.book.holdingOf(request.serviceKey).held);
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

  /** Name of the one pool that all addresses are in; those left out by `avoidBuggyIPs` are in none. */
  poolOf(addresses: readonly string[]): string | undefined {
    const ips = addresses.map(parseIp);
    return ips.includes(undefined) ? undefined : this.book.commonPool(ips as Ip[])?.pool.name;
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
    for (const { held } of this.book.holdings()) {
      const name = held.length === 0 ? undefined : this.book.commonPool(held)?.pool.name;
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
    const pool = this.book.commonPool(ips);
    if (pool === undefined) {
      const leftOutBy = this.book.leftOutBy(ips)?.pool.name;
      const why = leftOutBy === undefined ? "" : `: avoidBuggyIPs of pool ${leftOutBy} leaves it out`;
      return refuse("ipNotAllowed", `${list(ips)} is not allowed in config${why}`);
    }
    const name = pool.pool.name;
    if (request.pool !== undefined && request.pool !== name) {
      return refuse(
        "poolMismatch",
        `${list(ips)} is in pool ${name}, which is not compatible with requested pool ${request.pool}`,
      );
    }
    if (!poolAdmits(pool.pool, request)) return refuse("poolIncompatible", incompatible(pool, request));
    for (const ip of ips) {
      if (!this.book.admits(ip, request)) return { ok: false, ...this.book.refusal(ip, request) };
    }
    return pool;
  }

  /**
   * One address per family, IPv4 first: the one it holds there, or else the one it had last and that rests, or else the
   * lowest that is free or that it can share.
   */
  #pick(pool: AllocPool, options: { families: readonly IpFamily[]; request: AllocRequest }): Ip[] | undefined {
    const { request, families } = options;
    const { held } = this.book.holdingOf(request.serviceKey);
    const rested = this.book.restedOf(request.serviceKey);
    const found: Ip[] = [];
    for (const family of families) {
      const isMine = (ip: Ip): boolean =>
        ip.family === family && this.book.commonPool([ip]) === pool && this.book.admits(ip, request);
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
    const admits = (ip: Ip): boolean => this.book.admits(ip, { serviceKey, share });
    return pool.lowestShared(family, { share, below: free?.value, admits }) ?? free;
  }

  #give(request: AllocRequest, options: { pool: AllocPool; addresses: readonly Ip[] }): AllocResult {
    const { serviceKey, share } = request;
    this.book.update(serviceKey, { held: options.addresses, retired: [], share });
    return { ok: true, pool: options.pool.pool.name, addresses: options.addresses.map(formatIp) };
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
