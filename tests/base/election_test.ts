import { assertEquals } from "@std/assert/equals";
import { firstLiving } from "../../lib/base/election.ts";

for (
  const { candidates, living, expected } of [
    { candidates: [], living: ["a"], expected: undefined },
    { candidates: ["a", "b"], living: [], expected: undefined },
    { candidates: ["a", "b"], living: ["c"], expected: undefined },
    { candidates: ["a", "b", "c"], living: ["c", "b"], expected: "b" },
    { candidates: ["c", "b", "a"], living: ["a", "b", "c"], expected: "c" },
  ] as { candidates: string[]; living: string[]; expected: string | undefined }[]
) {
  Deno.test(`firstLiving: of [${candidates}] with [${living}] living it is ${expected ?? "nobody"}`, () => {
    assertEquals(firstLiving(candidates, (candidate) => living.includes(candidate)), expected);
  });
}

Deno.test("firstLiving: whoever comes after the first that lives is not asked about", () => {
  const asked: string[] = [];
  firstLiving(["a", "b", "c"], (candidate) => asked.push(candidate) === 2);
  assertEquals(asked, ["a", "b"]);
});
