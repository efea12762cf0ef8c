/** The thread of the pause watch: sleeps, and writes down when it woke late. */
import { COUNT, LATE_MS_MAX, LONGEST_MS, NAP_MS } from "./pause_watch.ts";

const scope = globalThis as unknown as { onmessage: (event: MessageEvent<Int32Array>) => void };

scope.onmessage = ({ data: shared }) => {
  const nobodyWakesIt = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  for (let wokeAt = performance.now();;) {
    Atomics.wait(nobodyWakesIt, 0, 0, NAP_MS);
    const lateMs = Math.round(performance.now() - wokeAt - NAP_MS);
    wokeAt = performance.now();
    if (lateMs < LATE_MS_MAX) continue;
    Atomics.store(shared, LONGEST_MS, Math.max(Atomics.load(shared, LONGEST_MS), lateMs));
    Atomics.add(shared, COUNT, 1);
  }
};
