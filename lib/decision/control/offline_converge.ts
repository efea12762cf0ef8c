/**
 * The controller's own machine, run on a set of objects without an API server until it has nothing more to do.
 *
 * What it would write is written to a copy, and it is told so, as the API server and the watch would. It shows what the
 * controller makes of these objects, with the events that it would emit; time stands still meanwhile.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import { objectKey } from "../../base/kube.ts";
import type { PoolCounters } from "../alloc/alloc_request.ts";
import type { LoadBalancerClasses } from "../config/load_balancer_class.ts";
import { ConvergeMachine } from "./converge.ts";
import type { ConvergeEffect } from "./converge_io.ts";
import type { Decision } from "./service_decision.ts";

export interface OfflineObjects {
  readonly services: readonly KubeObject[];
  readonly ipAddressPools: readonly KubeObject[];
  /** `undefined`: not known, so that no namespace selector matches. */
  readonly namespaces: readonly KubeObject[] | undefined;
}

export interface ControllerEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface OfflineService {
  readonly key: string;
  readonly before: KubeObject;
  /** As it is once everything is written. */
  readonly after: KubeObject;
  readonly decision: Decision | undefined;
  readonly events: readonly ControllerEvent[];
  /** By which rule it got what it got; `undefined` when it got nothing now. */
  readonly rule: string | undefined;
}

export interface OfflineOutcome {
  /** By key. */
  readonly services: ReadonlyMap<string, OfflineService>;
  /** By pool name. */
  readonly pools: readonly PoolCounters[];
  /** False when the writes did not come to an end, which would be a bug. */
  readonly settled: boolean;
}

/** Writes per Service: one is normal, a second one for what another Service gives up. */
const WRITES_PER_SERVICE_MAX = 8;

export function convergeOffline(objects: OfflineObjects, options: { lbClasses: LoadBalancerClasses }): OfflineOutcome {
  const before = new Map(objects.services.map((object) => [objectKey(object), object]));
  const machine = new ConvergeMachine({ ...options, inFlightMax: 1 });
  const run = new Run(machine);
  if (objects.namespaces !== undefined) machine.handle({ kind: "namespaces", namespaces: objects.namespaces }, 0);
  machine.handle({ kind: "pools", ipAddressPools: objects.ipAddressPools }, 0);
  for (const [key, object] of before) run.tell(key, object);
  machine.handle({ kind: "synced" }, 0);
  const settled = run.drain(WRITES_PER_SERVICE_MAX * before.size);
  const services = new Map<string, OfflineService>();
  for (const [key, object] of before) {
    services.set(key, {
      key,
      before: object,
      after: run.objects.get(key)!,
      decision: machine.decisionOf(key),
      events: run.events.get(key) ?? [],
      rule: run.rules.get(key),
    });
  }
  return { services, pools: machine.counters(), settled };
}

class Run {
  readonly objects = new Map<string, KubeObject>();
  readonly events = new Map<string, ControllerEvent[]>();
  readonly rules = new Map<string, string>();
  readonly #machine: ConvergeMachine;
  #version = 0;

  constructor(machine: ConvergeMachine) {
    this.#machine = machine;
  }

  /** Versions are our own: objects of a file have none, and those of an API server would mix with ours. */
  tell(key: string, object: KubeObject): void {
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    const next = { ...object, metadata };
    this.objects.set(key, next);
    this.#machine.handle({ kind: "service", key, object: next }, 0);
  }

  /** True when the machine had nothing more to say before `writesMax` writes were made. */
  drain(writesMax: number): boolean {
    let writes = 0;
    for (let effect = this.#machine.poll(); effect !== undefined; effect = this.#machine.poll()) {
      if (effect.kind === "patchStatus") {
        if (++writes > writesMax) return false;
        this.#write(effect);
      } else this.#note(effect);
    }
    return true;
  }

  #write({ key, body }: ConvergeEffect & { kind: "patchStatus" }): void {
    const next = mergePatch(this.objects.get(key), body) as KubeObject;
    const resourceVersion = String(this.#version + 1);
    this.#machine.handle({ kind: "written", key, resourceVersion }, 0);
    this.tell(key, next);
  }

  #note(effect: ConvergeEffect): void {
    if (effect.kind === "event" && effect.object.kind === "Service") {
      const key = objectKey(effect.object);
      const { type, reason, message } = effect;
      const events = this.events.get(key);
      if (events === undefined) this.events.set(key, [{ type, reason, message }]);
      else events.push({ type, reason, message });
    }
    if (effect.kind === "log" && effect.event.event === "ipAllocated") {
      const { service, rule } = effect.event;
      if (typeof service === "string" && typeof rule === "string") this.rules.set(service, rule);
    }
  }
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
