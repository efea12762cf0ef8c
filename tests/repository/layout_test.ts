/** Checks on the repository as a whole: top level (DESIGN §1), exact versions, lock file, nothing of a single machine. */
import { assertEquals } from "@std/assert/equals";
import { exists, filesBelow, namesIn, readText } from "./repository_files.ts";

interface DenoConfig {
  readonly imports: Readonly<Record<string, string>>;
  readonly lock?: unknown;
  readonly tasks?: Readonly<Record<string, unknown>>;
}

const CONFIG = JSON.parse(readText("deno.json")) as DenoConfig;

const TOP_LEVEL = [
  "deno.json deno.lock main_controller.ts main_speaker.ts main_cli.ts lib codecs wasm manifests tests README.md LICENSE",
  ".ci .gitignore",
].join(" ").split(" ");

/** Names with a scheme of their own, e.g. `npm:@scope/name@1.2.3/file.js`. */
const EXACT_VERSION = /^npm:\/?(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?(\/[\w./-]*)?$/;

Deno.test("Repository: the top level holds what DESIGN §1 names and nothing else", () => {
  const strange = namesIn("").map((entry) => entry.name).filter((name) => !TOP_LEVEL.includes(name));
  assertEquals(strange, [], "Instead: put it below one of the top-level folders, or into .gitignore's folders");
});

Deno.test("Repository: the top level lacks nothing that DESIGN §1 names", () => {
  const missing = TOP_LEVEL.filter((name) => !exists(name));
  assertEquals(missing, []);
});

Deno.test("Repository: every import has an exact version", () => {
  const loose = Object.entries(CONFIG.imports).filter(([, target]) => !EXACT_VERSION.test(target));
  assertEquals(loose, [], "Instead: write npm:NAME@MAJOR.MINOR.PATCH, without ^, ~ or a range");
});

for (
  const loose of [
    "npm:hono@4",
    "npm:hono",
    "npm:hono@^4.1.2",
    "npm:hono@~4.1.2",
    "npm:hono@4.x",
    "jsr:@std/x@1.0.0",
    "https://example.test/x.ts",
  ]
) {
  Deno.test(`Repository: "${loose}" does not count as an exact version`, () => {
    assertEquals(EXACT_VERSION.test(loose), false);
  });
}

Deno.test("Repository: the lock files are there, know every import, and are frozen", () => {
  const imported = Object.values(CONFIG.imports);
  assertEquals(unlocked("deno.lock", imported), [], "Instead: run `deno install --frozen=false` and commit deno.lock");
  // The codec compiler has a lock of its own: from the main one, every first run of the demo would download it.
  const compiler = [...readText("codecs/build.ts").matchAll(/npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+/g)].map(([text]) =>
    text
  );
  assertEquals(compiler.length > 0, true, "codecs/build.ts names its compiler with an exact version");
  const how = "Instead: run `deno task wasm --frozen=false` and commit codecs/deno.lock";
  assertEquals(unlocked("codecs/deno.lock", compiler), [], how);
  assertEquals(
    (CONFIG.lock as { frozen?: boolean } | undefined)?.frozen,
    true,
    'Instead: set "lock": { "frozen": true } in deno.json',
  );
});

/** Packages that a lock file does not know. */
function unlocked(path: string, targets: readonly string[]): string[] {
  assertEquals(exists(path), true, `Instead: commit ${path}`);
  const lock = JSON.parse(readText(path)) as { specifiers?: Record<string, string> };
  const packages = targets.map((target) => target.match(/^npm:\/?((?:@[^/]+\/)?[^/]+)/)![1]!);
  return [...new Set(packages)].filter((name) => lock.specifiers?.[`npm:${name}`] === undefined);
}

Deno.test("Repository: every file with tests has a name that the runner finds", () => {
  const hidden = filesBelow("tests").filter((path) => path.endsWith(".ts") && !/_test\.ts$/.test(path))
    .filter((path) => /^Deno\.test\(/m.test(readText(path)));
  assertEquals(hidden, [], "Instead: end the file's name in _test.ts");
});

/** What tells of one machine or one network. The patterns are general, so that this file names none itself. */
const OF_ONE_MACHINE: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: "a path of somebody's machine", pattern: /(?<![\w./$}-])\/(?:home|Users|root|work|workspace)\/[\w.-]+/ },
  { what: "a package registry", pattern: /https?:\/\/[\w.-]*(registry|artifact|nexus|proxy|mirror)[\w.-]*[./:]/i },
  { what: "a private key", pattern: new RegExp("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----\\n[A-Za-z0-9+/]{20}") },
];

const TEXT = /(\.(ts|json|md|ya?ml|txt|sh|tpl|html|css|svg)|\/(run|Dockerfile|Containerfile)|^\.gitignore|^LICENSE)$/;

Deno.test("Repository: no file speaks of one machine or one network", () => {
  const files = ["", ...TOP_LEVEL].flatMap((folder) => folder === "" ? filesBelow("", { depth: 1 }) : filesIn(folder));
  const found = files.filter((path) => TEXT.test(path) && path !== "deno.lock" && !path.startsWith("tests/golden/"))
    .flatMap((path) =>
      readText(path).split("\n").flatMap((line, index) =>
        OF_ONE_MACHINE.filter(({ pattern }) => pattern.test(line)).map(({ what }) =>
          `${path}:${index + 1}: ${what}: ${line.trim()}`
        )
      )
    );
  assertEquals(
    found.length,
    0,
    `\n${found.join("\n")}\nInstead: use a relative path, an option or an environment variable\n`,
  );
});

for (
  const line of [
    "cd /home/" + "somebody",
    'x("/root/' + '.cache/x")',
    "https://npm-" + "registry.example.test/x",
    "http://proxy" + ".example.test:3128",
  ]
) {
  Deno.test(`Repository: "${line.replaceAll("/", "∕")}" counts as speaking of one machine`, () => {
    assertEquals(OF_ONE_MACHINE.some(({ pattern }) => pattern.test(line)), true);
  });
}

function filesIn(name: string): string[] {
  return exists(name) && namesIn("").some((entry) => entry.name === name && entry.isDirectory) ? filesBelow(name) : [];
}
