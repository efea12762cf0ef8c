/**
 * The real control thread, as far as it decides anything: a `WantedSource` that reads the simulated API by a line of its
 * own, and whose deltas take the way to the packet thread.
 */
import { below, type Rng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { WantedDelta } from "../../lib/base/wanted.ts";
import { WantedSource } from "../../lib/app/wanted_source.ts";
import { ApiReachability } from "../../lib/app/api_reachability.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { ApiLine } from "./api_line.ts";
import { BASE_URL, NAMESPACE, type SimApi } from "./sim_api.ts";
import { type Life, type SimControl, WATCH_PORT } from "./sim_node.ts";
import type { VirtualTime } from "./virtual_time.ts";

export const SPEAKER_LABELS = "app=metallb,component=speaker";

export class RealControl implements SimControl {
  readonly line: ApiLine;
  readonly #options: { readonly node: string; readonly safe: boolean };
  readonly #deps: { api: SimApi; time: VirtualTime; rng: Rng };

  constructor(
    options: { readonly node: string; readonly safe: boolean },
    deps: { api: SimApi; time: VirtualTime; rng: Rng },
  ) {
    this.#options = options;
    this.#deps = deps;
    this.line = new ApiLine(deps);
  }

  begin(life: Life): void {
    const { time, rng } = this.#deps;
    this.line.begin(life);
    const schedule = (run: () => void, delayMs: number) => {
      let isLive = true;
      life.later(Math.max(0, delayMs), () => isLive && run());
      return () => {
        isLive = false;
      };
    };
    const client = new KubeClient({ baseUrl: BASE_URL }, { fetch: this.line.fetchOf(life), schedule });
    // Messages between threads come late, but in order.
    let lastToldAt: Millis = 0;
    const tell = (delta: WantedDelta) => {
      lastToldAt = Math.max(lastToldAt, time.now + below(rng, 3));
      life.later(lastToldAt - time.now, () => life.tell(delta));
    };
    const source = new WantedSource({
      node: this.#options.node,
      namespace: NAMESPACE,
      lbClasses: undefined,
      ignoreExcludeLb: false,
      peers: { labels: SPEAKER_LABELS, port: WATCH_PORT },
    }, {
      client,
      clock: { now: () => time.now, wallMs: () => life.wallMs() },
      rng,
      log: (event) => life.log(event),
      schedule,
      onDelta: tell,
      onProblems: () => {},
    });
    const reachability = this.#options.safe
      ? new ApiReachability({ namespace: NAMESPACE }, {
        client,
        schedule,
        tell: (reachable) => life.tellApi(reachable),
      })
      : undefined;
    // The program needs a while before it asks the API anything.
    life.later(10 + below(rng, 60), () => {
      source.start();
      reachability?.start();
    });
  }

  end(): void {
    this.line.end();
  }
}
