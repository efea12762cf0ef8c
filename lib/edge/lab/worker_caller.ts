/**
 * The main side of one laboratory Worker: calls by name, answers by promise.
 *
 * A Worker that dies rejects everything that is under way and everything that comes later.
 */
import { SysError } from "../net/errno.ts";
import { LIBC_PATHS } from "../net/libc.ts";
import type { CallReply, CallRequest, CallTable } from "./calls.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerCaller<Calls extends CallTable> {
  readonly #worker: Worker;
  readonly #label: string;
  /** What error messages begin with. */
  readonly #prefix: string;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;

  /**
   * Starts the Worker. It may call the C library; `network` adds Deno's own sockets and the starting of programs, each
   * as far as the caller's own permissions go. Files, environment and the rest stay closed. Errors begin with the label,
   * unless it is quiet.
   */
  constructor(options: { url: URL; label: string; network: boolean; quiet?: boolean }) {
    this.#label = options.label;
    this.#prefix = options.quiet === true ? "" : `${options.label}: `;
    const inherited = options.network ? "inherit" : false;
    this.#worker = new Worker(options.url.href, {
      type: "module",
      name: options.label,
      deno: {
        permissions: {
          ffi: [...LIBC_PATHS],
          net: inherited,
          run: inherited,
          read: false,
          write: false,
          env: false,
          sys: false,
          import: false,
        },
      },
    });
    this.#worker.onmessage = (event: MessageEvent<CallReply>) => this.#settle(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`${this.#label} ended: ${event.message}`));
    };
  }

  call<Name extends keyof Calls & string>(name: Name, args: Calls[Name]["args"]): Promise<Calls[Name]["result"]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#worker.postMessage({ id, name, args } satisfies CallRequest);
    return answer;
  }

  /** The thread ends; with it goes its namespace, unless a child or another thread is still inside. */
  terminate(): void {
    this.#end(new Error(`${this.#label} is closed`));
    this.#worker.terminate();
  }

  #settle(reply: CallReply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    if (reply.ok) return pending.resolve(reply.value);
    const { operation, errno, message } = reply;
    pending.reject(
      operation !== undefined && errno !== undefined
        ? new SysError(this.#prefix + operation, errno)
        : new Error(this.#prefix + message),
    );
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
