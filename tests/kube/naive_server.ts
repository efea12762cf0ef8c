/**
 * A Kubernetes collection as simply as it can be said: a map, a counter and the events of the recent past. It can fail
 * in every way a real one and the network in front of it can. The random histories are checked against it.
 */
import type { KubeObject } from "../../lib/base/kube.ts";
import { below, type Rng } from "../../lib/base/rng.ts";
import type { WatchEventType } from "../../lib/edge/kube/watch_stream.ts";
import { pod } from "./list_watch_harness.ts";

export interface NaiveEvent {
  readonly version: number;
  readonly type: WatchEventType;
  readonly object: KubeObject;
}

/** Versions of history k are all k modulo this, so that a version names one content even after a restore. */
const HISTORIES = 64;

export class NaiveServer {
  readonly objects = new Map<string, KubeObject>();
  events: NaiveEvent[] = [];
  version = HISTORIES;
  /** Watches from below this version get 410. */
  oldest = HISTORIES;
  history = 0;
  #uids = 0;
  #backup: { objects: [string, KubeObject][]; version: number } = { objects: [], version: HISTORIES };
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Creates, changes, removes, or removes and creates under the same name. */
  change(): void {
    const name = `pod-${below(this.#rng, 6)}`;
    const existing = this.objects.get(name);
    if (existing === undefined) return this.#put("ADDED", name, `uid-${++this.#uids}`);
    const dice = below(this.#rng, 10);
    if (dice < 6) return this.#put("MODIFIED", name, existing.metadata.uid!);
    this.#remove(name, existing);
    if (dice >= 8) this.#put("ADDED", name, `uid-${++this.#uids}`);
  }

  /** Forgets all but the last few events, as etcd's compaction and a small watch cache do. */
  compact(): void {
    this.oldest = this.version;
    this.events = [];
  }

  takeBackup(): void {
    this.#backup = { objects: [...this.objects], version: this.version };
  }

  /** Comes back with an older state and another future. */
  restoreBackup(): void {
    this.objects.clear();
    for (const [name, object] of this.#backup.objects) this.objects.set(name, object);
    this.history = (this.history + 1) % HISTORIES;
    this.version = this.#backup.version - (this.#backup.version % HISTORIES) + this.history;
    this.oldest = this.version;
    this.events = [];
  }

  eventsAfter(version: number): NaiveEvent[] | "gone" {
    return version < this.oldest ? "gone" : this.events.filter((event) => event.version > version);
  }

  #put(type: WatchEventType, name: string, uid: string): void {
    this.version += HISTORIES;
    const object = pod(name, this.version, uid);
    this.objects.set(name, object);
    this.events.push({ version: this.version, type, object });
  }

  #remove(name: string, existing: KubeObject): void {
    this.version += HISTORIES;
    this.objects.delete(name);
    const object = pod(name, this.version, existing.metadata.uid);
    this.events.push({ version: this.version, type: "DELETED", object });
  }
}
