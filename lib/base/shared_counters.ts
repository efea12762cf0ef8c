/**
 * Counters that the packet thread writes and the control thread reads without waking it.
 *
 * One writer, many readers, aligned 64-bit cells in shared memory: a reader sees an old or a new value, never half of
 * one. Counts are whole numbers below 2^53. Addresses get slots in order of first use and keep them, since a counter
 * series must not go back to zero while the process lives.
 */

const FIXED = [
  /** Turns of the packet loop: stands still when the thread does. */
  "loopTurns",
  "framesReceived",
  "framesMalformed",
  "watchReceived",
  "watchRefused",
  "gossipReceived",
  "gossipRefused",
  "gossipSent",
  "gossipBytesSent",
  /** Connections that we opened to other speakers' gossip, to join or to compare states, without an answer. */
  "gossipStreamsFailed",
  "sendErrors",
  "gaps",
  /** Read or queued while the thread stood still, and not looked at. */
  "discarded",
  /** Decided before the thread stood still, and not said any more. */
  "withheld",
] as const;

const PER_ADDRESS = ["requestsReceived", "responsesSent", "gratuitousSent"] as const;

export type FixedCounter = typeof FIXED[number];
export type AddressCounter = typeof PER_ADDRESS[number];

/** Addresses beyond this many are served but not counted one by one. */
export const COUNTER_SLOTS_MAX = 8192;

export const SHARED_COUNTERS_BYTES = 8 * (FIXED.length + COUNTER_SLOTS_MAX * PER_ADDRESS.length);

export class SharedCounters {
  readonly #cells: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Float64Array(buffer);
  }

  increment(name: FixedCounter, by = 1): void {
    this.#cells[FIXED.indexOf(name)]! += by;
  }

  read(name: FixedCounter): number {
    return this.#cells[FIXED.indexOf(name)]!;
  }

  incrementAddress(slot: number, counter: AddressCounter): void {
    this.#cells[cellOf(slot, counter)]!++;
  }

  readAddress(slot: number, counter: AddressCounter): number {
    return this.#cells[cellOf(slot, counter)] ?? 0;
  }

  inspect(): Record<FixedCounter, number> {
    return Object.fromEntries(FIXED.map((name) => [name, this.read(name)])) as Record<FixedCounter, number>;
  }
}

function cellOf(slot: number, counter: AddressCounter): number {
  return FIXED.length + slot * PER_ADDRESS.length + PER_ADDRESS.indexOf(counter);
}
