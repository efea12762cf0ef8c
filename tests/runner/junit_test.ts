import { assertEquals } from "@std/assert/equals";
import { parseJunit } from "./junit.ts";

/** As `deno test --junit-path` of Deno 2.9.6 wrote it for four small tests, shortened. */
const WRITTEN_BY_DENO = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="3" errors="0" time="0.010">
    <testsuite name="./tests/base/a_test.ts" tests="6" disabled="1" errors="0" failures="3">
        <testcase name="good &quot;&lt;x&gt;&amp;&quot;" classname="./tests/base/a_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="bad" classname="./tests/base/a_test.ts" time="0.120" line="2" col="6">
            <failure message="Uncaught Error: x &lt; y">Error: &lt;/testcase&gt;
    at file:///tests/base/a_test.ts:2:58</failure>
        </testcase>
        <testcase name="ignored" classname="./tests/base/a_test.ts" time="0.000" line="3" col="6">
            <skipped/>
        </testcase>
        <testcase name="steps" classname="./tests/base/a_test.ts" time="0.002" line="4" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="steps &gt; one" classname="./tests/base/a_test.ts" time="0.000" line="4" col="43">
        </testcase>
        <testcase name="steps &gt; two" classname="./tests/base/a_test.ts" time="0.001" line="4" col="72">
            <failure message="Uncaught Error: step">Error: step</failure>
        </testcase>
        <testcase name="1 &gt; 0" classname="./tests/base/a_test.ts" time="0.001" line="5" col="6">
        </testcase>
    </testsuite>
    <testsuite name="./tests/base/b_test.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="only" classname="./tests/base/b_test.ts" time="1.500" line="1" col="6">
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("Junit: nothing, and a report without suites, give no results", () => {
  assertEquals(parseJunit(""), []);
  assertEquals(parseJunit("not xml <testsuite"), []);
  assertEquals(
    parseJunit('<testsuites name="deno test" tests="0" failures="0" errors="0" time="0.000">\n</testsuites>'),
    [],
  );
});

Deno.test("Junit: counts tests per file; steps count with their test", () => {
  assertEquals(parseJunit(WRITTEN_BY_DENO), [
    { path: "tests/base/a_test.ts", passed: 2, failed: 2, skipped: 1, durationMs: 124 },
    { path: "tests/base/b_test.ts", passed: 1, failed: 0, skipped: 0, durationMs: 1500 },
  ]);
});
