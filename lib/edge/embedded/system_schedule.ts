/** Timers of the system, for watches of a server that runs in real time. Each ends with its watch. */
import type { Schedule } from "./watch_hub.ts";

/** Longer delays overflow the timer. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemSchedule: Schedule = (delayMs, callback) => {
  const id = setTimeout(callback, Math.min(delayMs, DELAY_MS_MAX));
  return () => clearTimeout(id);
};
