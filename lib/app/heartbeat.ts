/**
 * Whether a thread is alive, by the turns that its loop has counted, looked at once a beat.
 *
 * The loop turns many times in one beat, also when it only sleeps; whoever looks may be late itself, so several silent
 * beats are given. Before the first turn the thread is being loaded, which takes long on a small machine whose pods all
 * start at once: ended then, it would be started anew and take as long again.
 */
export class Heartbeat {
  readonly #runningBeatsMax: number;
  readonly #startingBeatsMax: number;
  #turns = 0;
  #silentBeats = 0;

  constructor(options: { runningBeatsMax: number; startingBeatsMax: number }) {
    this.#runningBeatsMax = options.runningBeatsMax;
    this.#startingBeatsMax = options.startingBeatsMax;
  }

  /** Looks once; false when the thread has been silent for too long. */
  beat(turns: number): boolean {
    this.#silentBeats = turns === this.#turns ? this.#silentBeats + 1 : 0;
    this.#turns = turns;
    return this.#silentBeats < (turns === 0 ? this.#startingBeatsMax : this.#runningBeatsMax);
  }

  get silentBeats(): number {
    return this.#silentBeats;
  }
}
