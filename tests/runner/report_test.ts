import { assertEquals } from "@std/assert/equals";
import { fileLine, judge, outputOfFailures, resultLine } from "./report.ts";

const good = { path: "tests/a_test.ts", passed: 2, failed: 0, skipped: 0, durationMs: 5 };
const child = (code: number, timedOut = false) => ({ code, timedOut, durationMs: 100, output: "" });
const sum = (results: readonly { failed: number }[]) => results.reduce((total, result) => total + result.failed, 0);

Deno.test("Report: the last line has no colour and names skips only when there are some", () => {
  assertEquals(resultLine({ passed: 0, failed: 0, skipped: 0 }), "0 passed, 0 failed");
  assertEquals(resultLine({ passed: 3, failed: 1, skipped: 0 }), "3 passed, 1 failed");
  assertEquals(resultLine({ passed: 3, failed: 0, skipped: 2 }), "3 passed, 0 failed, 2 skipped");
});

Deno.test("Report: a file that ran no tests has failed", () => {
  for (const reported of [[], [{ ...good, passed: 0 }]]) {
    const { results, problems } = judge([good.path], { reported, child: child(0), ignoredAreFailures: false });
    assertEquals(sum(results), 1);
    assertEquals(problems, ["tests/a_test.ts ran no tests"]);
  }
});

Deno.test("Report: a crash is one failure, though every test that reported has passed", () => {
  const { results, problems } = judge([good.path], { reported: [good], child: child(139), ignoredAreFailures: false });
  assertEquals(results, [{ ...good, failed: 1 }]);
  assertEquals(problems, ["the process ended with code 139, though no test failed"]);
});

Deno.test("Report: a child over its limit has failed, whatever it reported", () => {
  const { results, problems } = judge([good.path], {
    reported: [good],
    child: child(137, true),
    ignoredAreFailures: false,
  });
  assertEquals(sum(results), 1);
  assertEquals(problems[0], "ended after its time limit, 100 ms");
});

Deno.test("Report: a failing test is counted once, not once more for the exit code", () => {
  const reported = [{ ...good, failed: 1 }];
  const { results, problems } = judge([good.path], { reported, child: child(1), ignoredAreFailures: false });
  assertEquals([sum(results), problems], [1, []]);
});

Deno.test("Report: with CI=true an ignored test is a failure, otherwise a skip", () => {
  const reported = [{ ...good, skipped: 3 }];
  assertEquals(sum(judge([good.path], { reported, child: child(0), ignoredAreFailures: true }).results), 3);
  assertEquals(sum(judge([good.path], { reported, child: child(0), ignoredAreFailures: false }).results), 0);
});

Deno.test("Report: under a filter, files without a match are left out, but a crash still fails", () => {
  const options = { reported: [], ignoredAreFailures: false, mayBeEmpty: true };
  assertEquals(judge([good.path], { ...options, child: child(0) }), { results: [], problems: [] });
  assertEquals(sum(judge([good.path], { ...options, child: child(1) }).results), 1);
});

Deno.test("Report: tests of a shared suite are a row of their own; the files that ran it are in order", () => {
  const output = "running 2 tests from ./tests/a_test.ts\nrunning 0 tests from ./tests/b_test.ts\n";
  const suite = { ...good, path: "tests/suite.ts" };
  const { results, problems } = judge(["tests/a_test.ts", "tests/b_test.ts"], {
    reported: [suite],
    child: { ...child(0), output },
    ignoredAreFailures: false,
  });
  assertEquals(results, [suite, { path: "tests/b_test.ts", passed: 0, failed: 1, skipped: 0, durationMs: 0 }]);
  assertEquals(problems, ["tests/b_test.ts ran no tests"]);
});

Deno.test("Report: a child for one file keeps everything under that file", () => {
  const { results, problems } = judge(["tests/a_test.ts"], {
    reported: [{ ...good, path: "tests/suite.ts", failed: 1 }, good],
    child: child(1),
    ignoredAreFailures: false,
  });
  assertEquals([results, problems], [
    [{ path: "tests/a_test.ts", passed: 4, failed: 1, skipped: 0, durationMs: 10 }],
    [],
  ]);
});

Deno.test("Report: output alone is no proof: a child that reported nothing has failed", () => {
  const output = "running 2 tests from ./tests/a_test.ts\n";
  const { results } = judge(["tests/a_test.ts"], {
    reported: [],
    child: { ...child(0), output },
    ignoredAreFailures: false,
  });
  assertEquals(sum(results), 1);
});

Deno.test("Report: one line per file", () => {
  assertEquals(fileLine(good), "  ok     tests/a_test.ts  2 passed  5 ms");
  assertEquals(
    fileLine({ ...good, failed: 1, skipped: 1, durationMs: 2500 }),
    "  FAILED tests/a_test.ts  2 passed, 1 failed, 1 skipped  2.5 s",
  );
});

Deno.test("Report: what passed is left out of the output of a failure", () => {
  const output = [
    "Check tests/a_test.ts",
    "running 2 tests from ./tests/a_test.ts",
    "first ... ok (1ms)",
    "running 2 tests from ./tests/b_test.ts",
    "second ... FAILED (2ms)",
    "what it printed",
    "third ... ignored (0ms)",
    "",
  ].join("\n");
  assertEquals(
    outputOfFailures(output),
    "running 2 tests from ./tests/b_test.ts\nsecond ... FAILED (2ms)\nwhat it printed",
  );
});
