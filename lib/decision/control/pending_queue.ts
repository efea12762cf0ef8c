/**
 * Services that wait for an address to become free. Those that ask for the same thing form a group: when the oldest
 * of a group is refused so are the others, so a release costs a look at each group and not at each Service.
 */
import { MinHeap } from "../alloc/min_heap.ts";
import { compareText } from "../config/config.ts";

export interface Waiting {
  readonly key: string;
  /** RFC 3339: the older is served first. */
  readonly creationTimestamp: string;
}

interface Group {
  readonly signature: string;
  /** May also hold some that left the group: they are skipped when they come up. */
  heap: MinHeap<Waiting>;
  readonly members: Map<string, Waiting>;
}

/** What a Service that was offered its turn answers. */
export type Served =
  | "served"
  /** It cannot be decided on just now; somebody else will see to it. */
  | "skipped"
  /** Neither it nor any other of its group can be served. */
  | "refused";

export class PendingQueue {
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();

  get size(): number {
    return this.#groupOf.size;
  }

  /** `signature` is equal exactly for requests that any state of the pools answers alike. */
  add(waiting: Waiting, signature: string): void {
    const before = this.#groupOf.get(waiting.key);
    if (before?.signature === signature) {
      const same = before.members.get(waiting.key)?.creationTimestamp === waiting.creationTimestamp;
      if (same) return;
    }
    this.remove(waiting.key);
    let group = this.#groups.get(signature);
    if (group === undefined) {
      group = { signature, heap: new MinHeap(compareAge), members: new Map() };
      this.#groups.set(signature, group);
    }
    group.heap.push(waiting);
    group.members.set(waiting.key, waiting);
    this.#groupOf.set(waiting.key, group);
  }

  remove(key: string): void {
    const group = this.#groupOf.get(key);
    if (group === undefined) return;
    this.#groupOf.delete(key);
    group.members.delete(key);
    if (group.members.size === 0) {
      this.#groups.delete(group.signature);
    } else if (group.heap.size > 2 * group.members.size + 16) {
      group.heap = new MinHeap(compareAge);
      for (const waiting of group.members.values()) group.heap.push(waiting);
    }
  }

  /** Offers each Service its turn, the oldest first. Those that are served or skipped leave the queue. */
  offer(serve: (key: string) => Served): void {
    const groups = new MinHeap<{ readonly head: Waiting; readonly group: Group }>((a, b) => compareAge(a.head, b.head));
    const enter = (group: Group): void => {
      const head = oldest(group);
      if (head !== undefined) groups.push({ head, group });
    };
    for (const group of this.#groups.values()) enter(group);
    for (let next = groups.pop(); next !== undefined; next = groups.pop()) {
      if (serve(next.head.key) === "refused") continue;
      this.remove(next.head.key);
      enter(next.group);
    }
  }
}

function oldest(group: Group): Waiting | undefined {
  for (let top = group.heap.peek(); top !== undefined; top = group.heap.peek()) {
    if (group.members.get(top.key) === top) return top;
    group.heap.pop();
  }
  return undefined;
}

/** By creation, then by key: the order in which Services are served everywhere. */
export function compareAge(a: Waiting, b: Waiting): number {
  return compareText(a.creationTimestamp, b.creationTimestamp) || compareText(a.key, b.key);
}
