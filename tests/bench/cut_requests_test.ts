import { assertEquals } from "@std/assert/equals";
import type { ProbeSample } from "../../lib/edge/lab/calls.ts";
import { cutRequests } from "./cut_requests.ts";

function failed(startMs: number, durationMs: number): ProbeSample {
  return { startMs, durationMs, body: undefined };
}

function answered(startMs: number, durationMs: number): ProbeSample {
  return { startMs, durationMs, body: "node-a" };
}

for (
  const [what, samples, expected] of [
    ["a hole in which each request is refused: one at most", [failed(0, 1), failed(5, 1), failed(10, 1)], 1],
    ["a hole in which each request waits for its time-out: none", [failed(0, 1000), failed(5, 1000)], 0],
    ["answered requests do not count", [answered(0, 10), answered(5, 10)], 0],
    ["two that were open at once, with answered ones around", [
      answered(-5, 2),
      failed(0, 12),
      failed(5, 6),
      answered(10, 3),
    ], 2],
    ["two open at once and one later: two", [failed(0, 8), failed(5, 6), failed(30, 2)], 2],
    ["no request", [], 0],
  ] as const
) {
  Deno.test(`cutRequests: ${what}`, () => assertEquals(cutRequests(samples), expected));
}
