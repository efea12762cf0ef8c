/**
 * The controller: gives addresses to Services and takes them back.
 *
 *     Services, IPAddressPools ─> Converge (machine) ─> PATCH of /status, up to 16 at once ─> API
 *                                        └────────────> events, log, metrics, /status
 *
 * What to do is decided in `decision/control/converge`; this file carries inputs to it and effects from it.
 *
 * Of several controllers one leads. All fill their caches; the machine lives for one term of office: it is made when
 * the term begins, from caches that are as new as the API is then, and thrown away when it ends. So whoever takes over
 * decides as a program that has just started does, and nothing of an earlier term is left.
 */
import type { Json } from "../base/json.ts";
import { objectKey, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { LoadBalancerClasses } from "../decision/config/load_balancer_class.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { ConfigObjects } from "../decision/config/resolve.ts";
import { ConvergeMachine } from "../decision/control/converge.ts";
import type { ConvergeEffect, ConvergeInput } from "../decision/control/converge_io.ts";
import type { KubeClientFacts, PoolUsage, ProblemCount } from "../edge/http/metallb_metrics.ts";
import { isRetryable } from "../edge/kube/api_error.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { EventRecorder } from "../edge/kube/events.ts";
import type { Reflector } from "../edge/kube/reflector.ts";
import { systemSchedule } from "../edge/kube/schedule.ts";
import { EventLoopDriver } from "../edge/run/event_loop_driver.ts";
import { Caches } from "./caches.ts";
import { coalesced } from "./coalesced.ts";
import { ConfigurationWatch } from "./configuration_watch.ts";
import { int64 } from "./int64.ts";
import { Leader, type LeaderOptions, type Leadership, SoleLeader } from "./leader.ts";
import { OldConfigMap } from "./old_config_map.ts";
import { type ServiceCauses, ServiceConditions } from "./service_conditions.ts";
import { writeFailureOf } from "./write_failure.ts";

export interface ControllerOptions {
  /** Namespace of the metallb.io objects. */
  readonly namespace: string;
  /** Serve only these classes; `undefined`: only Services without a class. */
  readonly lbClasses: LoadBalancerClasses;
  /** Own pod, the owner of what this controller reports; empty outside of a pod. */
  readonly podName?: string;
  /** Left out: this is the only controller. */
  readonly election?: Omit<LeaderOptions, "namespace">;
}

export interface ControllerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** A large cluster's first start has an event for each Service, at once; what repeats itself for ever is paced. */
const EVENTS = { component: "metallb-controller", queueMax: 10_000, burst: 10_000, perSecond: 50 };
const EVENT_FLUSH_MS = 2000;
const WRITES_FLUSH_MS = 1000;
/** For what the API server may still do with a request after we gave it up. */
const DOUBT_MS = 3000;

/** From the moment when this controller leads with caches that are new enough until it leads no more. */
interface Term {
  readonly machine: ConvergeMachine;
  readonly driver: EventLoopDriver<ConvergeInput, ConvergeEffect>;
}

export class Controller {
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #options: ControllerOptions;
  readonly #leadership: Leadership;
  readonly #writes = new Set<Promise<void>>();
  readonly #events: EventRecorder;
  readonly #synced = Promise.withResolvers<void>();
  readonly #pools: Reflector;
  readonly #namespaces: Reflector;
  readonly #services: Reflector;
  readonly #configuration: ConfigurationWatch;
  readonly #oldConfigMap: OldConfigMap;
  readonly #conditions: ServiceConditions;
  #term: Term | undefined;
  /** Counts the terms that were begun or ended. */
  #terms = 0;
  #isStarted = false;
  #isStopping = false;
  /** When the last write was answered. */
  #answeredAt: Millis = -Infinity;
  /** Until then a write of which nobody knows may still take effect. */
  #doubtEndsAt: Millis = -Infinity;

  constructor(options: ControllerOptions, deps: ControllerDeps) {
    this.#deps = deps;
    const { client, clock, rng, log } = deps;
    this.#options = options;
    this.#leadership = this.#elect();
    const busyAt = () => this.#writes.size > 0 ? clock.now() : this.#answeredAt;
    this.#events = new EventRecorder(EVENTS, { client, clock, rng, log, busyAt });
    const record = this.#events.record.bind(this.#events);
    this.#oldConfigMap = new OldConfigMap({ namespace: options.namespace }, {
      client,
      log,
      record,
      report: (problems) => this.#configuration.setOthers("oldConfigMap", problems),
    });
    this.#caches = new Caches({ ...deps, onSynced: () => this.#synced.resolve() });
    this.#services = this.#caches.add({ resource: RESOURCES.services }, (change) => {
      const object = change.kind === "upsert" ? change.object : undefined;
      this.#term?.driver.input({ kind: "service", key: change.key, object });
      this.#conditions.serviceChanged(change.key);
      this.#configuration.servicesChanged();
    });
    const { namespace, podName = "" } = options;
    const tellPools = coalesced(() => this.#tellPools());
    this.#pools = this.#caches.add({ resource: RESOURCES.ipAddressPools, namespace }, (change) => {
      tellPools();
      this.#configuration.poolChanged(change);
    });
    // Pools may select namespaces by label.
    this.#namespaces = this.#caches.add({ resource: RESOURCES.namespaces }, (change) => {
      tellPools();
      this.#configuration.namespaceChanged(change);
    });
    this.#configuration = new ConfigurationWatch({ namespace, podName }, {
      ...deps,
      pools: this.#pools.store,
      namespaces: this.#namespaces.store,
      services: this.#services.store,
      record: (event) => this.#events.record(event),
      onUnannounced: (problems) => this.#conditions.setAnnouncement(causesOf(problems)),
    });
    this.#conditions = new ServiceConditions({
      ...deps,
      writer: this.#leadership.writer,
      services: this.#services.store,
    });
  }

  start(): void {
    this.#leadership.start();
    this.#configuration.start();
  }

  /**
   * Decides nothing more, and lets what is on its way to the API finish within a second. What does not is decided anew
   * at the next start, from the objects as they are then.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endTerm();
    const limit = Promise.withResolvers<void>();
    const stopTimer = systemSchedule(() => limit.resolve(), WRITES_FLUSH_MS);
    await Promise.race([Promise.all(this.#writes), limit.promise]);
    stopTimer();
    // Given back as soon as nothing can come after it: others wait for it.
    const isClean = this.#writes.size === 0 && this.#deps.clock.now() >= this.#doubtEndsAt;
    await this.#leadership.stop({ isClean });
    await Promise.all([this.#caches.stop(), this.#configuration.stop()]);
    await this.#events.flush(EVENT_FLUSH_MS);
    this.#events.stop();
  }

  /** The configuration as last seen, as far as it is known: for the webhooks, when reading it fails. */
  configObjects(): Partial<ConfigObjects> {
    const pools = this.#pools.synced ? { ipAddressPools: [...this.#pools.store.values()] } : {};
    return { ...this.#configuration.objects(), ...pools };
  }

  /** What `/readyz` asks. */
  get conditions(): readonly { readonly name: string; readonly ready: () => boolean }[] {
    return [{ name: "caches", ready: () => this.#caches.synced }];
  }

  facts(): KubeClientFacts {
    const { synced } = this.#caches;
    return { ...this.#caches.facts(), configLoaded: synced, configStale: this.#configuration.hasErrors };
  }

  poolUsage(): PoolUsage[] {
    const machine = this.#term?.machine;
    if (machine === undefined) return [];
    const services = machine.servicesByPool();
    const allocations = machine.allocations();
    return machine.counters().map((pool) => ({
      pool: pool.name,
      ipv4Total: pool.assignedIPv4 + pool.availableIPv4 + pool.restingIPv4,
      ipv4InUse: Number(pool.assignedIPv4),
      ipv6Total: pool.assignedIPv6 + pool.availableIPv6 + pool.restingIPv6,
      ipv6InUse: Number(pool.assignedIPv6),
      resting: Number(pool.restingIPv4 + pool.restingIPv6),
      skipped: Number(pool.skippedIPv4),
      services: services.get(pool.name) ?? 0,
      allocations: allocations.get(pool.name) ?? 0,
    }));
  }

  problemCounts(): ProblemCount[] {
    return this.#configuration.problemCounts();
  }

  get leads(): boolean {
    return this.#leadership.leads;
  }

  inspect(): Json {
    return {
      program: "controller",
      ready: this.#caches.synced,
      problems: this.#configuration.inspect(),
      oldConfigMap: this.#oldConfigMap.message ?? null,
      leadership: this.#leadership.inspect(),
      converge: this.#term?.machine.inspect() ?? null,
      caches: [...this.#caches.inspect() as readonly Json[], ...this.#configuration.inspectCaches()],
    };
  }

  #elect(): Leadership {
    const deps = {
      ...this.#deps,
      onSettled: () => this.#fillCaches(),
      onLead: () => void this.#beginTerm(),
      onFollow: () => this.#endTerm(),
    };
    const { namespace, election } = this.#options;
    return election === undefined ? new SoleLeader(deps) : new Leader({ ...election, namespace }, deps);
  }

  #fillCaches(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#caches.start();
  }

  /** Begins when no write of an earlier term is under way and the caches are as new as the API was at the election. */
  async #beginTerm(): Promise<void> {
    const number = ++this.#terms;
    // What is listed for the first time now is new enough. Pools and namespaces too: an address that the last leader
    // gave from a pool that has grown must not look as if it were in none.
    const listed = this.#isStarted ? this.#caches.refresh() : undefined;
    this.#fillCaches();
    await Promise.all([listed, this.#synced.promise, ...this.#writes]);
    if (number !== this.#terms || this.#isStopping) return;
    const machine = new ConvergeMachine({ lbClasses: this.#options.lbClasses });
    const term: Term = {
      machine,
      driver: new EventLoopDriver({ name: "converge" }, {
        machine,
        clock: this.#deps.clock,
        apply: (effect) => this.#apply(effect, term),
      }),
    };
    this.#term = term;
    this.#conditions.setActive(true);
    for (const object of this.#services.store.values()) {
      term.driver.input({ kind: "service", key: objectKey(object), object });
    }
    this.#tellPools();
    term.driver.input({ kind: "synced" });
    this.#configuration.setActive(true);
  }

  #endTerm(): void {
    this.#terms++;
    this.#term?.driver.stop();
    this.#term = undefined;
    // What is wrong is for the leader to say.
    this.#configuration.setActive(false);
    this.#conditions.setActive(false);
    this.#oldConfigMap.forget();
  }

  #tellPools(): void {
    if (this.#term === undefined) return;
    const { driver } = this.#term;
    driver.input({ kind: "namespaces", namespaces: [...this.#namespaces.store.values()] });
    driver.input({ kind: "pools", ipAddressPools: [...this.#pools.store.values()] });
    void this.#oldConfigMap.observe(this.#pools.store.size);
  }

  #apply(effect: ConvergeEffect, term: Term): void {
    switch (effect.kind) {
      case "patchStatus":
        return this.#patchStatus(effect, term);
      case "patchPoolStatus":
        return this.#patchPoolStatus(effect, term);
      case "event":
        if (effect.reason === "AllocationFailed") void this.#oldConfigMap.serviceWaits();
        return this.#events.record(effect);
      case "cause":
        return this.#conditions.setAllocation(effect.key, effect.cause);
      case "problems":
        // Those of the configuration are found anew there, with what speakers and other kinds say.
        return this.#configuration.setOthers("services", effect.problems.filter(({ kind }) => kind === "Service"));
      case "log":
        return this.#deps.log(effect.event);
    }
  }

  #patchPoolStatus({ namespace, name, status }: ConvergeEffect & { kind: "patchPoolStatus" }, term: Term): void {
    const target = { namespace, name, subresource: "status" };
    const numbers = Object.fromEntries(Object.entries(status).map(([field, digits]) => [field, int64(digits)]));
    const patch = { type: "merge", body: { status: numbers } } as const;
    const { writer } = this.#leadership;
    const write = writer.patch(RESOURCES.ipAddressPools, target, patch).then((result) => {
      this.#answered(write);
      term.driver.input(
        result.ok
          ? { kind: "poolWritten", name }
          : { kind: "poolWriteFailed", name, reason: writeFailureOf(result.error), message: result.error.message },
      );
    });
    this.#writes.add(write);
  }

  #answered(write: Promise<void>): void {
    this.#writes.delete(write);
    this.#answeredAt = this.#deps.clock.now();
  }

  #patchStatus({ key, namespace, name, body }: ConvergeEffect & { kind: "patchStatus" }, term: Term): void {
    const target = { namespace, name, subresource: "status" };
    const { writer } = this.#leadership;
    const write = writer.patch(RESOURCES.services, target, { type: "merge", body }).then((result) => {
      this.#answered(write);
      if (!result.ok && isRetryable(result.error)) this.#doubtEndsAt = this.#deps.clock.now() + DOUBT_MS;
      term.driver.input(
        result.ok
          ? { kind: "written", key, resourceVersion: result.value.metadata.resourceVersion }
          : { kind: "writeFailed", key, reason: writeFailureOf(result.error), message: result.error.message },
      );
    });
    this.#writes.add(write);
  }
}

function causesOf(problems: readonly Problem[]): ServiceCauses {
  return new Map(problems.map(({ namespace, name, message }) => [
    objectKey({ metadata: { namespace, name } }),
    { status: "False", reason: "notAnnounced", message },
  ]));
}
