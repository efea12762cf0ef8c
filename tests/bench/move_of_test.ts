import { assertEquals } from "@std/assert/equals";
import type { Mac } from "../../lib/base/mac.ts";
import { moveOf } from "./move_of.ts";
import type { Answer } from "./neighbour_requester_calls.ts";

const OLD = 1 as Mac;
const NEW = 2 as Mac;

function answers(mac: Mac, from: number, to: number): Answer[] {
  return Array.from({ length: to - from }, (_, index) => ({ question: from + index, atMs: from + index + 0.2, mac }));
}

function asked(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => index);
}

Deno.test("moveOf: an overlap of three milliseconds is one, and no silence", () => {
  const seen = [...answers(OLD, 0, 50), ...answers(NEW, 47, 100)].sort((a, b) => a.atMs - b.atMs);
  const move = moveOf({ asked: asked(100), answers: seen, before: OLD });
  assertEquals([move.moved, Math.round(move.doubleMs), Math.round(move.silentMs), move.unanswered], [true, 2, 1, 0]);
});

Deno.test("moveOf: a silence is measured, and its requests are lost", () => {
  const move = moveOf({ asked: asked(300), answers: [...answers(OLD, 0, 50), ...answers(NEW, 150, 300)], before: OLD });
  assertEquals([move.doubleMs, Math.round(move.silentMs), move.unanswered], [0, 101, 100]);
});

Deno.test("moveOf: a single request without an answer is lost, and so is one whose answer comes after a second", () => {
  const seen = answers(OLD, 0, 100).filter(({ question }) => question !== 40);
  seen[70] = { ...seen[70]!, atMs: seen[70]!.atMs + 1000 };
  assertEquals(moveOf({ asked: asked(100), answers: seen, before: OLD }).unanswered, 2);
});

Deno.test("moveOf: an address that stays, or comes back, has not moved", () => {
  assertEquals(moveOf({ asked: asked(50), answers: answers(OLD, 0, 50), before: OLD }).moved, false);
  const back = [...answers(OLD, 0, 20), ...answers(NEW, 20, 30), ...answers(OLD, 30, 50)];
  assertEquals(moveOf({ asked: asked(50), answers: back, before: OLD }).moved, false);
});
