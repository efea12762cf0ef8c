/**
 * Keeps a copy of one kind of objects: list once, then watch, and come back from every kind of broken connection.
 *
 * The machine decides, the reflector does. It holds the copy, so that after a relist it can tell the difference to what
 * it told before: every version of an object is told at most once, a removed object exactly once, and an object that
 * was deleted and made anew under the same name is told as removed and added (its uid changed).
 *
 * How it goes on after a watch ended:
 * - in order: watch again from the last version, at once;
 * - quiet for too long, or broken in the middle (then after a wait): look whether the server still is the one that we
 *   know, then watch again from the last version;
 * - 410 Gone, a line that makes no sense, a version that went back: list again;
 * - not even opened (nobody there, 5xx, refused): list again after a wait. 429 is no such sign.
 *
 * Looking first, and listing after an outage, is for the server that comes back with another state (a restored backup,
 * an API without a disk): a watch from our version would be accepted there and wait in silence.
 *
 * Every list and watch has a generation; what arrives from an earlier one is dropped.
 */
import type { Json } from "../../base/json.ts";
import { type KubeObject, objectKey } from "../../base/kube.ts";
import type { LogEvent } from "../../base/log.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import { Timers } from "../../base/timers.ts";
import { unreachable } from "../../base/assert.ts";
import type { ApiError } from "./api_error.ts";
import { backoffMs, type BackoffOptions, DEFAULT_BACKOFF } from "./backoff.ts";
import type { ListWatchEffect, ListWatchInput } from "./list_watch_messages.ts";
import type { Store } from "./store.ts";
import { compareVersions, versionOf } from "./resource_version.ts";
import type { WatchEventType } from "./watch_stream.ts";

export interface ListWatchOptions<T extends KubeObject = KubeObject> {
  /** Shown in the log and on the status page, e.g. `services`. */
  readonly name: string;
  readonly backoff?: BackoffOptions;
  /** The server is asked to end a watch after this time and up to twice this time. Default 5 min. */
  readonly watchTimeoutMs?: number;
  /** A watch without data for this long is opened anew. Default 90 s; the API server sends a bookmark each minute. */
  readonly idleLimitMs?: number;
  /** An upper bound for a whole list, should the transport never answer. Default 5 min. */
  readonly listLimitMs?: number;
  /** The same for a watch to be accepted. Default 60 s. */
  readonly openLimitMs?: number;
  /**
   * What the copy keeps of an object: for a reader that makes something of its own of what it is told. Names, uid and
   * version must stay. Default: all of it.
   */
  readonly keep?: (object: T) => T;
}

type State = "idle" | "listing" | "checking" | "watching" | "backingOff" | "stopped";
type Next = "list" | "check" | "watch";

/** A watch that ends sooner than this without having brought anything counts as a failure, or it would spin. */
const SHORT_WATCH_MS = 1_000;
/** With the default back-off some 2 s of failures in a row. */
const FAILURES_TO_WARN = 5;

export class ListWatch<T extends KubeObject> implements Machine<ListWatchInput<T>, ListWatchEffect<T>> {
  readonly #options: Required<ListWatchOptions<T>>;
  readonly #rng: Rng;
  readonly #objects = new Map<string, T>();
  readonly #effects = new Queue<ListWatchEffect<T>>();
  readonly #timers = new Timers<"limit" | "idle" | "retry">();
  #state: State = "idle";
  #generation = 0;
  #resourceVersion = "";
  #synced = false;
  #failures = 0;
  #warned = false;
  #next: Next = "list";
  /** When the present watch was accepted. */
  #openedAt: Millis | undefined;
  #broughtSomething = false;
  #lastError: ApiError | undefined;
  #lists = 0;
  #watches = 0;

  constructor(options: ListWatchOptions<T>, deps: { readonly rng: Rng }) {
    this.#options = {
      backoff: DEFAULT_BACKOFF,
      watchTimeoutMs: 300_000,
      idleLimitMs: 90_000,
      listLimitMs: 300_000,
      openLimitMs: 60_000,
      keep: (object) => object,
      ...options,
    };
    this.#rng = deps.rng;
  }

  /** The copy. It is already complete when the first effect of an input is drained. */
  get store(): Store<T> {
    return this.#objects;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** The server has accepted the present watch, and the watch has not ended since. */
  get connected(): boolean {
    return this.#state === "watching" && this.#openedAt !== undefined;
  }

  handle(input: ListWatchInput<T> | Tick, now: Millis): void {
    if (this.#state === "stopped") return;
    switch (input.kind) {
      case "start":
        if (this.#state === "idle") this.#startList(now);
        return;
      case "stop":
        return this.#stop();
      case "refresh":
        return this.#refresh(now);
      case "tick":
        return this.#tick(now);
      case "listed":
        if (this.#isCurrent("listing", input.generation)) this.#listed(input.resourceVersion, input.objects, now);
        return;
      case "listFailed":
        if (this.#isCurrent("listing", input.generation)) this.#retry("list", input.error, now);
        return;
      case "checked":
        if (this.#isCurrent("checking", input.generation)) this.#checked(input.resourceVersion, input.objects, now);
        return;
      case "checkFailed":
        if (this.#isCurrent("checking", input.generation)) this.#retry(afterRefusal(input.error), input.error, now);
        return;
      case "watchOpened":
        if (this.#isCurrent("watching", input.generation)) this.#opened(now);
        return;
      case "event":
        if (this.#isCurrent("watching", input.generation)) this.#event(input.type, input.object, now);
        return;
      case "bookmark":
        if (this.#isCurrent("watching", input.generation)) this.#bookmark(input.resourceVersion, now);
        return;
      case "watchEnded":
        if (this.#isCurrent("watching", input.generation)) this.#watchEnded(now);
        return;
      case "watchFailed":
        if (this.#isCurrent("watching", input.generation)) this.#watchFailed(input.error, now);
        return;
      default:
        unreachable(input);
    }
  }

  poll(): ListWatchEffect<T> | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#timers.next();
  }

  inspect(): Json {
    return {
      name: this.#options.name,
      state: this.#state,
      synced: this.#synced,
      objects: this.#objects.size,
      resourceVersion: this.#resourceVersion,
      lists: this.#lists,
      watches: this.#watches,
      failures: this.#failures,
      lastError: this.#lastError === undefined ? null : `${this.#lastError.reason}: ${this.#lastError.message}`,
    };
  }

  #isCurrent(state: State, generation: number): boolean {
    return this.#state === state && this.#generation === generation;
  }

  /** A list that is under way began before: it may miss what was written since. */
  #refresh(now: Millis): void {
    if (this.#state === "idle") return;
    if (this.#state !== "backingOff") this.#cancel();
    this.#startList(now);
  }

  #startList(now: Millis): void {
    this.#begin("listing", now + this.#options.listLimitMs);
    this.#lists++;
    this.#effects.push({ kind: "startList", generation: this.#generation });
  }

  #startCheck(now: Millis): void {
    this.#begin("checking", now + this.#options.openLimitMs);
    this.#effects.push({ kind: "startCheck", generation: this.#generation });
  }

  #startWatch(now: Millis): void {
    this.#begin("watching", now + this.#options.openLimitMs);
    this.#watches++;
    this.#openedAt = undefined;
    this.#broughtSomething = false;
    const spread = 1 + this.#rng.u32() / 0x1_0000_0000;
    this.#effects.push({
      kind: "startWatch",
      generation: this.#generation,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.max(1, Math.round((this.#options.watchTimeoutMs * spread) / 1000)),
    });
  }

  #begin(state: "listing" | "checking" | "watching", limitAt: Millis): void {
    this.#state = state;
    this.#generation++;
    this.#timers.clear("retry");
    this.#timers.clear("idle");
    this.#timers.set("limit", limitAt);
  }

  #tick(now: Millis): void {
    if (this.#timers.takeDue("retry", now) && this.#state === "backingOff") {
      if (this.#next === "list") return this.#startList(now);
      return this.#next === "check" ? this.#startCheck(now) : this.#startWatch(now);
    }
    if (this.#timers.takeDue("limit", now)) {
      const error: ApiError = { reason: "timeout", code: 0, message: `the ${this.#state} request was never answered` };
      return this.#retry("list", error, now);
    }
    if (this.#timers.takeDue("idle", now)) {
      this.#cancel();
      this.#log("debug", "watchIdle");
      this.#startCheck(now);
    }
  }

  #stop(): void {
    if (this.#state !== "idle" && this.#state !== "backingOff") this.#cancel();
    this.#state = "stopped";
    this.#timers.clear("limit");
    this.#timers.clear("idle");
    this.#timers.clear("retry");
  }

  #listed(resourceVersion: string, objects: readonly T[], now: Millis): void {
    const listed = new Map<string, T>();
    for (const object of objects) listed.set(objectKey(object), object);
    // Removals come first: what a vanished object held is free before a new one asks for it.
    for (const [key, previous] of this.#objects) {
      if (listed.get(key)?.metadata.uid !== previous.metadata.uid || !listed.has(key)) this.#remove(key, previous);
    }
    // In a history that went back the same version may stand for another content: everything is told again.
    const wentBack = compareVersions(resourceVersion, this.#resourceVersion) === "older";
    for (const [key, object] of listed) this.#upsert(key, object, { evenIfSame: wentBack });
    this.#resourceVersion = resourceVersion;
    if (!this.#synced) {
      this.#synced = true;
      this.#effects.push({ kind: "synced" });
    }
    this.#log("debug", "listed");
    this.#startWatch(now);
  }

  /**
   * The same server has not gone back, and whatever it holds from before our version we hold too. Another one with the
   * same names and a higher version may pass; a list at each broken connection would be the price of catching it.
   */
  #checked(resourceVersion: string, objects: readonly T[], now: Millis): void {
    const isOther = compareVersions(resourceVersion, this.#resourceVersion) === "older" ||
      objects.some((object) => {
        const age = compareVersions(versionOf(object), this.#resourceVersion);
        if (age === "newer" || age === "unknown") return false;
        const known = this.#objects.get(objectKey(object));
        return known?.metadata.uid !== object.metadata.uid || versionOf(known!) !== versionOf(object);
      });
    if (!isOther) return this.#startWatch(now);
    const message = `the server came back with another state at version ${resourceVersion}`;
    this.#retry("list", { reason: "gone", code: 0, message }, now);
  }

  #opened(now: Millis): void {
    this.#openedAt = now;
    this.#timers.clear("limit");
    this.#timers.set("idle", now + this.#options.idleLimitMs);
  }

  #event(type: WatchEventType, object: T, now: Millis): void {
    const version = versionOf(object);
    if (!this.#advance(version, now)) return;
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    if (type === "DELETED") {
      // The same name with another uid is a later object: this removal was told when that one appeared.
      if (previous !== undefined && previous.metadata.uid === object.metadata.uid) this.#remove(key, previous);
      return;
    }
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) this.#remove(key, previous);
    this.#upsert(key, object);
  }

  #bookmark(resourceVersion: string, now: Millis): void {
    this.#advance(resourceVersion, now);
  }

  /** Takes note of a version that the watch brought; false (and a relist) if the server's history went back. */
  #advance(resourceVersion: string, now: Millis): boolean {
    if (this.#openedAt === undefined) this.#opened(now);
    if (compareVersions(resourceVersion, this.#resourceVersion) === "older") {
      this.#retry("list", {
        reason: "badResponse",
        code: 200,
        message: `version ${resourceVersion} came after ${this.#resourceVersion}`,
      }, now);
      return false;
    }
    this.#resourceVersion = resourceVersion;
    this.#broughtSomething = true;
    this.#healthy();
    this.#timers.set("idle", now + this.#options.idleLimitMs);
    return true;
  }

  #healthy(): void {
    if (this.#warned) this.#log("info", "watchRecovered");
    this.#warned = false;
    this.#failures = 0;
    this.#lastError = undefined;
  }

  #watchEnded(now: Millis): void {
    if (this.#wasGood(now)) {
      this.#healthy();
      return this.#startWatch(now);
    }
    this.#retry("watch", { reason: "unreachable", code: 0, message: "the watch ended as soon as it began" }, now);
  }

  #watchFailed(error: ApiError, now: Millis): void {
    if (this.#wasGood(now) && error.reason !== "badResponse") this.#failures = 0;
    if (this.#openedAt === undefined) return this.#retry(afterRefusal(error), error, now);
    this.#retry(error.reason === "gone" || error.reason === "badResponse" ? "list" : "check", error, now);
  }

  #wasGood(now: Millis): boolean {
    return this.#openedAt !== undefined && (this.#broughtSomething || now - this.#openedAt >= SHORT_WATCH_MS);
  }

  #retry(next: Next, error: ApiError, now: Millis): void {
    const event = `${this.#state === "listing" ? "list" : this.#state === "checking" ? "check" : "watch"}Failed`;
    this.#cancel();
    this.#failures++;
    this.#lastError = error;
    this.#next = next;
    this.#timers.clear("limit");
    this.#timers.clear("idle");
    this.#logFailure(event, error);
    // A version that expired is ordinary after a pause; the list that heals it need not wait, unless it keeps expiring.
    if (error.reason === "gone" && this.#failures === 1) return this.#startList(now);
    this.#state = "backingOff";
    const { backoff } = this.#options;
    const delay = backoffMs(this.#failures, { backoff, rng: this.#rng, atLeastMs: error.retryAfterMs });
    this.#timers.set("retry", now + delay);
  }

  #cancel(): void {
    this.#effects.push({ kind: "cancel", generation: this.#generation });
  }

  #upsert(key: string, object: T, options: { readonly evenIfSame?: boolean } = {}): void {
    const previous = this.#objects.get(key);
    if (previous !== undefined && versionOf(previous) === versionOf(object) && options.evenIfSame !== true) return;
    this.#objects.set(key, this.#options.keep(object));
    this.#effects.push({ kind: "upsert", key, object, previous });
  }

  #remove(key: string, previous: T): void {
    this.#objects.delete(key);
    this.#effects.push({ kind: "remove", key, previous });
  }

  #logFailure(event: string, error: ApiError): void {
    // The first failures are everyday life (a restart, an expired version). One that lasts needs a human, as does a
    // refusal: a right that is missing in the RBAC rules, a kind that is not installed.
    const isRefusal = ["forbidden", "unauthorized", "notFound", "invalid"].includes(error.reason);
    const needsHuman = this.#failures === (isRefusal ? 1 : FAILURES_TO_WARN);
    this.#warned ||= needsHuman;
    const level = needsHuman ? "warn" : this.#failures === 1 ? "info" : "debug";
    this.#log(level, event, error);
  }

  #log(level: LogEvent["level"], event: string, error?: ApiError): void {
    this.#effects.push({
      kind: "log",
      event: {
        level,
        event,
        resource: this.#options.name,
        resourceVersion: this.#resourceVersion,
        ...(error === undefined ? {} : { reason: error.reason, message: error.message, failures: this.#failures }),
      },
    });
  }
}

/** A request that was not accepted says that the server is in trouble, or another one; 429 only that it is busy. */
function afterRefusal(error: ApiError): Next {
  return error.reason === "tooManyRequests" ? "check" : "list";
}
