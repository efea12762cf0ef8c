import { assertEquals } from "@std/assert/equals";
import { ProblemList } from "../../../lib/decision/config/problem.ts";
import { labelSelectorSchema } from "../../../lib/decision/config/schema/common.ts";
import { anySelectorMatches, compileSelectors, selectorMatches } from "../../../lib/decision/config/selector.ts";

function compile(objects: unknown[]) {
  const problems = new ProblemList({ kind: "K", namespace: "n", name: "o" });
  const selectors = compileSelectors(objects.map((one) => labelSelectorSchema.parse(one)), { path: ["s"], problems });
  return { selectors, problems: problems.all().map(({ path, reason }) => `${path} ${reason}`) };
}

const expression = (key: string, operator: string, values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

Deno.test("Selector: what is not valid is named with its path", () => {
  const table: [unknown, string][] = [
    [expression("a", "in", ["x"]), "s[0].matchExpressions[0].operator invalidSelector"],
    [expression("a", "", ["x"]), "s[0].matchExpressions[0].operator invalidSelector"],
    [expression("a", "In"), "s[0].matchExpressions[0].values invalidSelector"],
    [expression("a", "NotIn", []), "s[0].matchExpressions[0].values invalidSelector"],
    [expression("a", "Exists", ["x"]), "s[0].matchExpressions[0].values invalidSelector"],
    [expression("a", "DoesNotExist", ["x"]), "s[0].matchExpressions[0].values invalidSelector"],
    [expression("", "Exists"), "s[0].matchExpressions[0].key invalidSelector"],
    [expression("a/b/c", "Exists"), "s[0].matchExpressions[0].key invalidSelector"],
    [expression("A.example/b", "Exists"), "s[0].matchExpressions[0].key invalidSelector"],
    [expression(`${"x".repeat(64)}`, "Exists"), "s[0].matchExpressions[0].key invalidSelector"],
    [expression("a", "In", ["x", "x"]), "s[0].matchExpressions[0].values[1] invalidSelector"],
    [expression("a", "In", ["no spaces"]), "s[0].matchExpressions[0].values[0] invalidSelector"],
    [{ matchLabels: { "-a": "x" } }, 's[0].matchLabels["-a"] invalidSelector'],
    [{ matchLabels: { a: "x-" } }, "s[0].matchLabels.a invalidSelector"],
    [
      { matchExpressions: [{ key: "a", operator: "Exists" }, { key: "a", operator: "Exists" }] },
      "s[0].matchExpressions[1] invalidSelector",
    ],
  ];
  for (const [object, problem] of table) {
    assertEquals(compile([object]), { selectors: [], problems: [problem] }, JSON.stringify(object));
  }
});

Deno.test("Selector: the same selector twice in a list is refused, whatever the order of its values", () => {
  const { selectors, problems } = compile([expression("a", "In", ["x", "y"]), expression("a", "In", ["y", "x"])]);
  assertEquals([selectors.length, problems], [1, ["s[1] duplicateEntry"]]);
});

Deno.test("Selector: operators match as in Kubernetes", () => {
  const labels = { app: "web", "example.com/zone": "" };
  const table: [unknown, boolean][] = [
    [expression("app", "In", ["db"]), false],
    [expression("none", "In", ["web"]), false],
    [expression("app", "NotIn", ["web"]), false],
    [expression("none", "Exists"), false],
    [expression("app", "DoesNotExist"), false],
    [{ matchLabels: { app: "web", tier: "x" } }, false],
    [{ matchLabels: { toString: "web" } }, false],
    [{}, true],
    [{ matchLabels: {}, matchExpressions: null }, true],
    [expression("app", "In", ["db", "web"]), true],
    [expression("none", "NotIn", ["web"]), true],
    [expression("app", "NotIn", ["db"]), true],
    [expression("example.com/zone", "Exists"), true],
    [{ matchLabels: { "example.com/zone": "" } }, true],
    [expression("none", "DoesNotExist"), true],
    [{ matchLabels: { app: "web" }, ...expression("app", "Exists") }, true],
  ];
  for (const [object, expected] of table) {
    const { selectors, problems } = compile([object]);
    assertEquals(problems, []);
    assertEquals(selectorMatches(selectors[0]!, labels), expected, JSON.stringify(object));
  }
  const { selectors } = compile([{ matchLabels: { app: "db" } }, { matchLabels: { app: "web" } }]);
  assertEquals(anySelectorMatches(selectors, labels), true);
  assertEquals(anySelectorMatches([], labels), false);
});
