/** What goes into the controller's converge loop and what comes out. Plain data. */
import type { JsonObject } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { LogEvent } from "../../base/log.ts";
import type { Problem } from "../config/problem.ts";
import type { ServiceCause } from "./service_cause.ts";
import type { WriteFailure } from "./write_queue.ts";

export type ConvergeInput =
  /** All of them, each time. */
  | { readonly kind: "pools"; readonly ipAddressPools: readonly KubeObject[] }
  /** All of them, each time; only needed where pools have namespace selectors. */
  | { readonly kind: "namespaces"; readonly namespaces: readonly KubeObject[] }
  | { readonly kind: "service"; readonly key: string; readonly object: KubeObject | undefined }
  /** All caches are filled. Nothing is decided before this and the first `pools`. */
  | { readonly kind: "synced" }
  /** Answers to `patchStatus`: exactly one for each. `resourceVersion` is that of the object after the write. */
  | { readonly kind: "written"; readonly key: string; readonly resourceVersion?: string | undefined }
  | { readonly kind: "writeFailed"; readonly key: string; readonly reason: WriteFailure; readonly message: string }
  /** Answers to `patchPoolStatus`: exactly one for each. */
  | { readonly kind: "poolWritten"; readonly name: string }
  | {
    readonly kind: "poolWriteFailed";
    readonly name: string;
    readonly reason: WriteFailure;
    readonly message: string;
  };

/** Decimal digits: an int64 may be beyond what a JSON number holds exactly in JavaScript. */
export interface PoolStatusNumbers {
  readonly assignedIPv4: string;
  readonly assignedIPv6: string;
  readonly availableIPv4: string;
  readonly availableIPv6: string;
}

export type ConvergeEffect =
  /** A merge patch (`application/merge-patch+json`) of the Service's `/status`. */
  | {
    readonly kind: "patchStatus";
    readonly key: string;
    readonly namespace: string;
    readonly name: string;
    /** The precondition, which is in the body too; empty when the object had none. */
    readonly resourceVersion: string;
    readonly body: JsonObject;
  }
  /** A merge patch of an IPAddressPool's `/status`; nobody else writes there, so it has no precondition. */
  | {
    readonly kind: "patchPoolStatus";
    readonly namespace: string;
    readonly name: string;
    readonly status: PoolStatusNumbers;
  }
  | {
    readonly kind: "event";
    /** Reference to the Service: kind and metadata only. */
    readonly object: KubeObject;
    readonly type: "Normal" | "Warning";
    readonly reason: string;
    readonly message: string;
  }
  /** What the Service lacks; sent when it changes, `undefined` when it lacks nothing any more. */
  | { readonly kind: "cause"; readonly key: string; readonly cause: ServiceCause | undefined }
  /** Everything that is wrong at present; sent when it changes. */
  | { readonly kind: "problems"; readonly problems: readonly Problem[] }
  | { readonly kind: "log"; readonly event: LogEvent };
