// needs: kubectl
// permissions: --allow-all
/**
 * What kubectl reads in a file is what Herald reads in it: scalars, keys, aliases, and the guides' manifests. kubectl
 * changes the objects locally (`annotate --local`) and prints them as JSON; no API server is asked.
 */
import { assertEquals } from "@std/assert/equals";
import { parseManifest } from "../../lib/app/yaml.ts";
import { findTool } from "../support/kube_tools.ts";

const HEADER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

/** Objects without the annotation that makes kubectl print them. */
async function readByKubectl(text: string): Promise<unknown[]> {
  const child = new Deno.Command(findTool("kubectl")!, {
    args: ["annotate", "--local", "-f", "-", "herald-test=1", "-o", "json"],
    env: { KUBECONFIG: "/dev/null" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  // One JSON object after the other.
  const objects = new TextDecoder().decode(stdout).trim().split(/(?<=^\})\n(?=\{)/m).map((json) => JSON.parse(json));
  for (const { metadata } of objects) {
    delete metadata.annotations["herald-test"];
    if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  }
  return objects;
}

const SCALARS = [
  ..."yes Yes YES no No NO on On ON off Off OFF y Y n N true True TRUE false False FALSE yEs".split(" "),
  ..."null Null NULL ~ nil 0 -0 +0 7 +7 -7 012 0o17 0O17 0x1f 0X1F 0b11 08 09 1_000 _1 1__0 0x_1f 1e3 1E3 1e-3".split(
    " ",
  ),
  ..."1. .5 -.5 +.5 1.50 1.5e3 1:30 1234:30 190:20:30 2001-01-01 2001-01-01T00:00:00Z 1.2.3 10.0.0.0/24 a:b".split(" "),
  ..."123456789012345678901 9223372036854775807 -1.0 1e 0x 0b 0o 00 0.0 -- + -012 +012 -0x1f +0b11 -0o7 -08 1_0.5 -_1 0_7 1e_3 .e3 1e+3 . .. <"
    .split(" "),
  "'yes'",
  '"012"',
  "''",
  '"a\\nb"',
  "!!str 5",
  "!!str yes",
];

Deno.test("kubectl and Herald read the same scalars", async () => {
  const text = `${HEADER}spec:\n${SCALARS.map((scalar, index) => `  k${index}: ${scalar}\n`).join("")}`;
  const [theirs] = await readByKubectl(text) as { spec: Record<string, unknown> }[];
  const { objects, problems } = parseManifest(text, "x");
  assertEquals(problems, []);
  const [ours] = objects as unknown as { spec: Record<string, unknown> }[];
  const table = (spec: Record<string, unknown>) => SCALARS.map((scalar, index) => [scalar, spec[`k${index}`]]);
  assertEquals(table(ours!.spec), table(theirs!.spec));
});

Deno.test("kubectl and Herald read the same keys, aliases, merge keys and block texts", async () => {
  const text = `${HEADER}base: &b {q: 1, r: [x]}
spec:
  4: four
  yes: affirmative
  1.5: half
  merged: {<<: *b, q: 2}
  several: {<<: [*b, {q: 3, s: 4}]}
  alias: *b
  literal: |
    one
      two

  folded: >-
    one
    two
  plain: one
    two
  "quoted \\u00e9": 'it''s'
`;
  assertEquals(parseManifest(text, "x").objects as unknown, await readByKubectl(text));
});

for (const name of ["000-layer2-guide", "001-layer2-tutorial", "002-overview-l2-bgp"]) {
  Deno.test(`kubectl and Herald read the same objects in guide ${name}`, async () => {
    const text = await Deno.readTextFile(new URL(`../golden/guides/${name}.yaml`, import.meta.url));
    const objects = parseManifest(text, name).objects as unknown as { metadata: Record<string, unknown> }[];
    // `annotate` cannot give back annotations that are there and empty.
    for (const { metadata } of objects) if (metadata["annotations"] === null) delete metadata["annotations"];
    assertEquals(objects as unknown, await readByKubectl(text));
  });
}
