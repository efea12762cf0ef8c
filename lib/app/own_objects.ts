/**
 * What the API server must know of a speaker itself: the Node of its `--node-name`, and on that Node a pod that its
 * `--ml-labels` select, as they select those of the others.
 *
 * Nothing stumbles over a misspelt one: the speaker is ready and announces nothing, or finds nobody and announces what
 * the others announce too. So it is a problem that people are told. A pod may be made after its speaker (outside of a
 * cluster), so the first look comes late.
 */
import { nearestName } from "../decision/config/nearest_name.ts";
import type { Problem, ProblemReason } from "../decision/config/problem.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface OwnObjectsOptions {
  readonly node: string;
  readonly namespace: string;
  /** Of the speakers' pods; `undefined`: this speaker looks for nobody. */
  readonly labels: string | undefined;
}

export interface OwnObjectsDeps {
  readonly schedule?: Schedule | undefined;
  /** The problems may be others than before. */
  readonly onChange: () => void;
}

const FIRST_LOOK_MS = 10_000;

export class OwnObjects {
  readonly #options: OwnObjectsOptions;
  readonly #deps: OwnObjectsDeps;
  readonly #pods = new Set<string>();
  #cancel: (() => void) | undefined;
  #isLate = false;

  constructor(options: OwnObjectsOptions, deps: OwnObjectsDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** The caches are filled. */
  begin(): void {
    const { schedule = systemSchedule, onChange } = this.#deps;
    this.#cancel ??= schedule(() => {
      this.#isLate = true;
      onChange();
    }, FIRST_LOOK_MS);
  }

  stop(): void {
    this.#cancel?.();
  }

  /** A pod that the labels select runs on `node`; `undefined`: it is gone. */
  setPod(key: string, node: string | undefined): void {
    const before = this.#pods.size;
    if (node === this.#options.node) this.#pods.add(key);
    else this.#pods.delete(key);
    if (this.#isLate && (before === 0) !== (this.#pods.size === 0)) this.#deps.onChange();
  }

  problems(nodes: readonly string[]): Problem[] {
    if (!this.#isLate) return [];
    const { node, namespace, labels } = this.#options;
    const problem = (reason: ProblemReason, message: string): Problem[] => [
      { severity: "warning", kind: "Node", namespace: "", name: node, path: "", reason, message },
    ];
    if (!nodes.includes(node)) {
      const nearest = nearestName(node, nodes);
      const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
      const name = JSON.stringify(node);
      return problem("unknownNode", `there is no Node ${name}, so its speaker (--node-name) announces nothing${hint}`);
    }
    if (labels === undefined || this.#pods.size > 0) return [];
    return problem(
      "matchesNothing",
      `no pod in ${namespace} on this node has the labels ${
        JSON.stringify(labels)
      } (--ml-labels): speakers that do not ` +
        "find each other announce the same addresses",
    );
  }
}
