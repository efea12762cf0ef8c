/**
 * Counts how often the machine itself stood still: a virtual machine that its host did not run, a container that had used
 * up its share. A thread that does nothing but sleep wakes late then, whatever the tests and the programs do.
 *
 * Herald answers nothing that came in such a time and makes sure of its addresses anew, as it should, so a test that
 * counts answers fails without anybody's fault. A thread that computes, or that waits for a lock of the kernel, makes no
 * other thread late: what fails by that has failed.
 */
export const NAP_MS = 10;
/** Beyond the nap, and more than a busy machine makes of it; what Herald takes for a gap is 225 ms. */
export const LATE_MS_MAX = 200;

/** Places in the memory that the thread shares. */
export const COUNT = 0;
export const LONGEST_MS = 1;

export class PauseWatch {
  readonly #shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #worker = new Worker(new URL("./pause_watch_worker.ts", import.meta.url), { type: "module" });

  constructor() {
    this.#worker.postMessage(this.#shared);
  }

  /** Until now. */
  get count(): number {
    return Atomics.load(this.#shared, COUNT);
  }

  get longestMs(): number {
    return Atomics.load(this.#shared, LONGEST_MS);
  }

  stop(): void {
    this.#worker.terminate();
  }
}
