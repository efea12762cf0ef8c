import { assertEquals } from "@std/assert/equals";
import { sameTexts, shortList } from "../../lib/base/text_list.ts";

Deno.test("lists of texts are the same when each text is, in the same order", () => {
  const rows: [string[], string[], boolean][] = [
    [["a"], [], false],
    [["a", "b"], ["b", "a"], false],
    [["a"], ["a", "a"], false],
    [[], [], true],
    [["a", "b"], ["a", "b"], true],
  ];
  for (const [a, b, same] of rows) assertEquals(sameTexts(a, b), same, `${a} | ${b}`);
});

Deno.test("a long list names the first few and counts the rest", () => {
  assertEquals(shortList([], { max: 2 }), "");
  assertEquals(shortList(["a", "b"], { max: 2 }), "a, b");
  assertEquals(shortList(["a", "b", "c"], { max: 2 }), "a, b and 1 more");
  assertEquals(shortList(["a", "b", "c", "d"], { max: 2, separator: "," }), "a,b and 2 more");
  assertEquals(shortList(["a", "b"], { max: 1, show: (text) => `"${text}"` }), '"a" and 1 more');
});
