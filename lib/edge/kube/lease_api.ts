/**
 * One Lease (`coordination.k8s.io/v1`) as the election reads and writes it.
 *
 * A merge patch with the version as precondition touches only what the election owns, so labels and whatever else
 * somebody put on the object stay. `renewTime` and `acquireTime` are for people: nothing here is decided by them.
 */
import { isRecord } from "../../base/json.ts";
import { type KubeObject, RESOURCES } from "../../base/kube.ts";
import type { Clock } from "../../base/time.ts";
import type { ApiError, ApiResult } from "./api_error.ts";
import type { KubeClient } from "./client.ts";

export interface LeaseRecord {
  readonly resourceVersion: string;
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
}

/** Closed set, as the election knows it. */
export type LeaseFailure = "changed" | "unknown" | "refused";

export interface LeaseWrite {
  /** The version that is replaced; `undefined` creates. */
  readonly resourceVersion: string | undefined;
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  readonly isAcquisition: boolean;
}

export class LeaseApi {
  readonly #target: { readonly namespace: string; readonly name: string };
  readonly #client: KubeClient;
  readonly #clock: Clock;

  constructor(
    options: { readonly namespace: string; readonly name: string },
    deps: { readonly client: KubeClient; readonly clock: Clock },
  ) {
    this.#target = options;
    this.#client = deps.client;
    this.#clock = deps.clock;
  }

  /** `undefined`: there is none. */
  async get(): Promise<ApiResult<LeaseRecord | undefined>> {
    const result = await this.#client.get(RESOURCES.leases, this.#target);
    if (result.ok) return { ok: true, value: leaseRecord(result.value) };
    return result.error.reason === "notFound" ? { ok: true, value: undefined } : result;
  }

  async write(write: LeaseWrite): Promise<ApiResult<LeaseRecord>> {
    const { namespace, name } = this.#target;
    const { resourceVersion } = write;
    const isNew = resourceVersion === undefined;
    const now = microTime(this.#clock.wallMs());
    const spec = {
      holderIdentity: write.holder,
      leaseDurationSeconds: Math.ceil(write.durationMs / 1000),
      leaseTransitions: write.transitions,
      renewTime: now,
      ...(isNew || write.isAcquisition ? { acquireTime: now } : {}),
    };
    const result = isNew
      ? await this.#client.create(RESOURCES.leases, { namespace, body: { metadata: { namespace, name }, spec } })
      : await this.#client.patch(RESOURCES.leases, this.#target, {
        type: "merge",
        body: { metadata: { resourceVersion }, spec },
      });
    return result.ok ? { ok: true, value: leaseRecord(result.value) } : result;
  }
}

/** What somebody else wrote may be anything: what cannot be read counts as a holder without a name or a number. */
export function leaseRecord(object: KubeObject): LeaseRecord {
  const spec = isRecord(object["spec"]) ? object["spec"] : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  return {
    resourceVersion: object.metadata.resourceVersion ?? "",
    holder: typeof holderIdentity === "string" ? holderIdentity : "",
    durationMs: typeof leaseDurationSeconds === "number" ? leaseDurationSeconds * 1000 : NaN,
    transitions: typeof leaseTransitions === "number" ? leaseTransitions : 0,
  };
}

/** Why a request about the Lease failed, in the election's words. */
export function leaseFailureOf(error: ApiError, options: { readonly isNew: boolean }): LeaseFailure {
  switch (error.reason) {
    case "conflict":
    case "alreadyExists":
      return "changed";
    case "notFound":
      // Where nothing can be created, the namespace or the whole kind is missing.
      return options.isNew ? "refused" : "changed";
    case "forbidden":
    case "unauthorized":
    case "invalid":
      return "refused";
    default:
      return "unknown";
  }
}

/** `metav1.MicroTime`. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, "000Z");
}
