import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { readInput } from "../../../lib/app/cli/input.ts";
import { type Files, memoryFiles } from "./cli_world.ts";

const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\n`;
const names = async (paths: readonly string[], files: Files, stdin?: string) =>
  (await readInput(paths, memoryFiles(files, stdin))).objects.map(({ object, source, line }) =>
    `${source}:${line} ${object.metadata.name}`
  );
const bytes = (...parts: number[]) => new Uint8Array(parts);

for (
  const [why, path, files, message] of [
    ["a file that is not there", "no.yaml", {}, /^no.yaml: there is no such file or folder$/],
    ["an empty name", "", {}, /^-f: the name of a file is empty$/],
    [
      "a folder without manifests",
      "dir",
      { "dir/readme.md": "x" },
      /^dir: holds no \*\.yaml, \*\.yml or \*\.json file$/,
    ],
    ["bytes that are not UTF-8", "a.yaml", { "a.yaml": bytes(0x61, 0x3a, 0x20, 0xff) }, /^a.yaml: is not UTF-8 text$/],
    ["UTF-16", "a.yaml", { "a.yaml": bytes(0xff, 0xfe, 0x61, 0) }, /^a.yaml: is UTF-16; save it as UTF-8$/],
    ["a compressed file", "a.yaml", { "a.yaml": bytes(0x1f, 0x8b, 8) }, /^a.yaml: is compressed \(gzip\)/],
    ["a file beyond the limit", "a.yaml", { "a.yaml": new Uint8Array(64 * 1024 * 1024 + 1) }, /larger than 64 MiB$/],
    ["a hostile name", "\x1b[2J.yaml", {}, /^\\u001b\[2J\.yaml: there is no such/],
  ] as const
) {
  Deno.test(`readInput: ${why} cannot be read, and that is said`, async () => {
    const input = await readInput([path], memoryFiles(files as Files));
    assertEquals([input.objects.length, input.unreadable.length], [0, 1]);
    assertMatch(input.unreadable[0]!, message);
  });
}

Deno.test("readInput: folders nested without end are a problem, not a stall", async () => {
  const files = memoryFiles({});
  const endless = {
    ...files,
    kindOf: () => Promise.resolve("folder" as const),
    entries: () => Promise.resolve([{ name: "again", kind: "folder" as const }]),
  };
  assertMatch((await readInput(["d"], endless)).unreadable[0]!, /folders are nested more than 16 deep$/);
});

Deno.test("readInput: more files than the limit are refused once", async () => {
  const many = Object.fromEntries(Array.from({ length: 10_050 }, (_, index) => [`d/${index}.yaml`, "# nothing\n"]));
  const { unreadable, sources } = await readInput(["d"], memoryFiles(many));
  assertEquals([sources.length, unreadable], [10_000, ["more than 10000 files are given"]]);
});

Deno.test("readInput: a folder with its sub-folders, manifests only, in the order of names", async () => {
  const files = {
    "d/b.yaml": service("b"),
    "d/a.json": `{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}`,
    "d/c/z.yml": service("z"),
    "d/c/y.yaml": `${service("y1")}---\n${service("y2")}`,
    "d/notes.txt": service("no"),
    "d/.hidden.yaml": service("no"),
    "d/..data/x.yaml": service("no"),
  };
  const expected = ["d/a.json:1 a", "d/b.yaml:1 b", "d/c/y.yaml:1 y1", "d/c/y.yaml:5 y2", "d/c/z.yml:1 z"];
  assertEquals(await names(["d"], files), expected);
  assertEquals(await names(["d/"], files), expected);
});

Deno.test("readInput: files in the order in which they are given, each once, and standard input", async () => {
  const files = { "b.yaml": service("b"), "a.yaml": service("a") };
  assertEquals(await names(["b.yaml", "-", "a.yaml", "b.yaml"], files, service("in")), [
    "b.yaml:1 b",
    "(standard input):1 in",
    "a.yaml:1 a",
  ]);
});

Deno.test("readInput: a file of any name is read when it is named itself", async () => {
  assertEquals(await names(["manifest"], { manifest: service("a") }), ["manifest:1 a"]);
});

Deno.test("readInput: what one file has wrong leaves the others", async () => {
  const files = { "a.yaml": service("a"), "b.yaml": "x: [1\n", "c.yaml": "kind: 1\n" };
  const input = await readInput(["a.yaml", "b.yaml", "c.yaml", "d.yaml"], memoryFiles(files));
  assertEquals(input.objects.length, 1);
  assertEquals(input.problems.map(({ source, line, reason }) => [source, line, reason]), [
    ["b.yaml", 1, "notYaml"],
    ["c.yaml", 1, "missingField"],
  ]);
  assertEquals(input.unreadable, ["d.yaml: there is no such file or folder"]);
});
