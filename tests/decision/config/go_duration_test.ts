import { assertEquals } from "@std/assert/equals";
import { parseGoDuration } from "../../../lib/decision/config/go_duration.ts";

Deno.test("parseGoDuration: what Go's time.ParseDuration refuses is refused", () => {
  const table = [
    "",
    "abc",
    "5",
    "-",
    "+",
    ".",
    ".s",
    "1",
    "1x",
    "s",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "--1s",
    "1s-1s",
    "1e3s",
    "1..5s",
    "1,5s",
    "0x1s",
    "1d",
    "9223372036854775808ns",
    "2562048h",
    `${"0".repeat(300)}1s`,
  ];
  for (const text of table) assertEquals(parseGoDuration(text), undefined, text);
});

Deno.test("parseGoDuration: units, fractions and signs as in Go", () => {
  const table: [string, bigint][] = [
    ["0", 0n],
    ["+0", 0n],
    ["-0s", 0n],
    ["5s", 5_000_000_000n],
    ["+5s", 5_000_000_000n],
    ["-5s", -5_000_000_000n],
    ["1m30s", 90_000_000_000n],
    ["1s1ns", 1_000_000_001n],
    ["1h", 3_600_000_000_000n],
    ["1.5h", 5_400_000_000_000n],
    [".5s", 500_000_000n],
    ["5.s", 5_000_000_000n],
    ["1us", 1_000n],
    ["1\u00b5s", 1_000n],
    ["1\u03bcs", 1_000n],
    ["3ms", 3_000_000n],
    ["30s1m", 90_000_000_000n],
    ["0.9ns", 0n],
    ["9999h", 35_996_400_000_000_000n],
    ["9223372036854775807ns", 9_223_372_036_854_775_807n],
    // Three of Go's own test cases.
    ["0.3333333333333333333h", 1_200_000_000_000n],
    ["0.100000000000000000000h", 360_000_000_000n],
    ["0.830103483285477580700h", 2_988_372_539_827n],
  ];
  for (const [text, nanoseconds] of table) assertEquals(parseGoDuration(text), nanoseconds, text);
});
