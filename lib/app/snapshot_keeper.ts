/**
 * Keeps a speaker's last wanted state on disk, and brings it back where no API server answers after a start.
 *
 *     start ── the API is heard within 3 s ──> saved from now on
 *       └───── it is not ──> what the file says is announced, marked as stale, until the caches are filled
 *
 * A change is saved at most every few seconds. What does not change is written again every ten minutes while the API is
 * heard, so that the age of the file is the time since somebody knew that it was right.
 */
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { StateFile } from "../edge/run/state_file.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";
import { decodeSnapshot, encodeSnapshot, type SnapshotScope } from "./snapshot.ts";
import type { RestoredWanted } from "./wanted_source.ts";

export interface SnapshotKeeperOptions {
  readonly scope: SnapshotScope;
  /** `undefined`: any age. */
  readonly maxAgeMs: Millis | undefined;
}

export interface SnapshotKeeperDeps {
  readonly file: StateFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly schedule?: Schedule;
  /** Facts of the API, and what follows from them. */
  readonly source: {
    /** The caches are filled: what is wanted is known, and not from a file. */
    synced(): boolean;
    /** Something was heard of the API server since the start, though not everything. */
    heard(): boolean;
    /** The API server is heard now. */
    connected(): boolean;
    wanted(): RestoredWanted;
    restore(wanted: RestoredWanted): void;
  };
}

/** An API server that answers at all has answered by then. */
const WITHOUT_API_MS = 3000;
/** One that answers slowly is waited for so often. */
const WAITS_MAX = 5;
const SAVE_DELAY_MS = 2000;
const CONFIRM_MS = 600_000;

export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #deps: SnapshotKeeperDeps;
  readonly #schedule: Schedule;
  #waits = 0;
  /** Wall clock of the snapshot that was brought back. */
  #restoredFromMs: Millis | undefined;
  #savedAtMs: Millis | undefined;
  /** The last thing that could not be done, told once. */
  #problem: string | undefined;
  #cancelWait: (() => void) | undefined;
  #cancelSave: (() => void) | undefined;
  #cancelConfirm: (() => void) | undefined;
  #saving: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SnapshotKeeperOptions, deps: SnapshotKeeperDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  start(): void {
    this.#waitForApi();
    this.#confirmLater();
  }

  /** What is wanted may have changed. */
  changed(): void {
    if (this.#stopped || !this.#deps.source.synced()) return;
    this.#cancelSave ??= this.#schedule(() => this.#save(), SAVE_DELAY_MS);
  }

  /** Saves what waits to be saved. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWait?.();
    this.#cancelConfirm?.();
    if (this.#cancelSave !== undefined) {
      this.#cancelSave();
      this.#save();
    }
    await this.#saving;
  }

  /** True while what is announced comes from the file. */
  get isStale(): boolean {
    return this.#restoredFromMs !== undefined && !this.#deps.source.synced();
  }

  inspect(): Json {
    return {
      stale: this.isStale,
      restoredFrom: dateOf(this.#restoredFromMs),
      savedAt: dateOf(this.#savedAtMs),
      problem: this.#problem ?? null,
    };
  }

  #waitForApi(): void {
    this.#cancelWait = this.#schedule(() => {
      const { source } = this.#deps;
      if (source.synced()) return;
      if (source.heard() && ++this.#waits < WAITS_MAX) this.#waitForApi();
      else this.#restore();
    }, WITHOUT_API_MS);
  }

  #restore(): void {
    const { clock, file, log, source } = this.#deps;
    const read = file.read();
    if (!read.ok) {
      const level = read.reason === "missing" ? "info" : "warn";
      return log({ level, event: "snapshotRefused", reason: read.reason, error: read.message });
    }
    const decoded = decodeSnapshot(read.text, { ...this.#options, nowMs: clock.wallMs() });
    if (!decoded.ok) {
      return log({ level: "warn", event: "snapshotRefused", reason: decoded.reason, error: decoded.message });
    }
    const { snapshot } = decoded;
    this.#restoredFromMs = snapshot.savedAtMs;
    log({
      level: "warn",
      event: "announcingFromSnapshot",
      reason: "the API server does not answer",
      savedAt: dateOf(snapshot.savedAtMs),
      addresses: snapshot.addresses.length,
      peers: snapshot.peers.length,
    });
    source.restore(snapshot);
  }

  #confirmLater(): void {
    this.#cancelConfirm = this.#schedule(() => {
      if (this.#deps.source.connected()) this.changed();
      this.#confirmLater();
    }, CONFIRM_MS);
  }

  #save(): void {
    this.#cancelSave = undefined;
    const { clock, file, source } = this.#deps;
    // One write after the other, each with what is wanted when its turn comes.
    this.#saving = this.#saving.then(async () => {
      // What changes while the API server is silent does not make what it said any newer.
      const savedAtMs = source.connected() ? clock.wallMs() : this.#savedAtMs ?? clock.wallMs();
      const written = await file.write(encodeSnapshot({ ...source.wanted(), scope: this.#options.scope, savedAtMs }));
      if (written.ok) this.#savedAtMs = savedAtMs;
      this.#tell(written.ok ? undefined : `${written.reason}: ${written.message}`);
    });
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    if (problem !== undefined) this.#deps.log({ level: "warn", event: "snapshotNotSaved", error: problem });
    else this.#deps.log({ level: "info", event: "snapshotSaved" });
  }
}

function dateOf(wallMs: Millis | undefined): string | null {
  return wallMs === undefined ? null : new Date(wallMs).toISOString();
}
