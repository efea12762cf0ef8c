/**
 * What goes into a `ListWatch` and what comes out: plain data, so that it can be recorded and replayed.
 *
 * `generation` names one list, look or watch; answers carry the one of the effect that asked for them.
 */
import type { KubeObject } from "../../base/kube.ts";
import type { LogEvent } from "../../base/log.ts";
import type { ApiError } from "./api_error.ts";
import type { WatchEventType } from "./watch_stream.ts";

export type ListWatchInput<T extends KubeObject> =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  /** The copy must be at least as new as the server is now: list again. */
  | { readonly kind: "refresh" }
  | {
    readonly kind: "listed";
    readonly generation: number;
    readonly resourceVersion: string;
    readonly objects: readonly T[];
  }
  | { readonly kind: "listFailed"; readonly generation: number; readonly error: ApiError }
  /** What a look at the server found: its present version and some of its objects. */
  | {
    readonly kind: "checked";
    readonly generation: number;
    readonly resourceVersion: string;
    readonly objects: readonly T[];
  }
  | { readonly kind: "checkFailed"; readonly generation: number; readonly error: ApiError }
  | { readonly kind: "watchOpened"; readonly generation: number }
  | { readonly kind: "event"; readonly generation: number; readonly type: WatchEventType; readonly object: T }
  | { readonly kind: "bookmark"; readonly generation: number; readonly resourceVersion: string }
  | { readonly kind: "watchEnded"; readonly generation: number }
  | { readonly kind: "watchFailed"; readonly generation: number; readonly error: ApiError };

export type ListWatchEffect<T extends KubeObject> =
  | { readonly kind: "startList"; readonly generation: number }
  | { readonly kind: "startCheck"; readonly generation: number }
  | {
    readonly kind: "startWatch";
    readonly generation: number;
    readonly resourceVersion: string;
    readonly timeoutSeconds: number;
  }
  /** Ends the list, look or watch of this generation, if it still runs. */
  | { readonly kind: "cancel"; readonly generation: number }
  | { readonly kind: "upsert"; readonly key: string; readonly object: T; readonly previous: T | undefined }
  | { readonly kind: "remove"; readonly key: string; readonly previous: T }
  | { readonly kind: "synced" }
  | { readonly kind: "log"; readonly event: LogEvent };
