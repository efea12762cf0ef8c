import { assertEquals } from "@std/assert/equals";
import { Heartbeat } from "../../lib/app/heartbeat.ts";

function beats(heartbeat: Heartbeat, turns: readonly number[]): boolean[] {
  return turns.map((turn) => heartbeat.beat(turn));
}

Deno.test("Heartbeat: a loop that turned is dead after so many silent beats, and one turn in between begins anew", () => {
  const heartbeat = new Heartbeat({ runningBeatsMax: 3, startingBeatsMax: 10 });
  assertEquals(beats(heartbeat, [5, 5, 5, 9, 9, 9, 9]), [true, true, true, true, true, true, false]);
  assertEquals(heartbeat.silentBeats, 3);
});

Deno.test("Heartbeat: a thread that is not loaded yet has longer, but not for ever", () => {
  const heartbeat = new Heartbeat({ runningBeatsMax: 2, startingBeatsMax: 4 });
  assertEquals(beats(heartbeat, [0, 0, 0, 0]), [true, true, true, false]);
  const late = new Heartbeat({ runningBeatsMax: 2, startingBeatsMax: 4 });
  assertEquals(beats(late, [0, 0, 0, 1, 1, 1]), [true, true, true, true, true, false]);
});
