/**
 * Everybody this node knows, itself included, in the random order in which it probes them.
 *
 * The order is shuffled anew after each round; who joins goes to a random place in it. So every member is probed once a
 * round, and none by everybody at once (SWIM §4.3).
 */
import type { MemberState } from "../../base/member.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { MemberVersions } from "../../wire/memberlist/message.ts";
import type { MemberRecord } from "../../wire/memberlist/stream_message.ts";
import type { Suspicion } from "./suspicion.ts";

export interface KnownMember {
  readonly node: string;
  address: string;
  port: number;
  meta: Uint8Array;
  versions: MemberVersions;
  incarnation: number;
  state: MemberState;
  stateChangedAt: Millis;
  /** While it is suspected. */
  suspicion: Suspicion | undefined;
}

/** More than the 5,000 nodes that Kubernetes is made for; a stranger who invents members fills no more than this. */
export const MEMBERS_MAX = 8_192;
/** How often a random choice is repeated for one that may not be taken, as in memberlist. */
const TRIES_PER_PICK = 3;

export class MemberTable {
  readonly #rng: Rng;
  readonly #byNode = new Map<string, KnownMember>();
  #ring: KnownMember[] = [];
  #next = 0;

  constructor(deps: { readonly rng: Rng }) {
    this.#rng = deps.rng;
  }

  get size(): number {
    return this.#ring.length;
  }

  get(node: string): KnownMember | undefined {
    return this.#byNode.get(node);
  }

  values(): IterableIterator<KnownMember> {
    return this.#byNode.values();
  }

  add(member: KnownMember): void {
    this.#byNode.set(member.node, member);
    const at = below(this.#rng, this.#ring.length + 1);
    this.#ring.push(member);
    this.#swap(at, this.#ring.length - 1);
  }

  /** The next of the round that may be probed, or `undefined` when nobody may. `onRoundEnd` may remove members. */
  nextInRound(isWanted: (member: KnownMember) => boolean, onRoundEnd: () => void): KnownMember | undefined {
    for (let checked = 0; checked <= this.#ring.length; checked++) {
      if (this.#next >= this.#ring.length) {
        onRoundEnd();
        this.#shuffle();
        this.#next = 0;
      }
      const member = this.#ring[this.#next++];
      if (member !== undefined && isWanted(member)) return member;
    }
    return undefined;
  }

  /** Up to `count` different members at random. */
  pick(count: number, isWanted: (member: KnownMember) => boolean): KnownMember[] {
    const size = this.#ring.length;
    if (size <= TRIES_PER_PICK * count) return this.#pickFromAll(count, isWanted);
    const picked = new Set<KnownMember>();
    for (let tries = 0; tries < TRIES_PER_PICK * size && picked.size < count; tries++) {
      const member = this.#ring[below(this.#rng, size)]!;
      if (!picked.has(member) && isWanted(member)) picked.add(member);
    }
    return [...picked];
  }

  remove(isOver: (member: KnownMember) => boolean): KnownMember[] {
    const removed: KnownMember[] = [];
    const kept: KnownMember[] = [];
    for (const member of this.#ring) (isOver(member) ? removed : kept).push(member);
    for (const { node } of removed) this.#byNode.delete(node);
    this.#ring = kept;
    return removed;
  }

  records(): MemberRecord[] {
    return this.#ring.map(({ node, address, port, incarnation, meta, versions, state }) => ({
      ...{ node, address, port, incarnation, meta, versions, state },
    }));
  }

  #pickFromAll(count: number, isWanted: (member: KnownMember) => boolean): KnownMember[] {
    const wanted = this.#ring.filter(isWanted);
    const picked: KnownMember[] = [];
    while (picked.length < count && wanted.length > 0) {
      picked.push(...wanted.splice(below(this.#rng, wanted.length), 1));
    }
    return picked;
  }

  #shuffle(): void {
    for (let last = this.#ring.length - 1; last > 0; last--) this.#swap(last, below(this.#rng, last + 1));
  }

  #swap(a: number, b: number): void {
    const held = this.#ring[a]!;
    this.#ring[a] = this.#ring[b]!;
    this.#ring[b] = held;
  }
}
