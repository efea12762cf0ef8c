/**
 * Runs a `ListWatch` for real: its effects become requests of a `KubeClient`, answers and elapsed time its inputs.
 *
 * One input at a time, and all effects of one before the next, also when `onChange` calls back into the reflector.
 * Nothing is told after `stop()` was called.
 */
import type { KubeObject, Resource } from "../../base/kube.ts";
import type { Json } from "../../base/json.ts";
import type { Log } from "../../base/log.ts";
import type { Tick } from "../../base/machine.ts";
import type { Rng } from "../../base/rng.ts";
import type { Clock, Millis } from "../../base/time.ts";
import type { KubeClient, Selection } from "./client.ts";
import { ListWatch, type ListWatchOptions } from "./list_watch.ts";
import type { ListWatchEffect, ListWatchInput } from "./list_watch_messages.ts";
import { type Schedule, systemSchedule } from "./schedule.ts";
import type { Store, StoreChange } from "./store.ts";

export interface ReflectorOptions<T extends KubeObject = KubeObject> extends Omit<ListWatchOptions<T>, "name"> {
  readonly resource: Resource;
  /** All namespaces if left out. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ReflectorDeps<T extends KubeObject> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly onChange: (change: StoreChange<T>) => void;
  readonly schedule?: Schedule;
}

/** Objects to look at before a broken watch is taken up again. */
const CHECK_OBJECTS = 4;

export class Reflector<T extends KubeObject = KubeObject> {
  readonly #resource: Resource;
  readonly #selection: Selection;
  readonly #deps: ReflectorDeps<T>;
  readonly #schedule: Schedule;
  readonly #machine: ListWatch<T>;
  readonly #inputs: (ListWatchInput<T> | Tick)[] = [];
  readonly #tasks = new Map<number, { readonly controller: AbortController; readonly done: Promise<void> }>();
  #draining = false;
  #stopping = false;
  #timer: { readonly at: Millis; readonly stop: () => void } | undefined;
  #whenListed: (() => void)[] = [];

  constructor(options: ReflectorOptions<T>, deps: ReflectorDeps<T>) {
    const { resource, namespace, labelSelector, fieldSelector, ...machineOptions } = options;
    this.#resource = resource;
    this.#selection = { namespace, labelSelector, fieldSelector };
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#machine = new ListWatch<T>({ ...machineOptions, name: resource.plural }, { rng: deps.rng });
  }

  /** The objects as last seen; during `onChange` it is already at the state after the whole batch. */
  get store(): Store<T> {
    return this.#machine.store;
  }

  /** True once the first list is complete. */
  get synced(): boolean {
    return this.#machine.synced;
  }

  /** True while a watch is open. */
  get connected(): boolean {
    return this.#machine.connected;
  }

  start(): void {
    this.#input({ kind: "start" });
  }

  /** Resolves when the connection is given up; the client settles every request that is aborted. May be repeated. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#input({ kind: "stop" });
    await Promise.all([...this.#tasks.values()].map((task) => task.done));
  }

  /**
   * Lists anew. Resolves when the store holds all that the server had when this was called; while the server is away
   * that takes as long as it takes, and after `stop` for ever.
   */
  refresh(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#input({ kind: "refresh" });
    this.#whenListed.push(resolve);
    return promise;
  }

  inspect(): Json {
    return this.#machine.inspect();
  }

  #input(input: ListWatchInput<T> | Tick): void {
    this.#inputs.push(input);
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#machine.handle(next, this.#deps.clock.now());
        for (let effect = this.#machine.poll(); effect !== undefined; effect = this.#machine.poll()) {
          this.#apply(effect);
        }
      }
    } finally {
      this.#draining = false;
    }
    this.#arm();
  }

  /** A timer that fires too early ticks in vain and is set anew; so it is only ever replaced by an earlier one. */
  #arm(): void {
    const deadline = this.#machine.deadline();
    if (deadline === undefined) {
      this.#timer?.stop();
      this.#timer = undefined;
      return;
    }
    if (this.#timer !== undefined && this.#timer.at <= deadline.at) return;
    this.#timer?.stop();
    const stop = this.#schedule(() => {
      this.#timer = undefined;
      this.#input({ kind: "tick" });
    }, deadline.at - this.#deps.clock.now());
    this.#timer = { at: deadline.at, stop };
  }

  #apply(effect: ListWatchEffect<T>): void {
    switch (effect.kind) {
      case "startList":
        return this.#run(effect.generation, (signal) => this.#list(effect.generation, signal));
      case "startCheck":
        return this.#run(effect.generation, (signal) => this.#check(effect.generation, signal));
      case "startWatch":
        // After a list was asked for there is no watch before it has come.
        if (!this.#inputs.some(({ kind }) => kind === "refresh")) {
          for (const resolve of this.#whenListed.splice(0)) resolve();
        }
        return this.#run(effect.generation, (signal) => this.#watch(effect, signal));
      case "cancel":
        this.#tasks.get(effect.generation)?.controller.abort();
        return;
      case "log":
        return this.#deps.log(effect.event);
      default:
        if (!this.#stopping) this.#deps.onChange(effect);
    }
  }

  #run(generation: number, task: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const done = task(controller.signal).finally(() => this.#tasks.delete(generation));
    this.#tasks.set(generation, { controller, done });
  }

  async #list(generation: number, signal: AbortSignal): Promise<void> {
    const result = await this.#deps.client.list<T>(this.#resource, { ...this.#selection, signal });
    if (signal.aborted) return;
    if (!result.ok) return this.#input({ kind: "listFailed", generation, error: result.error });
    const { resourceVersion, items } = result.value;
    this.#input({ kind: "listed", generation, resourceVersion, objects: items });
  }

  async #check(generation: number, signal: AbortSignal): Promise<void> {
    const options = { ...this.#selection, limit: CHECK_OBJECTS, signal };
    const result = await this.#deps.client.peek<T>(this.#resource, options);
    if (signal.aborted) return;
    if (!result.ok) return this.#input({ kind: "checkFailed", generation, error: result.error });
    const { resourceVersion, items } = result.value;
    this.#input({ kind: "checked", generation, resourceVersion, objects: items });
  }

  async #watch(effect: ListWatchEffect<T> & { kind: "startWatch" }, signal: AbortSignal): Promise<void> {
    const { generation, resourceVersion, timeoutSeconds } = effect;
    const options = { ...this.#selection, resourceVersion, timeoutSeconds, signal };
    const opened = await this.#deps.client.watch<T>(this.#resource, options);
    if (signal.aborted) return;
    if (!opened.ok) return this.#input({ kind: "watchFailed", generation, error: opened.error });
    this.#input({ kind: "watchOpened", generation });
    for await (const item of opened.value) {
      if (signal.aborted) return;
      if (item.kind === "event") this.#input({ kind: "event", generation, type: item.type, object: item.object });
      else if (item.kind === "bookmark") this.#input({ ...item, generation });
      else return this.#input({ kind: "watchFailed", generation, error: item.error });
    }
    if (!signal.aborted) this.#input({ kind: "watchEnded", generation });
  }
}
