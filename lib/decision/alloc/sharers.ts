/**
 * The Services on one address that stand there on the same footing, counted so that asking whether one more may join
 * costs as much as it has ports, however many there are.
 */
import type { Share, ShareConflict } from "./share.ts";

export class Sharers {
  readonly #members = new Map<string, Share | undefined>();
  readonly #pairs = new Map<string, number>();
  readonly #ports = new Map<string, number>();

  get size(): number {
    return this.#members.size;
  }

  keys(): Iterable<string> {
    return this.#members.keys();
  }

  entries(): Iterable<[string, Share | undefined]> {
    return this.#members.entries();
  }

  has(serviceKey: string): boolean {
    return this.#members.has(serviceKey);
  }

  /** Adds a Service, or gives it new terms. */
  set(serviceKey: string, share: Share | undefined): void {
    this.delete(serviceKey);
    this.#members.set(serviceKey, share);
    this.#count(share, 1);
  }

  delete(serviceKey: string): void {
    if (!this.#members.has(serviceKey)) return;
    this.#count(this.#members.get(serviceKey), -1);
    this.#members.delete(serviceKey);
  }

  /** What keeps the Service from being here with these terms, its own place here aside; `undefined` for nothing. */
  conflictWith(serviceKey: string, share: Share | undefined): ShareConflict | undefined {
    const isMember = this.#members.has(serviceKey);
    const mine = this.#members.get(serviceKey);
    const others = this.#members.size - (isMember ? 1 : 0);
    if (others === 0) return undefined;
    if (share === undefined) return "key";
    const samePair = (this.#pairs.get(share.pair) ?? 0) - (mine?.pair === share.pair ? 1 : 0);
    if (samePair < others) return "key";
    for (const port of share.ports) {
      if ((this.#ports.get(port) ?? 0) - (mine?.ports.has(port) === true ? 1 : 0) > 0) return "port";
    }
    return undefined;
  }

  #count(share: Share | undefined, by: 1 | -1): void {
    if (share === undefined) return;
    add(this.#pairs, share.pair, by);
    for (const port of share.ports) add(this.#ports, port, by);
  }
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
