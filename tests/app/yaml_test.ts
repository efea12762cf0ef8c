import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { formatYaml, parseManifest } from "../../lib/app/yaml.ts";

const pool = (name: string) => `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: ${name}\n`;
const names = (text: string) => parseManifest(text, "f.yaml").objects.map(({ metadata }) => metadata.name);
const messages = (text: string) => parseManifest(text, "f.yaml").problems.map(({ message }) => message);

for (
  const [why, text, message] of [
    ["a scalar", "hello", /^is string, not an object; it should begin with "apiVersion:"$/],
    ["a number", "12", /^is number, not an object/],
    ["a list", "- a\n- b", /^is a list, not an object/],
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
    ["a List with a scalar", "apiVersion: v1\nkind: List\nitems: [7]", /^items\[0\]: is number, not an object/],
    ["a mapping on the line of another", "apiVersion: v1\nkind: a: b", /^is not YAML: .*line 2/s],
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

Deno.test("parseManifest: a duplicate key is refused with its line", () => {
  const { objects, problems } = parseManifest(`${pool("a")}spec:\n  addresses: [x]\n  addresses: [y]\n`, "f.yaml");
  assertEquals(objects, []);
  assertMatch(problems[0]!.message, /^is not YAML: .*duplicate.*line 7/is);
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
  assertEquals(problems, [{ source: "f.yaml", document: 2, message: "apiVersion: is missing or not a text" }]);
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
  assertEquals(messages(text), ["items[0]: items[0]: apiVersion: is missing or not a text"]);
});

Deno.test("parseManifest: YAML 1.2 scalars, so that a community stays a text", () => {
  const [object] = parseManifest(`${pool("a")}spec: {a: 1234:30, b: yes, c: 0o17, d: 012, e: "7", f: ~}`, "f").objects;
  assertEquals((object as unknown as { spec: { a: unknown; b: unknown; e: unknown; f: unknown } }).spec.a, "1234:30");
  assertEquals((object as unknown as { spec: { b: unknown } }).spec.b, "yes");
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
  for (let depth = 0; depth < 50; depth++) nested = `[{apiVersion: v1, kind: List, items: ${nested}}]`;
  assertMatch(messages(list + nested)[0]!, /lists are nested more than 8 deep$/);
});

Deno.test("parseManifest: aliases that would grow without bounds cost nothing", () => {
  let text = `${pool("laughs")}a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n`;
  for (let step = 1; step < 30; step++) text += `a${step}: &a${step} [${`*a${step - 1}, `.repeat(9)}*a${step - 1}]\n`;
  assertEquals(names(text), ["laughs"]);
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
