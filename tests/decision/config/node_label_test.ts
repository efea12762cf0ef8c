import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not_equals";
import { labelValueProblem } from "../../../lib/decision/config/label_text.ts";
import { nodeLabel, speakerNodeOf, speakerStateName } from "../../../lib/decision/config/node_label.ts";

const LONG = `ip-10-0-0-1.${"very-long-name.".repeat(6)}example.com`;

Deno.test("node labels: a name that fits stays as it is, MetalLB's way", () => {
  for (const node of ["n", "ip-10-0-0-1.eu-central-1.compute.internal", "a".repeat(63)]) {
    assertEquals(nodeLabel(node), node);
  }
});

Deno.test("node labels: a longer name is a label value all the same, and no two are one", () => {
  const names = [LONG, `${LONG}x`, `${"a".repeat(49)}.${"b".repeat(100)}`, "c".repeat(253), "c".repeat(252)];
  const labels = names.map(nodeLabel);
  for (const [index, label] of labels.entries()) {
    assertEquals([label.length, labelValueProblem(label)], [63, undefined]);
    assertEquals(label.slice(0, 50), names[index]!.slice(0, 50));
  }
  assertEquals(new Set(labels).size, names.length);
  assertNotEquals(nodeLabel(LONG), LONG);
});

const state = (name: string, label: string | undefined) => ({
  metadata: { name, labels: label === undefined ? {} : { "metallb.io/node-name": label } },
});

Deno.test("speaker of a ConfigurationState: the whole name of the node, where name and label agree", () => {
  for (const node of ["n1", LONG, "a".repeat(245)]) {
    assertEquals(speakerNodeOf(state(speakerStateName(node), nodeLabel(node))), node);
  }
  const wrong = [
    state("controller", undefined),
    state("speaker-n1", undefined),
    state("speaker-n1", "n2"),
    state("n1", "n1"),
    state(speakerStateName(LONG), LONG.slice(0, 63)),
    undefined,
  ];
  for (const object of wrong) assertEquals(speakerNodeOf(object), undefined);
  assertEquals(speakerStateName("d".repeat(253)).length <= 253, true);
});
