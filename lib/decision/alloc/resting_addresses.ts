/**
 * Addresses that nobody has and that rest before somebody else gets them (`herald.dev/reuse-after` on a pool), so that
 * clients and caches that still know the old owner do not meet a new one.
 *
 * There is no time in here: whoever asked is told for how long, and says when it is over. A restart forgets what rests.
 * The Service that had an address last may have it back at once, also when it was deleted and made anew under its name;
 * and so may any Service that asks for that very address, because whoever writes it down has decided.
 */
import { formatIp, type Ip } from "../../base/ip.ts";

export interface Rest {
  readonly address: Ip;
  readonly durationMs: number;
  /** Tells this rest from a later one of the same address. */
  readonly serial: number;
}

interface Resting extends Rest {
  readonly serviceKey: string;
}

/** More would be a pool that is churned through as a whole: the address that rests longest is free early then. */
const RESTING_MAX = 65_536;

export class RestingAddresses {
  /** By text, the one that rests longest first. */
  readonly #resting = new Map<string, Resting>();
  readonly #byService = new Map<string, Set<string>>();
  #started: Rest[] = [];
  #serial = 0;

  has(ip: Ip): boolean {
    return this.#resting.size > 0 && this.#resting.has(formatIp(ip));
  }

  /** True as long as it is this very rest. */
  isLive({ address, serial }: Rest): boolean {
    return this.#resting.get(formatIp(address))?.serial === serial;
  }

  all(): Ip[] {
    return [...this.#resting.values()].map(({ address }) => address);
  }

  /** What the Service had last, the latest first. */
  ofService(serviceKey: string): Ip[] {
    return [...this.#byService.get(serviceKey) ?? []].map((text) => this.#resting.get(text)!.address).reverse();
  }

  /** Returns an address that has to make room. */
  start(address: Ip, options: { serviceKey: string; durationMs: number }): Ip | undefined {
    const { serviceKey, durationMs } = options;
    const eldest = this.#resting.size >= RESTING_MAX ? this.#resting.values().next().value?.address : undefined;
    if (eldest !== undefined) this.end(eldest);
    const rest = { address, durationMs, serviceKey, serial: ++this.#serial };
    const text = formatIp(address);
    this.#resting.set(text, rest);
    const own = this.#byService.get(serviceKey);
    if (own === undefined) this.#byService.set(serviceKey, new Set([text]));
    else own.add(text);
    this.#started.push(rest);
    return eldest;
  }

  /** True when the address rested; with a serial, when it was that rest. */
  end(address: Ip, serial?: number): boolean {
    if (this.#resting.size === 0) return false;
    const text = formatIp(address);
    const rest = this.#resting.get(text);
    if (rest === undefined || (serial !== undefined && rest.serial !== serial)) return false;
    this.#resting.delete(text);
    const own = this.#byService.get(rest.serviceKey);
    own?.delete(text);
    if (own?.size === 0) this.#byService.delete(rest.serviceKey);
    return true;
  }

  /** What began to rest since the last call. */
  takeStarted(): readonly Rest[] {
    const started = this.#started;
    if (started.length > 0) this.#started = [];
    return started;
  }
}
