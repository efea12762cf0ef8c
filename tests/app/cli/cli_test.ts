import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { type Command, defineCommand, FILENAME_FLAG, OUTPUT_FLAG } from "../../../lib/app/cli/command.ts";
import { columnsOf, printable, styled, wrapped } from "../../../lib/app/cli/output.ts";
import { herald } from "./cli_world.ts";

const ECHO: Command = defineCommand({
  name: "echo",
  summary: "says what it was given",
  flags: { filename: FILENAME_FLAG, output: OUTPUT_FLAG, loud: { kind: "boolean", short: "l", help: "loud" } },
  words: { name: "WORD", help: "a word", min: 0, max: 2 },
  run: ({ flags, words, stdout }) => {
    stdout.write(JSON.stringify({ ...flags, words }));
    return 0;
  },
});
const PICK: Command = defineCommand({
  name: "pick",
  summary: "one of two",
  flags: {},
  words: { name: "SIDE", help: "left or right", min: 1, max: 1, choices: ["left", "right"] },
  run: () => 0,
});
const BROKEN: Command = defineCommand({
  name: "broken",
  summary: "throws",
  flags: {},
  run: () => {
    throw new Error("no luck");
  },
});
const commands = [ECHO, PICK, BROKEN];

for (
  const [why, args, message] of [
    ["no command", [], /^herald \S+: external addresses/],
    ["an unknown command", ["ecko"], /^herald: "ecko" is not a command; did you mean "echo"\?\n$/],
    ["a command like no other", ["zzzzzzzz"], /"zzzzzzzz" is not a command; herald --help lists them/],
    ["help for an unknown command", ["help", "ecko"], /"ecko" is not a command/],
    ["an unknown flag", ["echo", "--loudd"], /^herald echo: --loudd is not a flag of this program/],
    ["an unknown short flag", ["echo", "-x"], /^herald echo: -+x is not a flag of this program/],
    ["a choice that is none", ["echo", "-o", "yaml"], /^herald echo: --output: "yaml" is not one of text, json\n/],
    ["a flag without its value", ["echo", "-f"], /^herald echo: --filename needs a value\n/],
    ["too many words", ["echo", "a", "b", "c"], /^herald echo: "c" is one word too many\n/],
    ["a word where none may be", ["broken", "a"], /^herald broken: "a" is one word too many; flags begin with -\n/],
    ["a missing word", ["pick"], /^herald pick: SIDE is missing: left, right\n/],
    ["a word that is no choice", ["pick", "up"], /^herald pick: "up" is not one of left, right\n/],
  ] as const
) {
  Deno.test(`herald: ${why} is a usage error, on standard error`, async () => {
    const { code, out, err } = await herald(args, { commands });
    assertEquals([code, out], [2, ""]);
    assertMatch(err, message);
  });
}

Deno.test("herald: a usage error shows how the command is called", async () => {
  assertMatch(
    (await herald(["echo", "-x"], { commands })).err,
    /usage: herald echo \[WORD…\] \[-f FILE\|FOLDER\|-…\] \[FLAG…\]/,
  );
  for (
    const [name, usage] of [["validate", "-f FILE|FOLDER|-…"], ["migrate", "-f FILE|-"], ["up", "-f FILE|FOLDER…"]]
  ) {
    assertEquals(await herald([name!]), {
      code: 2,
      out: "",
      err: `herald ${name}: -f (--filename) is required\nusage: herald ${name} ${usage} [FLAG…]\n`,
    });
  }
});

Deno.test("herald: on a terminal the lines of a command's help are no longer than it, and aligned", async () => {
  for (const name of ["validate", "explain", "status", "migrate", "up"]) {
    const { out } = await herald([name, "--help"], { terminal: 80 });
    const [, flags] = out.split(/\n\n(?= {2}-)/);
    for (const line of out.split("\nexamples:")[0]!.split("\n").slice(1)) assert(line.length <= 80, line);
    const starts = flags!.split("\n\n")[0]!.split("\n").map((line) =>
      /^( {2}-.*? {2,}| +)(?=\S)/.exec(line)![0].length
    );
    assertEquals(new Set(starts).size, 1, out);
  }
});

Deno.test("herald: an unexpected error is one line and exit code 1; its stack is shown to those who ask", async () => {
  assertEquals(await herald(["broken"], { commands }), { code: 1, out: "", err: "herald broken: no luck\n" });
  assertMatch((await herald(["broken"], { commands, env: { HERALD_DEBUG: "1" } })).err, /\n {4}at /);
});

Deno.test("herald: short flags in every spelling, repeated flags in their order, and words", async () => {
  for (
    const args of [["-f", "a", "-f", "-", "-ojson", "w"], ["-fa", "--filename=-", "-o=json", "w"], [
      "w",
      "--filename",
      "a",
      "-f=-",
      "--output=json",
    ]]
  ) {
    const { out } = await herald(["echo", ...args], { commands });
    assertEquals(JSON.parse(out), { filename: ["a", "-"], output: "json", loud: false, words: ["w"] });
  }
  assertEquals(JSON.parse((await herald(["echo", "-l"], { commands })).out).loud, true);
  assertEquals(JSON.parse((await herald(["echo", "--", "-f", "--help"], { commands })).out).words, ["-f", "--help"]);
});

Deno.test("herald: help lists every command, and every flag of one", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { code, out } = await herald(args, { commands });
    assertEquals(code, 0);
    for (const { name, summary } of commands) assert(out.includes(`  ${name}`) && out.includes(summary));
  }
  for (const args of [["echo", "--help"], ["help", "echo"], ["echo", "-f", "x", "-h"]]) {
    const { code, out } = await herald(args, { commands });
    assertEquals(code, 0);
    for (const text of ["-f, --filename", "-o, --output", "--loud", "WORD"]) assert(out.includes(text), text);
  }
});

Deno.test("herald: the shipped commands have one name, one summary and flags that do not collide", async () => {
  const { COMMANDS } = await import("../../../lib/app/cli/commands.ts");
  assertEquals(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
  for (const { name, summary, flags } of COMMANDS) {
    assertMatch(name, /^[a-z]+$/);
    assert(summary.length > 0 && summary.length < 100 && !summary.endsWith("."), name);
    const letters = Object.values(flags).flatMap(({ short }) => short ?? []);
    assertEquals(new Set(letters).size, letters.length, name);
    assert(!letters.includes("h"), `${name}: -h is for help`);
  }
});

Deno.test("output: styles only where there is colour", () => {
  assertEquals(styled({ color: false }, "x", "red", "bold"), "x");
  assertEquals(styled({ color: true }, "x", "red", "bold"), "\x1b[31;1mx\x1b[0m");
});

Deno.test("output: control characters of a user's file never reach the terminal", () => {
  assertEquals(printable("a\x1b[2Jb\r\n\u202ec\u0085"), "a\\u001b[2Jb\\u000d\\u000a\\u202ec\\u0085");
});

Deno.test("output: columns are aligned, text is broken at blanks", () => {
  assertEquals(columnsOf([["a", "b"], ["ccc", ""], ["d", "e"]]), ["a    b", "ccc", "d    e"]);
  const text = "one two three four five six seven";
  assertEquals(wrapped(text, { columns: undefined, indent: "  " }), text);
  assertEquals(wrapped(text, { columns: 22, indent: "  " }), "one two three four\n  five six seven");
});
