/**
 * This controller among several: carries the election by Lease and gives what writes a client that obeys it.
 *
 *     Lease (watch, get, patch) <─> LeaseElection (machine) ─> onLead, onFollow
 *
 * The writer's requests go out only while this process leads by its monotonic clock, and are given up after a fifth of
 * the lease; so nothing of an old leader is under way when another one begins. Without an election (`--leader-elect=false`,
 * one controller for sure) the same port always leads.
 */
import type { Json } from "../base/json.ts";
import { RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import { LeaseElection } from "../decision/control/lease_election.ts";
import type { LeaseEffect, LeaseInput } from "../decision/control/lease_io.ts";
import { leaseTimes } from "../decision/control/lease_times.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { LeaseApi, leaseFailureOf, leaseRecord } from "../edge/kube/lease_api.ts";
import { Reflector } from "../edge/kube/reflector.ts";
import { systemSchedule } from "../edge/kube/schedule.ts";
import { EventLoopDriver } from "../edge/run/event_loop_driver.ts";

export interface LeaderOptions {
  readonly namespace: string;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  /** The Pod of this process; empty when it runs in none. */
  readonly podName: string;
}

export interface LeaderDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Once: whoever leads, caches may be filled now. If this one leads already, what they list is new enough. */
  readonly onSettled: () => void;
  readonly onLead: () => void;
  readonly onFollow: () => void;
}

/** What the controller needs of an election. */
export interface Leadership {
  readonly leads: boolean;
  /** For everything that only a leader may write. */
  readonly writer: KubeClient;
  start(): void;
  /** Gives the lead back. `isClean`: all writes of this leader were answered. */
  stop(options: { readonly isClean: boolean }): Promise<void>;
  inspect(): Json;
}

/** For the release to be answered when the program ends. */
const RELEASE_LIMIT_MS = 1_000;

export class Leader implements Leadership {
  readonly writer: KubeClient;
  readonly #deps: LeaderDeps;
  readonly #options: LeaderOptions;
  readonly #election: LeaseElection;
  readonly #driver: EventLoopDriver<LeaseInput, LeaseEffect>;
  readonly #api: LeaseApi;
  readonly #watch: Reflector;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(options: LeaderOptions, deps: LeaderDeps) {
    const { client, clock, rng, log } = deps;
    const { namespace, leaseName, leaseDurationMs: durationMs, podName } = options;
    this.#options = options;
    this.#deps = deps;
    const random = rng.u32().toString(16).padStart(8, "0");
    const podPrefix = podName === "" ? undefined : `${podName}_`;
    const identity = `${podPrefix ?? "herald_"}${random}`;
    this.#election = new LeaseElection({ identity, podPrefix, durationMs }, { rng });
    const { requestTimeoutMs } = leaseTimes(durationMs);
    this.#api = new LeaseApi({ namespace, name: leaseName }, { client: client.derive({ requestTimeoutMs }), clock });
    this.writer = client.derive({
      requestTimeoutMs,
      around: (fetch) => (request) =>
        this.#election.mayWrite(clock.now())
          ? fetch(request)
          : Promise.reject(new Error("this controller does not lead, so it writes nothing")),
    });
    this.#driver = new EventLoopDriver({ name: "election" }, {
      machine: this.#election,
      clock,
      apply: (effect) => this.#apply(effect),
    });
    this.#watch = new Reflector(
      { resource: RESOURCES.leases, namespace, fieldSelector: `metadata.name=${leaseName}` },
      {
        client,
        clock,
        rng,
        log,
        onChange: (change) => {
          if (change.kind === "synced") return;
          const lease = change.kind === "upsert" ? leaseRecord(change.object) : undefined;
          this.#driver.input({ kind: "seen", lease });
        },
      },
    );
  }

  get leads(): boolean {
    return this.#election.leads;
  }

  start(): void {
    this.#driver.input({ kind: "start" });
    this.#watch.start();
  }

  async stop(options: { readonly isClean: boolean }): Promise<void> {
    // What others do with the Lease from here on is their business.
    const watchEnded = this.#watch.stop();
    this.#driver.input({ kind: "stop", ...options });
    const stopTimer = systemSchedule(() => this.#stopped.resolve(), RELEASE_LIMIT_MS);
    await this.#stopped.promise;
    stopTimer();
    this.#driver.stop();
    await watchEnded;
  }

  inspect(): Json {
    const { namespace, leaseName } = this.#options;
    return { elects: true, lease: `${namespace}/${leaseName}`, ...this.#election.inspect() as Record<string, Json> };
  }

  #apply(effect: LeaseEffect): void {
    switch (effect.kind) {
      case "get":
        void this.#get(effect.request);
        return;
      case "write":
        void this.#write(effect);
        return;
      case "settled":
        return this.#deps.onSettled();
      case "lead":
        return this.#deps.onLead();
      case "follow":
        return this.#deps.onFollow();
      case "stopped":
        return this.#stopped.resolve();
      case "log":
        return this.#tell(effect.event);
    }
  }

  async #get(request: number): Promise<void> {
    const result = await this.#api.get();
    if (result.ok) return this.#driver.input({ kind: "got", request, lease: result.value });
    const reason = leaseFailureOf(result.error, { isNew: false });
    this.#driver.input({ kind: "failed", request, reason, message: result.error.message });
  }

  async #write(effect: LeaseEffect & { kind: "write" }): Promise<void> {
    const { request } = effect;
    const result = await this.#api.write(effect);
    if (result.ok) return this.#driver.input({ kind: "written", request, lease: result.value });
    const reason = leaseFailureOf(result.error, { isNew: effect.resourceVersion === undefined });
    this.#driver.input({ kind: "failed", request, reason, message: result.error.message });
  }

  #tell(event: Parameters<Log>[0]): void {
    const { namespace, leaseName } = this.#options;
    const lease = `${namespace}/${leaseName}`;
    if (event.event !== "leaseRefused") return this.#deps.log({ ...event, lease });
    const help = `the controller leads nothing before it may create leases.coordination.k8s.io in namespace ` +
      `${namespace} and get, list, watch and patch "${leaseName}" there; with --leader-elect=false a single ` +
      `controller runs without`;
    this.#deps.log({ ...event, lease, help });
  }
}

/** The only controller there is: it leads from start to stop. */
export class SoleLeader implements Leadership {
  readonly writer: KubeClient;
  readonly #deps: Pick<LeaderDeps, "onSettled" | "onLead">;
  #leads = false;

  constructor(deps: Pick<LeaderDeps, "client" | "onSettled" | "onLead">) {
    this.writer = deps.client;
    this.#deps = deps;
  }

  get leads(): boolean {
    return this.#leads;
  }

  start(): void {
    this.#leads = true;
    this.#deps.onLead();
    this.#deps.onSettled();
  }

  stop(): Promise<void> {
    this.#leads = false;
    return Promise.resolve();
  }

  inspect(): Json {
    return { elects: false, leads: this.#leads };
  }
}
