/**
 * Whether the API server answers now, for `--safe`: asked every two seconds, because an open watch says nothing of a
 * network that swallows everything. Two questions in a row must fail; one answer, whatever it says, is enough.
 */
import { RESOURCES } from "../base/kube.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface ApiReachabilityDeps {
  readonly client: KubeClient;
  /** When it changes; it counts as reachable at first. */
  readonly tell: (reachable: boolean) => void;
  readonly schedule?: Schedule;
}

const EVERY_MS = 2000;
const ANSWER_MS = 1500;
const FAILURES_MAX = 2;

export class ApiReachability {
  readonly #namespace: string;
  readonly #deps: ApiReachabilityDeps;
  readonly #client: KubeClient;
  readonly #schedule: Schedule;
  #failures = 0;
  #reachable = true;
  #stopped = false;
  #cancel: (() => void) | undefined;

  constructor(options: { readonly namespace: string }, deps: ApiReachabilityDeps) {
    this.#namespace = options.namespace;
    this.#deps = deps;
    this.#client = deps.client.derive({ requestTimeoutMs: ANSWER_MS });
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  start(): void {
    this.#cancel = this.#schedule(() => void this.#ask(), EVERY_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #ask(): Promise<void> {
    const result = await this.#client.peek(RESOURCES.l2Advertisements, {
      namespace: this.#namespace,
      limit: 1,
    });
    if (this.#stopped) return;
    // A refusal is an answer too.
    const answered = result.ok || (result.error.reason !== "unreachable" && result.error.reason !== "timeout");
    this.#failures = answered ? 0 : this.#failures + 1;
    const reachable = this.#failures < FAILURES_MAX;
    if (reachable !== this.#reachable) {
      this.#reachable = reachable;
      this.#deps.tell(reachable);
    }
    this.start();
  }
}
