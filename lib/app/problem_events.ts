/**
 * Problems of the configuration as Events on the objects that have them: what `kubectl describe` shows to the person who
 * wrote the object. Each problem is told once when it comes; one that goes away and comes back is told again.
 */
import type { KubeObject } from "../base/kube.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { EventToRecord } from "../edge/kube/events.ts";

export interface ProblemEventsDeps {
  /** The object as the cache has it; `undefined` when it is not there any more. */
  readonly find: (problem: Problem) => KubeObject | undefined;
  readonly record: (event: EventToRecord) => void;
}

/** Per look at the problems, so that a thousand broken objects do not drown the events of Services. */
const EVENTS_MAX = 100;

export class ProblemEvents {
  readonly #deps: ProblemEventsDeps;
  #told = new Set<string>();

  constructor(deps: ProblemEventsDeps) {
    this.#deps = deps;
  }

  /** All problems of now. */
  replace(problems: readonly Problem[]): void {
    const next = new Set<string>();
    let room = EVENTS_MAX;
    for (const problem of problems) {
      const { kind, namespace, name, path, reason, message } = problem;
      const key = JSON.stringify([kind, namespace, name, path, reason, message]);
      const isNew = !this.#told.has(key);
      if (isNew && room === 0) continue;
      next.add(key);
      if (!isNew) continue;
      const object = this.#deps.find(problem);
      if (object === undefined) continue;
      room--;
      this.#deps.record({ object, type: "Warning", reason: eventReason(problem), message: eventMessage(problem) });
    }
    this.#told = next;
  }
}

function eventReason({ severity }: Problem): string {
  return severity === "error" ? "ConfigurationError" : "ConfigurationWarning";
}

function eventMessage({ path, reason, message }: Problem): string {
  return path === "" ? `${message} (${reason})` : `${path}: ${message} (${reason})`;
}
