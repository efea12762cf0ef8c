/**
 * The objects of all kinds, the one counter of resource versions, and the bounded log of what changed.
 *
 * A change is journalled first, then stored, then told to the listeners in the order in which they were added; each
 * change has a resource version of its own, so the log can be read by number. What left the log is gone: whoever asks
 * for it must list again (410).
 */
import { type JsonMap, mapAt } from "./json_map.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { StoredObject } from "./stored_object.ts";

export type ChangeKind = "ADDED" | "MODIFIED" | "DELETED";

export interface StoreEvent {
  readonly kind: ChangeKind;
  readonly resourceVersion: number;
  /** The new state; for a deletion the last state under the version of the deletion. */
  readonly object: StoredObject;
  readonly previous: StoredObject | undefined;
}

export interface ObjectStoreOptions {
  readonly eventsMax: number;
}

export class ObjectStore {
  readonly #kinds = new Map<string, Map<string, StoredObject>>();
  readonly #sortedKeys = new Map<string, string[]>();
  readonly #eventsMax: number;
  readonly #journal: Journal | undefined;
  readonly #listeners: ((event: StoreEvent) => void)[] = [];
  /** Events `#oldest … #resourceVersion`, the first at `#head`. */
  #events: StoreEvent[] = [];
  #head = 0;
  #resourceVersion: number;

  constructor(options: ObjectStoreOptions, deps: { journal?: Journal | undefined }) {
    this.#eventsMax = options.eventsMax;
    this.#journal = deps.journal;
    const restored = deps.journal?.restored ?? { resourceVersion: 0, objects: [] };
    this.#resourceVersion = restored.resourceVersion;
    for (const object of restored.objects) this.#kind(object.storage).set(object.key, object);
  }

  /** Version of the last change. */
  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  /** Everything that happened after this version is still in the log. */
  get oldestVersion(): number {
    return this.#resourceVersion - (this.#events.length - this.#head);
  }

  onChange(listener: (event: StoreEvent) => void): void {
    this.#listeners.push(listener);
  }

  get(storage: string, key: string): StoredObject | undefined {
    return this.#kinds.get(storage)?.get(key);
  }

  /** Unordered. */
  all(storage: string): Iterable<StoredObject> {
    return this.#kinds.get(storage)?.values() ?? [];
  }

  /** Every kind that ever had an object. */
  storages(): Iterable<string> {
    return this.#kinds.keys();
  }

  /** In the order of their keys, as real servers list them. */
  sorted(storage: string): StoredObject[] {
    const objects = this.#kind(storage);
    let keys = this.#sortedKeys.get(storage);
    if (keys === undefined) {
      keys = [...objects.keys()].sort();
      this.#sortedKeys.set(storage, keys);
    }
    return keys.map((key) => objects.get(key)!);
  }

  /** The objects as they were at `version`, in order; `undefined` when the log does not reach back so far. */
  sortedAt(storage: string, version: number): StoredObject[] | undefined {
    if (version === this.#resourceVersion) return this.sorted(storage);
    if (version < this.oldestVersion || version > this.#resourceVersion) return undefined;
    const objects = new Map(this.#kind(storage));
    for (let index = this.#events.length - 1; index >= this.#head; index--) {
      const event = this.#events[index]!;
      if (event.resourceVersion <= version) break;
      if (event.object.storage !== storage) continue;
      if (event.previous === undefined) objects.delete(event.object.key);
      else objects.set(event.object.key, event.previous);
    }
    return [...objects.keys()].sort().map((key) => objects.get(key)!);
  }

  /** What happened after `version`, oldest first; `undefined` when the log does not reach back so far. */
  eventsAfter(version: number): readonly StoreEvent[] | undefined {
    if (version < this.oldestVersion) return undefined;
    return this.#events.slice(this.#head + Math.max(0, version - this.oldestVersion));
  }

  /** Stores a body that the caller gives away. Its resourceVersion is written here. */
  put(storage: string, body: JsonMap): StoredObject {
    const resourceVersion = this.#resourceVersion + 1;
    const object = this.#stamped(body, { storage, resourceVersion });
    const kind = this.#kind(storage);
    const previous = kind.get(object.key);
    this.#write({ resourceVersion, storage, key: object.key, text: object.text });
    if (previous === undefined) this.#sortedKeys.delete(storage);
    kind.set(object.key, object);
    this.#record({ kind: previous === undefined ? "ADDED" : "MODIFIED", resourceVersion, object, previous });
    return object;
  }

  /** Takes an object out and returns its last state under the version of the deletion. */
  remove(object: StoredObject): StoredObject {
    const { storage, key } = object;
    const resourceVersion = this.#resourceVersion + 1;
    this.#write({ resourceVersion, storage, key, text: undefined });
    this.#kind(storage).delete(key);
    this.#sortedKeys.delete(storage);
    const last = this.#stamped(object.body, { storage, resourceVersion });
    this.#record({ kind: "DELETED", resourceVersion, object: last, previous: object });
    return last;
  }

  #stamped(body: JsonMap, options: { storage: string; resourceVersion: number }): StoredObject {
    const metadata = { ...mapAt(body, "metadata"), resourceVersion: String(options.resourceVersion) };
    return new StoredObject({ ...body, metadata }, options);
  }

  #write(entry: JournalEntry): void {
    this.#journal?.append(entry);
    this.#resourceVersion = entry.resourceVersion;
  }

  #record(event: StoreEvent): void {
    this.#events.push(event);
    if (this.#events.length - this.#head > this.#eventsMax) this.#head++;
    if (this.#head > this.#eventsMax) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    if (this.#journal?.wantsCompaction === true) this.#journal.compact(this.#resourceVersion, this.#everything());
    for (const listener of this.#listeners) listener(event);
  }

  *#everything(): Iterable<StoredObject> {
    for (const kind of this.#kinds.values()) yield* kind.values();
  }

  #kind(storage: string): Map<string, StoredObject> {
    let kind = this.#kinds.get(storage);
    if (kind === undefined) {
      kind = new Map();
      this.#kinds.set(storage, kind);
    }
    return kind;
  }
}
