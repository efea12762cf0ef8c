/**
 * Watches: each is a stream of lines that begins with what happened after the asked version and goes on with every
 * change, until its time is up, the client goes, or the client reads too slowly.
 *
 * Lines are put into the stream within the write that caused them, so the order of changes is the order of lines.
 */
import { mapAt } from "./json_map.ts";
import type { ObjectStore, StoreEvent } from "./object_store.ts";
import type { Presenter } from "./presenter.ts";
import { expired, tooManyRequests } from "./status_error.ts";
import type { ObjectFilter } from "./selectors.ts";
import { StoredObject } from "./stored_object.ts";

/** Calls back once after `delayMs`; the answer cancels. */
export type Schedule = (delayMs: number, callback: () => void) => () => void;

export interface WatchOptions {
  readonly storage: string;
  /** `undefined` for "from now, with everything that is there as ADDED first". */
  readonly version: number | undefined;
  readonly filter: ObjectFilter;
  readonly presenter: Presenter;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** Lines that wait for one client; a slower one is cut off and comes back with its last version. */
const LINES_WAITING_MAX = 10_000;
/** What a new watch has to catch up with goes out in chunks of about this size. */
const CHUNK_CHARACTERS_MAX = 256 * 1024;
const BOOKMARK_PERIOD_MS = 60_000;

export class WatchHub {
  readonly #store: ObjectStore;
  readonly #schedule: Schedule;
  /** By storage. */
  readonly #watches = new Map<string, Set<Watch>>();

  readonly #watchesMax: number;

  constructor(options: { watchesMax: number }, deps: { store: ObjectStore; schedule: Schedule }) {
    this.#watchesMax = options.watchesMax;
    this.#store = deps.store;
    this.#schedule = deps.schedule;
    deps.store.onChange((event) => {
      for (const watch of this.#watches.get(event.object.storage) ?? []) watch.deliver(event);
    });
  }

  /** How many clients watch. */
  get size(): number {
    let size = 0;
    for (const watches of this.#watches.values()) size += watches.size;
    return size;
  }

  /** Throws 429 when there are too many watches already. */
  open(options: WatchOptions): ReadableStream<Uint8Array> {
    if (this.size >= this.#watchesMax) throw tooManyRequests(`there are ${this.#watchesMax} watches already`);
    const store = this.#store;
    let watch: Watch | undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const missed = options.version === undefined ? [] : store.eventsAfter(options.version);
        if (missed === undefined) {
          // Real servers say it inside the stream, with HTTP status 200.
          const why = `too old resource version: ${options.version} (${store.oldestVersion})`;
          const status = expired(why).toStatus();
          controller.enqueue(new TextEncoder().encode(`${JSON.stringify({ type: "ERROR", object: status })}\n`));
          controller.close();
          return;
        }
        watch = new Watch(options, { store, schedule: this.#schedule, controller, onEnd: () => this.#remove(watch!) });
        this.#add(watch);
        watch.begin(missed);
      },
      cancel: () => watch?.end(),
    }, new CountQueuingStrategy({ highWaterMark: LINES_WAITING_MAX }));
  }

  /** Ends every watch, as a server does that goes down. */
  close(): void {
    for (const watches of [...this.#watches.values()]) for (const watch of [...watches]) watch.end();
  }

  #add(watch: Watch): void {
    const watches = this.#watches.get(watch.storage) ?? new Set();
    this.#watches.set(watch.storage, watches.add(watch));
  }

  #remove(watch: Watch): void {
    this.#watches.get(watch.storage)?.delete(watch);
  }
}

interface WatchDeps {
  readonly store: ObjectStore;
  readonly schedule: Schedule;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly onEnd: () => void;
}

class Watch {
  readonly #options: WatchOptions;
  readonly #deps: WatchDeps;
  readonly #encoder = new TextEncoder();
  #cancelTimeout: () => void;
  #cancelBookmark: () => void = () => {};
  /** While the client catches up: lines that go out as one chunk. */
  #joined: string | undefined;
  #ended = false;

  constructor(options: WatchOptions, deps: WatchDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#cancelTimeout = deps.schedule(options.timeoutMs, () => this.#timeUp());
    if (options.bookmarks) this.#scheduleBookmark();
  }

  get storage(): string {
    return this.#options.storage;
  }

  /** Everything that the client has to catch up with. */
  begin(missed: readonly StoreEvent[]): void {
    this.#joined = "";
    for (const event of missed) this.deliver(event);
    const present = this.#options.version === undefined ? this.#deps.store.sorted(this.storage) : [];
    for (const object of present) {
      if (this.#options.filter(object)) this.#send(this.#options.presenter.watchEvent("ADDED", object));
    }
    const rest = this.#joined;
    this.#joined = undefined;
    if (rest !== "") this.#send(rest);
  }

  deliver(event: StoreEvent): void {
    const { storage, version, filter, presenter } = this.#options;
    if (event.object.storage !== storage) return;
    if (version !== undefined && event.resourceVersion <= version) return;
    const before = event.previous !== undefined && filter(event.previous);
    const after = event.kind !== "DELETED" && filter(event.object);
    if (after) this.#send(presenter.watchEvent(before ? "MODIFIED" : "ADDED", event.object));
    else if (before) this.#send(presenter.watchEvent("DELETED", lastSelected(event)));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimeout();
    this.#cancelBookmark();
    this.#deps.onEnd();
    try {
      this.#deps.controller.close();
    } catch {
      // The client has cancelled the stream: it is closed already.
    }
  }

  #timeUp(): void {
    if (this.#options.bookmarks) this.#send(this.#options.presenter.bookmark(this.#deps.store.resourceVersion));
    this.end();
  }

  #scheduleBookmark(): void {
    this.#cancelBookmark = this.#deps.schedule(BOOKMARK_PERIOD_MS, () => {
      this.#send(this.#options.presenter.bookmark(this.#deps.store.resourceVersion));
      if (!this.#ended) this.#scheduleBookmark();
    });
  }

  #send(text: string): void {
    if (this.#ended) return;
    if (this.#joined !== undefined) {
      this.#joined += text;
      if (this.#joined.length < CHUNK_CHARACTERS_MAX) return;
      text = this.#joined;
      this.#joined = "";
    }
    if ((this.#deps.controller.desiredSize ?? 0) <= 0) {
      this.end();
      return;
    }
    this.#deps.controller.enqueue(this.#encoder.encode(text));
  }
}

/** What a client that no longer sees an object gets: its last state there, under the version of the change. */
function lastSelected({ kind, object, previous, resourceVersion }: StoreEvent): StoredObject {
  if (kind === "DELETED" || previous === undefined) return object;
  const metadata = { ...mapAt(previous.body, "metadata"), resourceVersion: String(resourceVersion) };
  return new StoredObject({ ...previous.body, metadata }, { storage: object.storage, resourceVersion });
}
