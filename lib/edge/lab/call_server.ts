/**
 * The Worker side of the laboratory's calls: one handler per name, one reply per request. Calls run side by side, so a
 * slow one (a program that runs, a fetch) does not hold up the next.
 */
import { SysError } from "../net/errno.ts";
import type { CallReply, CallRequest, CallTable } from "./calls.ts";

export type Handlers<Calls extends CallTable> = {
  readonly [Name in keyof Calls]: (args: Calls[Name]["args"]) => Calls[Name]["result"] | Promise<Calls[Name]["result"]>;
};

/** The global scope of a Worker, as far as it is used. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<CallRequest>) => void) | null;
  postMessage(message: CallReply): void;
}

/** Answers calls until the Worker ends. */
export function serveCalls<Calls extends CallTable>(handlers: Handlers<Calls>): void {
  const scope = globalThis as unknown as WorkerScope;
  const byName = new Map(Object.entries(handlers)) as Map<string, (args: unknown) => unknown>;
  scope.onmessage = async ({ data: { id, name, args } }) => {
    const handler = byName.get(name);
    if (handler === undefined) return scope.postMessage({ id, ok: false, message: `No call is named "${name}"` });
    try {
      scope.postMessage({ id, ok: true, value: await handler(args) });
    } catch (error) {
      scope.postMessage(failureReply(id, error));
    }
  };
}

function failureReply(id: number, error: unknown): CallReply {
  if (error instanceof SysError) {
    return { id, ok: false, message: error.message, operation: error.operation, errno: error.errno };
  }
  return { id, ok: false, message: error instanceof Error ? error.message : String(error) };
}
