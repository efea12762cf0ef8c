import { assertEquals } from "@std/assert/equals";
import { problemsOfNode } from "../../../lib/decision/config/node_problems.ts";
import type { Problem } from "../../../lib/decision/config/problem.ts";

const of = (kind: string, name: string): Problem => ({
  severity: "error",
  kind,
  namespace: "m",
  name,
  path: "spec",
  reason: "invalidValue",
  message: "wrong",
});
const peer = (name: string, nodeSelectors?: unknown) => ({
  metadata: { name, namespace: "m" },
  spec: { nodeSelectors },
});
const SELECTS_A = [{ matchLabels: { zone: "a" } }];

Deno.test("problems of a node: a peer or BGP advertisement that selects other nodes is left out", () => {
  const table: [string, unknown, boolean][] = [
    ["no text at all", 7, true],
    ["an invalid selector", [{ matchExpressions: [{ key: "zone", operator: "Near" }] }], true],
    ["unrestricted", undefined, true],
    ["an empty list", [], true],
    ["its zone", SELECTS_A, true],
    ["its zone or another", [{ matchLabels: { zone: "b" } }, ...SELECTS_A], true],
    ["another zone", [{ matchLabels: { zone: "b" } }], false],
  ];
  for (const [name, nodeSelectors, concerned] of table) {
    for (const kind of ["BGPPeer", "BGPAdvertisement"]) {
      const objects = [peer("p", nodeSelectors)];
      const found = problemsOfNode([of(kind, "p"), of("IPAddressPool", "p")], {
        bgpPeers: kind === "BGPPeer" ? objects : [],
        bgpAdvertisements: kind === "BGPPeer" ? [] : objects,
        labels: { zone: "a" },
      });
      assertEquals(found.map((problem) => problem.kind), concerned ? [kind, "IPAddressPool"] : ["IPAddressPool"], name);
    }
  }
});

Deno.test("problems of a node: everything concerns a node that is not known yet", () => {
  const options = { bgpPeers: [peer("p", SELECTS_A)], bgpAdvertisements: [], labels: undefined };
  assertEquals(problemsOfNode([of("BGPPeer", "p")], options).length, 1);
});
