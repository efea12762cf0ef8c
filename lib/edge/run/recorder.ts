/**
 * Writes down what a machine was given, so that a run can be replayed: one JSON line per input with its time.
 *
 * Bounded: after `linesMax` inputs one last line says so and the recorder is silent. Bytes become `{"$bytes": hex}` and
 * big integers `{"$bigint": decimal}`. A record holds what the network sent; it is for tests and for the lab.
 */
import type { Millis } from "../../base/time.ts";

const LINES_MAX = 100_000;

export interface RecorderOptions {
  /** Which machine. */
  readonly name: string;
  readonly linesMax?: number;
}

export class Recorder {
  readonly #name: string;
  readonly #linesMax: number;
  readonly #write: (line: string) => void;
  #lines = 0;

  constructor(options: RecorderOptions, deps: { write: (line: string) => void }) {
    this.#name = options.name;
    this.#linesMax = options.linesMax ?? LINES_MAX;
    this.#write = deps.write;
  }

  record(input: unknown, now: Millis): void {
    if (this.#lines > this.#linesMax) return;
    const full = this.#lines++ === this.#linesMax;
    const line = full ? { at: now, machine: this.#name, full: true } : { at: now, machine: this.#name, input };
    this.#write(`${JSON.stringify(line, plain)}\n`);
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: value.toHex() };
  if (typeof value === "bigint") return { $bigint: value.toString() };
  return value;
}
