/**
 * One speaker's way to the API server: each request and each chunk of a watch takes its time, in order; and while the
 * line is down nothing passes, open watches break and new requests are refused.
 */
import { below, type Rng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { Life } from "./sim_node.ts";
import type { SimApi } from "./sim_api.ts";
import type { VirtualTime } from "./virtual_time.ts";

export class ApiLine {
  /** The line alone; the server may be away for everybody. */
  isUp = true;
  /** What is added to every way from the server: a watch that lags. */
  lagMs = 0;
  readonly #deps: { api: SimApi; time: VirtualTime; rng: Rng };
  #life: Life | undefined;
  /** Ends each stream that is open. */
  readonly #open = new Set<{ readonly fail: () => void; readonly drop: () => void }>();

  constructor(deps: { api: SimApi; time: VirtualTime; rng: Rng }) {
    this.#deps = deps;
  }

  begin(life: Life): void {
    this.#life = life;
  }

  /** The process is gone: the server notices that its connections are closed. */
  end(): void {
    this.#life = undefined;
    for (const stream of this.#open) stream.drop();
    this.#open.clear();
  }

  /** Connections are reset; the line may be used again at once. */
  reset(): void {
    this.#deps.time.stir();
    for (const stream of [...this.#open]) stream.fail();
    this.#open.clear();
  }

  /** For one life of the process. */
  fetchOf(life: Life): (request: Request) => Promise<Response> {
    return async (request) => {
      await this.#way(life, below(this.#deps.rng, 4));
      this.#mustBeUp();
      const response = await this.#deps.api.api.fetch(request);
      if (life !== this.#life || request.signal.aborted) {
        void response.body?.cancel();
        throw new TypeError("the caller has gone");
      }
      if (request.url.includes("watch=true") && response.body !== null) {
        return new Response(this.#carried(response.body, life), response);
      }
      await this.#way(life, 1 + below(this.#deps.rng, 20) + this.lagMs);
      this.#mustBeUp();
      return response;
    };
  }

  #mustBeUp(): void {
    if (!this.isUp || !this.#deps.api.isUp) throw new TypeError("connection refused");
  }

  #way(life: Life, delayMs: number): Promise<void> {
    return new Promise((resolve) => life.later(delayMs, resolve));
  }

  #carried(body: ReadableStream<Uint8Array>, life: Life): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    let lastAt: Millis = 0;
    let isOver = false;
    const { time, rng } = this.#deps;
    const open = this.#open;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const over = (finish: () => void) => () => {
          if (isOver) return;
          isOver = true;
          open.delete(stream);
          finish();
        };
        const drop = over(() => void reader.cancel());
        const fail = over(() => {
          void reader.cancel();
          controller.error(new TypeError("connection reset"));
        });
        const stream = { fail, drop };
        open.add(stream);
        const pump = async () => {
          for (;;) {
            const { done, value } = await reader.read();
            if (isOver) return;
            lastAt = Math.max(lastAt, time.now + 1 + below(rng, 20) + this.lagMs);
            if (done) return life.later(lastAt - time.now, over(() => controller.close()));
            life.later(lastAt - time.now, () => isOver || controller.enqueue(value));
          }
        };
        void pump();
      },
      cancel: () => {
        isOver = true;
        void reader.cancel();
      },
    }, new CountQueuingStrategy({ highWaterMark: 10_000 }));
  }
}
