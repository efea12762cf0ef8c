import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { formatYaml, parseManifest, readObjects } from "../../lib/app/yaml.ts";

const pool = (name: string) => `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: ${name}\n`;
const names = (text: string) => parseManifest(text, "f.yaml").objects.map(({ metadata }) => metadata.name);
const messages = (text: string) => parseManifest(text, "f.yaml").problems.map(({ message }) => message);

for (
  const [why, text, message] of [
    ["a scalar", "hello", /^it is a string, not an object; it should begin with "apiVersion:"$/],
    ["a number", "12", /^it is a number, not an object/],
    ["a list", "- a\n- b", /^it is a list, not an object/],
    ["an object without apiVersion", "kind: Service\nmetadata: {name: x}", /^apiVersion: is missing/],
    [
      "an apiVersion that is a number",
      "apiVersion: 1\nkind: Service\nmetadata: {name: x}",
      /^apiVersion: is missing or not a text$/,
    ],
    ["an object without kind", "apiVersion: v1\nmetadata: {name: x}", /^kind: is missing/],
    ["an empty kind", "apiVersion: v1\nkind: ''\nmetadata: {name: x}", /^kind: is missing/],
    ["an object without metadata", "apiVersion: v1\nkind: Service", /^metadata.name: is missing or not a text$/],
    ["metadata that is null", "apiVersion: v1\nkind: Service\nmetadata:", /^metadata.name: is missing/],
    ["metadata that is a text", "apiVersion: v1\nkind: Service\nmetadata: web", /^metadata.name: is missing/],
    ["metadata that is a list", "apiVersion: v1\nkind: Service\nmetadata: [web]", /^metadata.name: is missing/],
    ["a name that is a number", "apiVersion: v1\nkind: Service\nmetadata: {name: 12}", /^metadata.name: is missing/],
    ["a List without items", "apiVersion: v1\nkind: List", /^items: is not a list$/],
    ["a List whose items are an object", "apiVersion: v1\nkind: List\nitems: {}", /^items: is not a list$/],
    ["a List with a scalar", "apiVersion: v1\nkind: List\nitems: [7]", /^it is a number, not an object/],
    ["a mapping on the line of another", "apiVersion: v1\nkind: a: b", /^is not YAML: /],
    ["an open bracket", "a: [1, 2", /^is not YAML: /],
    ["an open quote", "a: 'x", /^is not YAML: /],
    ["an unknown alias", "a: *nowhere", /^is not YAML: /],
    ["a tag that makes objects of its own", "a: !!js/function 'x'", /^is not YAML: /],
    ["a control character", "a: \u0007", /^is not YAML: /],
  ] as const
) {
  Deno.test(`parseManifest: ${why} is one problem and no object`, () => {
    const { objects, problems } = parseManifest(text, "f.yaml");
    assertEquals([objects.length, problems.length], [0, 1]);
    assertEquals(problems[0]?.source, "f.yaml");
    assertMatch(problems[0]!.message, message);
  });
}

Deno.test("parseManifest: a duplicate key is refused with its line, and where the first one is", () => {
  const { objects, problems } = parseManifest(`${pool("a")}spec:\n  addresses: [x]\n  addresses: [y]\n`, "f.yaml");
  assertEquals(objects, []);
  assertEquals([problems[0]?.reason, problems[0]?.line, problems[0]?.path], ["duplicateKey", 7, "spec.addresses"]);
  assertMatch(problems[0]!.message, /^the key "addresses" stands twice in one object; .*\(the first is on line 6\)$/);
});

Deno.test("readObjects: every duplicate key is told, in the document where it stands", () => {
  const text = `${pool("a")}---\na: 1\nb: {c: 1, c: 2, c: 3}\na: 2\n`;
  const { objects, problems } = readObjects(text, "f.yaml");
  assertEquals(objects.length, 1);
  assertEquals(problems.map(({ document, line, path }) => [document, line, path]), [
    [2, 7, "b.c"],
    [2, 7, "b.c"],
    [2, 8, "a"],
  ]);
});

Deno.test("readObjects: two objects without a line of dashes between them are told so", () => {
  const { problems } = readObjects(pool("a") + pool("b"), "f.yaml");
  assertEquals(problems.map(({ line, path }) => [line, path]), [[5, "apiVersion"], [6, "kind"], [7, "metadata"]]);
  assertMatch(problems[0]!.message, /a line "---" must stand between two objects/);
});

Deno.test("readObjects: one broken document leaves those around it, and its line counts from the file's start", () => {
  const { objects, problems } = readObjects(`${pool("a")}---\nx: [1\n---\n${pool("b")}---\n\ty: 1\n`, "f.yaml");
  assertEquals(objects.map(({ object, line, document }) => [object.metadata.name, line, document]), [
    ["a", 1, 1],
    ["b", 8, 3],
  ]);
  assertEquals(problems.map(({ line, document, reason }) => [line, document, reason]), [
    [6, 2, "notYaml"],
    [13, 4, "notYaml"],
  ]);
});

Deno.test("readObjects: the line of every field, in block and flow style, in lists, and of what is not there", () => {
  const text =
    `# first\n${pool("a")}spec:\n  addresses:\n  - x\n  - y\n  allocation: {priority: 1,\n    namespaces: [q]}\n` +
    "---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata:\n" +
    '    name: s\n    annotations:\n      metallb.io/x: "1"\n';
  const [first, second] = readObjects(text, "f.yaml").objects;
  const lines = (object: typeof first, paths: readonly string[]) => paths.map((path) => object?.lineOf(path));
  assertEquals([first?.line, second?.line], [2, 16]);
  assertEquals(
    lines(first, ["", "kind", "spec", "spec.addresses[1]", "spec.addresses[7]", "spec.allocation.namespaces[0]", "no"]),
    [2, 3, 6, 9, 7, 11, 2],
  );
  const annotations = ['metadata.annotations["metallb.io/x"]', "metadata.annotations[metallb.io/x]", "spec.type"];
  assertEquals(lines(second, annotations), [21, 21, 16]);
});

Deno.test("parseManifest: several documents, empty ones and comments between them", () => {
  assertEquals(names(`# first\n---\n${pool("a")}---\n---\n# nothing\n---\n${pool("b")}...\n---\nnull\n`), ["a", "b"]);
  for (const nothing of ["", "\n\n", "# only a comment\n", "---\n", "---\n---\n"]) {
    assertEquals(parseManifest(nothing, "f.yaml"), { objects: [], problems: [] });
  }
});

Deno.test("parseManifest: a bad document leaves the others, and its number is told", () => {
  const { objects, problems } = parseManifest(`${pool("a")}---\nkind: Broken\n---\n${pool("b")}`, "f.yaml");
  assertEquals(objects.map(({ metadata }) => metadata.name), ["a", "b"]);
  assertEquals(problems.map(({ document, line, path, kind, message }) => [document, line, path, kind, message]), [
    [2, 6, "apiVersion", "Broken", "apiVersion: is missing or not a text"],
  ]);
});

Deno.test("parseManifest: a List is its items, also in a List, in their order", () => {
  const item = (name: string) => `{apiVersion: v1, kind: Service, metadata: {name: ${name}}}`;
  const inner = `{apiVersion: v1, kind: List, items: [${item("b")}, ${item("c")}]}`;
  assertEquals(names(`apiVersion: v1\nkind: List\nitems: [${item("a")}, ${inner}, ${item("d")}]`), [
    "a",
    "b",
    "c",
    "d",
  ]);
  assertEquals(names("apiVersion: v1\nkind: List\nitems: []"), []);
});

Deno.test("parseManifest: a bad item is named by its path", () => {
  const text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - kind: Service\n";
  assertEquals(messages(text), ["items[0].items[0].apiVersion: is missing or not a text"]);
});

// Written down from `kubectl annotate --local -f - x=y -o json` (kubectl 1.34.2).
const SCALARS: readonly (readonly [string, unknown])[] = [
  ["yes", true],
  ["No", false],
  ["on", true],
  ["OFF", false],
  ["y", true],
  ["N", false],
  ["TRUE", true],
  ["~", null],
  ["Null", null],
  ["012", 10],
  ["0o17", 15],
  ["0x1f", 31],
  ["0b11", 3],
  ["08", 8],
  ["1_000", 1000],
  ["1e3", 1000],
  [".5", 0.5],
  ["1.", 1],
  ["1.50", 1.5],
  ["-0", 0],
  ["+5", 5],
  ["1234:30", "1234:30"],
  ["190:20:30", "190:20:30"],
  ["2001-01-01", "2001-01-01"],
  ['"yes"', "yes"],
  ["'012'", "012"],
  ["10.0.0.0/24", "10.0.0.0/24"],
  ["1.2.3", "1.2.3"],
  ["-", null],
];

for (const [text, value] of SCALARS) {
  Deno.test(`parseManifest: ${text} is what kubectl makes of it`, () => {
    const yaml = text === "-" ? "\n- " : text;
    const [object] = parseManifest(`${pool("a")}spec: ${yaml}\n`, "f").objects;
    assertEquals(object?.spec, text === "-" ? [null] : value);
  });
}

Deno.test("parseManifest: merge keys and non-text keys, as kubectl reads them", () => {
  const [object] = parseManifest(`${pool("a")}base: &b {q: 1, r: 2}\nspec: {<<: *b, r: 3, 4: x, on: y}\n`, "f").objects;
  assertEquals(object?.spec, { q: 1, r: 3, 4: "x", true: true });
});

Deno.test("parseManifest: Windows line ends and a byte order mark are no problem", () => {
  assertEquals(names(`\ufeff${pool("a").replaceAll("\n", "\r\n")}`), ["a"]);
});

Deno.test("parseManifest: hostile depth is a problem, not an exhausted stack", () => {
  for (const text of ["[".repeat(200_000), "{a: ".repeat(100_000), `${"- ".repeat(100_000)}x`, "? ".repeat(50_000)]) {
    const { objects, problems } = parseManifest(text, "deep.yaml");
    assertEquals([objects.length, problems.length], [0, 1]);
    assert(problems[0]!.message.length < 10_000, "the message does not repeat the file");
  }
  const list = "apiVersion: v1\nkind: List\nitems: ";
  let nested = "[]";
  for (let depth = 0; depth < 20; depth++) nested = `[{apiVersion: v1, kind: List, items: ${nested}}]`;
  assertMatch(messages(list + nested)[0]!, /lists are nested more than 8 deep$/);
});

Deno.test("parseManifest: aliases that would grow without bounds are one problem", () => {
  let text = `${pool("laughs")}a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n`;
  for (let step = 1; step < 30; step++) text += `a${step}: &a${step} [${`*a${step - 1}, `.repeat(9)}*a${step - 1}]\n`;
  const { objects, problems } = parseManifest(text, "f.yaml");
  assertEquals([objects.length, problems.map(({ reason }) => reason)], [0, ["tooManyAliases"]]);
});

Deno.test("parseManifest: an alias that contains itself is a problem", () => {
  assertEquals(messages(`${pool("a")}spec: &s [*s]\n`), ["is not YAML: the alias *s contains itself"]);
});

Deno.test("parseManifest: a few aliases are what they stand for", () => {
  const [object] = parseManifest(`${pool("a")}base: &b [x]\nspec: {a: *b, b: *b}\n`, "f").objects;
  assertEquals(object?.spec, { a: ["x"], b: ["x"] });
});

Deno.test("parseManifest: ten thousand objects in one file", () => {
  const text = Array.from({ length: 10_000 }, (_, index) => pool(`p${index}`)).join("---\n");
  assertEquals(parseManifest(text, "huge.yaml").objects.length, 10_000);
});

Deno.test("parseManifest: __proto__ as a key touches no other object", () => {
  parseManifest(`${pool("a")}__proto__: {polluted: yes}\n`, "f.yaml");
  assertEquals(({} as { polluted?: unknown }).polluted, undefined);
});

Deno.test("formatYaml: what it writes is read back", () => {
  const value = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "x" },
    spec: { a: ["1", 2, true, null], b: "yes" },
  };
  assertEquals(parseManifest(formatYaml(value), "f").objects as unknown, [value]);
});
