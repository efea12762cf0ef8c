import { assertEquals } from "@std/assert/equals";
import { describeFlags, type FlagSpec, parseFlags } from "../../lib/app/flags.ts";

const SPECS = {
  "name": { kind: "string", env: "NAME", help: "a text" },
  "port": { kind: "integer", env: "PORT", default: 80, min: 1, max: 65535, help: "a number" },
  "count": { kind: "integer", help: "a number without bounds" },
  "quiet": { kind: "boolean", env: "QUIET", help: "yes or no" },
  "level": { kind: "string", default: "info", choices: ["info", "warn"], help: "a choice" },
  "old-flag": { kind: "string", env: "OLD", withoutEffect: true, help: "no longer used" },
} as const satisfies Record<string, FlagSpec>;

const NEEDED = { "node": { kind: "string", env: "NODE", required: true, help: "who" } } as const;
const ALONE = { "node": { kind: "string", required: true, help: "who" } } as const;

function problemsOf(args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const result = parseFlags(SPECS, { args, env });
  return result.ok ? [] : result.problems;
}

function valuesOf(args: readonly string[], env: Record<string, string> = {}) {
  const result = parseFlags(SPECS, { args, env });
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.values;
}

for (
  const { why, args, env = {}, problem } of [
    {
      why: "an unknown flag",
      args: ["--nmae=x"],
      problem: "--nmae is not a flag of this program; did you mean --name?",
    },
    {
      why: "an unknown flag with one dash",
      args: ["-nmae"],
      problem: "--nmae is not a flag of this program; did you mean --name?",
    },
    {
      why: "a property of every object",
      args: ["--constructor=x"],
      problem: "--constructor is not a flag of this program; --help lists them",
    },
    { why: "a word that is no flag", args: ["stray"], problem: '"stray" is not a flag; flags begin with "--"' },
    {
      why: "a word after the end of flags",
      args: ["--", "stray"],
      problem: '"stray" is not a flag; flags begin with "--"',
    },
    { why: "a missing value at the end", args: ["--name"], problem: "--name needs a value" },
    { why: "a flag where a value should be", args: ["--name", "--quiet"], problem: "--name needs a value" },
    {
      why: "a number that is none",
      args: ["--port=eighty"],
      problem: '--port: "eighty" is not a whole number from 1 to 65535',
    },
    {
      why: "a number in hexadecimal",
      args: ["--port=0x50"],
      problem: '--port: "0x50" is not a whole number from 1 to 65535',
    },
    {
      why: "a number with a fraction",
      args: ["--port=80.5"],
      problem: '--port: "80.5" is not a whole number from 1 to 65535',
    },
    { why: "an empty number", args: ["--port="], problem: '--port: "" is not a whole number from 1 to 65535' },
    {
      why: "a number below the least",
      args: ["--port", "0"],
      problem: '--port: "0" is not a whole number from 1 to 65535',
    },
    {
      why: "a negative number after a blank",
      args: ["--port", "-1"],
      problem: '--port: "-1" is not a whole number from 1 to 65535',
    },
    {
      why: "a number above the most",
      args: ["-port=65536"],
      problem: '--port: "65536" is not a whole number from 1 to 65535',
    },
    {
      why: "a number that a double cannot hold",
      args: ["--count=9007199254740993"],
      problem: '--count: "9007199254740993" is not a whole number from -9007199254740991 to 9007199254740991',
    },
    { why: "a boolean that is none", args: ["--quiet=yes"], problem: '--quiet: "yes" is not "true" or "false"' },
    {
      why: "a choice that is not offered",
      args: ["--level=loud"],
      problem: '--level: "loud" is not one of info, warn',
    },
    {
      why: "a bad number in the environment",
      args: [],
      env: { PORT: "x" },
      problem: 'PORT: "x" is not a whole number from 1 to 65535',
    },
  ]
) {
  Deno.test(`parseFlags: refuses ${why}`, () => assertEquals(problemsOf(args, env), [problem]));
}

Deno.test("parseFlags: refuses a value after a boolean, as Go does, and not in silence", () => {
  assertEquals(problemsOf(["--quiet", "false"]), ['"false" is not a flag; flags begin with "--"']);
});

Deno.test("parseFlags: tells all problems at once", () => {
  const args = ["stray", "--nmae=x", "--port=0", "--quiet=perhaps", "--level=loud"];
  assertEquals(problemsOf(args, { PORT: "also bad" }).length, 5);
});

Deno.test("parseFlags: a required flag is missing when neither flag nor variable gives a value", () => {
  const missing = parseFlags(NEEDED, { args: [], env: { NODE: "" } });
  assertEquals(missing.ok ? [] : missing.problems, ["--node is required (or the variable NODE)"]);
  const alone = parseFlags(ALONE, { args: [], env: {} });
  assertEquals(alone.ok ? [] : alone.problems, ["--node is required"]);
  assertEquals(parseFlags(NEEDED, { args: [], env: { NODE: "a" } }).ok, true);
});

for (
  const args of [["--name=x"], ["-name=x"], ["--name", "x"], ["-name", "x"], ["--name=first", "-name", "x"]]
) {
  Deno.test(`parseFlags: Go's syntax, ${args.join(" ")}`, () => assertEquals(valuesOf(args).name, "x"));
}

Deno.test("parseFlags: a value keeps its equal signs, blanks, dashes and line ends", () => {
  for (const value of ["a=b=c", " x ", "-", "a\nb", "", "--=", "app=metallb,component in (speaker)"]) {
    assertEquals(valuesOf([`--name=${value}`]).name, value);
  }
  assertEquals(valuesOf(["--name", "-"]).name, "-");
});

Deno.test("parseFlags: booleans in all of Go's spellings, alone and with a value", () => {
  assertEquals(valuesOf(["--quiet"]).quiet, true);
  assertEquals(valuesOf(["-quiet", "--name=x"]).quiet, true);
  for (const text of ["1", "t", "T", "true", "TRUE", "True"]) assertEquals(valuesOf([`-quiet=${text}`]).quiet, true);
  for (const text of ["0", "f", "F", "false", "FALSE", "False"]) {
    assertEquals(valuesOf([`--quiet=${text}`], { QUIET: "true" }).quiet, false);
  }
});

Deno.test("parseFlags: the flag wins over the variable, the variable over the default; an empty variable is none", () => {
  assertEquals(valuesOf([]), { name: "", port: 80, count: 0, quiet: false, level: "info", "old-flag": "" });
  assertEquals(valuesOf([], { NAME: "n", PORT: "81", QUIET: "1" }), {
    ...valuesOf([]),
    name: "n",
    port: 81,
    quiet: true,
  });
  assertEquals(valuesOf([], { NAME: "", PORT: "", QUIET: "" }), valuesOf([]));
  assertEquals(valuesOf(["--port=82"], { PORT: "81" }).port, 82);
  assertEquals(valuesOf(["--port=82"], { PORT: "bad, but not asked for" }).port, 82);
  assertEquals(valuesOf(["--name="], { NAME: "n" }).name, "", "an empty flag is a value");
});

Deno.test("parseFlags: bounds are inclusive", () => {
  assertEquals([valuesOf(["--port=1"]).port, valuesOf(["--port=65535"]).port], [1, 65535]);
  assertEquals(valuesOf(["--count=-12"]).count, -12);
});

Deno.test("parseFlags: what has no effect is accepted and named by where it came from", () => {
  const effectless = (args: string[], env = {}) => {
    const result = parseFlags(SPECS, { args, env });
    return result.ok ? result.withoutEffect : result.problems;
  };
  assertEquals(effectless([]), []);
  assertEquals(effectless(["--old-flag=x"]), ["--old-flag"]);
  assertEquals(effectless([], { OLD: "x" }), ["OLD"]);
  assertEquals(effectless(["--old-flag=x"], { OLD: "y" }), ["--old-flag"]);
});

Deno.test("parseFlags: an unknown flag like no other is answered with where they are listed", () => {
  const result = parseFlags(SPECS, { args: ["--zzzzzzzz=1"], env: {} });
  assertEquals(result.ok ? [] : result.problems, ["--zzzzzzzz is not a flag of this program; --help lists them"]);
});

Deno.test("describeFlags: one line per flag with default and variable, and at the end those without effect", () => {
  const [useful, idle] = describeFlags(SPECS).split("\n\n");
  const lines = useful!.split("\n");
  assertEquals(lines.length, Object.keys(SPECS).length - 1);
  assertEquals(lines[1]?.trim().replace(/ +/g, " "), "--port a number (default 80) [PORT]");
  assertEquals(idle, "Accepted for compatibility, without effect:\n  --old-flag [OLD]");
});

Deno.test("describeFlags: the help of a long flag stands where that of the others does", () => {
  const help = "words of help";
  const text = describeFlags({ a: { kind: "string", help }, ["b".repeat(30)]: { kind: "string", help } });
  assertEquals(text.split("\n").map((line) => line.indexOf(help)), [36, 36]);
});
