/**
 * Kubernetes Events: what people see at the end of `kubectl describe`.
 *
 * Events are help, not state: they are queued with a limit, paced, tried a few times and then dropped, and never hold
 * up anything else: one is under way at a time, and it waits for a lull in what is more important, until the program is
 * about to end. The same event of the same object within ten minutes becomes a higher count of the one that is there, as
 * kubectl shows it ("x4 over 5m").
 */
import type { KubeObject, ObjectMeta } from "../../base/kube.ts";
import { RESOURCES } from "../../base/kube.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Clock, Millis } from "../../base/time.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { type ApiError, type ApiResult, isRetryable } from "./api_error.ts";
import { backoffMs } from "./backoff.ts";
import type { KubeClient } from "./client.ts";
import { type Schedule, systemSchedule } from "./schedule.ts";

export interface EventRecorderOptions {
  /** `source.component` and `reportingComponent`, e.g. `metallb-controller`. */
  readonly component: string;
  /** `source.host`: the node, for a speaker. */
  readonly host?: string;
  /** Events that wait to be sent. When it is full the oldest is dropped. Default 1000. */
  readonly queueMax?: number;
  /** Default 50 at once, then 10 a second. */
  readonly burst?: number;
  readonly perSecond?: number;
  readonly attemptsMax?: number;
}

export interface EventToRecord {
  /** The object that it is about, as read from the API. */
  readonly object: KubeObject;
  readonly type: "Normal" | "Warning";
  /** One word, e.g. `IPAllocated`. */
  readonly reason: string;
  readonly message: string;
}

interface Known {
  readonly key: string;
  readonly namespace: string;
  readonly event: EventToRecord;
  readonly firstMs: number;
  lastMs: number;
  count: number;
  /** What the server knows; 0 = nothing yet. */
  sentCount: number;
  name: string;
}

export interface EventRecorderDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
  /** The last instant at which requests were under way that go first. */
  readonly busyAt?: () => Millis;
}

const REPEAT_WINDOW_MS = 10 * 60_000;
/** Events that are remembered so that the same one again raises their count. */
const KNOWN_MAX = 1_000;
/** Others are at rest after this time. In a flood without a rest an event goes out all the same, but slowly. */
const LULL_MS = 25;
const YIELD_MS_MAX = 100;
/** The API server's own limit for the message of an Event. */
const MESSAGE_BYTES_MAX = 1_024;
const NAME_PREFIX_MAX = 220;
/** Under way at a time when the program ends. */
const FLUSH_AT_ONCE = 16;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queueMax: number;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #log: Log;
  readonly #schedule: Schedule;
  readonly #bucket: TokenBucket;
  readonly #busyAt: () => Millis;
  /** Events of the last ten minutes by what makes them the same; the order is that of their last occurrence. */
  readonly #known = new Map<string, Known>();
  readonly #queue = new Set<Known>();
  readonly #idleListeners: (() => void)[] = [];
  /** What ends the waits of now. */
  readonly #sleepers = new Set<() => void>();
  /** How many send. */
  #senders = 0;
  #hurries = false;
  #stopped = false;
  #dropped = 0;

  constructor(options: EventRecorderOptions, deps: EventRecorderDeps) {
    this.#options = options;
    this.#queueMax = options.queueMax ?? 1_000;
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#rng = deps.rng;
    this.#log = deps.log;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#bucket = new TokenBucket({ burst: options.burst ?? 50, perMs: (options.perSecond ?? 10) / 1000 });
    this.#busyAt = deps.busyAt ?? (() => -Infinity);
  }

  /** Events that wait to be sent or are being sent. */
  get pending(): number {
    return this.#queue.size + this.#senders;
  }

  /** Events that were given up since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Never throws and never waits. */
  record(event: EventToRecord): void {
    if (this.#stopped) return;
    const key = keyOf(event);
    const nowMs = this.#clock.wallMs();
    let known = this.#known.get(key);
    if (known !== undefined && nowMs - known.lastMs <= REPEAT_WINDOW_MS) {
      known.lastMs = nowMs;
      known.count++;
      this.#known.delete(key);
    } else {
      known = this.#newKnown(key, event, nowMs);
    }
    this.#known.set(key, known);
    this.#forgetOld();
    this.#enqueue(known);
    void this.#pump();
  }

  /**
   * For the end of the program: nothing is paced any more, and many are under way at a time. True when everything was
   * sent (or given up) within the time.
   */
  async flush(limitMs: number): Promise<boolean> {
    if (this.pending === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#schedule(() => resolve(false), limitMs);
    this.#idleListeners.push(() => resolve(true));
    this.#hurries = true;
    this.#wakeAll();
    while (this.#senders < Math.min(FLUSH_AT_ONCE, this.pending)) void this.#pump();
    const flushed = await promise;
    cancel();
    if (!flushed) this.#log({ level: "warn", event: "eventsLost", count: this.pending });
    return flushed;
  }

  /** Drops what is queued. Call `flush` first. */
  stop(): void {
    this.#stopped = true;
    this.#queue.clear();
    this.#wakeAll();
  }

  #newKnown(key: string, event: EventToRecord, nowMs: number): Known {
    const { name, namespace } = event.object.metadata;
    const suffix = nowMs.toString(16) + this.#rng.u32().toString(16).padStart(8, "0");
    return {
      key,
      namespace: namespace ?? "default",
      event: { ...event, object: referenceTo(event.object), message: cutMessage(event.message) },
      firstMs: nowMs,
      lastMs: nowMs,
      count: 1,
      sentCount: 0,
      name: `${name.slice(0, NAME_PREFIX_MAX).replace(/[-.]+$/, "")}.${suffix}`,
    };
  }

  #forgetOld(): void {
    const oldestMs = this.#clock.wallMs() - REPEAT_WINDOW_MS;
    for (const [key, known] of this.#known) {
      if (known.lastMs >= oldestMs && this.#known.size <= KNOWN_MAX) return;
      this.#known.delete(key);
    }
  }

  #enqueue(known: Known): void {
    if (this.#queue.size >= this.#queueMax && !this.#queue.has(known)) {
      const [oldest] = this.#queue;
      if (oldest !== undefined) this.#drop(oldest, "the queue is full");
    }
    this.#queue.add(known);
  }

  #drop(known: Known, why: string): void {
    this.#queue.delete(known);
    this.#dropped++;
    const { reason } = known.event;
    this.#log({
      level: "debug",
      event: "eventDropped",
      object: known.key,
      reason,
      message: why,
      dropped: this.#dropped,
    });
  }

  async #pump(): Promise<void> {
    if (this.#senders >= (this.#hurries ? FLUSH_AT_ONCE : 1)) return;
    this.#senders++;
    while (this.#queue.size > 0 && !this.#stopped) {
      for (let wait; this.#mayWait() && (wait = this.#bucket.take(this.#clock.now())) > 0;) await this.#sleep(wait);
      for (let waited = 0; waited < YIELD_MS_MAX && this.#mayWait() && !this.#isLull(); waited += LULL_MS) {
        await this.#sleep(LULL_MS);
      }
      const [next] = this.#queue;
      if (next === undefined || this.#stopped) break;
      // Identical events that came while this one waited are already in its count.
      this.#queue.delete(next);
      await this.#send(next);
    }
    this.#senders--;
    if (this.#senders === 0) { for (const listener of this.#idleListeners.splice(0)) listener(); }
  }

  #mayWait(): boolean {
    return !this.#hurries && !this.#stopped;
  }

  #isLull(): boolean {
    return this.#clock.now() - this.#busyAt() >= LULL_MS;
  }

  async #send(known: Known): Promise<void> {
    const attemptsMax = this.#options.attemptsMax ?? 5;
    const backoff = { baseMs: 200, capMs: 5_000 };
    for (let attempt = 1; attempt <= attemptsMax && !this.#stopped; attempt++) {
      const { count } = known;
      const result = known.sentCount === 0 ? await this.#create(known) : await this.#repeat(known);
      if (result.ok || result.error.reason === "alreadyExists") {
        known.sentCount = count;
        return;
      }
      const { error } = result;
      // The server keeps Events for an hour or less; the next attempt makes a new one under a new name.
      if (error.reason === "notFound" && known.sentCount > 0) {
        known.sentCount = 0;
        known.name += "0";
        continue;
      }
      if (!isRetryable(error) || attempt === attemptsMax) return this.#giveUp(known, error);
      await this.#sleep(backoffMs(attempt, { backoff, rng: this.#rng, atLeastMs: error.retryAfterMs }));
    }
  }

  #giveUp(known: Known, error: ApiError): void {
    this.#drop(known, `${error.reason}: ${error.message}`);
    if (known.sentCount === 0) this.#known.delete(known.key);
  }

  #create(known: Known): Promise<ApiResult<KubeObject>> {
    const { event, namespace, name, firstMs, lastMs, count } = known;
    const { metadata, apiVersion, kind } = event.object;
    const { component, host } = this.#options;
    return this.#client.create(RESOURCES.events, {
      namespace,
      body: {
        metadata: { namespace, name },
        involvedObject: { apiVersion, kind, ...metadata },
        reason: event.reason,
        message: event.message,
        type: event.type,
        source: { component, ...(host === undefined ? {} : { host }) },
        reportingComponent: component,
        reportingInstance: host ?? "",
        firstTimestamp: toSeconds(firstMs),
        lastTimestamp: toSeconds(lastMs),
        count,
      },
    });
  }

  #repeat(known: Known): Promise<ApiResult<KubeObject>> {
    const { namespace, name, count, lastMs } = known;
    const body = { count, lastTimestamp: toSeconds(lastMs) };
    return this.#client.patch(RESOURCES.events, { namespace, name }, { type: "merge", body });
  }

  #sleep(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#schedule(() => end(), delayMs);
    const end = () => {
      this.#sleepers.delete(end);
      cancel();
      resolve();
    };
    this.#sleepers.add(end);
    return promise;
  }

  #wakeAll(): void {
    for (const end of [...this.#sleepers]) end();
  }
}

function keyOf({ object, type, reason, message }: EventToRecord): string {
  const { namespace, name, uid } = object.metadata;
  return [object.kind, namespace, name, uid, type, reason, message].join("\0");
}

/** What `involvedObject` holds; the rest of the object is not kept alive. */
function referenceTo(object: KubeObject): KubeObject {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const metadata: ObjectMeta = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { apiVersion: object.apiVersion ?? "v1", kind: object.kind ?? "", metadata };
}

function cutMessage(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= MESSAGE_BYTES_MAX) return message;
  // Three bytes less leave room for the ellipsis; a sequence cut in two decodes to nothing with `stream`.
  return new TextDecoder().decode(bytes.subarray(0, MESSAGE_BYTES_MAX - 3), { stream: true }) + "…";
}

/** `metav1.Time` has whole seconds. */
function toSeconds(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.[0-9]+Z$/, "Z");
}
