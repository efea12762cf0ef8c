import { assertEquals } from "@std/assert/equals";
import { parseArguments, selectFiles } from "./arguments.ts";
import { describeTestFile } from "./tiers.ts";

for (const args of [["--unknown"], ["-x"], ["nonsense"], ["--filter"], ["edge", "nonsense"], [""]]) {
  Deno.test(`Arguments: refuses ${JSON.stringify(args)}`, () => assertEquals(parseArguments(args).ok, false));
}

Deno.test("Arguments: tiers, paths and options in any order", () => {
  assertEquals(parseArguments(["--list", "tests/edge/", "edge", "--filter", "a b", "./tests/x_test.ts", "--no-lock"]), {
    ok: true,
    value: {
      tiers: ["edge"],
      paths: ["tests/edge", "tests/x_test.ts"],
      list: true,
      help: false,
      pass: ["--filter=a b", "--no-lock"],
    },
  });
});

Deno.test("Arguments: select by tier, by path, by both; in the order of the tiers", () => {
  const files = ["tests/edge/b_test.ts", "tests/edge/bc_test.ts", "tests/base/a_test.ts"]
    .map((path) => describeTestFile(path, "")!);
  const select = (tiers: readonly string[], paths: readonly string[]) =>
    selectFiles(files, { tiers, paths }).map((f) => f.path);
  assertEquals(select([], []), ["tests/base/a_test.ts", "tests/edge/b_test.ts", "tests/edge/bc_test.ts"]);
  assertEquals(select(["pure"], []), ["tests/base/a_test.ts"]);
  assertEquals(select([], ["tests/edge"]), ["tests/edge/b_test.ts", "tests/edge/bc_test.ts"]);
  assertEquals(select([], ["tests/edge/b"]), []);
  assertEquals(select(["pure"], ["tests/edge/b_test.ts"]), []);
});
