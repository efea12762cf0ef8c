import { assertEquals } from "@std/assert/equals";
import { checkFile, formatFinding, packageOf, roomOf } from "./room_rules.ts";
import { readSource } from "./source_text.ts";

interface BadRow {
  readonly title: string;
  readonly path: string;
  readonly source: string;
  /** A word of the rule, and the line it must name. */
  readonly rule: string;
  readonly line: number;
}

const bad = (title: string, path: string, source: string, rule: string, line = 1): BadRow => ({
  title,
  path,
  source,
  rule,
  line,
});

const BAD: readonly BadRow[] = [
  bad("base imports wire", "lib/base/a.ts", 'import { x } from "../wire/arp.ts";', "lib/base must not import lib/wire"),
  bad(
    "wire imports protocol",
    "lib/wire/a.ts",
    'import { x } from "../protocol/l2/x.ts";',
    "must not import lib/protocol/l2",
  ),
  bad(
    "one protocol imports another",
    "lib/protocol/l2/a.ts",
    'import { x } from "../bgp/fsm.ts";',
    "must not import lib/protocol/bgp",
  ),
  bad(
    "a protocol imports the composition",
    "lib/protocol/l2/a.ts",
    'import { x } from "../packet_plane.ts";',
    "must not import lib/protocol",
  ),
  bad(
    "protocol imports a decision",
    "lib/protocol/l2/a.ts",
    'import { x } from "../../decision/plan/l2_plan.ts";',
    "must not import lib/decision/plan",
  ),
  bad(
    "config imports alloc",
    "lib/decision/config/a.ts",
    'import { x } from "../alloc/pool.ts";',
    "must not import lib/decision/alloc",
  ),
  bad(
    "alloc imports plan",
    "lib/decision/alloc/a.ts",
    'import { x } from "../plan/x.ts";',
    "must not import lib/decision/plan",
  ),
  bad(
    "plan imports control",
    "lib/decision/plan/a.ts",
    'import { x } from "../control/x.ts";',
    "must not import lib/decision/control",
  ),
  bad(
    "decision imports wire",
    "lib/decision/plan/a.ts",
    'import { x } from "../../wire/arp.ts";',
    "must not import lib/wire",
  ),
  bad(
    "decision imports an edge",
    "lib/decision/control/a.ts",
    'import { x } from "../../edge/kube/client.ts";',
    "must not import lib/edge/kube",
  ),
  bad(
    "an edge imports another",
    "lib/edge/kube/a.ts",
    'import { x } from "../net/errno.ts";',
    "must not import lib/edge/net",
  ),
  bad(
    "run imports net",
    "lib/edge/run/a.ts",
    'import type { Poller } from "../net/poller.ts";',
    "must not import lib/edge/net",
  ),
  bad(
    "http imports a value of what it shows",
    "lib/edge/http/a.ts",
    'import { x } from "../../decision/plan/x.ts";',
    "must not import lib/decision/plan",
  ),
  bad(
    "http imports a type of the wiring",
    "lib/edge/http/a.ts",
    'import type { x } from "../../app/x.ts";',
    "must not import lib/app",
  ),
  bad(
    "an edge imports the wiring",
    "lib/edge/lab/a.ts",
    'import { x } from "../../app/demo.ts";',
    "must not import lib/app",
  ),
  bad(
    "a main imports below the wiring",
    "main_cli.ts",
    'import { x } from "./lib/base/ip.ts";',
    "main must not import lib/base",
  ),
  bad(
    "a protocol loads wasm",
    "lib/protocol/l2/a.ts",
    'import * as arp from "../../../wasm/arp.wasm";',
    "must not import wasm",
  ),
  bad("the wiring loads wasm", "lib/app/a.ts", 'import * as arp from "../../wasm/arp.wasm";', "must not import wasm"),
  bad("lib imports tests", "lib/app/a.ts", 'import { x } from "../../tests/support/x.ts";', "must not import tests"),
  bad(
    "an import over several lines",
    "lib/base/a.ts",
    '// head\n\nimport {\n  a,\n  type B,\n} from\n  "../app/x.ts";',
    "must not import lib/app",
    3,
  ),
  bad(
    "a re-export counts as an import",
    "lib/base/a.ts",
    'export const a = 1;\nexport { x } from "../app/x.ts";',
    "must not import lib/app",
    2,
  ),
  bad("a side-effect import counts", "lib/base/a.ts", 'import "../app/x.ts";', "must not import lib/app"),
  bad(
    "a dynamic import counts",
    "lib/edge/run/a.ts",
    'const x = await import("../../app/x.ts");',
    "must not import lib/app",
  ),
  bad(
    "a Worker's module counts",
    "lib/edge/run/a.ts",
    'const a = 1;\nnew Worker(new URL("../net/x.ts", import.meta.url), { type: "module" });',
    "must not import lib/edge/net",
    2,
  ),
  bad("a computed import", "lib/edge/run/a.ts", "const x = await import(name);", "computed"),
  bad("a file between the rooms", "lib/edge/a.ts", "export const a = 1;", "is in no room"),
  bad("a file in an unknown room", "lib/util/a.ts", "export const a = 1;", "is in no room"),
  bad(
    "zod beside its folder",
    "lib/decision/plan/a.ts",
    'import { z } from "zod";',
    "zod enters through lib/decision/config",
  ),
  bad(
    "a subpath of hono beside its folder",
    "lib/app/a.ts",
    'import { serve } from "hono/deno";',
    "hono enters through lib/edge/http",
  ),
  bad(
    "client-node by types only",
    "lib/app/a.ts",
    'import type { V1Pod } from "@kubernetes/client-node";',
    "enters through lib/edge/kube",
  ),
  bad(
    "assertions of the tests",
    "lib/base/a.ts",
    'import { assertEquals } from "@std/assert/equals";',
    "enters through the tests",
  ),
  bad("an unknown package", "lib/app/a.ts", 'import x from "left-pad";', "has no folder yet"),
  bad("past the import map", "lib/app/a.ts", 'import x from "npm:hono@4";', "goes past the import map"),
  bad("from the web", "lib/app/a.ts", 'import x from "https://example.test/x.ts";', "goes past the import map"),
  bad("node:fs in a pure room", "lib/base/a.ts", 'import { readFileSync } from "node:fs";', "must not import node:fs"),
  bad(
    "node:assert in a pure room",
    "lib/base/a.ts",
    'import assert from "node:assert";',
    "must not import node:assert",
  ),
  bad(
    "a codec imports the program",
    "codecs/arp.ts",
    'import { x } from "../lib/base/ip.ts";',
    "codecs must not import lib/base",
  ),
  bad("Deno", "lib/wire/a.ts", "const x = 1;\nconst y = Deno.build.os;", "must not know Deno", 2),
  bad("Date.now", "lib/base/a.ts", "const t = Date.now();", "must not know a clock"),
  bad("new Date without a time", "lib/decision/plan/a.ts", "const t = new Date();", "must not know a clock"),
  bad("performance.now", "lib/protocol/l2/a.ts", "const t = performance.now();", "must not know a clock"),
  bad("Math.random", "lib/base/a.ts", "const r = Math.random();", "must not know randomness"),
  bad("crypto.getRandomValues", "lib/base/a.ts", "crypto.getRandomValues(b);", "must not know randomness"),
  bad(
    "randomBytes of node:crypto",
    "lib/base/a.ts",
    'import { randomBytes } from "node:crypto";',
    "must not know randomness",
  ),
  bad("crypto.randomUUID", "lib/decision/control/a.ts", "const id = crypto.randomUUID();", "must not know randomness"),
  bad("setTimeout", "lib/protocol/watch/a.ts", "setTimeout(f, 1);", "must not know a timer"),
  bad("queueMicrotask", "lib/base/a.ts", "queueMicrotask(f);", "must not know a timer"),
  bad("an async function", "lib/base/a.ts", "export async function f() {}", "must not know async"),
  bad("await inside a template", "lib/base/a.ts", "const s = `a ${await f()} b`;", "must not know async"),
  bad("new Promise in base", "lib/base/a.ts", "const p = new Promise(f);", "must not know async"),
  bad(
    "Promise as a type above base",
    "lib/decision/plan/a.ts",
    "type F = () => Promise<void>;",
    "must not know async: Promise",
  ),
  bad("console", "lib/base/a.ts", 'console.log("x");', "must not know the console"),
  bad("fetch", "lib/decision/control/a.ts", 'fetch("x");', "must not know the outside world"),
  bad("process.env", "lib/base/a.ts", "const e = process.env.X;", "must not know the process"),
  bad(
    "after a regular expression with a quote",
    "lib/base/a.ts",
    "const r = /[\"'`/]/;\nconst t = Date.now();",
    "must not know a clock",
    2,
  ),
  bad(
    "after a string with a comment in it",
    "lib/base/a.ts",
    'const s = "// /*";\nconst t = Date.now();',
    "must not know a clock",
    2,
  ),
  bad(
    "after nested templates",
    "lib/base/a.ts",
    "const s = `${{ a: `${1}` }.a} }`;\nconst t = Date.now();",
    "must not know a clock",
    2,
  ),
  bad(
    "after a division",
    "lib/base/a.ts",
    "const s = (a) / b; const u = '/';\nconst t = Date.now();",
    "must not know a clock",
    2,
  ),
  bad(
    "after an unclosed string",
    "lib/base/a.ts",
    "const s = 'oops;\nconst t = Date.now();",
    "must not know a clock",
    2,
  ),
  bad("a default export", "lib/app/a.ts", "export default function f() {}", "default export"),
  bad("a default export by renaming", "lib/app/a.ts", "export { f as default };", "default export"),
  bad("export *", "lib/app/a.ts", 'const a = 1;\nexport * from "./b.ts";', "barrel", 2),
  bad(
    "only re-exports",
    "lib/app/a.ts",
    '/** All of it. */\nexport { b } from "./b.ts";\nexport type { C } from "./c.ts";\n',
    "barrel: the file only re-exports",
  ),
  bad("the keyword private", "lib/app/a.ts", "class A {\n  private x = 1;\n}", "keyword private", 2),
  bad("private in front of readonly", "lib/app/a.ts", "class A {\n  private readonly x = 1;\n}", "keyword private", 2),
  bad("protected", "lib/app/a.ts", "class A {\n  protected f(): void {}\n}", "keyword private", 2),
  bad("any", "lib/app/a.ts", "let x: any;", "type any"),
  bad("as any", "lib/app/a.ts", "f(x as any);", "type any"),
  bad("any in a type argument", "lib/app/a.ts", "const m = new Map<string, any>();", "type any"),
  bad("an array of any", "lib/app/a.ts", "let x: any[];", "type any"),
  bad("a long main", "main_cli.ts", "\n".repeat(61), "a main of 61 lines", 61),
  bad("a file name in camel case", "lib/base/ipRange.ts", "export const a = 1;", "not in snake_case"),
  bad("a left-over in a comment", "lib/base/a.ts", "// fine\n// TO" + "DO: later", "left in the file", 2),
  bad("a left-over in a test", "tests/base/a_test.ts", "// FIX" + "ME", "left in the file"),
  bad("a left-over in a codec", "codecs/arp.ts", "// FIX" + "ME", "left in the file"),
];

const GOOD: readonly (readonly [string, string, string])[] = [
  [
    "wire loads wasm",
    "lib/wire/arp.ts",
    'import { decode } from "../../wasm/arp.wasm";\nimport { x } from "../base/ip.ts";',
  ],
  [
    "the composition joins protocols",
    "lib/protocol/packet_plane.ts",
    'import { a } from "./l2/a.ts";\nimport { b } from "./watch/b.ts";',
  ],
  [
    "control imports everything above it",
    "lib/decision/control/a.ts",
    'import { a } from "../alloc/a.ts";\nimport { b } from "../plan/b.ts";',
  ],
  [
    "http imports types of what it shows",
    "lib/edge/http/a.ts",
    'import type { A } from "../../decision/plan/a.ts";\nimport { type B, type C } from "../run/b.ts";',
  ],
  ["lab imports net", "lib/edge/lab/a.ts", 'import { Netlink } from "../net/netlink.ts";'],
  ["embedded imports config", "lib/edge/embedded/a.ts", 'import { z } from "../../decision/config/schema/pool.ts";'],
  [
    "the wiring imports everything",
    "lib/app/a.ts",
    'import { a } from "../edge/net/a.ts";\nimport crds from "../../manifests/crds.yaml" with { type: "text" };',
  ],
  ["a main imports the wiring", "main_cli.ts", 'import { a } from "./lib/app/cli/a.ts";\nawait a(Deno.args);'],
  ["a folder found by URL is no import", "lib/edge/run/a.ts", 'const root = new URL("../../../", import.meta.url);'],
  ["tests import what they like", "tests/base/a_test.ts", 'import { z } from "zod";\nexport default 1;'],
  ["synchronous node:crypto in a pure room", "lib/protocol/watch/a.ts", 'import { createHmac } from "node:crypto";'],
  ["a port with a Promise in base", "lib/base/a.ts", "export type Fetch = (request: Request) => Promise<Response>;"],
  ["a date from a number", "lib/base/a.ts", "const d = new Date(wallMs).toISOString(); const p = Date.parse(s);"],
  [
    "words in comments, strings, templates and regular expressions",
    "lib/base/a.ts",
    '// Date.now() any\n/* await\nDeno */ const a = "console.log" + \'async\' + `Math.random ${1} setTimeout`;\nconst r = /Deno\\/[/"]await/g;',
  ],
  [
    "members that share a word",
    "lib/base/a.ts",
    "clock.now(); this.console; x.any; rules.performance; Object.keys({ async: 1, any: 2, private: 3 });",
  ],
  [
    "an edge is asynchronous and knows the clock",
    "lib/edge/run/clock.ts",
    "export async function f() { return await Promise.resolve(Date.now()); }",
  ],
  [
    "a file that adds something to what it re-exports",
    "lib/app/a.ts",
    'export { b } from "./b.ts";\nexport const c = 1;',
  ],
  ["a codec imports the code points", "codecs/arp.ts", 'import { ETHER_TYPE_ARP } from "../lib/wire/iana";'],
  ["the builder of the codecs is a program, not a codec", "codecs/build.ts", 'import { x } from "node:util";'],
  ["a private constructor, which no # can express", "lib/app/a.ts", "class A {\n  private constructor() {}\n}"],
  ["an #private field", "lib/app/a.ts", "class A {\n  readonly #x = 1;\n}"],
  ["a main of sixty lines", "main_cli.ts", "\n".repeat(60)],
];

for (const row of BAD) {
  Deno.test(`RoomRules: finds ${row.title}`, () => {
    const findings = checkFile(row.path, row.source);
    const found = findings.filter((finding) => finding.rule.includes(row.rule) && finding.line === row.line);
    assertEquals(
      found.length,
      1,
      `wanted "${row.rule}" in line ${row.line}, found:\n${findings.map(formatFinding).join("\n")}`,
    );
    assertEquals(found[0]!.instead.length > 10, true);
  });
}

for (const [title, path, source] of GOOD) {
  Deno.test(`RoomRules: allows ${title}`, () => {
    assertEquals(checkFile(path, source).map(formatFinding), []);
  });
}

Deno.test("RoomRules: a finding names file, line, rule and what to do instead", () => {
  const [finding] = checkFile("lib/wire/a.ts", "\nconst t = Date.now();");
  const text = formatFinding(finding!);
  assertEquals(text.startsWith("lib/wire/a.ts:2: a pure room must not know a clock"), true, text);
  assertEquals(text.includes("\n    Instead: take `now: Millis`"), true, text);
});

Deno.test("SourceText: keeps every offset, so that lines stay true", () => {
  const text = "a /* b\nc */ 'd' `e${f}g`; // h\n/i/.test(j);\n";
  const { code } = readSource(text);
  assertEquals(code.length, text.length);
  assertEquals(code, "a     \n     ' ' ` ${f} `;     \n/ /.test(j);\n");
});

Deno.test("RoomRules: rooms and packages are read from paths", () => {
  assertEquals(roomOf("lib/protocol/l2/x.ts"), "lib/protocol/l2");
  assertEquals(roomOf("lib/protocol/x.ts"), "lib/protocol");
  assertEquals(roomOf("lib/decision/config/schema/x.ts"), "lib/decision/config");
  assertEquals(roomOf("lib/edge/http/x.ts"), "lib/edge/http");
  assertEquals(roomOf("lib/x.ts"), undefined);
  assertEquals(roomOf("main_speaker.ts"), "main");
  assertEquals(packageOf("@std/yaml/parse"), "@std/yaml");
  assertEquals(packageOf("hono/jsx"), "hono");
});
