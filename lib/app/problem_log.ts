/** The problems of the configuration as they stand: logged once each when they come, shown as long as they last. */
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { ProblemCount } from "../edge/http/metallb_metrics.ts";

export class ProblemLog {
  readonly #log: Log;
  #problems: ReadonlyMap<string, Problem> = new Map();

  constructor(deps: { readonly log: Log }) {
    this.#log = deps.log;
  }

  get hasErrors(): boolean {
    return this.#problems.values().some(({ severity }) => severity === "error");
  }

  /** How many there are of each kind of object, severity and reason. */
  counts(): ProblemCount[] {
    const counts = new Map<string, ProblemCount>();
    for (const { kind, severity, reason } of this.#problems.values()) {
      const key = `${kind} ${severity} ${reason}`;
      counts.set(key, { kind, severity, reason, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    return [...counts.values()];
  }

  /** All problems of now; those that were not there before are logged. */
  replace(problems: readonly Problem[]): void {
    const next = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
    for (const [key, problem] of next) {
      if (!this.#problems.has(key)) this.tell("configurationProblem", problem);
    }
    this.#problems = next;
  }

  /** Logs a problem that is not part of the configuration. */
  tell(event: string, problem: Problem): void {
    const { severity, kind, namespace, name, path, reason, message } = problem;
    this.#log({ level: "warn", event, severity, kind, namespace, name, path, reason, error: message });
  }

  inspect(): Json {
    return [...this.#problems.values()].map((problem) => ({ ...problem }));
  }
}
