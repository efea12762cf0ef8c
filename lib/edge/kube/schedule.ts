/**
 * Timers as a dependency, so that tests and the simulation run this folder without waiting for real time.
 */

/** Runs `run` once after `delayMs`, unless the returned function is called first. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

/** Real time. Delays are rounded up: a timer must not fire before the instant that a machine named. */
export const systemSchedule: Schedule = (run, delayMs) => {
  const id = setTimeout(run, Math.ceil(Math.max(0, delayMs)));
  return () => clearTimeout(id);
};
