/** Tells the demonstration's story: one line per thing that happened, with the seconds since the start. */
import type { Clock, Millis } from "../../base/time.ts";

export class Narrator {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #startedAt: Millis;
  readonly #bold: (text: string) => string;

  constructor(options: { colour: boolean }, deps: { clock: Clock; write: (line: string) => void }) {
    this.#clock = deps.clock;
    this.#write = deps.write;
    this.#startedAt = deps.clock.now();
    this.#bold = options.colour ? (text) => `\x1b[1m${text}\x1b[0m` : (text) => text;
  }

  /** The beginning of a part. */
  title(text: string): void {
    this.#write(`\n${this.#bold(text)}\n`);
  }

  /** Something happened now. */
  tell(text: string): void {
    const seconds = ((this.#clock.now() - this.#startedAt) / 1000).toFixed(3).padStart(7);
    this.#write(`${seconds} s  ${text}\n`);
  }

  /** Text as it is, e.g. lines to copy. */
  print(text: string): void {
    this.#write(`${text}\n`);
  }
}
