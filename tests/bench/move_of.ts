/** What a client that asks all the time sees of an address on its way from one node to another. */
import type { Mac } from "../../lib/base/mac.ts";
import type { Answer } from "./neighbour_requester_calls.ts";

export interface SeenMove {
  readonly asked: number;
  /** The address went to another node, and the one before answers no more. */
  readonly moved: boolean;
  /** From the last answer before a silence to the first after it, at the longest, beyond the usual distance. */
  readonly silentMs: number;
  /** From the first answer of the new owner to the last one of the old; 0 when they did not overlap. */
  readonly doubleMs: number;
  /** Requests that no node answered in time. */
  readonly unanswered: number;
}

/** Later than this an answer is none: Linux asks again after a second (`retrans_time_ms`). */
export const ANSWER_MS_MAX = 1000;

export function moveOf(
  { asked, answers, before }: { asked: Float64Array; answers: readonly Answer[]; before: Mac },
): SeenMove {
  const old = answers.filter(({ mac }) => mac === before).map(({ atMs }) => atMs);
  const fresh = answers.filter(({ mac }) => mac !== before).map(({ atMs }) => atMs);
  const lastOld = old.at(-1) ?? -Infinity;
  const firstFresh = fresh[0] ?? Infinity;
  const times = answers.map(({ atMs }) => atMs);
  let silentMs = 0;
  for (let index = 1; index < times.length; index++) silentMs = Math.max(silentMs, times[index]! - times[index - 1]!);
  const answered = new Set<number>();
  for (const { question, atMs } of answers) if (atMs - asked[question]! <= ANSWER_MS_MAX) answered.add(question);
  return {
    asked: asked.length,
    moved: fresh.length > 0 && (fresh.at(-1) ?? -Infinity) > lastOld,
    silentMs,
    doubleMs: Math.max(0, lastOld - firstFresh),
    unanswered: asked.length - answered.size,
  };
}
