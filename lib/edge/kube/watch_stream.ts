/**
 * The body of a watch as typed items: one JSON document a line, until the server ends it or the connection breaks.
 *
 * A line that is complete but makes no sense is a `badResponse`; a line that was cut off by the end of the stream is a
 * broken connection. The difference matters: after the first one nothing that was received can be relied on.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import { type ApiError, apiErrorOf } from "./api_error.ts";
import { LineSplitter } from "./line_splitter.ts";

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED";

export type WatchItem<T extends KubeObject> =
  | { readonly kind: "event"; readonly type: WatchEventType; readonly object: T }
  | { readonly kind: "bookmark"; readonly resourceVersion: string }
  /** The last item, if there is one: the stream did not end in order. */
  | { readonly kind: "error"; readonly error: ApiError };

export type WatchStream<T extends KubeObject> = AsyncIterable<WatchItem<T>>;

export function watchStreamOf<T extends KubeObject>(
  response: Response,
  options: { readonly controller: AbortController; readonly lineBytesMax: number },
): WatchStream<T> {
  return { [Symbol.asyncIterator]: () => itemsOf<T>(response, options) };
}

async function* itemsOf<T extends KubeObject>(
  response: Response,
  options: { readonly controller: AbortController; readonly lineBytesMax: number },
): AsyncGenerator<WatchItem<T>, void, undefined> {
  if (response.body === null) return;
  const { signal } = options.controller;
  const reader = response.body.getReader();
  // A server in the same process does not see the request's signal; cancelling its body settles a pending read.
  const cancel = () => void reader.cancel().catch(() => {});
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  const splitter = new LineSplitter({ lineBytesMax: options.lineBytesMax });
  try {
    while (true) {
      const chunk = await reader.read();
      if (signal.aborted) return;
      if (chunk.done) break;
      const lines = splitter.push(chunk.value);
      if (lines === "tooLong") {
        yield badLine(`a line has more than ${options.lineBytesMax} bytes`);
        return;
      }
      for (const line of lines) {
        const item = parseLine<T>(line);
        yield item;
        if (item.kind === "error" || signal.aborted) return;
      }
    }
    if (splitter.pendingBytes > 0) yield broken("the stream ended in the middle of a line");
  } catch (thrown) {
    if (!signal.aborted) yield broken(thrown instanceof Error ? thrown.message : String(thrown));
  } finally {
    signal.removeEventListener("abort", cancel);
    // Ends the connection if the consumer left before the server did.
    options.controller.abort();
    cancel();
  }
}

function parseLine<T extends KubeObject>(line: string): WatchItem<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return badLine("a line is no JSON");
  }
  if (!isRecord(parsed) || !isRecord(parsed["object"])) return badLine("a line is no watch event");
  const { type, object } = parsed;
  if (type === "ERROR") {
    const code = (object as Record<string, unknown>)["code"];
    return { kind: "error", error: apiErrorOf(typeof code === "number" ? code : 500, { status: object }) };
  }
  const metadata = (object as Record<string, unknown>)["metadata"];
  const version = isRecord(metadata) ? metadata["resourceVersion"] : undefined;
  if (!isRecord(metadata) || typeof version !== "string" || version === "") return badLine("an event has no version");
  if (type === "BOOKMARK") return { kind: "bookmark", resourceVersion: version };
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") return badLine("an event has an unknown type");
  if (typeof metadata["name"] !== "string" || metadata["name"] === "") return badLine("an event's object has no name");
  delete metadata["managedFields"];
  return { kind: "event", type, object: object as unknown as T };
}

function badLine(message: string): { kind: "error"; error: ApiError } {
  return { kind: "error", error: { reason: "badResponse", code: 200, message } };
}

function broken(message: string): { kind: "error"; error: ApiError } {
  return { kind: "error", error: { reason: "unreachable", code: 0, message } };
}
