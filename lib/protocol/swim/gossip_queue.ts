/**
 * What is to be told to everybody, each thing a limited number of times: the rumours that ride on every datagram.
 *
 * There is one rumour for each subject, and a newer one replaces the older. Those that were sent least go first; among
 * them the largest that fits, then the newest (memberlist's order, which fills datagrams well).
 */
import { retransmitLimit } from "./timing.ts";

interface Rumour {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Of two that are equal the newer has the higher number. */
  readonly number: number;
  sent: number;
}

export interface GossipQueueOptions {
  readonly retransmitMult: number;
  /** Rumours beyond this many drive out those that were sent most. */
  readonly sizeMax: number;
}

/** A compound packet counts its parts in one byte. */
const PARTS_MAX = 255;

export class GossipQueue {
  readonly #options: GossipQueueOptions;
  readonly #bySubject = new Map<string, Rumour>();
  /** By how often they were sent, each in the order in which they go, from the end: what is new comes to stand there. */
  readonly #tiers: Rumour[][] = [];
  #number = 0;

  constructor(options: GossipQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#bySubject.size;
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  push(subject: string, bytes: Uint8Array): void {
    const older = this.#bySubject.get(subject);
    if (older !== undefined) this.#remove(older);
    if (this.#bySubject.size >= this.#options.sizeMax) this.#dropMostSent();
    const rumour = { subject, bytes, length: bytes.length, number: ++this.#number, sent: 0 };
    this.#bySubject.set(subject, rumour);
    this.#insert(rumour);
  }

  /** Takes what fits into `bytesMax`, where each part costs `partBytes` more than itself. */
  take(
    bytesMax: number,
    { members, partBytes }: { readonly members: number; readonly partBytes: number },
  ): Uint8Array[] {
    if (this.#bySubject.size === 0) return [];
    const limit = retransmitLimit(this.#options.retransmitMult, members);
    const taken: Rumour[] = [];
    let free = bytesMax;
    for (const tier of this.#tiers) {
      while (taken.length < PARTS_MAX) {
        // The longest that fits, and those after it that still do: in a large cluster a tier is long.
        const to = firstIndex(tier, ({ length }) => length + partBytes > free);
        let from = to;
        for (let rumour; (rumour = tier[from - 1]) !== undefined && taken.length < PARTS_MAX; from--) {
          if (rumour.length + partBytes > free) break;
          free -= rumour.length + partBytes;
          taken.push(rumour);
        }
        if (from === to) break;
        tier.splice(from, to - from);
      }
    }
    // Only now, or a rumour would be met again in the next tier.
    for (const rumour of taken) {
      if (++rumour.sent >= limit) this.#bySubject.delete(rumour.subject);
      else this.#insert(rumour);
    }
    return taken.map(({ bytes }) => bytes);
  }

  #insert(rumour: Rumour): void {
    while (this.#tiers.length <= rumour.sent) this.#tiers.push([]);
    const tier = this.#tiers[rumour.sent]!;
    tier.splice(firstIndex(tier, (each) => goesBefore(each, rumour)), 0, rumour);
  }

  #remove(rumour: Rumour): void {
    this.#bySubject.delete(rumour.subject);
    const tier = this.#tiers[rumour.sent]!;
    tier.splice(firstIndex(tier, (each) => each === rumour || goesBefore(each, rumour)), 1);
  }

  #dropMostSent(): void {
    const tier = this.#tiers.findLast(({ length }) => length > 0);
    const last = tier?.[0];
    if (last !== undefined) this.#remove(last);
  }
}

/** Of the first for which `holds`, which then holds for all behind it; the length when it holds for none. */
function firstIndex<T>(list: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function goesBefore(a: Rumour, b: Rumour): boolean {
  return a.length !== b.length ? a.length > b.length : a.number > b.number;
}
