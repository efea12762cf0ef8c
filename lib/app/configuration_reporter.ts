/**
 * Keeps one ConfigurationState up to date: the verdict of one program over the configuration (reference §4.5).
 *
 * Level-based: what is wanted is held against what the API shows, and written when they differ; so a restart writes
 * nothing, and an object that somebody removed is made anew. At most one write is on its way; changes that come in
 * quick succession are written once. The status belongs to MetalLB's field managers, the rest to `herald`.
 *
 * What does not stay as it was written (another program writes it too; a CRD of another version drops fields) is written
 * again ever more slowly and said once, not fought for.
 */
import { type KubeObject, type OwnerReference, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import { type Clock, formatWallTime } from "../base/time.ts";
import {
  type Condition,
  type ConfigurationStateStatus,
  configurationStateStatus,
} from "../decision/config/configuration_state.ts";
import { decodeObject } from "../decision/config/decode.ts";
import { nodeLabel, SPEAKER_NODE_LABEL, speakerStateName } from "../decision/config/node_label.ts";
import type { Problem } from "../decision/config/problem.ts";
import { configurationStateSchema } from "../decision/config/schema/configuration_state.ts";
import type { ApiResult } from "../edge/kube/api_error.ts";
import { backoffMs } from "../edge/kube/backoff.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";
import { Caches } from "./caches.ts";
import { PodOwner } from "./pod_owner.ts";

export interface ConfigurationReporterOptions {
  readonly namespace: string;
  readonly component: "controller" | "speaker";
  /** Of a speaker. */
  readonly node?: string;
  /** Own pod, the owner of the object; empty when the program runs outside of one. */
  readonly podName: string;
}

export interface ConfigurationReporterDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly schedule?: Schedule;
}

interface Wanted {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly OwnerReference[];
}

/** What comes within this time is written together. */
const GATHER_MS = 100;
const BACKOFF = { baseMs: 500, capMs: 60_000 };
/** Older CRDs lack the kind, and every node has a speaker that asks for it. */
const LIST_BACKOFF = { baseMs: 100, capMs: 60_000 };
/** Within this time the same is written again only with ever longer pauses. */
const SAME_AGAIN_MS = 10 * 60_000;
/** So many times in a row need a human. */
const SAME_TO_WARN = 3;
const FIELD_MANAGER = "herald";

export class ConfigurationReporter {
  readonly name: string;
  readonly #options: ConfigurationReporterOptions;
  readonly #deps: ConfigurationReporterDeps;
  readonly #schedule: Schedule;
  /** Of its own, so that nothing else waits for this object to be readable. */
  readonly #caches: Caches;
  readonly #owner: PodOwner;
  #problems: readonly Problem[] | undefined;
  #annotations: Readonly<Record<string, string>> = {};
  /** The object as last seen, or as a write of our own left it. */
  #shown: KubeObject | undefined;
  #active = true;
  #writing = false;
  #failures = 0;
  /** What was written last, how often in a row, and when. */
  #last = { text: "", times: 0, atMs: -Infinity };
  #lastError = "";
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: ConfigurationReporterOptions, deps: ConfigurationReporterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#owner = new PodOwner(options, deps);
    this.name = options.component === "controller" ? "controller" : speakerStateName(options.node ?? "");
    this.#caches = new Caches({ ...deps, onSynced: () => this.#writeSoon(GATHER_MS) });
    const fieldSelector = `metadata.name=${this.name}`;
    this.#caches.add(
      { resource: RESOURCES.configurationStates, namespace: options.namespace, fieldSelector, backoff: LIST_BACKOFF },
      (change) => {
        this.#shown = change.kind === "upsert" ? change.object : undefined;
        this.#writeSoon(GATHER_MS);
      },
    );
  }

  /** All problems of now. Nothing is written before the first call. */
  report(problems: readonly Problem[]): void {
    this.#problems = problems;
    this.#writeSoon(GATHER_MS);
  }

  /** Adds annotations to those from before. */
  annotate(annotations: Readonly<Record<string, string>>): void {
    this.#annotations = { ...this.#annotations, ...annotations };
    this.#writeSoon(GATHER_MS);
  }

  start(): void {
    this.#caches.start();
  }

  /** A program that does not lead writes nothing. */
  setActive(active: boolean): void {
    this.#active = active;
    this.#writeSoon(GATHER_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#caches.stop();
  }

  #writeSoon(delayMs: number): void {
    if (this.#cancel !== undefined || this.#writing || this.#stopped) return;
    this.#cancel = this.#schedule(() => {
      this.#cancel = undefined;
      void this.#write();
    }, delayMs);
  }

  async #write(): Promise<void> {
    const { rng, log } = this.#deps;
    if (!this.#caches.synced || !this.#active || this.#stopped || this.#problems === undefined || this.#writing) return;
    this.#writing = true;
    const result = await this.#bringUpToDate(this.#problems);
    this.#writing = false;
    if (result.ok) {
      this.#failures = 0;
      this.#lastError = "";
      // Something may have come in meanwhile; if not, nothing is written.
      if (result.value !== undefined) this.#writeSoon(this.#pauseAfter(result.value));
      return;
    }
    this.#failures++;
    const { message } = result.error;
    if (message !== this.#lastError) {
      log({ level: "warn", event: "configurationStateNotWritten", name: this.name, error: message });
    }
    this.#lastError = message;
    this.#writeSoon(backoffMs(this.#failures, { backoff: BACKOFF, rng }));
  }

  #pauseAfter(text: string): number {
    const { clock, rng, log } = this.#deps;
    const now = clock.now();
    const isSame = text === this.#last.text && now - this.#last.atMs <= SAME_AGAIN_MS;
    const times = isSame ? this.#last.times + 1 : 0;
    this.#last = { text, times, atMs: now };
    if (times === SAME_TO_WARN) {
      const error = "what is written does not stay: another program writes it too, or its CRD is of another version";
      log({ level: "warn", event: "configurationStateNotKept", name: this.name, error });
    }
    return times === 0 ? GATHER_MS : backoffMs(times, { backoff: BACKOFF, rng });
  }

  /** What was written, as one text; `undefined` for nothing. */
  async #bringUpToDate(problems: readonly Problem[]): Promise<ApiResult<string | undefined>> {
    const target = { namespace: this.#options.namespace, name: this.name, force: true };
    const { client, clock } = this.#deps;
    const wanted = await this.#wanted();
    let wrote = false;
    if (!showsMetadata(this.#shown, wanted)) {
      const body = { metadata: { name: this.name, namespace: target.namespace, ...wanted } };
      const result = await client.apply(RESOURCES.configurationStates, {
        ...target,
        fieldManager: FIELD_MANAGER,
        body,
      });
      if (!result.ok) return result;
      this.#shown = result.value;
      wrote = true;
    }
    const status = configurationStateStatus({
      conditionType: this.#isController ? "poolReconcilerValid" : "configReconcilerValid",
      problems,
      previous: conditionsOf(this.#shown),
      now: formatWallTime(clock.wallMs()),
    });
    const text = canonical([wanted, { ...status, conditions: status.conditions.map(undated) }]);
    if (showsStatus(this.#shown, status)) return { ok: true, value: wrote ? text : undefined };
    const fieldManager = this.#isController ? "poolReconciler" : "configReconciler";
    const body = { metadata: { name: this.name, namespace: target.namespace }, status };
    const result = await client.apply(RESOURCES.configurationStates, {
      ...target,
      subresource: "status",
      fieldManager,
      body,
    });
    if (!result.ok) {
      // Removed between the two writes: the next attempt makes it anew.
      if (result.error.reason === "notFound") this.#shown = undefined;
      return result;
    }
    this.#shown = result.value;
    return { ok: true, value: text };
  }

  get #isController(): boolean {
    return this.#options.component === "controller";
  }

  async #wanted(): Promise<Wanted> {
    const { component, node } = this.#options;
    return {
      labels: {
        "metallb.io/component-type": component,
        ...(node === undefined ? {} : { [SPEAKER_NODE_LABEL]: nodeLabel(node) }),
      },
      annotations: this.#annotations,
      ownerReferences: await this.#owner.references(),
    };
  }
}

function showsMetadata(shown: KubeObject | undefined, wanted: Wanted): boolean {
  if (shown === undefined) return false;
  const { labels = {}, annotations = {}, ownerReferences = [] } = shown.metadata;
  return Object.entries(wanted.labels).every(([key, value]) => labels[key] === value) &&
    Object.entries(wanted.annotations).every(([key, value]) => annotations[key] === value) &&
    wanted.ownerReferences.every(({ uid }) => ownerReferences.some((owner) => owner.uid === uid));
}

function showsStatus(shown: KubeObject | undefined, status: ConfigurationStateStatus): boolean {
  return canonical(shown?.["status"] ?? {}) === canonical(status);
}

function undated({ lastTransitionTime: _, ...condition }: Condition): Omit<Condition, "lastTransitionTime"> {
  return condition;
}

function conditionsOf(shown: KubeObject | undefined): readonly Condition[] {
  const decoded = decodeObject(shown, { schema: configurationStateSchema, kind: "ConfigurationState" });
  return decoded.ok ? decoded.value.status?.conditions ?? [] : [];
}

/** JSON with its members in order; empty texts and lists are as good as absent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === "" || (Array.isArray(member) && member.length === 0)) return undefined;
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
