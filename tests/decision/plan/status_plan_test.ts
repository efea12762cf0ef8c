import { assertEquals } from "@std/assert/equals";
import { nodeLabel } from "../../../lib/decision/config/node_label.ts";
import type { L2StatusView } from "../../../lib/decision/config/l2_status_view.ts";
import { decodeL2Status } from "../../../lib/decision/config/l2_status_view.ts";
import { type StatusClaim, statusInterfaces, statusSteps } from "../../../lib/decision/plan/status_plan.ts";
import { valueOf } from "../value_of.ts";

const view = (name: string, more: Partial<L2StatusView> = {}): L2StatusView => ({
  name,
  uid: `uid-${name}`,
  creationTimestamp: "2026-01-01T00:00:00Z",
  ownerUids: ["pod"],
  serviceKey: "shop/web",
  node: "n1",
  isFilled: true,
  interfaces: [],
  isContradictory: false,
  ...more,
});

const claim = (state: StatusClaim["state"], more: Partial<StatusClaim> = {}): StatusClaim => ({
  state,
  interfaces: "all",
  others: new Set(),
  isOver: false,
  ...more,
});

function steps(one: StatusClaim, shown: L2StatusView[], options: { podUid?: string } = { podUid: "pod" }): string[] {
  return statusSteps({ node: "n1", podUid: options.podUid, claim: one, shown }).map((step) =>
    step.kind === "create" ? "create" : `${step.kind} ${step.name}${step.kind === "remove" ? ` ${step.why}` : ""}`
  );
}

Deno.test("statusSteps: what is to be written of a Service, from what is so and what is shown", () => {
  const announced = claim("announced");
  const other = view("l2-o", { node: "n2" });
  const table: [string, StatusClaim, L2StatusView[], string[]][] = [
    ["it is made", announced, [], ["create"]],
    ["its status is filled in", announced, [view("a", { isFilled: false })], ["fill a"]],
    ["all is well", announced, [view("a")], []],
    ["a restart finds its own", announced, [view("a", { ownerUids: ["old pod"] })], ["own a"]],
    ["other interfaces", claim("announced", { interfaces: ["eth1"] }), [view("a")], ["fill a"]],
    [
      "the same in another order",
      claim("announced", { interfaces: ["eth1", "eth0"] }),
      [view("a", { interfaces: ["eth0", "eth1"] })],
      [],
    ],
    ["no interfaces any more", announced, [view("a", { interfaces: ["eth0"] })], ["fill a"]],
    [
      "the oldest of several stays",
      announced,
      [view("a"), view("b", { creationTimestamp: "2025-01-01T00:00:00Z" })],
      ["remove a duplicate"],
    ],
    ["one that contradicts itself", announced, [view("a", { isContradictory: true })], [
      "create",
      "remove a contradictory",
    ]],
    ["the successor removes", announced, [other], ["create", "remove l2-o leftover"]],
    ["but not where the other announces too", claim("announced", { others: new Set(["n2"]) }), [other], ["create"]],
    ["withdrawn", claim("silent"), [view("a"), other], ["remove a withdrawn"]],
    ["nobody announces any more", claim("silent", { isOver: true }), [view("a"), other], [
      "remove a withdrawn",
      "remove l2-o leftover",
    ]],
    ["not decided yet", claim("undecided"), [view("a"), view("b"), other], []],
    ["nothing to say", claim("silent"), [], []],
  ];
  // Until the status is there a long name is known by its label.
  const long = "n".repeat(100);
  const label = view("l2-o", { node: nodeLabel(long), isFilled: false });
  assertEquals(steps(claim("announced", { others: new Set([long]) }), [view("a"), label]), []);
  assertEquals(steps(claim("announced", { others: new Set() }), [view("a"), label]), ["remove l2-o leftover"]);
  for (const [what, one, shown, expected] of table) assertEquals(steps(one, shown), expected, what);
  assertEquals(steps(announced, [view("a", { ownerUids: [] })], {}), [], "outside of a Pod nobody owns it");
  assertEquals(statusInterfaces("all"), []);
  assertEquals(statusInterfaces(["eth0"]), [{ name: "eth0" }]);
});

Deno.test("decodeL2Status: labels say whose it is until the status does (reference §12.9)", () => {
  const labels = {
    "metallb.io/node": "n1",
    "metallb.io/service-name": "web",
    "metallb.io/service-namespace": "shop",
  };
  const status = { node: "n1", serviceName: "web", serviceNamespace: "shop", interfaces: [{ name: "eth1" }] };
  const of = (object: Record<string, unknown>, metadata: Record<string, unknown> = {}) => {
    const one = valueOf(decodeL2Status({ metadata: { name: "l2-a", ...metadata }, ...object }));
    return [one.serviceKey, one.node, one.isFilled, one.interfaces, one.isContradictory];
  };
  assertEquals(of({}, { labels }), ["shop/web", "n1", false, [], false]);
  assertEquals(of({ status }, { labels }), ["shop/web", "n1", true, ["eth1"], false]);
  assertEquals(of({ status }), ["shop/web", "n1", true, ["eth1"], false]);
  assertEquals(of({ status: { ...status, node: "n2" } }, { labels }), ["shop/web", "n1", true, ["eth1"], true]);
  assertEquals(of({ status: { interfaces: [{}] } }), ["", "", false, [], false]);
  assertEquals(decodeL2Status({ metadata: { name: "l2-a" }, status: { node: 5 } }).ok, false);
});
