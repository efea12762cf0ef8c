/**
 * Follows a file that holds a secret: the kubelet replaces it (by swapping a symbolic link) when the Secret changes.
 *
 * It is read again now and then, because watching it would mean to watch a folder of links. A file that is gone or empty
 * for a moment is no new secret; when that goes on somebody is told once.
 */
import { sameBytes } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface SecretFollowerOptions {
  readonly path: string;
  /** What it held at the start. */
  readonly known: Uint8Array;
  readonly everyMs?: number;
}

export interface SecretFollowerDeps {
  readonly log: Log;
  readonly read: (path: string) => Promise<Uint8Array>;
  readonly schedule?: Schedule;
}

const EVERY_MS = 5_000;
/** Reads in a row that gave no secret before that is told. */
const FAILURES_TOLD = 3;

export class SecretFollower {
  readonly #options: SecretFollowerOptions;
  readonly #deps: SecretFollowerDeps;
  #known: Uint8Array;
  #failures = 0;
  #isStopped = false;

  constructor(options: SecretFollowerOptions, deps: SecretFollowerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#known = options.known;
  }

  start(onChange: (secret: Uint8Array) => void): void {
    const { schedule = systemSchedule } = this.#deps;
    schedule(() => void this.#look(onChange), this.#options.everyMs ?? EVERY_MS);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #look(onChange: (secret: Uint8Array) => void): Promise<void> {
    if (this.#isStopped) return;
    const secret = await this.#read();
    if (this.#isStopped) return;
    if (typeof secret === "string") {
      if (++this.#failures === FAILURES_TOLD) {
        this.#deps.log({ level: "warn", event: "secretNotRead", path: this.#options.path, error: secret });
      }
    } else {
      this.#failures = 0;
      if (!sameBytes(secret, this.#known)) {
        this.#known = secret;
        onChange(secret);
      }
    }
    this.start(onChange);
  }

  /** The secret, or why there is none. */
  async #read(): Promise<Uint8Array | string> {
    try {
      const secret = await this.#deps.read(this.#options.path);
      return secret.length === 0 ? "the file is empty" : secret;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
