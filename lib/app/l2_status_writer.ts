/**
 * Keeps this speaker's `ServiceL2Status` objects as `statusSteps` wants them (reference §6.7).
 *
 * Level-based and Service by Service: `touch` names one whose claim may have changed, and what is then missing is written
 * step by step, each computed from what the API shows after the one before. So a restart adopts what is there and writes
 * nothing, and an outage of the API leaves nothing behind but work for later. Writes are limited in number at a time
 * (`WriteQueue`) and in pace (a token bucket): five thousand Services that move at once do not press an API server that
 * just lost a node. Nothing waits for any of this.
 */
import { type KubeObject, objectReference, RESOURCES } from "../base/kube.ts";
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import { below, type Rng } from "../base/rng.ts";
import type { Clock, Millis } from "../base/time.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { decodeL2Status, L2_STATUS_LABELS } from "../decision/config/l2_status_view.ts";
import { nodeLabel } from "../decision/config/node_label.ts";
import { contestedTimes, countWrite, type RepeatedWrites } from "../decision/control/repeated_writes.ts";
import { WriteQueue } from "../decision/control/write_queue.ts";
import { type StatusClaim, statusInterfaces, type StatusStep, statusSteps } from "../decision/plan/status_plan.ts";
import type { ApiResult } from "../edge/kube/api_error.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";
import { Caches } from "./caches.ts";
import { L2StatusIndex } from "./l2_status_index.ts";
import { PodOwner } from "./pod_owner.ts";
import { writeFailureOf } from "./write_failure.ts";

export interface L2StatusWriterOptions {
  /** Herald's own, where all of these objects are. */
  readonly namespace: string;
  readonly node: string;
  /** Own pod, the owner of the objects; empty outside of one. */
  readonly podName: string;
  /** Default 100 at once, then 50 a second. */
  readonly burst?: number;
  readonly perSecond?: number;
}

export interface L2StatusWriterDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
  /** What there is to say of a Service now. */
  readonly claimOf: (serviceKey: string) => StatusClaim;
  /** All that other nodes and an earlier life of this one left is known; told once. */
  readonly onSynced?: () => void;
}

const IN_FLIGHT_MAX = 4;
/** So many Services are looked at in one go: a new configuration concerns ten thousand of them. */
const LOOKS_MAX = 1000;
/** What comes within this time is looked at together. */
const GATHER_MS = 50;
/** Older CRDs lack the kind, and every node has a speaker that asks for it. */
const LIST_BACKOFF = { baseMs: 100, capMs: 60_000 };
/** Time for the node that left an object behind to remove it itself. */
const LEFTOVER_MS = 2000;
/** Of a Service that nobody announces every speaker sees what is left; they do not all come at once. */
const OVER_MS = 10_000;
const OVER_SPREAD_MS = 20_000;

/** Instant of a leftover whose time has come. */
const DUE = -Infinity;
/** Services that are remembered for how often their object had to be made. */
const MADE_MAX = 20_000;

const SILENT: StatusClaim = { state: "silent", interfaces: "all", others: new Set(), isOver: false };

export class L2StatusWriter {
  readonly #options: L2StatusWriterOptions;
  readonly #deps: L2StatusWriterDeps;
  readonly #schedule: Schedule;
  readonly #caches: Caches;
  readonly #owner: PodOwner;
  readonly #index = new L2StatusIndex();
  readonly #queue = new WriteQueue({ inFlightMax: IN_FLIGHT_MAX });
  readonly #bucket: TokenBucket;
  /** Names of leftovers and when each may be removed. */
  readonly #leftovers = new Map<string, { readonly serviceKey: string; readonly at: Millis }>();
  /** Services with a write under way. */
  readonly #writing = new Set<string>();
  readonly #made = new Map<string, RepeatedWrites>();
  #podUid: string | undefined;
  #cancelPump: (() => void) | undefined;
  #pumpAt: Millis = Infinity;
  #lastError = "";
  #written = 0;
  #leaving = false;
  #stopped = false;
  #onIdle: (() => void) | undefined;

  constructor(options: L2StatusWriterOptions, deps: L2StatusWriterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#owner = new PodOwner(options, deps);
    this.#bucket = new TokenBucket({ burst: options.burst ?? 100, perMs: (options.perSecond ?? 50) / 1000 });
    this.#caches = new Caches({ ...deps, onSynced: () => this.#begin() });
    const { namespace } = options;
    const kind = { resource: RESOURCES.serviceL2Statuses, namespace, backoff: LIST_BACKOFF, keep: objectReference };
    this.#caches.add(kind, (change) => {
      if (change.kind === "upsert") this.#show(change.object);
      else this.#forget(change.previous.metadata.name);
    });
  }

  start(): void {
    this.#caches.start();
  }

  get synced(): boolean {
    return this.#caches.synced;
  }

  /** Node that announces a Service as the objects have it, where they agree; also one that is dead by now. */
  holderOf(serviceKey: string): string | undefined {
    return this.#index.holderOf(serviceKey);
  }

  /** The claim of a Service may be another one than before. */
  touch(serviceKey: string): void {
    this.#want(serviceKey, { newer: false });
    this.#pumpIn(GATHER_MS);
  }

  /** The claim of every Service may be another one, those included that are not there any more. */
  touchAll(): void {
    for (const { serviceKey } of this.#index.all()) this.touch(serviceKey);
  }

  /** Removes the own objects, as far as that goes in the time given, and ends. */
  async stop(limitMs = 0): Promise<void> {
    this.#leaving = true;
    if (limitMs > 0 && this.synced) {
      for (const { node, serviceKey } of this.#index.all()) if (node === this.#options.node) this.touch(serviceKey);
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = this.#schedule(resolve, limitMs);
      this.#onIdle = resolve;
      this.#pumpIn(0);
      await promise;
      cancel();
    }
    this.#stopped = true;
    this.#cancelPump?.();
    await this.#caches.stop();
  }

  inspect(): Json {
    return {
      synced: this.synced,
      objects: this.#index.size,
      written: this.#written,
      waiting: this.#queue.queued,
      inFlight: this.#queue.inFlight,
      lastError: this.#lastError,
    };
  }

  #begin(): void {
    this.touchAll();
    this.#pumpIn(0);
    this.#deps.onSynced?.();
  }

  #show(object: KubeObject): void {
    const decoded = decodeL2Status(object);
    if (!decoded.ok) return this.#forget(object.metadata.name);
    const moved = this.#index.set(decoded.value);
    for (const serviceKey of [moved, decoded.value.serviceKey]) {
      if (serviceKey !== undefined) this.#want(serviceKey, { newer: true });
    }
    this.#pumpIn(GATHER_MS);
  }

  #forget(name: string): void {
    const serviceKey = this.#index.remove(name);
    this.#leftovers.delete(name);
    if (serviceKey === undefined) return;
    this.#want(serviceKey, { newer: true });
    this.#pumpIn(GATHER_MS);
  }

  /** One write at a time for each Service: the end of a write looks again at what is wanted then. */
  #want(serviceKey: string, options: { readonly newer: boolean }): void {
    if (serviceKey !== "" && !this.#writing.has(serviceKey)) this.#queue.want(serviceKey, options);
  }

  #pumpIn(delayMs: number): void {
    const at = this.#deps.clock.now() + delayMs;
    if (this.#stopped || !this.synced || at >= this.#pumpAt) return;
    this.#cancelPump?.();
    this.#pumpAt = at;
    this.#cancelPump = this.#schedule(() => {
      this.#cancelPump = undefined;
      this.#pumpAt = Infinity;
      void this.#pump();
    }, delayMs);
  }

  async #pump(): Promise<void> {
    // Whether an object is owned can be told only by who asks.
    this.#podUid ??= (await this.#owner.references())[0]?.uid;
    if (this.#stopped) return;
    const now = this.#deps.clock.now();
    this.#queue.wake(now);
    this.#wakeLeftovers(now);
    this.#startWrites(now);
    let nextAt = this.#queue.deadline()?.at ?? Infinity;
    for (const { at } of this.#leftovers.values()) if (at > now && at < nextAt) nextAt = at;
    if (nextAt < Infinity) this.#pumpIn(nextAt - now);
    if (this.#queue.inFlight === 0 && this.#queue.queued === 0) this.#onIdle?.();
  }

  #startWrites(now: Millis): void {
    for (let looks = 0; looks < LOOKS_MAX; looks++) if (!this.#startNext(now)) return;
    this.#pumpIn(0);
  }

  /** False when no more is to be looked at now. */
  #startNext(now: Millis): boolean {
    const key = this.#queue.take();
    if (key === undefined) return false;
    const step = this.#nextStep(key, now);
    const waitMs = step === undefined ? 0 : this.#bucket.take(now);
    if (step !== undefined && waitMs === 0) void this.#do(key, step);
    else this.#queue.untake(key);
    if (waitMs === 0) return true;
    this.#queue.want(key, { newer: true });
    this.#pumpIn(waitMs);
    return false;
  }

  /** Those whose time has come are looked at once; what comes of that is looked at again by itself. */
  #wakeLeftovers(now: Millis): void {
    for (const [name, { serviceKey, at }] of this.#leftovers) {
      if (at > now || at === DUE) continue;
      this.#leftovers.set(name, { serviceKey, at: DUE });
      this.#want(serviceKey, { newer: false });
    }
  }

  /** The first step whose time has come. */
  #nextStep(serviceKey: string, now: Millis): StatusStep | undefined {
    const claim = this.#leaving ? SILENT : this.#deps.claimOf(serviceKey);
    const shown = this.#index.of(serviceKey);
    const steps = statusSteps({ node: this.#options.node, podUid: this.#podUid, claim, shown });
    const left = new Set(steps.flatMap((step) => step.kind === "remove" && step.why === "leftover" ? [step.name] : []));
    for (const { name } of shown) if (!left.has(name)) this.#leftovers.delete(name);
    return steps.find((step) => {
      if (step.kind !== "remove" || step.why !== "leftover") return true;
      const known = this.#leftovers.get(step.name);
      if (known !== undefined) return known.at <= now;
      const delayMs = claim.isOver ? OVER_MS + below(this.#deps.rng, OVER_SPREAD_MS) : LEFTOVER_MS;
      this.#leftovers.set(step.name, { serviceKey, at: now + delayMs });
      return false;
    });
  }

  async #do(serviceKey: string, step: StatusStep): Promise<void> {
    this.#writing.add(serviceKey);
    const result = await this.#write(serviceKey, step);
    this.#writing.delete(serviceKey);
    const now = this.#deps.clock.now();
    if (result.ok || (step.kind !== "create" && result.error.reason === "notFound")) {
      this.#written++;
      this.#lastError = "";
      if (step.kind === "remove" || !result.ok) this.#index.remove(step.kind === "create" ? "" : step.name);
      else this.#take(result.value);
      this.#queue.succeeded(serviceKey);
      this.#slowDown(serviceKey, { step, now });
    } else {
      this.#queue.failed(serviceKey, { reason: writeFailureOf(result.error), now });
      this.#complain(serviceKey, { step, message: result.error.message });
    }
    this.#queue.want(serviceKey, { newer: false });
    this.#pumpIn(0);
  }

  /** An object that has to be made over and over is removed by somebody who sees another truth: that is not fought. */
  #slowDown(serviceKey: string, { step, now }: { step: StatusStep; now: Millis }): void {
    const before = this.#made.get(serviceKey);
    if (step.kind === "create") {
      if (this.#made.size >= MADE_MAX) this.#made.clear();
      this.#made.set(serviceKey, countWrite(before, { text: serviceKey, now }));
    } else if (step.kind === "fill" && before !== undefined && contestedTimes(before) > 0) {
      this.#queue.contested(serviceKey, { times: contestedTimes(before), now });
    }
  }

  #take(object: KubeObject | undefined): void {
    const decoded = object === undefined ? undefined : decodeL2Status(object);
    if (decoded?.ok) this.#index.set(decoded.value);
  }

  #write(serviceKey: string, step: StatusStep): Promise<ApiResult<KubeObject | undefined>> {
    const { client, claimOf } = this.#deps;
    const { namespace, node } = this.#options;
    const resource = RESOURCES.serviceL2Statuses;
    const at = serviceKey.indexOf("/");
    const [serviceNamespace, serviceName] = [serviceKey.slice(0, at), serviceKey.slice(at + 1)];
    switch (step.kind) {
      case "create": {
        const labels = {
          [L2_STATUS_LABELS.node]: nodeLabel(node),
          [L2_STATUS_LABELS.serviceName]: serviceName,
          [L2_STATUS_LABELS.serviceNamespace]: serviceNamespace,
        };
        return this.#owner.references().then((ownerReferences) => {
          const metadata = { generateName: "l2-", namespace, labels, ownerReferences };
          return client.create(resource, { namespace, body: { metadata, spec: {} } });
        });
      }
      case "fill": {
        const interfaces = statusInterfaces(claimOf(serviceKey).interfaces);
        const status = { node, serviceName, serviceNamespace, interfaces };
        const target = { namespace, name: step.name, subresource: "status" };
        return client.patch(resource, target, { type: "merge", body: { status } });
      }
      case "own":
        return this.#owner.references().then((ownerReferences) =>
          client.patch(resource, { namespace, name: step.name }, {
            type: "merge",
            body: { metadata: { ownerReferences } },
          })
        );
      case "remove": {
        const preconditions = step.uid === "" ? {} : { preconditions: { uid: step.uid } };
        return client.remove(resource, { namespace, name: step.name, ...preconditions });
      }
    }
  }

  /** The same trouble is told once until something goes well. */
  #complain(service: string, { step, message }: { step: StatusStep; message: string }): void {
    if (message === this.#lastError) return;
    this.#lastError = message;
    this.#deps.log({ level: "warn", event: "l2StatusNotWritten", service, step: step.kind, error: message });
  }
}
