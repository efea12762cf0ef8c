/** What `herald explain` prints where the files of a test cannot lead: the answers of a live cluster. */
import { assertEquals } from "@std/assert/equals";
import { writeExplanation } from "../../../lib/app/explain/explain_text.ts";
import { explainWorld, type WorldExplanation } from "../../../lib/decision/control/explain_world.ts";
import type { AddressExplanation } from "../../../lib/decision/plan/explain.ts";
import { l2Object, nodeObject, poolObject, serviceObject, sliceObject } from "../../decision/objects.ts";

const FOUR = "192.0.2.1";
const SIX = "2001:db8::1";

/** A Service with two addresses, each as `change` makes it. */
function layer2Lines(change: (address: AddressExplanation) => AddressExplanation): string[] {
  const world = explainWorld({
    services: [
      serviceObject("web", {
        ingress: [FOUR, SIX],
        clusterIps: ["10.0.0.1", "fd00::1"],
        spec: { ipFamilyPolicy: "RequireDualStack" },
      }),
    ],
    ipAddressPools: [poolObject("first", ["192.0.2.0/24", "2001:db8::/64"])],
    l2Advertisements: [l2Object("all")],
    nodes: [nodeObject("node-a"), nodeObject("node-b")],
    endpointSlices: [sliceObject("web", [{ nodeName: "node-a" }])],
  }, { lbClasses: undefined, ignoreExcludeLb: false, speakers: undefined });
  const services = world.services.map((service) => ({
    ...service,
    layer2: { ...service.layer2!, addresses: service.layer2!.addresses.map(change) },
  }));
  const changed: WorldExplanation = { ...world, services };
  let out = "";
  writeExplanation({ write: (text) => void (out += text), color: false, columns: undefined }, changed, {
    services,
    context: {
      ...{ isLive: true, hasNodes: true, hasPeers: false, hasBgpAdvertisements: false },
      networks: new Map(),
      notes: [],
    },
  });
  return out.split("\n").filter((line) => /layer 2 |^ {15}/.test(line)).map((line) => line.trim());
}

const announced = (address: string) =>
  `layer 2      ${address} is announced by node-a on all interfaces; nobody is next`;
const out = (message: string) => [{ node: "node-b", reason: "noCarrier" as const, message }];

Deno.test("herald explain: nodes that are out for all addresses of a Service are named once", () => {
  const lines = layer2Lines((one) => ({
    ...one,
    ...{ announcer: "node-a", candidates: ["node-a"], excluded: out("no link") },
  }));
  assertEquals(lines, [announced(FOUR), announced(SIX), "not node-b: no link (noCarrier)"]);
});

Deno.test("herald explain: where they differ, each address has its own", () => {
  const lines = layer2Lines((one) => ({
    ...one,
    ...{ announcer: "node-a", candidates: ["node-a"], excluded: one.address === SIX ? out("no link") : [] },
  }));
  assertEquals(lines, [announced(FOUR), announced(SIX), "not node-b: no link (noCarrier)"]);
  const other = layer2Lines((one) => ({
    ...one,
    ...{ announcer: "node-a", candidates: ["node-a"], excluded: one.address === FOUR ? out("no link") : [] },
  }));
  assertEquals(other, [announced(FOUR), "not node-b: no link (noCarrier)", announced(SIX)]);
});
