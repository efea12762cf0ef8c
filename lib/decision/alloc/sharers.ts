/**
 * The Services on one address that stand there on the same footing, counted so that asking whether one more may join
 * costs as much as it has ports, however many there are. Of one alone, the usual case, nothing is counted.
 */
import { conflictOf, type Share, type ShareConflict } from "./share.ts";

type Member = [serviceKey: string, share: Share | undefined];

interface Counts {
  readonly members: Map<string, Share | undefined>;
  readonly pairs: Map<string, number>;
  readonly ports: Map<string, number>;
}

export class Sharers {
  #sole: Member | undefined;
  /** Once there were two; `#sole` says nothing then. */
  #counts: Counts | undefined;

  get size(): number {
    return this.#counts?.members.size ?? (this.#sole === undefined ? 0 : 1);
  }

  keys(): string[] {
    return this.entries().map(([key]) => key);
  }

  entries(): Member[] {
    if (this.#counts !== undefined) return [...this.#counts.members];
    return this.#sole === undefined ? [] : [this.#sole];
  }

  has(serviceKey: string): boolean {
    return this.#counts?.members.has(serviceKey) ?? this.#sole?.[0] === serviceKey;
  }

  /** Adds a Service, or gives it new terms. */
  set(serviceKey: string, share: Share | undefined): void {
    if (this.#counts === undefined && (this.#sole === undefined || this.#sole[0] === serviceKey)) {
      this.#sole = [serviceKey, share];
      return;
    }
    const counts = this.#counts ?? newCounts(this.#sole!);
    this.#counts = counts;
    this.#sole = undefined;
    this.delete(serviceKey);
    addMember(counts, [serviceKey, share]);
  }

  delete(serviceKey: string): void {
    if (this.#sole?.[0] === serviceKey) this.#sole = undefined;
    const counts = this.#counts;
    if (counts === undefined || !counts.members.has(serviceKey)) return;
    count(counts, counts.members.get(serviceKey), -1);
    counts.members.delete(serviceKey);
    if (counts.members.size === 0) this.#counts = undefined;
  }

  /** What keeps the Service from being here with these terms, its own place here aside; `undefined` for nothing. */
  conflictWith(serviceKey: string, share: Share | undefined): ShareConflict | undefined {
    if (this.#counts === undefined) {
      const isAlone = this.#sole === undefined || this.#sole[0] === serviceKey;
      return isAlone ? undefined : conflictOf(share, this.#sole![1]);
    }
    const { members, pairs, ports } = this.#counts;
    const mine = members.get(serviceKey);
    const others = members.size - (members.has(serviceKey) ? 1 : 0);
    if (others === 0) return undefined;
    if (share === undefined) return "key";
    const samePair = (pairs.get(share.pair) ?? 0) - (mine?.pair === share.pair ? 1 : 0);
    if (samePair < others) return "key";
    for (const port of share.ports) {
      if ((ports.get(port) ?? 0) - (mine?.ports.has(port) === true ? 1 : 0) > 0) return "port";
    }
    return undefined;
  }
}

function newCounts(sole: Member): Counts {
  const counts = { members: new Map(), pairs: new Map(), ports: new Map() };
  addMember(counts, sole);
  return counts;
}

function addMember(counts: Counts, [serviceKey, share]: Member): void {
  counts.members.set(serviceKey, share);
  count(counts, share, 1);
}

function count({ pairs, ports }: Counts, share: Share | undefined, by: 1 | -1): void {
  if (share === undefined) return;
  add(pairs, share.pair, by);
  for (const port of share.ports) add(ports, port, by);
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
