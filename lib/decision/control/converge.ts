/**
 * The controller's converge loop as a machine: objects of the API in, the fewest writes out.
 *
 * It decides from the present state only. After the caches are filled it looks at all Services once, those that show
 * an address first; later a change costs one Service, and a change of pools costs all. A Service with a write in
 * flight is not decided on anew before the answer is there, and what it gave up is free for others only when the API
 * shows so: two Services never hold one address, neither here nor in the API, unless they share it. Nothing is written
 * that changes nothing.
 *
 * Where the API shows one address at two Services all the same (two controllers wrote at one time), the older
 * assignment stays. That is what this process saw first; at its start the Service that carries our annotation, then
 * the one that was created first, then the lesser key. The other is given another address, with an event.
 *
 * Offline (`herald explain`) it runs without a clock: hand in `namespaces`, `pools`, every `service`, then `synced`,
 * and drain the effects; `decisionOf` says what came out for each Service, the `event` effects what it would be told.
 */
import type { Json } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import type { PoolCounters } from "../alloc/alloc_request.ts";
import type { LoadBalancerClasses } from "../config/load_balancer_class.ts";
import type { Problem } from "../config/problem.ts";
import { decodeService } from "../config/service_view.ts";
import type { ConvergeEffect, ConvergeInput } from "./converge_io.ts";
import { Decider } from "./decider.ts";
import { annotationNotices } from "./annotation_notices.ts";
import { decisionNotices, rejectedNotices } from "./decision_notices.ts";
import { compareAge, PendingQueue, type Served } from "./pending_queue.ts";
import { PoolConfig } from "./pool_config.ts";
import { PoolStatusQueue } from "./pool_status_queue.ts";
import { contestedTimes, countWrite } from "./repeated_writes.ts";
import { RestTimer } from "./rest_timer.ts";
import { salvageService } from "./salvage.ts";
import { causeOf } from "./service_cause.ts";
import {
  afterWrite,
  type Decision,
  shownAddresses,
  statusPatch,
  type WantedStatus,
  wantedStatus,
} from "./service_decision.ts";
import { ageOf, compareClaim, isAnother, isBusy, isOvertaken, newEntry, type ServiceEntry } from "./service_entry.ts";
import { allocatedNotices, overwrittenNotices } from "./service_notices.ts";
import { WriteQueue } from "./write_queue.ts";

export interface ConvergeOptions {
  /** MetalLB's `--lb-class`; absent means Services without a class. */
  readonly lbClasses?: LoadBalancerClasses;
  /** Writes that may be under way at once. */
  readonly inFlightMax?: number;
}

const IN_FLIGHT_MAX = 16;
const SERVE_ROUNDS_MAX = 16;

export class ConvergeMachine implements Machine<ConvergeInput, ConvergeEffect> {
  readonly #decider: Decider;
  readonly #writes: WriteQueue;
  readonly #pending = new PendingQueue();
  readonly #effects = new Queue<ConvergeEffect>();
  readonly #entries = new Map<string, ServiceEntry>();
  readonly #serviceProblems = new Map<string, readonly Problem[]>();
  readonly #poolConfig = new PoolConfig();
  /** What was reported last, as one text. */
  #reportedProblems = "[]";
  #cachesFilled = false;
  readonly #poolStatus: PoolStatusQueue;
  readonly #rests: RestTimer;
  /** Pool to how often a Service was given addresses of it. */
  readonly #allocations = new Map<string, number>();

  constructor(options: ConvergeOptions = {}) {
    this.#decider = new Decider({ lbClasses: options.lbClasses });
    const { allocator } = this.#decider;
    this.#poolStatus = new PoolStatusQueue({ countersOf: (name) => allocator.countersOf(name) });
    this.#rests = new RestTimer({ isResting: (rest) => allocator.book.isResting(rest) });
    this.#writes = new WriteQueue({ inFlightMax: options.inFlightMax ?? IN_FLIGHT_MAX });
  }

  handle(input: ConvergeInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "pools":
        this.#poolConfig.pools = input.ipAddressPools;
        this.#reconfigure();
        this.#poolStatus.see(input.ipAddressPools, now);
        break;
      case "namespaces":
        this.#poolConfig.namespaces = input.namespaces;
        this.#reconfigure();
        break;
      case "service":
        this.#takeService(input.key, input.object);
        break;
      case "synced":
        if (!this.#cachesFilled) {
          this.#cachesFilled = true;
          this.#decideAll();
        }
        break;
      case "written":
        this.#written(input, now);
        break;
      case "writeFailed":
        this.#writeFailed(input, now);
        break;
      case "poolWritten":
        this.#poolStatus.written(input.name, now);
        break;
      case "poolWriteFailed":
        this.#poolWriteFailed(input, now);
        break;
      case "tick":
        this.#writes.wake(now);
        break;
    }
    this.#endRests(now);
    this.#servePending();
    for (const rest of this.#decider.allocator.book.takeRests()) this.#rests.start(rest, now);
    this.#write();
    this.#writePoolStatus(now);
  }

  poll(): ConvergeEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return earlier(this.#writes.deadline(), earlier(this.#poolStatus.deadline(), this.#rests.deadline()));
  }

  inspect(): Json {
    return {
      decides: this.#decides,
      services: this.#entries.size,
      pending: this.#pending.size,
      writesInFlight: this.#writes.inFlight,
      writesQueued: this.#writes.queued,
      problems: this.#poolConfig.problems.length + this.#serviceProblems.size,
      pools: this.counters().map((pool) => ({
        name: pool.name,
        assignedIPv4: pool.assignedIPv4.toString(),
        assignedIPv6: pool.assignedIPv6.toString(),
        availableIPv4: pool.availableIPv4.toString(),
        availableIPv6: pool.availableIPv6.toString(),
        skippedIPv4: pool.skippedIPv4.toString(),
      })),
    };
  }

  /** What was decided about a Service, for `explain`; `undefined` before it was looked at. */
  decisionOf(key: string): Decision | undefined {
    return this.#entries.get(key)?.decision;
  }

  /** Pool to how often a Service was given addresses of it since start, as far as that was written. */
  allocations(): ReadonlyMap<string, number> {
    return this.#allocations;
  }

  /** Pool to how many Services have addresses of it. */
  servicesByPool(): ReadonlyMap<string, number> {
    return this.#decider.allocator.servicesByPool();
  }

  /** By pool name. */
  counters(): PoolCounters[] {
    return this.#decider.allocator.counters();
  }

  get #decides(): boolean {
    return this.#cachesFilled && this.#poolConfig.pools !== undefined;
  }

  #reconfigure(): void {
    const { problems } = this.#poolConfig;
    const config = this.#poolConfig.resolve();
    if (this.#poolConfig.problems !== problems) this.#reportProblems();
    if (config === undefined) return;
    this.#decider.setConfig(config);
    this.#decideAll();
  }

  #takeService(key: string, object: KubeObject | undefined): void {
    let entry = this.#entries.get(key);
    if (object === undefined) {
      this.#setServiceProblems(key, []);
      if (entry !== undefined) this.#remove(entry);
      return;
    }
    if (entry !== undefined && isOvertaken(entry, object)) return;
    const decoded = decodeService(object);
    this.#setServiceProblems(key, decoded.ok ? [] : decoded.problems);
    // Of an object that cannot be read the last version that could be read says more than what is left of this one.
    const view = decoded.ok ? decoded.value : entry?.view ?? salvageService(object);
    if (view === undefined) return;
    // Deleted and made anew between two looks at it: what the old one had is free.
    if (entry !== undefined && entry.inFlight === undefined && isAnother(entry.view, view)) {
      this.#remove(entry);
      entry = undefined;
    }
    const state = entry ?? newEntry(key, view);
    state.view = view;
    state.isUndecodable = !decoded.ok;
    state.isGone = false;
    this.#entries.set(key, state);
    this.#decideOne(state, { newer: true });
  }

  #remove(entry: ServiceEntry): void {
    this.#pending.remove(entry.key);
    this.#writes.drop(entry.key);
    if (entry.inFlight !== undefined) {
      entry.isGone = true;
      return;
    }
    this.#entries.delete(entry.key);
    this.#writes.forget(entry.key);
    this.#decider.allocator.book.release(entry.key);
  }

  #decideAll(): void {
    if (!this.#decides) return;
    const open: ServiceEntry[] = [];
    for (const entry of this.#entries.values()) {
      if (isBusy(entry)) entry.redecide = true;
      else open.push(entry);
    }
    const adopted = new Set<ServiceEntry>();
    for (const entry of open.sort(compareClaim)) if (this.#decider.adopt(entry)) adopted.add(entry);
    for (const entry of open) if (!adopted.has(entry)) this.#decider.reserve(entry);
    for (const entry of open.sort((a, b) => compareAge(ageOf(a), ageOf(b)))) {
      this.#decider.allocate(entry, adopted.has(entry));
      this.#settle(entry, { newer: false });
    }
  }

  #decideOne(entry: ServiceEntry, options: { newer: boolean }): void {
    if (!this.#decides) return;
    if (isBusy(entry)) {
      entry.redecide = true;
      return;
    }
    const adopted = this.#decider.adopt(entry);
    if (!adopted) this.#decider.reserve(entry);
    this.#decider.allocate(entry, adopted);
    this.#settle(entry, options);
  }

  /** Draws the consequences of a decision: notices, the queue of writes, the queue of those that wait. */
  #settle(entry: ServiceEntry, options: { newer: boolean }): void {
    const { key, decision } = entry;
    if (decision === undefined) return;
    const isDue = this.#wantedOf(entry) !== undefined;
    // A restart that changes nothing says nothing: each event is a request to the API.
    if (isDue || options.newer) this.#emit(annotationNotices(entry, entry.reported));
    this.#emit(decisionNotices(entry, { reported: entry.reported, isNews: isDue || options.newer }));
    const cause = causeOf(decision);
    if (cause?.reason !== entry.cause?.reason || cause?.message !== entry.cause?.message) {
      entry.cause = cause;
      this.#effects.push({ kind: "cause", key, cause });
    }
    const signature = this.#decider.pendingSignature(entry);
    if (signature === undefined) this.#pending.remove(key);
    else this.#pending.add(ageOf(entry), signature);
    if (isDue) {
      this.#writes.want(key, options);
      return;
    }
    this.#writes.drop(key);
    // The API shows what was decided, so nothing else of this Service is there.
    if (decision.kind !== "left") this.#decider.allocator.book.confirm(key);
  }

  #wantedOf(entry: ServiceEntry): WantedStatus | undefined {
    const { view, decision } = entry;
    if (decision === undefined) return undefined;
    const { allocator } = this.#decider;
    const wanted = wantedStatus(view, { decision, isOurs: (addresses) => allocator.poolOf(addresses) !== undefined });
    if (wanted !== undefined || entry.doubt !== view.resourceVersion) return wanted;
    // What we see is right, but a write may have changed it behind our back. A write that changes nothing tells: it
    // meets a conflict if so. Until then nobody gets the addresses.
    return { ingress: undefined, pool: view.allocatedFromPool };
  }

  #write(): void {
    if (!this.#decides) return;
    for (let key = this.#writes.take(); key !== undefined; key = this.#writes.take()) {
      const entry = this.#entries.get(key);
      const wanted = entry === undefined ? undefined : this.#wantedOf(entry);
      if (entry === undefined || wanted === undefined) {
        this.#writes.untake(key);
        continue;
      }
      const { view } = entry;
      entry.inFlight = { version: view.resourceVersion, wanted, before: shownAddresses(view) };
      const { namespace, name, resourceVersion } = view;
      this.#effects.push({
        kind: "patchStatus",
        key,
        namespace,
        name,
        resourceVersion,
        body: statusPatch(view, wanted),
      });
    }
  }

  #written(input: Extract<ConvergeInput, { kind: "written" }>, now: Millis): void {
    const { key, resourceVersion } = input;
    const entry = this.#entries.get(key);
    const write = entry?.inFlight;
    if (entry === undefined || write === undefined) return;
    entry.inFlight = undefined;
    this.#writes.succeeded(key);
    if (entry.isGone) {
      this.#remove(entry);
      return;
    }
    const { view } = entry;
    const { wanted } = write;
    entry.doubt = undefined;
    // The precondition held, so a version that came in meanwhile is at least as new as what was written.
    if (view.resourceVersion === write.version) {
      entry.view = afterWrite(view, { wanted, resourceVersion });
      if (resourceVersion !== undefined && resourceVersion !== write.version) entry.ownVersions.push(resourceVersion);
    }
    entry.basis = shownAddresses(entry.view);
    entry.reported.loss = undefined;
    entry.reported.rejection = undefined;
    if (wanted.ingress !== undefined) this.#countWrite(entry, { wanted, now });
    if (wanted.pool !== undefined && wanted.ingress !== undefined) {
      const notices = allocatedNotices(view, { before: write.before, addresses: wanted.ingress, pool: wanted.pool });
      if (notices.length > 0) this.#allocations.set(wanted.pool, (this.#allocations.get(wanted.pool) ?? 0) + 1);
      this.#emit(notices);
    } else if (wanted.ingress !== undefined) {
      const ips = [...write.before];
      this.#emit([{ kind: "log", event: { level: "info", event: "ipReleased", service: key, ips } }]);
    }
    this.#decideAgain(entry);
  }

  #countWrite(entry: ServiceEntry, { wanted, now }: { wanted: WantedStatus; now: Millis }): void {
    entry.repeated = countWrite(entry.repeated, { text: JSON.stringify(wanted), now });
    const times = contestedTimes(entry.repeated);
    if (times === 0) return;
    this.#writes.contested(entry.key, { times, now });
    if (times === 1) this.#emit(overwrittenNotices(entry.view));
  }

  #writeFailed(input: Extract<ConvergeInput, { kind: "writeFailed" }>, now: Millis): void {
    const { key, reason, message } = input;
    const entry = this.#entries.get(key);
    const write = entry?.inFlight;
    if (entry === undefined || write === undefined) return;
    entry.inFlight = undefined;
    this.#writes.failed(key, { reason, now });
    const level = reason === "conflict" ? "debug" : "warn";
    this.#emit([{ kind: "log", event: { level, event: "statusWriteFailed", service: key, reason, message } }]);
    if (entry.isGone) {
      this.#remove(entry);
      return;
    }
    if (reason === "retryable") entry.doubt = write.version;
    if (reason === "rejected") this.#emit(rejectedNotices(entry, { message, reported: entry.reported }));
    this.#decideAgain(entry, { newer: entry.view.resourceVersion !== write.version });
  }

  #decideAgain(entry: ServiceEntry, options: { newer: boolean } = { newer: true }): void {
    entry.redecide = false;
    this.#decideOne(entry, options);
  }

  /** Offers what became free to those that wait. */
  #servePending(): void {
    if (!this.#decides) return;
    // Who is served may give something up for others in turn; that comes to an end soon.
    for (let round = 0; round < SERVE_ROUNDS_MAX && this.#decider.allocator.book.takeFreed(); round++) {
      this.#pending.offer((key): Served => {
        const entry = this.#entries.get(key);
        if (entry === undefined) return "skipped";
        this.#decideOne(entry, { newer: false });
        // With a write in flight it is decided on when the answer is there.
        if (entry.redecide) return "skipped";
        return this.#decider.pendingSignature(entry) === undefined ? "served" : "refused";
      });
    }
  }

  #endRests(now: Millis): void {
    for (let rest = this.#rests.take(now); rest !== undefined; rest = this.#rests.take(now)) {
      this.#decider.allocator.book.endRest(rest);
    }
  }

  #writePoolStatus(now: Millis): void {
    if (!this.#decides) return;
    for (const name of this.#decider.allocator.book.takeChangedPools()) this.#poolStatus.touch(name, now);
    for (let write = this.#poolStatus.take(now); write !== undefined; write = this.#poolStatus.take(now)) {
      this.#effects.push({ kind: "patchPoolStatus", ...write });
    }
  }

  #poolWriteFailed(input: Extract<ConvergeInput, { kind: "poolWriteFailed" }>, now: Millis): void {
    const { name, reason, message } = input;
    this.#poolStatus.failed(name, { reason, now });
    this.#emit([{
      kind: "log",
      event: { level: "warn", event: "poolStatusWriteFailed", pool: name, reason, message },
    }]);
  }

  #setServiceProblems(key: string, problems: readonly Problem[]): void {
    const before = this.#serviceProblems.get(key);
    if (before === undefined && problems.length === 0) return;
    if (problems.length === 0) this.#serviceProblems.delete(key);
    else this.#serviceProblems.set(key, problems);
    this.#reportProblems();
  }

  #reportProblems(): void {
    const problems = [...this.#poolConfig.problems, ...[...this.#serviceProblems.values()].flat()];
    const text = JSON.stringify(problems);
    if (text === this.#reportedProblems) return;
    this.#reportedProblems = text;
    this.#emit([{ kind: "problems", problems }]);
  }

  #emit(effects: readonly ConvergeEffect[]): void {
    for (const effect of effects) this.#effects.push(effect);
  }
}
