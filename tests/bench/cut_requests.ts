/**
 * Which of the failed requests of a move were cut by the move itself.
 *
 * A connection that is open while the address moves was with the old owner, and the new one answers it with a reset: no
 * load balancer of layer 2 can save it. Such requests have one thing in common that others have not: all of them were
 * under way at one and the same instant, and they failed at once and not after a time-out.
 */
import type { ProbeSample } from "../../lib/edge/lab/calls.ts";

/** A reset comes with the next packet, at the latest with the first retransmission (200 ms on Linux). */
const RESET_MS_MAX = 300;

/** How many of the failed requests can have been cut by one change: the most that were under way at one instant. */
export function cutRequests(samples: readonly ProbeSample[]): number {
  const failed = samples.filter(({ body, durationMs }) => body === undefined && durationMs <= RESET_MS_MAX);
  // The number under way only grows at a start, so one of the starts is such an instant.
  const underWayAt = failed.map(({ startMs: instant }) =>
    failed.filter(({ startMs, durationMs }) => startMs <= instant && instant <= startMs + durationMs).length
  );
  return Math.max(0, ...underWayAt);
}
