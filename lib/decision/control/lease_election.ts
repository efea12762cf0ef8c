/**
 * Which of several controllers leads, by a Lease in the API, as a machine (in MetalLB there is no election: two
 * controllers of a rolling update allocate at the same time; reference §8.1, R-24).
 *
 * No clock is compared with that of another machine: `renewTime` is for people. A holder counts from when it *sent* its
 * last renewal that was confirmed, the others from when they *saw* the record change; how long is in `lease_times.ts`.
 * Every write has the version that was last seen as its precondition, so whoever is mistaken about the record writes
 * nothing: what the watch brings is a hint that makes hand-over fast, and may be late, doubled or missing.
 *
 * Three kinds of lease may be taken at once: one that is not there, one that was released, and one of our own: held by
 * this process (an answer was lost, or it could not renew for a while) or by the process that ran in this very Pod
 * before it, which is dead. Only after the first two nothing can be under way any more; after all others a fence is
 * waited out between taking the lease and leading.
 *
 * It protects from everything but a process that is stopped for longer than a lease between its last look at
 * `mayWrite` and the sending of the bytes, and a server that holds a request for longer than the time-out. For these
 * two the converge loop repairs what it finds.
 */
import type { Json } from "../../base/json.ts";
import type { LogEvent } from "../../base/log.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { Lease, LeaseEffect, LeaseFailure, LeaseInput, LossReason } from "./lease_io.ts";
import { type LeaseTimes, leaseTimes } from "./lease_times.ts";

export interface LeaseElectionOptions {
  /** Another one for each process that ever runs. */
  readonly identity: string;
  /** What the identities of all processes of this Pod begin with, if no two of them ever run at once. */
  readonly podPrefix?: string | undefined;
  readonly durationMs: Millis;
}

type Phase = "idle" | "following" | "fencing" | "leading" | "stopped";
type Action = "get" | "acquire" | "renew" | "release";

interface Request {
  readonly id: number;
  readonly action: Action;
  readonly sentAt: Millis;
  readonly precondition: string | undefined;
}

/** A released lease is written with this duration, as Kubernetes' own programs do. */
const RELEASED_MS = 1_000;
/** Refusals are retried slowly: somebody must change a right first. */
const REFUSED_RETRY_MS = 5_000;

export class LeaseElection implements Machine<LeaseInput, LeaseEffect> {
  readonly #options: LeaseElectionOptions;
  readonly #times: LeaseTimes;
  readonly #rng: Rng;
  readonly #effects = new Queue<LeaseEffect>();
  #phase: Phase = "idle";
  #stopping: { readonly isClean: boolean } | undefined;
  #request: Request | undefined;
  #lastId = 0;
  /** As last seen, by an answer or by the watch. */
  #lease: Lease | undefined;
  /** `#lease` is what the last answer said, as far as we know. */
  #isKnown = false;
  /** When `#lease` may be taken. */
  #freeAt: Millis = -Infinity;
  /** When the last confirmed renewal was sent. */
  #renewedAt: Millis = -Infinity;
  #renewAt: Millis = -Infinity;
  #retryAt: Millis = -Infinity;
  /** How long the lease that is being taken must be fenced. */
  #fenceMs: Millis = 0;
  #fenceEndsAt: Millis = Infinity;
  #failures = 0;
  #lastFailure: string | undefined;
  #isRefused = false;
  #isSettled = false;
  #hasLooked = false;
  #holderSeen = "";

  constructor(options: LeaseElectionOptions, deps: { readonly rng: Rng }) {
    this.#options = options;
    this.#times = leaseTimes(options.durationMs);
    this.#rng = deps.rng;
  }

  handle(input: LeaseInput | Tick, now: Millis): void {
    if (this.#phase === "stopped") return;
    switch (input.kind) {
      case "start":
        if (this.#phase === "idle") this.#phase = "following";
        break;
      case "seen":
        this.#hint(input.lease, now);
        break;
      case "got":
        if (this.#answered(input.request) !== undefined) this.#got(input.lease, now);
        break;
      case "written": {
        const request = this.#answered(input.request);
        if (request !== undefined) this.#written(request, input.lease, now);
        break;
      }
      case "failed":
        if (this.#answered(input.request) !== undefined) this.#failed(input.reason, input.message, now);
        break;
      case "stop":
        this.#stopping ??= { isClean: input.isClean };
        break;
      case "tick":
        break;
    }
    this.#act(now);
  }

  poll(): LeaseEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    if (this.#phase === "idle" || this.#phase === "stopped") return undefined;
    let next: Deadline | undefined;
    if (this.#isHolder) next = { at: this.#writesEndAt, why: "leaseExpires" };
    if (this.#phase === "fencing") next = earlier(next, { at: this.#fenceEndsAt, why: "fenceEnds" });
    if (this.#request !== undefined) return earlier(next, { at: limitOf(this.#request, this.#times), why: "noAnswer" });
    const { at, action } = this.#plan();
    // An instant that has passed without effect would be asked for again and again.
    return earlier(next, { at, why: action });
  }

  inspect(): Json {
    return {
      identity: this.#options.identity,
      leads: this.#phase === "leading",
      phase: this.#phase,
      holder: this.#lease?.holder ?? null,
      transitions: this.#lease?.transitions ?? null,
      leaseDurationMs: this.#times.durationMs,
      lastFailure: this.#lastFailure ?? null,
    };
  }

  get leads(): boolean {
    return this.#phase === "leading";
  }

  /** Asked before each write. A write that goes out now is answered or given up before anybody else may take over. */
  mayWrite(now: Millis): boolean {
    return this.#phase === "leading" && this.#stopping === undefined && now < this.#writesEndAt;
  }

  get #isHolder(): boolean {
    return this.#phase === "fencing" || this.#phase === "leading";
  }

  get #writesEndAt(): Millis {
    return this.#renewedAt + this.#times.writesEndMs;
  }

  /** Draws the consequences of what is known now. */
  #act(now: Millis): void {
    if (this.#phase === "stopped") return;
    if (this.#phase === "idle") {
      if (this.#stopping !== undefined) this.#stopped();
      return;
    }
    // First, because what comes after a long pause must not be acted on as if no time had passed.
    if (this.#isHolder && now >= this.#writesEndAt) this.#lose("expired", now);
    if (this.#phase === "fencing" && this.#stopping === undefined && now >= this.#fenceEndsAt) this.#lead();
    if (this.#request !== undefined) {
      if (now < limitOf(this.#request, this.#times)) return;
      this.#request = undefined;
      this.#failed("unknown", "the request was never answered", now);
    }
    if (this.#stopping !== undefined) return this.#release(now);
    const { at, action } = this.#plan();
    if (now >= at) this.#send(action, now);
    if (this.#request === undefined) this.#settle();
  }

  #plan(): { readonly at: Millis; readonly action: "get" | "acquire" | "renew" } {
    if (!this.#isKnown) return { at: this.#retryAt, action: "get" };
    if (this.#isHolder) return { at: Math.max(this.#renewAt, this.#retryAt), action: "renew" };
    return { at: Math.max(this.#freeAt, this.#retryAt), action: "acquire" };
  }

  #send(action: "get" | "acquire" | "renew", now: Millis): void {
    const id = this.#begin(action, now);
    if (action === "get") {
      this.#effects.push({ kind: "get", request: id });
      return;
    }
    const { identity } = this.#options;
    const lease = this.#lease;
    const isAcquisition = action === "acquire" && lease?.holder !== identity;
    if (action === "acquire") this.#fenceMs = this.#fenceOf(lease);
    this.#effects.push({
      kind: "write",
      request: id,
      resourceVersion: lease?.resourceVersion,
      holder: identity,
      durationMs: this.#times.durationMs,
      transitions: (lease?.transitions ?? 0) + (isAcquisition && lease !== undefined ? 1 : 0),
      isAcquisition,
    });
  }

  #begin(action: Action, now: Millis): number {
    const id = ++this.#lastId;
    this.#request = { id, action, sentAt: now, precondition: this.#lease?.resourceVersion };
    return id;
  }

  #fenceOf(lease: Lease | undefined): Millis {
    if (lease === undefined || lease.holder === "") return 0;
    const own = this.#times.requestTimeoutMs;
    // A try of which nobody knew whether it happened has brought us here: what it had to wait out still counts.
    if (lease.holder === this.#options.identity) return Math.max(own, this.#fenceMs);
    return Math.max(own, leaseTimes(lease.durationMs).requestTimeoutMs);
  }

  #answered(id: number): Request | undefined {
    const request = this.#request;
    if (request?.id !== id) return undefined;
    this.#request = undefined;
    return request;
  }

  #hint(lease: Lease | undefined, now: Millis): void {
    if (this.#isHolder) {
      // It may be older than our own last write, so it is only a reason to look.
      if (lease?.holder !== this.#options.identity && this.#request === undefined) this.#isKnown = false;
      return;
    }
    this.#see(lease, now);
  }

  #got(lease: Lease | undefined, now: Millis): void {
    this.#isKnown = true;
    this.#retryAt = -Infinity;
    this.#see(lease, now);
    if (!this.#isHolder) {
      if (this.#freeAt > now) this.#failures = 0;
      return;
    }
    if (lease === undefined || lease.holder === this.#options.identity) this.#renewAt = now;
    else this.#lose("taken", now);
  }

  #written({ action, sentAt, precondition }: Request, lease: Lease, now: Millis): void {
    if (action === "release") return this.#stopped();
    // A renewal that changes nothing is seen by nobody. The next one has another `renewTime`.
    if (lease.resourceVersion === precondition) return this.#failed("unknown", "the renewal changed nothing", now);
    this.#isKnown = true;
    this.#failures = 0;
    this.#isRefused = false;
    this.#lastFailure = undefined;
    this.#retryAt = -Infinity;
    this.#see(lease, now);
    this.#renewedAt = sentAt;
    this.#renewAt = sentAt + this.#times.requestTimeoutMs;
    if (this.#isHolder) return;
    this.#phase = "fencing";
    this.#fenceEndsAt = sentAt + this.#fenceMs;
    if (this.#fenceMs > 0) this.#log("info", "leaseTaken", { waitMs: this.#fenceMs });
  }

  #failed(reason: LeaseFailure, message: string, now: Millis): void {
    if (this.#stopping !== undefined) return;
    this.#failures++;
    this.#lastFailure = `${reason}: ${message}`;
    this.#isKnown = false;
    const { retryMs } = this.#times;
    // A holder has no time for that: a server that has just started may refuse what it grants a moment later.
    const isSlow = reason === "refused" && !this.#isHolder;
    const waitMs = isSlow ? REFUSED_RETRY_MS : retryMs * (1 + this.#rng.u32() / 0x1_0000_0000);
    // Somebody was faster: what the record says now is worth a look at once, but not in a circle.
    this.#retryAt = reason === "changed" && this.#failures === 1 ? now : now + waitMs;
    if (reason === "refused" && !this.#isRefused) this.#log("warn", "leaseRefused", { error: message });
    else this.#log("debug", "leaseFailed", { reason, error: message });
    if (reason === "refused") this.#isRefused = true;
    if (reason !== "changed") this.#settle();
  }

  #see(lease: Lease | undefined, now: Millis): void {
    const before = this.#lease;
    this.#lease = lease;
    if (lease === undefined) {
      // Somebody removed the object. Whoever held it writes on until it notices or its term ends.
      if (before === undefined) this.#freeAt = -Infinity;
      return;
    }
    const { identity, podPrefix } = this.#options;
    const { holder } = lease;
    if (holder !== this.#holderSeen && holder !== "" && holder !== identity) {
      this.#log("info", "leaderSeen", { leader: holder });
    }
    this.#holderSeen = holder;
    if (lease.resourceVersion === before?.resourceVersion) return;
    // Only what is there when we start can have been left by a process that was here before.
    const isPredecessor = !this.#hasLooked && podPrefix !== undefined && holder.startsWith(podPrefix);
    this.#hasLooked = true;
    const isOurs = holder === identity || isPredecessor;
    this.#freeAt = holder === "" || isOurs ? -Infinity : now + leaseTimes(lease.durationMs).termMs;
  }

  #lead(): void {
    this.#phase = "leading";
    this.#fenceMs = 0;
    this.#log("info", "leaderElected", { transitions: this.#lease?.transitions ?? 0 });
    this.#effects.push({ kind: "lead" });
  }

  #lose(reason: LossReason, now: Millis): void {
    const didLead = this.#phase === "leading";
    this.#phase = "following";
    if (reason === "expired") {
      this.#isKnown = false;
      this.#retryAt = Math.min(this.#retryAt, now);
    }
    if (!didLead) return;
    this.#log("warn", "leadershipLost", { reason, leader: this.#lease?.holder ?? "" });
    this.#effects.push({ kind: "follow", reason });
  }

  /** A leader that cannot be sure of its last writes leaves a short lease behind: the next one fences it. */
  #release(now: Millis): void {
    const lease = this.#lease;
    const { identity } = this.#options;
    if (!this.#isHolder || lease === undefined || lease.holder !== identity) return this.#stopped();
    if (!this.#isKnown) return this.#stopped();
    const isClean = this.#stopping?.isClean === true && this.#phase === "leading";
    const id = this.#begin("release", now);
    // A second answer about the release is none of our business: whatever it says, this was the last write.
    this.#phase = "following";
    this.#effects.push({
      kind: "write",
      request: id,
      resourceVersion: lease.resourceVersion,
      holder: isClean ? "" : identity,
      durationMs: RELEASED_MS,
      transitions: lease.transitions,
      isAcquisition: false,
    });
  }

  #stopped(): void {
    this.#phase = "stopped";
    this.#effects.push({ kind: "stopped" });
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#effects.push({ kind: "settled" });
  }

  #log(level: LogEvent["level"], event: string, fields: Readonly<Record<string, Json>>): void {
    this.#effects.push({ kind: "log", event: { level, event, identity: this.#options.identity, ...fields } });
  }
}

/** The client gives every request up after one time-out; this is for an answer that is lost on the way from there. */
function limitOf({ sentAt }: Request, { requestTimeoutMs }: LeaseTimes): Millis {
  return sentAt + 2 * requestTimeoutMs;
}
