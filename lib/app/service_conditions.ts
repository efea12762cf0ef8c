/**
 * What keeps a Service from being reachable, as a condition on it: `kubectl get service -o yaml` tells, long after the
 * events are gone (reader expectations 000:661).
 *
 * The condition `herald.dev/LoadBalancerReady` is there only while something is wrong: status `False` when the Service
 * waits for an address or nobody announces the one it has, `True` when it has one and asked for more. The reason is from
 * the closed sets that `explain` prints.
 *
 * Level-based: what is wanted is held against what the cache shows, so a restart writes nothing. It is written by a
 * strategic merge patch, which leaves the conditions of other programs alone.
 */
import { type KubeObject, RESOURCES } from "../base/kube.ts";
import type { JsonObject } from "../base/json.ts";
import { isRecord } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import { type Clock, formatWallTime } from "../base/time.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import type { ServiceCause } from "../decision/control/service_cause.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";
import type { Store } from "../edge/kube/store.ts";

export const LOAD_BALANCER_READY = "herald.dev/LoadBalancerReady";

export interface ServiceConditionsDeps {
  /** Of the leader: what it may not write any more fails. */
  readonly writer: KubeClient;
  readonly services: Store<KubeObject>;
  readonly clock: Clock;
  readonly log: Log;
  readonly schedule?: Schedule;
}

/** Why a Service waits is often over in an instant: its address was on the way. */
const GATHER_MS = 500;
/** After a write that failed. */
const RETRY_MS = 5_000;
/** A pool that is empty may concern thousands of Services, and each write makes a new version of one. */
const PACE = { burst: 50, perMs: 0.02 };
const MESSAGE_CHARACTERS_MAX = 1024;

/** By Service key. */
export type ServiceCauses = ReadonlyMap<string, ServiceCause>;

export class ServiceConditions {
  readonly #deps: ServiceConditionsDeps;
  readonly #schedule: Schedule;
  readonly #bucket = new TokenBucket(PACE);
  /** Why a Service has not the addresses that it asks for. */
  readonly #allocation = new Map<string, ServiceCause>();
  /** Why nobody can reach the address of a Service. */
  #announcement: ServiceCauses = new Map();
  /** Services whose condition may be another than it should be. */
  readonly #touched = new Set<string>();
  #cancelTimer: (() => void) | undefined;
  #active = false;
  #isWriting = false;

  constructor(deps: ServiceConditionsDeps) {
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  /** Only a leader writes. Whoever begins to lead looks at all Services. */
  setActive(active: boolean): void {
    this.#active = active;
    this.#allocation.clear();
    this.#announcement = new Map();
    this.#touched.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (active) { for (const key of this.#deps.services.keys()) this.serviceChanged(key); }
  }

  /** Also when it was removed. */
  serviceChanged(key: string): void {
    const object = this.#deps.services.get(key);
    if (object === undefined) this.#allocation.delete(key);
    // Nearly all Services have no condition and need none.
    else if (this.#wanted(key) !== undefined || shownCondition(object) !== undefined) this.#touch(key);
  }

  setAllocation(key: string, cause: ServiceCause | undefined): void {
    if (cause === undefined) this.#allocation.delete(key);
    else this.#allocation.set(key, cause);
    this.#touch(key);
  }

  /** All that nobody announces. */
  setAnnouncement(causes: ServiceCauses): void {
    for (const key of this.#announcement.keys()) if (!causes.has(key)) this.#touch(key);
    for (const key of causes.keys()) this.#touch(key);
    this.#announcement = causes;
  }

  #wanted(key: string): ServiceCause | undefined {
    return this.#allocation.get(key) ?? this.#announcement.get(key);
  }

  #touch(key: string): void {
    if (!this.#active) return;
    this.#touched.add(key);
    this.#wakeIn(GATHER_MS);
  }

  #wakeIn(delayMs: number): void {
    if (this.#cancelTimer !== undefined || this.#isWriting) return;
    this.#cancelTimer = this.#schedule(() => {
      this.#cancelTimer = undefined;
      void this.#writeAll();
    }, delayMs);
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    let waitMs = GATHER_MS;
    for (const key of this.#touched) {
      const patch = this.#patchOf(key);
      if (patch !== undefined) {
        waitMs = this.#bucket.take(this.#deps.clock.now());
        if (waitMs > 0 || !this.#active) break;
      }
      this.#touched.delete(key);
      if (patch === undefined || await this.#write(key, patch)) continue;
      this.#touched.add(key);
      waitMs = RETRY_MS;
      break;
    }
    this.#isWriting = false;
    if (this.#active && this.#touched.size > 0) this.#wakeIn(waitMs);
  }

  /** `undefined` when the Service shows what it should, or is gone. */
  #patchOf(key: string): JsonObject | undefined {
    const object = this.#deps.services.get(key);
    if (object === undefined) return undefined;
    const shown = shownCondition(object);
    const cause = this.#wanted(key);
    if (cause === undefined) return shown === undefined ? undefined : conditionPatch({ $patch: "delete" });
    const { status, reason } = cause;
    const message = cause.message.slice(0, MESSAGE_CHARACTERS_MAX);
    const isSame = shown?.["status"] === status && shown["reason"] === reason && shown["message"] === message;
    if (isSame) return undefined;
    const since = shown?.["status"] === status ? shown["lastTransitionTime"] : undefined;
    const lastTransitionTime = typeof since === "string"
      ? since
      : formatWallTime(this.#deps.clock.wallMs()).replace(/\.\d+Z$/, "Z");
    return conditionPatch({ status, reason, message, lastTransitionTime });
  }

  /** False when it is to be tried again. */
  async #write(key: string, body: JsonObject): Promise<boolean> {
    const [namespace = "", name = ""] = key.split("/");
    const target = { namespace, name, subresource: "status" };
    const result = await this.#deps.writer.patch(RESOURCES.services, target, { type: "strategic", body });
    if (result.ok || result.error.reason === "notFound") return true;
    const { reason, message } = result.error;
    this.#deps.log({ level: "debug", event: "serviceConditionNotWritten", service: key, reason, message });
    return false;
  }
}

function conditionPatch(condition: JsonObject): JsonObject {
  return { status: { conditions: [{ type: LOAD_BALANCER_READY, ...condition }] } };
}

function shownCondition(object: KubeObject): Readonly<Record<string, unknown>> | undefined {
  const status = isRecord(object.status) ? object.status : undefined;
  const conditions = status?.["conditions"];
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((one) => isRecord(one) && one["type"] === LOAD_BALANCER_READY);
}
