/** A `Fetch` that answers as the test says and remembers what it was asked. */
import type { Fetch } from "../../lib/base/kube.ts";

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly contentType: string | null;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export type Answer = Response | Error | "never";

export class ScriptedFetch {
  readonly asked: Asked[] = [];
  readonly #answer: (asked: Asked, index: number) => Answer | Promise<Answer>;

  constructor(answer: (asked: Asked, index: number) => Answer | Promise<Answer>) {
    this.#answer = answer;
  }

  readonly fetch: Fetch = async (request) => {
    const url = new URL(request.url);
    const text = await request.text();
    const asked: Asked = {
      method: request.method,
      path: url.pathname + url.search,
      contentType: request.headers.get("content-type"),
      body: text === "" ? undefined : JSON.parse(text),
      signal: request.signal,
    };
    this.asked.push(asked);
    const answer = await this.#answer(asked, this.asked.length - 1);
    if (answer === "never") return await new Promise<Response>(() => {});
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

export function json(body: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" }, ...init });
}

/** What Kubernetes answers when it refuses. */
export function statusAnswer(code: number, reason: string, extra: Record<string, unknown> = {}): Response {
  return json({ kind: "Status", status: "Failure", code, reason, message: `${reason} by the test`, ...extra }, {
    status: code,
  });
}

/** A body that the test feeds piece by piece. */
export class FedBody {
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  cancelled = false;
  readonly stream: ReadableStream<Uint8Array>;

  constructor() {
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.cancelled = true),
    });
  }

  write(text: string): void {
    this.#controller.enqueue(new TextEncoder().encode(text));
  }

  close(): void {
    this.#controller.close();
  }

  fail(message: string): void {
    this.#controller.error(new Error(message));
  }
}
