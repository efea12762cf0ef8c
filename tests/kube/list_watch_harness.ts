/** Drives a `ListWatch` by hand: inputs in, effects collected, time as a plain number. */
import type { KubeObject } from "../../lib/base/kube.ts";
import type { Tick } from "../../lib/base/machine.ts";
import { type Rng, SeededRng } from "../../lib/base/rng.ts";
import type { ApiError, ApiErrorReason } from "../../lib/edge/kube/api_error.ts";
import { ListWatch, type ListWatchOptions } from "../../lib/edge/kube/list_watch.ts";
import type { ListWatchEffect, ListWatchInput } from "../../lib/edge/kube/list_watch_messages.ts";

export function pod(name: string, version: number, uid = `${name}-1`): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "shop", name, uid, resourceVersion: String(version) },
  };
}

export function apiError(reason: ApiErrorReason, extra: Partial<ApiError> = {}): ApiError {
  return { reason, code: 0, message: "made by the test", ...extra };
}

export class ListWatchHarness {
  readonly machine: ListWatch<KubeObject>;
  now = 1_000;
  /** `level event` of what was logged. */
  readonly logged: string[] = [];

  constructor(options: Partial<ListWatchOptions> = {}, rng: Rng = new SeededRng(1)) {
    this.machine = new ListWatch<KubeObject>({ name: "pods", ...options }, { rng });
  }

  /** The effects of one input, without the log. */
  input(input: ListWatchInput<KubeObject> | Tick): ListWatchEffect<KubeObject>[] {
    this.machine.handle(input, this.now);
    const effects: ListWatchEffect<KubeObject>[] = [];
    for (let effect = this.machine.poll(); effect !== undefined; effect = this.machine.poll()) {
      if (effect.kind === "log") this.logged.push(`${effect.event.level} ${effect.event.event}`);
      else effects.push(effect);
    }
    return effects;
  }

  /** Goes to the next deadline and ticks. */
  tick(): ListWatchEffect<KubeObject>[] {
    const deadline = this.machine.deadline();
    if (deadline === undefined) throw new Error("the machine waits for nothing");
    this.now = deadline.at;
    return this.input({ kind: "tick" });
  }

  /** Lists these objects at this version and opens the watch; gives the watch's generation. */
  upTo(version: number, objects: KubeObject[]): number {
    const started = this.input({ kind: "start" });
    const generation = generationOf(started, "startList");
    const listed = this.input({ kind: "listed", generation, resourceVersion: String(version), objects });
    const watch = generationOf(listed, "startWatch");
    this.input({ kind: "watchOpened", generation: watch });
    return watch;
  }
}

export function generationOf(
  effects: readonly ListWatchEffect<KubeObject>[],
  kind: "startList" | "startCheck" | "startWatch",
): number {
  for (const effect of effects) if (effect.kind === kind) return effect.generation;
  throw new Error(`no ${kind} in ${JSON.stringify(effects)}`);
}

/** Effects in short: `upsert shop/a@5`, `remove shop/a`, `startWatch@5`, … */
export function brief(effects: readonly ListWatchEffect<KubeObject>[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case "upsert":
        return `upsert ${effect.key}@${effect.object.metadata.resourceVersion}`;
      case "remove":
        return `remove ${effect.key}`;
      case "startWatch":
        return `startWatch@${effect.resourceVersion}`;
      default:
        return effect.kind;
    }
  });
}
