/**
 * The rules of DESIGN §3 (rooms, directions, purity) and §6 (style that a machine can see), checked one file at a time.
 *
 * A pure function from path and text to findings; `import_rules_test.ts` feeds it the repository and a table of bad
 * sources. Every finding says what to do instead, because the reader is somebody in the middle of other work.
 */
import { lineAt, readSource, type SourceText } from "./source_text.ts";

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly instead: string;
}

export function formatFinding({ file, line, rule, instead }: Finding): string {
  return `${file}:${line}: ${rule}\n    Instead: ${instead}`;
}

/** Rooms and what each may import besides itself; `*` = one folder each, `**` = all of it. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "lib/base": [],
  "lib/wire": ["lib/base", "wasm"],
  "lib/protocol/*": ["lib/base", "lib/wire"],
  "lib/protocol": ["lib/base", "lib/wire", "lib/protocol/*"],
  "lib/decision/config": ["lib/base"],
  "lib/decision/alloc": ["lib/base", "lib/decision/config"],
  "lib/decision/plan": ["lib/base", "lib/decision/config", "lib/decision/alloc"],
  "lib/decision/control": ["lib/base", "lib/decision/config", "lib/decision/alloc", "lib/decision/plan"],
  "lib/edge/net": ["lib/base"],
  "lib/edge/kube": ["lib/base"],
  "lib/edge/run": ["lib/base"],
  "lib/edge/http": ["lib/base"],
  "lib/edge/lab": ["lib/base", "lib/edge/net"],
  "lib/edge/embedded": ["lib/base", "lib/decision/config"],
  "lib/app": ["lib/**", "manifests", "deno.json"],
  "main": ["lib/app"],
  "codecs": [],
};

/** Edges that may look at the types of what they show or carry. */
const TYPES_OF_ANYTHING: readonly string[] = ["lib/edge/http"];

/** A third-party package enters through one folder, so that it can be replaced there. Tests are exempt. */
export const PACKAGE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["lib/edge/kube"],
  "@peculiar/x509": ["lib/edge/http"],
  "@std/assert": [],
  "@std/yaml": ["lib/app"],
  "js-yaml": ["lib/app"],
  "fast-json-patch": ["lib/edge/embedded"],
  "hono": ["lib/edge/http"],
  "prom-client": ["lib/edge/http"],
  "reflect-metadata": ["lib/edge/http"],
  "zod": ["lib/decision/config"],
};

const PURE = /^lib\/(base|wire|protocol|decision)\//;

/** What pure rooms do not know, with the way to do it there. */
const IMPURE: readonly { readonly pattern: RegExp; readonly what: string; readonly instead: string }[] = [
  { pattern: /(?<![.\w$#])Deno\b/g, what: "Deno", instead: "let an edge do it and hand in the result" },
  {
    pattern: /(?<![.\w$#])(Date\.now|Date\s*\(\s*\)|performance\s*[.[]|Temporal\.Now)/g,
    what: "a clock",
    instead: "take `now: Millis` as an argument, or a Clock (lib/base/time.ts) in the constructor",
  },
  {
    pattern: /(?<![\w$])(Math\.random|getRandomValues|randomUUID|randomBytes|randomInt|randomFill(Sync)?)\b/g,
    what: "randomness",
    instead: "take an Rng (lib/base/rng.ts) in the constructor",
  },
  {
    pattern: /(?<![.\w$#])(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    what: "a timer",
    instead: "answer `deadline()` and act on the tick (lib/base/machine.ts)",
  },
  {
    pattern: /(?<![.\w$#])(async\b(?!\s*:)|await\b|new\s+Promise\b|Promise\s*\.)/g,
    what: "async",
    instead: "return an effect; the driver does it and hands the outcome in as an input",
  },
  {
    pattern: /(?<![.\w$#])console\b/g,
    what: "the console",
    instead: "take a Log (lib/base/log.ts) or return what is to be said",
  },
  {
    pattern: /(?<![.\w$#])(globalThis|crypto\s*\.\s*subtle|(fetch|WebSocket|XMLHttpRequest)\s*\(|new\s+Worker\b)/g,
    what: "the outside world",
    instead: "declare what you need as a port in lib/base and let an edge provide it",
  },
  {
    pattern: /(?<![.\w$#])process\s*\.\s*(env|argv|hrtime|nextTick|exit|memoryUsage|on)\b/g,
    what: "the process",
    instead: "take the value as an option; lib/app reads the environment",
  },
];

/** Runs the AssemblyScript compiler: a program for developers, not a codec and not a part of Herald. */
const CODEC_BUILDER = "codecs/build.ts";
const MAIN_LINES_MAX = 60;
const LEFT_OVER = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME"].join("|")})\\b`, "g");

/** All findings for one file; `path` is relative to the repository's root. */
export function checkFile(path: string, text: string): Finding[] {
  const source = readSource(text);
  const findings: Finding[] = [];
  const add = (line: number, rule: string, instead: string): void =>
    void findings.push({ file: path, line, rule, instead });
  checkLeftOvers(text, add);
  if (roomOf(path) === "tests" || path === CODEC_BUILDER) return findings;
  checkImports(path, source, add);
  if (roomOf(path) === "codecs") return findings;
  if (PURE.test(path)) checkPurity(path, source, add);
  checkStyle(path, { text, source, add });
  return findings;
}

type Add = (line: number, rule: string, instead: string) => void;

/** The room a file lives in: a key of ROOMS, `lib/protocol/l2` and the like, or another top-level entry. */
export function roomOf(path: string): string | undefined {
  const parts = path.split("/");
  if (parts.length === 1) return /^main_\w+\.ts$/.test(path) ? "main" : path;
  if (parts[0] !== "lib") return parts[0];
  if (parts[1] === "protocol") return parts.length === 3 ? "lib/protocol" : parts.slice(0, 3).join("/");
  const depth = parts[1] === "decision" || parts[1] === "edge" ? 3 : 2;
  const room = parts.slice(0, depth).join("/");
  return parts.length > depth && room in ROOMS ? room : undefined;
}

function allowedFrom(room: string): readonly string[] {
  return ROOMS[room] ?? (room.startsWith("lib/protocol/") ? ROOMS["lib/protocol/*"]! : []);
}

function allows(pattern: string, room: string): boolean {
  if (pattern === "lib/**") return room.startsWith("lib/");
  if (pattern === "lib/protocol/*") return room.startsWith("lib/protocol/");
  return pattern === room;
}

function checkImports(path: string, source: SourceText, add: Add): void {
  const room = roomOf(path);
  if (room === undefined) {
    add(
      1,
      `${path} is in no room`,
      `put it into one of ${Object.keys(ROOMS).filter((r) => r.startsWith("lib")).join(", ")}`,
    );
    return;
  }
  for (const line of source.unreadableImports) {
    add(
      line,
      "an import whose target is computed cannot be checked",
      'write the target as a plain string: import("./x.ts")',
    );
  }
  for (const { specifier, line, typeOnly } of source.imports) {
    if (/^\.\.?\//.test(specifier)) {
      const target = resolve(path, specifier);
      const targetRoom = target === undefined ? undefined : roomOf(target);
      if (targetRoom === room) continue;
      if (targetRoom !== undefined && allowedFrom(room).some((pattern) => allows(pattern, targetRoom))) continue;
      // Code points are written once (lib/wire/iana.ts); the AssemblyScript compiler wants the path without `.ts`.
      if (room === "codecs" && target === "lib/wire/iana") continue;
      const shown = targetRoom?.startsWith("lib/") && targetRoom !== "lib/app";
      if (typeOnly && shown && TYPES_OF_ANYTHING.includes(room)) continue;
      add(line, `${room} must not import ${targetRoom ?? specifier} (${specifier})`, insteadOf(room, targetRoom));
    } else if (/^(npm|jsr|https?|data|file):/.test(specifier) || specifier.startsWith("/")) {
      add(
        line,
        `"${specifier}" goes past the import map`,
        "give it a name and an exact version in deno.json and import that",
      );
    } else if (specifier.startsWith("node:")) {
      if (PURE.test(path) && specifier !== "node:crypto") {
        add(
          line,
          `the pure room ${room} must not import ${specifier}`,
          "only synchronous node:crypto is allowed here; an edge may do the rest",
        );
      }
      if (room === "codecs") {
        add(line, `codecs must not import ${specifier}`, "a codec imports nothing but other codecs");
      }
    } else {
      checkPackage(room, { specifier, line, add });
    }
  }
}

function checkPackage(room: string, { specifier, line, add }: { specifier: string; line: number; add: Add }): void {
  const name = packageOf(specifier);
  const folders = PACKAGE_FOLDERS[name];
  if (folders === undefined) {
    add(
      line,
      `the package ${name} has no folder yet`,
      "do without it, or name the one folder it enters through in PACKAGE_FOLDERS of tests/repository/room_rules.ts",
    );
  } else if (!folders.includes(room)) {
    const owner = folders.length === 0 ? "the tests" : folders.join(" or ");
    add(
      line,
      `the package ${name} enters through ${owner}, not through ${room}`,
      `let ${owner} offer what you need, and have it injected by lib/app`,
    );
  }
}

/** `@std/yaml/parse` -> `@std/yaml`, `hono/jsx` -> `hono`. */
export function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function insteadOf(room: string, target: string | undefined): string {
  if (target === "wasm") return "import the typed records of lib/wire; only it loads wasm/";
  if (target === "tests") return "move what the program needs into lib/";
  if (room === "main") return "move the work into lib/app; a main only parses flags and calls it";
  if (target === "lib/app") return "turn it round: lib/app imports you and hands in what you need";
  if (room.startsWith("lib/protocol/") && target?.startsWith("lib/protocol")) {
    return "talk through inputs and effects, joined in a file directly in lib/protocol/; shared words go to lib/base";
  }
  if (room.startsWith("lib/edge/") && target?.startsWith("lib/edge/")) {
    return "take it as a dependency typed by a port in lib/base, and let lib/app join the two";
  }
  const may = allowedFrom(room);
  return `imports go down only: ${room} may import ${may.length === 0 ? "nothing but itself" : may.join(", ")}; ` +
    "move what both need down to lib/base, or let lib/app join them";
}

/** Path from the root, or undefined when the specifier leaves the repository. */
function resolve(from: string, specifier: string): string | undefined {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function checkPurity(path: string, { code }: SourceText, add: Add): void {
  for (const { pattern, what, instead } of IMPURE) {
    for (const match of code.matchAll(pattern)) {
      add(lineAt(code, match.index), `a pure room must not know ${what}: ${match[0].trim()}`, instead);
    }
  }
  // Ports live in base, and what an edge provides may well be asynchronous; nobody else pure may even name it.
  if (path.startsWith("lib/base/")) return;
  for (const match of code.matchAll(/(?<![.\w$#])Promise(Like)?\s*</g)) {
    add(
      lineAt(code, match.index),
      "a pure room must not know async: Promise",
      "return plain data; a port with a Promise belongs to lib/base",
    );
  }
}

function checkStyle(path: string, { text, source, add }: { text: string; source: SourceText; add: Add }): void {
  const { code } = source;
  const each = (pattern: RegExp, rule: string, instead: string): void => {
    for (const match of code.matchAll(pattern)) add(lineAt(code, match.index), rule, instead);
  };
  each(/(?<![.\w$#])export\s+(default\b|\{[^}]*\bas\s+default\b)/g, "a default export", "export it by its name");
  each(/(?<![.\w$#])export\s+(type\s+)?\*/g, "a barrel (`export *`)", "let users import the file that has it");
  each(
    /(?<![.\w$#])(private|protected)\s+(?!constructor\b)(?=[\w$*[])/g,
    "the keyword private or protected",
    "use a #private field; what a subclass needs is a sign that composition is wanted",
  );
  each(/(?<![.\w$#])any\b(?!\s*\??\s*[:(=.])/g, "the type any", "use unknown and narrow it, or name the type");
  if (source.imports.some((each) => each.reExport) && nothingButReExports(code)) {
    add(1, "a barrel: the file only re-exports", "delete it and let users import the files that have it");
  }
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (roomOf(path) === "main" && lines > MAIN_LINES_MAX) {
    add(MAIN_LINES_MAX + 1, `a main of ${lines} lines; ${MAIN_LINES_MAX} are allowed`, "move the work into lib/app");
  }
  const name = path.split("/").at(-1)!;
  if (!/^_?[a-z][a-z0-9_]*(\.d)?\.ts$/.test(name)) {
    add(1, `the file name ${name} is not in snake_case`, "name it by a noun in snake_case, like its main export");
  }
}

function nothingButReExports(code: string): boolean {
  const left = code
    .replace(/(?<![.\w$#])(import|export)\b[^;"'`()]*?\bfrom\s*["'][^"']*["'](\s*with\s*\{[^}]*\})?/g, "")
    .replace(/(?<![.\w$#])import\s*["'][^"']*["']/g, "");
  return /^[\s;]*$/.test(left);
}

function checkLeftOvers(text: string, add: Add): void {
  for (const match of text.matchAll(LEFT_OVER)) {
    add(
      lineAt(text, match.index),
      `${match[0]} left in the file`,
      "do it now, or open an issue and say in a sentence what holds today",
    );
  }
}
