import { assertEquals } from "@std/assert/equals";
import { Recorder } from "../../lib/edge/run/recorder.ts";

Deno.test("Recorder: one JSON line per input, and after its limit one line that says so", () => {
  const lines: string[] = [];
  const recorder = new Recorder({ name: "l2", linesMax: 2 }, { write: (line) => lines.push(line) });
  recorder.record({ kind: "frame", bytes: new Uint8Array([1, 0xfe]) }, 10.5);
  recorder.record({ kind: "count", value: 12n }, 11);
  for (let i = 0; i < 5; i++) recorder.record({ kind: "tick" }, 12);
  assertEquals(lines, [
    '{"at":10.5,"machine":"l2","input":{"kind":"frame","bytes":{"$bytes":"01fe"}}}\n',
    '{"at":11,"machine":"l2","input":{"kind":"count","value":{"$bigint":"12"}}}\n',
    '{"at":12,"machine":"l2","full":true}\n',
  ]);
});
