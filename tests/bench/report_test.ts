import { assertEquals } from "@std/assert/equals";
import { asJson, asTable, atMost, type Measurement, passed, ratioOf, type Section } from "./report.ts";

function section(measurement: Partial<Measurement>, error?: string): Section {
  const measurements = [{ what: "gap", unit: "ms" as const, value: 3, ...measurement }];
  return { name: "moves", durationMs: 2400, measurements, ...(error === undefined ? {} : { error }) };
}

for (
  const [what, sections, expected] of [
    ["a section that did not run", [section({}, "no namespaces")], false],
    ["a bound that did not hold", [section({}), section({ bound: { text: "", holds: false } })], false],
    ["a bound over nothing measured", [section({ bound: atMost(NaN, 5, "") })], false],
    ["a bound reached exactly", [section({ bound: atMost(5, 5, "") })], true],
    ["no bound at all", [section({})], true],
  ] as const
) {
  Deno.test(`passed: ${what} is ${expected}`, () => assertEquals(passed(sections), expected));
}

Deno.test("ratioOf: is undefined without a control that says something", () => {
  assertEquals(ratioOf(section({}).measurements[0]!), undefined);
  assertEquals(ratioOf(section({ control: { what: "idle", value: 0 } }).measurements[0]!), undefined);
  assertEquals(ratioOf(section({ control: { what: "idle", value: NaN } }).measurements[0]!), undefined);
  assertEquals(ratioOf(section({ control: { what: "idle", value: 1.5 } }).measurements[0]!), 2);
});

Deno.test("asTable: columns line up, and a failure says why", () => {
  const table = asTable([
    section({ control: { what: "idle", value: 1.5 }, bound: { text: "<= 2 ms", holds: false } }),
    section({ what: "requests lost", unit: "", value: 1200 }, "it broke"),
  ]);
  assertEquals(table.split("\n"), [
    "                  value  control      ratio        bound",
    "",
    "moves (2 s)",
    "  gap            3.0 ms  1.5 ms idle   2.0x  FAIL  <= 2 ms",
    "",
    "moves (2 s)",
    "  requests lost    1200",
    "  FAIL  it broke",
    "",
  ]);
});

Deno.test("asJson: carries ratios and the verdict", () => {
  const json = JSON.parse(asJson([section({ control: { what: "idle", value: 1 } })]));
  assertEquals(json.passed, true);
  assertEquals(json.sections[0].measurements[0].ratio, 3);
});
