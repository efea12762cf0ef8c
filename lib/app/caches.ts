/**
 * The reflectors of one program: started together, stopped together, and one answer to "is everything there?".
 */
import type { KubeObject } from "../base/kube.ts";
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { Reflector, type ReflectorOptions } from "../edge/kube/reflector.ts";
import type { Schedule } from "../edge/kube/schedule.ts";
import type { StoreChange } from "../edge/kube/store.ts";

export interface CachesDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
  /** Called once, when the last cache is filled. */
  readonly onSynced: () => void;
}

export class Caches {
  readonly #deps: CachesDeps;
  readonly #reflectors: Reflector[] = [];
  #synced = false;
  #updates = 0;
  #updateErrors = 0;

  constructor(deps: CachesDeps) {
    this.#deps = deps;
  }

  /** Adds a cache before `start`; its changes go to `onChange`, but for the news that it is filled. */
  add(
    options: ReflectorOptions,
    onChange: (change: Exclude<StoreChange<KubeObject>, { kind: "synced" }>) => void,
  ): Reflector {
    const { client, clock, rng, log, schedule } = this.#deps;
    const reflector = new Reflector(options, {
      ...(schedule === undefined ? {} : { schedule }),
      client,
      clock,
      rng,
      log,
      onChange: (change) => {
        if (change.kind === "synced") return this.#checkSynced();
        this.#updates++;
        onChange(change);
      },
    });
    this.#reflectors.push(reflector);
    return reflector;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** One of them has been filled: the API server answers, though not yet everything. */
  get heard(): boolean {
    return this.#reflectors.some((reflector) => reflector.synced);
  }

  /** The API server is heard now, by one of the watches at least. */
  get connected(): boolean {
    return this.#reflectors.some((reflector) => reflector.connected);
  }

  /** One of the changes could not be handled: the object is not as it should be. */
  countError(): void {
    this.#updateErrors++;
  }

  /** Changes handled since start, and how many of them were errors. */
  facts(): { readonly updates: number; readonly updateErrors: number } {
    return { updates: this.#updates, updateErrors: this.#updateErrors };
  }

  inspect(): Json {
    return this.#reflectors.map((reflector) => reflector.inspect());
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start();
  }

  /** Lists all of them anew; resolves when each holds all that the server had when this was called. */
  async refresh(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.refresh()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #checkSynced(): void {
    if (this.#synced || !this.#reflectors.every((reflector) => reflector.synced)) return;
    this.#synced = true;
    this.#deps.onSynced();
  }
}
