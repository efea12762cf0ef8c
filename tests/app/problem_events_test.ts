import { assertEquals } from "@std/assert/equals";
import { ProblemEvents } from "../../lib/app/problem_events.ts";
import type { KubeObject } from "../../lib/base/kube.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";

function problem(name: string, more: Partial<Problem> = {}): Problem {
  return {
    severity: "error",
    kind: "IPAddressPool",
    namespace: "metallb-system",
    name,
    path: "spec.addresses[0]",
    reason: "invalidAddress",
    message: "it is no range",
    ...more,
  };
}

function stage() {
  const events: string[] = [];
  const find = ({ kind, name }: Problem): KubeObject | undefined =>
    name === "gone" ? undefined : { kind, metadata: { name } };
  const told = new ProblemEvents({
    find,
    record: ({ object, type, reason, message }) =>
      events.push(`${type} ${reason} ${object.kind}/${object.metadata.name}: ${message}`),
  });
  return { told, events };
}

Deno.test("problem events: each problem once, and again after it was gone", () => {
  const { told, events } = stage();
  told.replace([problem("a"), problem("gone"), problem("b", { severity: "warning", path: "" })]);
  told.replace([problem("a")]);
  assertEquals(events.splice(0), [
    "Warning ConfigurationError IPAddressPool/a: spec.addresses[0]: it is no range (invalidAddress)",
    "Warning ConfigurationWarning IPAddressPool/b: it is no range (invalidAddress)",
  ]);
  told.replace([]);
  told.replace([problem("a")]);
  assertEquals(events.length, 1);
});

Deno.test("problem events: a flood is told in portions, nothing is forgotten", () => {
  const { told, events } = stage();
  const flood = Array.from({ length: 250 }, (_, i) => problem(`p${i}`));
  for (const total of [100, 200, 250, 250]) {
    told.replace(flood);
    assertEquals(events.length, total);
  }
});
