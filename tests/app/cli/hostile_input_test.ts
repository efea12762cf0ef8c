/**
 * Text that nobody should write: every command that reads files ends with an error, soon, whatever it is given.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import guide000 from "../../golden/guides/000-layer2-guide.yaml" with { type: "text" };
import guide003 from "../../golden/guides/003-enterprise-guide.yaml" with { type: "text" };
import { randomFrom } from "../../support/random_data.ts";
import { herald } from "./cli_world.ts";

const pool = (spec: string) =>
  `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a, namespace: metallb-system}\nspec: ${spec}\n`;

function laughs(): string {
  let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let step = 1; step < 40; step++) text += `a${step}: &a${step} [${`*a${step - 1}, `.repeat(9)}*a${step - 1}]\n`;
  return text;
}

/** Milliseconds that are far more than any of them takes: this catches a stall, it measures nothing. */
const STALL_MS = 10_000;

/** `lines` of the answer are bounded too: no input is repeated at length. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ["a billion laughs", laughs()],
  [
    "aliases that nest",
    `${pool("{addresses: []}")}n0: &n0 []\n${
      Array.from({ length: 300 }, (_, i) => `n${i + 1}: &n${i + 1} [*n${i}]\n`).join("")
    }`,
  ],
  ["an alias of itself", pool("&s {addresses: *s}")],
  ["brackets without end", "[".repeat(300_000)],
  ["braces without end", "{a: ".repeat(100_000)],
  ["dashes without end", `${"- ".repeat(100_000)}x`],
  ["deep indentation", Array.from({ length: 2000 }, (_, depth) => `${" ".repeat(depth)}k:`).join("\n")],
  ["deep JSON", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
  ["quotes without end", `a: ${'"'.repeat(100_001)}`],
  ["backslashes", `a: "${"\\".repeat(100_000)}`],
  ["tabs", "\t\t\ta: b\n\tc: d"],
  ["null bytes", "a: \u0000\u0000"],
  ["tags", `a: ${"!".repeat(100_000)} x`],
  ["a tag that would run something", "a: !!js/function 'function () { return 1; }'"],
  ["anchors on one node", `${"&a ".repeat(10_000)}x`],
  ["a directive alone", "%YAML 9.9\n"],
  ["a hundred thousand duplicate keys", "a: 1\n".repeat(100_000)],
  ["keys that every object has", pool("{__proto__: {a: b}, constructor: x, toString: y, hasOwnProperty: z}")],
  ["a name of a megabyte", pool("{addresses: []}").replace("name: a", `name: ${"a".repeat(1_000_000)}`)],
  ["a kind of a megabyte", `apiVersion: metallb.io/v1beta1\nkind: ${"K".repeat(1_000_000)}\nmetadata: {name: a}\n`],
  ["a hundred thousand bad addresses", pool(`{addresses: [${"x, ".repeat(100_000)}]}`)],
  [
    "a hundred thousand unknown fields",
    pool(`{${Array.from({ length: 100_000 }, (_, index) => `k${index}: 1`).join(", ")}}`),
  ],
  ["a number beyond all numbers", pool(`{addresses: [${"9".repeat(1000)}]}`)],
  ["numbers for everything", "apiVersion: 1\nkind: 2\nmetadata: 3\nspec: 4\n"],
  ["a List of everything but objects", "apiVersion: v1\nkind: List\nitems: [1, x, null, [], {}, [[]]]\n"],
];

for (const [why, text] of HOSTILE) {
  for (const command of ["validate", "migrate"]) {
    Deno.test(`herald ${command}: ${why} is an error, soon`, async () => {
      const start = Date.now();
      const { code, out, err } = await herald([command, "-f", "-"], { stdin: text });
      assert(code === 1 || code === 2, `exit code ${code}`);
      assert(out.length + err.length > 0, "nothing is said");
      assert(out.length + err.length < 200_000, `${out.length + err.length} characters are said`);
      assert(!/internal|undefined|\[object/.test(err), err.slice(0, 500));
      assert(Date.now() - start < STALL_MS);
    });
  }
}

Deno.test("herald validate: a hundred thousand good addresses in one pool are no problem", async () => {
  const list = Array.from(
    { length: 100_000 },
    (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`,
  );
  const text = `${pool(`{addresses: [${list.join(", ")}]}`)}---\n` +
    "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: a, namespace: metallb-system}\n";
  assertEquals((await herald(["validate", "-f", "-"], { stdin: text })).code, 0);
});

Deno.test("herald: mutated manifests are an answer, never a crash", async () => {
  const random = randomFrom(20_260_204);
  const seeds = [guide000.split("\n").slice(140, 380).join("\n"), guide003.split("\n").slice(220, 460).join("\n")];
  const pieces = [
    "\t",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "---\n",
    "'",
    '"',
    "|\n",
    "#",
    "\n",
    "\u0000",
    "!!str ",
    "null",
  ];
  for (let round = 0; round < 300; round++) {
    let text = random.pick(seeds);
    for (let change = 0; change <= random.below(6); change++) {
      const at = random.below(text.length);
      const removed = random.below(3) === 0 ? random.below(40) : 0;
      text = text.slice(0, at) + random.pick(pieces) + text.slice(at + removed);
    }
    const { code, err } = await herald([round % 2 === 0 ? "validate" : "migrate", "-f", "-"], { stdin: text });
    assert([0, 1, 2].includes(code));
    // An exception would be said by its own words, without a place.
    assert(err === "" || /standard input/.test(err), err.slice(0, 500));
  }
});

Deno.test("herald: random objects of its kinds are an answer, never a crash", async () => {
  const random = randomFrom(20_260_205);
  const kinds = [
    "IPAddressPool",
    "L2Advertisement",
    "BGPAdvertisement",
    "BGPPeer",
    "BFDProfile",
    "Community",
    "Service",
    "ConfigMap",
  ];
  const words = [
    "addresses",
    "serviceAllocation",
    "nodeSelectors",
    "matchLabels",
    "myASN",
    "peers",
    "communities",
    "type",
    "ports",
  ];
  for (let round = 0; round < 300; round++) {
    const items = Array.from({ length: 5 }, () => {
      const kind = random.pick(kinds);
      const apiVersion = kind === "Service" || kind === "ConfigMap" ? "v1" : "metallb.io/v1beta1";
      const [spec, labels] = [3, 2].map((depth) => random.value({ words, depth }));
      return {
        apiVersion,
        kind,
        metadata: { name: random.pick(["a", "b", "é"]), labels, annotations: labels },
        spec,
        data: spec,
      };
    });
    const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    const { code, out, err } = await herald(["validate", "-f", "-", "-o", "json"], { stdin });
    assertEquals([err, JSON.parse(out).valid], ["", code === 0]);
  }
});
