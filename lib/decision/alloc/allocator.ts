/**
 * Who holds which address, and who gets which (reference §5.3, §11.5).
 *
 * Pools that a `serviceAllocation` pins to the Service come first, by priority (lower first, 0 last) and then by name;
 * then the general pools by name. In a pool the lowest free address is given; two families come from one pool, IPv4
 * first. The result depends on what is held, never on the order in which objects arrived. There is no time in here.
 *
 * An address that a Service gives up is first *retired*: nobody else gets it until `confirm` says that the API no
 * longer shows it, because two Services must not hold one address in the API either. Sharing (an address with several
 * holders) is not here yet: `#holders` and `#heldByOther` are where it will enter.
 */
import { invariant } from "../../base/assert.ts";
import { compareIp, formatIp, type Ip, type IpFamily, parseIp } from "../../base/ip.ts";
import { compareText, type Pool, poolAdmits } from "../config/config.ts";
import { isLeftOut } from "../config/pool_index.ts";
import { compareRanges, type RangeEntry, RangeSet } from "../config/range_set.ts";
import type { AllocReason, AllocRequest, AllocResult, PoolCounters } from "./alloc_request.ts";
import { AllocPool } from "./pool.ts";

/** Asked by name only. */
type PoolNames = { has(name: string): boolean };

interface Holding {
  /** In the order in which they are shown. */
  held: readonly Ip[];
  /** Given up, but perhaps still shown by the API. */
  retired: readonly Ip[];
}

type Refusal = Extract<AllocResult, { ok: false }>;

/** More addresses than one Service can sensibly show; the rest of a hostile list is not reserved. */
const HELD_MAX = 64;

export class Allocator {
  readonly #pools = new Map<string, AllocPool>();
  /** Pinned ones in their order, then the general ones; those without autoAssign are left out. */
  #automatic: readonly AllocPool[] = [];
  #index = new RangeSet<AllocPool>();
  #disabled: PoolNames = new Set();
  readonly #holdings = new Map<string, Holding>();
  /** Value of every address held or retired, to the Service that has it. */
  readonly #holders: Readonly<Record<IpFamily, Map<bigint, string>>> = { 4: new Map(), 6: new Map() };

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
      const next = new AllocPool(pool, { previous: kept, isUsed: (ip) => this.#holder(ip) !== undefined });
      if (kept === undefined) fresh.add(next);
      this.#pools.set(pool.name, next);
      for (const range of pool.ranges) entries.push({ range, value: next });
    }
    entries.sort((a, b) => compareRanges(a.range, b.range));
    this.#index = new RangeSet(entries);
    this.#automatic = [...this.#pools.values()].filter(({ pool }) => pool.autoAssign).sort(comparePreference);
    if (fresh.size === 0) return;
    for (const family of [4, 6] as const) {
      for (const value of this.#holders[family].keys()) {
        const pool = this.#index.find({ family, value });
        if (pool !== undefined && fresh.has(pool)) pool.taken({ family, value });
      }
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
        if (found !== undefined) return this.#give(request.serviceKey, { pool, addresses: found });
      }
    }
    return refuse("noAvailableIPs", "no available IPs");
  }

  /**
   * Fills up what the Service holds to all wanted families, from the pool that it holds them in: the second address of
   * a Service that became dual-stack. `undefined`, and nothing is changed, when it holds none or the pool cannot.
   */
  extend(request: AllocRequest): AllocResult | undefined {
    const held = this.#holdings.get(request.serviceKey)?.held ?? [];
    const pool = this.#commonPool(held);
    if (pool === undefined || !poolAdmits(pool.pool, request)) return undefined;
    if (request.pool !== undefined && request.pool !== pool.pool.name) return undefined;
    const found = this.#pick(pool, { families: request.families, request });
    if (found === undefined || !found.some((ip) => has(held, ip))) return undefined;
    return this.#give(request.serviceKey, { pool, addresses: found });
  }

  /**
   * Makes the Service the holder of addresses that it shows already, if it may have them; their order stays. Whatever
   * else it held is retired. A refusal changes nothing.
   */
  adopt(serviceKey: string, addresses: readonly string[], request: AllocRequest): AllocResult {
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
    return this.#give(serviceKey, { pool, addresses: ips });
  }

  /**
   * Reserves addresses for the Service without asking whether it may have them, as far as nobody else holds them. For
   * addresses that are left alone: those of a pool that is disabled by an error.
   */
  hold(serviceKey: string, addresses: readonly string[]): void {
    const ips: Ip[] = [];
    for (const text of addresses) {
      if (ips.length === HELD_MAX) break;
      const ip = parseIp(text);
      if (ip !== undefined && !has(ips, ip) && !this.#heldByOther(ip, serviceKey)) ips.push(ip);
    }
    this.#setHeld(serviceKey, ips);
  }

  /** Gives up everything the Service holds; others get it only after `confirm`. */
  retire(serviceKey: string): void {
    if (this.#holdings.has(serviceKey)) this.#setHeld(serviceKey, []);
  }

  /** The API shows what the Service holds now: what it retired is free. True when something was freed. */
  confirm(serviceKey: string): boolean {
    const holding = this.#holdings.get(serviceKey);
    if (holding === undefined || holding.retired.length === 0) return false;
    for (const ip of holding.retired) this.#vacate(ip);
    holding.retired = [];
    if (holding.held.length === 0) this.#holdings.delete(serviceKey);
    return true;
  }

  /** Frees everything at once. True when something was freed. */
  release(serviceKey: string): boolean {
    const holding = this.#holdings.get(serviceKey);
    if (holding === undefined) return false;
    this.#holdings.delete(serviceKey);
    for (const ip of [...holding.held, ...holding.retired]) this.#vacate(ip);
    return true;
  }

  /** What the Service holds, in its order; without what it retired. */
  heldBy(serviceKey: string): readonly string[] {
    return (this.#holdings.get(serviceKey)?.held ?? []).map(formatIp);
  }

  /** The Service that holds or retired an address. */
  holderOf(address: string): string | undefined {
    const ip = parseIp(address);
    return ip === undefined ? undefined : this.#holder(ip);
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
    return this.#give(request.serviceKey, { pool, addresses });
  }

  #assignFromPool(request: AllocRequest, name: string): AllocResult {
    const pool = this.#pools.get(name);
    if (pool === undefined) {
      return this.#disabled.has(name)
        ? refuse("disabledPool", `pool "${name}" has errors and is disabled`)
        : refuse("unknownPool", `unknown pool "${name}"`);
    }
    if (!poolAdmits(pool.pool, request)) return refuse("poolIncompatible", incompatible(name, request));
    for (const families of familyChoices(request)) {
      const found = this.#pick(pool, { families, request });
      if (found !== undefined) return this.#give(request.serviceKey, { pool, addresses: found });
    }
    return refuse("poolExhausted", `no available IPs in pool ${name}`);
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
    if (!poolAdmits(pool.pool, request)) return refuse("poolIncompatible", incompatible(name, request));
    for (const ip of ips) {
      if (this.#heldByOther(ip, request.serviceKey)) {
        return refuse("addressInUse", `${formatIp(ip)} is in use by ${this.#holder(ip)}`);
      }
    }
    return pool;
  }

  /** One address per family, IPv4 first: the one it holds there, or else the lowest free one. */
  #pick(pool: AllocPool, options: { families: readonly IpFamily[]; request: AllocRequest }): Ip[] | undefined {
    const held = this.#holdings.get(options.request.serviceKey)?.held ?? [];
    const found: Ip[] = [];
    for (const family of options.families) {
      const kept = held.find((ip) => ip.family === family && this.#commonPool([ip]) === pool);
      const ip = kept ?? pool.lowest(family);
      if (ip === undefined) return undefined;
      found.push(ip);
    }
    return found.sort(compareIp);
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

  #heldByOther(ip: Ip, serviceKey: string): boolean {
    const holder = this.#holder(ip);
    return holder !== undefined && holder !== serviceKey;
  }

  #holder(ip: Ip): string | undefined {
    return this.#holders[ip.family].get(ip.value);
  }

  #give(serviceKey: string, options: { pool: AllocPool; addresses: readonly Ip[] }): AllocResult {
    this.#setHeld(serviceKey, options.addresses);
    return { ok: true, pool: options.pool.pool.name, addresses: options.addresses.map(formatIp) };
  }

  #setHeld(serviceKey: string, next: readonly Ip[]): void {
    const holding = this.#holdings.get(serviceKey) ?? { held: [], retired: [] };
    const before = [...holding.held, ...holding.retired];
    for (const ip of next) if (!has(before, ip)) this.#occupy(ip, serviceKey);
    holding.held = next;
    holding.retired = before.filter((ip) => !has(next, ip));
    if (before.length === 0 && next.length === 0) return;
    this.#holdings.set(serviceKey, holding);
  }

  #occupy(ip: Ip, serviceKey: string): void {
    const holders = this.#holders[ip.family];
    invariant(!holders.has(ip.value), `${formatIp(ip)} is given to ${serviceKey} but held already`);
    holders.set(ip.value, serviceKey);
    this.#index.find(ip)?.taken(ip);
  }

  #vacate(ip: Ip): void {
    this.#holders[ip.family].delete(ip.value);
    this.#index.find(ip)?.released(ip);
  }
}

/** Pinned pools by priority, 0 last, then the general ones; by name among equals. */
function comparePreference({ pool: a }: AllocPool, { pool: b }: AllocPool): number {
  return rank(a) - rank(b) || compareText(a.name, b.name);
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

function incompatible(pool: string, { serviceKey }: AllocRequest): string {
  return `pool ${pool} is not compatible with ${serviceKey}: its serviceAllocation does not admit the Service`;
}

function refuse(reason: AllocReason, message: string): Refusal {
  return { ok: false, reason, message };
}
