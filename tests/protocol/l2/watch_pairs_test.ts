import { assertEquals } from "@std/assert/equals";
import { addWatched } from "../../../lib/protocol/l2/watch_pairs.ts";

const ROWS = [
  { self: "a", answers: true, watched: [] },
  { self: "b", answers: false, watched: ["a"] },
  { self: "c", answers: false, watched: ["a", "b"] },
  { self: "d", answers: false, watched: [] },
  { self: "d", answers: true, watched: ["a"] },
  { self: "c", answers: true, watched: ["a", "b"] },
];

for (const { self, answers, watched } of ROWS) {
  Deno.test(`Watch pairs: of a, b, c, d it is ${self}${answers ? " that answers and" : " that"} watches [${watched}]`, () => {
    const into = new Set<string>();
    addWatched(into, { order: ["a", "b", "c"], self, answers });
    assertEquals([...into], watched);
  });
}

Deno.test("Watch pairs: all nodes together watch three pairs of one address, however many candidates there are", () => {
  let pairs = 0;
  for (const self of Array.from({ length: 100 }, (_, i) => `n${i}`)) {
    const into = new Set<string>();
    addWatched(into, { order: ["n0", "n1", "n2"], self, answers: self === "n0" });
    pairs += into.size;
  }
  assertEquals(pairs, 3);
});
