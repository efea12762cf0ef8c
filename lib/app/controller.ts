/**
 * The controller: gives addresses to Services and takes them back.
 *
 *     Services, IPAddressPools ─> Converge (machine) ─> PATCH of /status, up to 16 at once ─> API
 *                                        └────────────> events, log, metrics, /status
 *
 * What to do is decided in `decision/control/converge`; this file carries inputs to it and effects from it.
 */
import type { Json } from "../base/json.ts";
import { RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { LoadBalancerClasses } from "../decision/config/load_balancer_class.ts";
import { ConvergeMachine } from "../decision/control/converge.ts";
import type { ConvergeEffect, ConvergeInput } from "../decision/control/converge_io.ts";
import type { WriteFailure } from "../decision/control/write_queue.ts";
import type { KubeClientFacts, PoolUsage } from "../edge/http/metallb_metrics.ts";
import type { ApiError } from "../edge/kube/api_error.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { EventRecorder } from "../edge/kube/events.ts";
import type { Reflector } from "../edge/kube/reflector.ts";
import { EventLoopDriver } from "../edge/run/event_loop_driver.ts";
import { Caches } from "./caches.ts";
import { coalesced } from "./coalesced.ts";
import { int64 } from "./int64.ts";
import { ProblemLog } from "./problem_log.ts";

export interface ControllerOptions {
  /** Namespace of the metallb.io objects. */
  readonly namespace: string;
  /** Serve only these classes; `undefined`: only Services without a class. */
  readonly lbClasses: LoadBalancerClasses;
}

export interface ControllerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

const EVENT_FLUSH_MS = 1000;
const WRITES_FLUSH_MS = 1000;

export class Controller {
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #converge: ConvergeMachine;
  readonly #driver: EventLoopDriver<ConvergeInput, ConvergeEffect>;
  readonly #writes = new Set<Promise<void>>();
  readonly #events: EventRecorder;
  readonly #pools: Reflector;
  readonly #namespaces: Reflector;
  readonly #problemLog: ProblemLog;

  constructor(options: ControllerOptions, deps: ControllerDeps) {
    this.#deps = deps;
    const { client, clock, rng, log } = deps;
    this.#problemLog = new ProblemLog(deps);
    this.#converge = new ConvergeMachine({ lbClasses: options.lbClasses });
    this.#driver = new EventLoopDriver({ name: "converge" }, {
      machine: this.#converge,
      clock,
      apply: (effect) => this.#apply(effect),
    });
    this.#events = new EventRecorder({ component: "metallb-controller" }, { client, clock, rng, log });
    this.#caches = new Caches({
      ...deps,
      onSynced: () => {
        this.#tellPools();
        this.#driver.input({ kind: "synced" });
      },
    });
    this.#caches.add({ resource: RESOURCES.services }, (change) => {
      const object = change.kind === "upsert" ? change.object : undefined;
      this.#driver.input({ kind: "service", key: change.key, object });
    });
    const { namespace } = options;
    const tellPools = coalesced(() => this.#tellPools());
    // Before all caches are filled there is nothing to tell; what fills the last one tells all.
    const onConfigChange = () => {
      if (this.#caches.synced) tellPools();
    };
    this.#pools = this.#caches.add({ resource: RESOURCES.ipAddressPools, namespace }, onConfigChange);
    // Pools may select namespaces by label.
    this.#namespaces = this.#caches.add({ resource: RESOURCES.namespaces }, onConfigChange);
  }

  start(): void {
    this.#caches.start();
  }

  /**
   * Decides nothing more, and lets what is on its way to the API finish within a second. What does not is decided anew
   * at the next start, from the objects as they are then.
   */
  async stop(): Promise<void> {
    this.#driver.stop();
    await this.#caches.stop();
    await Promise.race([Promise.all(this.#writes), delay(WRITES_FLUSH_MS)]);
    await this.#events.flush(EVENT_FLUSH_MS);
    this.#events.stop();
  }

  /** What `/readyz` asks. */
  get conditions(): readonly { readonly name: string; readonly ready: () => boolean }[] {
    return [{ name: "caches", ready: () => this.#caches.synced }];
  }

  facts(): KubeClientFacts {
    const { synced } = this.#caches;
    return { ...this.#caches.facts(), configLoaded: synced, configStale: this.#problemLog.hasErrors };
  }

  poolUsage(): PoolUsage[] {
    const services = this.#converge.servicesByPool();
    const allocations = this.#converge.allocations();
    return this.#converge.counters().map((pool) => ({
      pool: pool.name,
      ipv4Total: pool.assignedIPv4 + pool.availableIPv4 + pool.restingIPv4,
      ipv4InUse: Number(pool.assignedIPv4),
      ipv6Total: pool.assignedIPv6 + pool.availableIPv6 + pool.restingIPv6,
      ipv6InUse: Number(pool.assignedIPv6),
      resting: Number(pool.restingIPv4 + pool.restingIPv6),
      services: services.get(pool.name) ?? 0,
      allocations: allocations.get(pool.name) ?? 0,
    }));
  }

  inspect(): Json {
    return {
      program: "controller",
      ready: this.#caches.synced,
      problems: this.#problemLog.inspect(),
      converge: this.#converge.inspect(),
      caches: this.#caches.inspect(),
    };
  }

  #tellPools(): void {
    this.#driver.input({ kind: "namespaces", namespaces: [...this.#namespaces.store.values()] });
    this.#driver.input({ kind: "pools", ipAddressPools: [...this.#pools.store.values()] });
  }

  #apply(effect: ConvergeEffect): void {
    switch (effect.kind) {
      case "patchStatus":
        return this.#patchStatus(effect);
      case "patchPoolStatus":
        return this.#patchPoolStatus(effect);
      case "event":
        return this.#events.record(effect);
      case "problems":
        return this.#problemLog.replace(effect.problems);
      case "log":
        return this.#deps.log(effect.event);
    }
  }

  #patchPoolStatus({ namespace, name, status }: ConvergeEffect & { kind: "patchPoolStatus" }): void {
    const target = { namespace, name, subresource: "status" };
    const numbers = Object.fromEntries(Object.entries(status).map(([field, digits]) => [field, int64(digits)]));
    const patch = { type: "merge", body: { status: numbers } } as const;
    const write = this.#deps.client.patch(RESOURCES.ipAddressPools, target, patch).then((result) => {
      this.#writes.delete(write);
      this.#driver.input(
        result.ok
          ? { kind: "poolWritten", name }
          : { kind: "poolWriteFailed", name, reason: failureOf(result.error), message: result.error.message },
      );
    });
    this.#writes.add(write);
  }

  #patchStatus({ key, namespace, name, body }: ConvergeEffect & { kind: "patchStatus" }): void {
    const target = { namespace, name, subresource: "status" };
    const write = this.#deps.client.patch(RESOURCES.services, target, { type: "merge", body }).then((result) => {
      this.#writes.delete(write);
      this.#driver.input(
        result.ok
          ? { kind: "written", key, resourceVersion: result.value.metadata.resourceVersion }
          : { kind: "writeFailed", key, reason: failureOf(result.error), message: result.error.message },
      );
    });
    this.#writes.add(write);
  }
}

function failureOf(error: ApiError): WriteFailure {
  switch (error.reason) {
    case "conflict":
      return "conflict";
    case "notFound":
    case "gone":
      return "notFound";
    case "invalid":
    case "forbidden":
    case "unauthorized":
      return "rejected";
    default:
      return "retryable";
  }
}

function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
