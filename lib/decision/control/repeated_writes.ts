/**
 * Whether a Service is written over and over with the same: then somebody else writes its status too (a second load
 * balancer, as k3s and the cloud providers bring one, with Services that name no class), and each write of the one is
 * answered by the other. Herald goes on saying what is right, but ever more slowly.
 */
import type { Millis } from "../../base/time.ts";

export interface RepeatedWrites {
  readonly text: string;
  /** How often in a row it was written before. */
  readonly times: number;
  readonly at: Millis;
}

/** What lies further back is another story. */
const WINDOW_MS = 10 * 60_000;
/** So often at once: who edits a status by hand sees it put right without delay. */
const FREE = 5;

export function countWrite(
  before: RepeatedWrites | undefined,
  { text, now }: { text: string; now: Millis },
): RepeatedWrites {
  const isSame = before?.text === text && now - before.at <= WINDOW_MS;
  return { text, times: isSame ? before.times + 1 : 0, at: now };
}

/** From 1 upwards for those that are to wait; 0 before. */
export function contestedTimes({ times }: RepeatedWrites): number {
  return Math.max(0, times - FREE);
}
