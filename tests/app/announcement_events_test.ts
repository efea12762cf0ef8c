import { assertEquals } from "@std/assert/equals";
import { type AnnouncementEvent, AnnouncementEvents } from "../../lib/app/announcement_events.ts";
import type { InterfaceReport, WantedAddress } from "../../lib/base/wanted.ts";
import { DEFAULT_DECIDED_POLICY } from "../../lib/decision/plan/address_policy.ts";
import type { ServiceL2Plan } from "../../lib/decision/plan/service_l2_plan.ts";

function stage(node = "n1") {
  const told: AnnouncementEvent[] = [];
  const events = new AnnouncementEvents({ node }, { record: (event) => told.push(event) });
  const reasons = () => told.splice(0).map(({ type, reason, service }) => `${type} ${reason} ${service}`);
  return { events, told, reasons };
}

Deno.test("nodeAssigned: when this node begins to announce a Service, and not on every pass (R-16)", () => {
  const { events, told, reasons } = stage();
  events.announced("shop/web", false);
  assertEquals(reasons(), []);
  for (let pass = 0; pass < 3; pass++) events.announced("shop/web", true);
  assertEquals(told[0]?.message, 'announcing from node "n1" with protocol "layer2"');
  assertEquals(reasons(), ["Normal nodeAssigned shop/web"]);
  events.announced("shop/web", false);
  events.announced("shop/web", true);
  assertEquals(reasons(), ["Normal nodeAssigned shop/web"]);
});

Deno.test("announceFailed: where none of the named interfaces exists, once until one does (reference §6.5)", () => {
  const { events, told, reasons } = stage();
  const wanted = (interfaces: WantedAddress["interfaces"]): WantedAddress => ({
    address: "192.0.2.1",
    candidates: ["n1"],
    interfaces,
    services: ["shop/api", "shop/web"],
  });
  const report: InterfaceReport = {
    usable: ["eth0"],
    ipv4Only: [],
    refused: [{ name: "eth1", reason: "noCarrier" }, { name: "veth1", reason: "excluded" }],
  };
  const look = (interfaces: WantedAddress["interfaces"], isAssigned = true) => {
    events.interfacesOf(wanted(interfaces), { report, isAssigned });
    return reasons();
  };
  const failed = ["Warning announceFailed shop/api", "Warning announceFailed shop/web"];
  const table: [WantedAddress["interfaces"], boolean, string[]][] = [
    ["all", true, []],
    [["eth0", "eth7"], true, []],
    // It exists, down or without a link.
    [["eth1"], true, []],
    [["eth7"], false, []],
    [["eth7"], true, failed],
    [["eth7"], true, []],
    [["eth0"], true, []],
    // Excluded interfaces do not count as local ones.
    [["veth1"], true, failed],
    [["eth7"], false, []],
    [["eth7"], true, failed],
  ];
  for (const [interfaces, isAssigned, expected] of table) {
    assertEquals(look(interfaces, isAssigned), expected, JSON.stringify([interfaces, isAssigned]));
  }
  events.interfacesOf(wanted(["eth0"]), { report, isAssigned: true });
  events.interfacesOf(wanted(["eth7"]), { report, isAssigned: true });
  assertEquals(
    told[0]?.message,
    'the interfaces specified by LB IP "192.0.2.1" doesn\'t exist in assigned node "n1" with protocol "layer2"',
  );
});

Deno.test("sharedIPWithServiceSelector: told once, by one speaker of the cluster (R-22)", () => {
  const speakers = ["n1", "n2", "n3"];
  const plan = (reason: ServiceL2Plan["reason"]): ServiceL2Plan => ({
    key: "shop/web",
    addresses: [],
    excluded: [],
    reason,
    message: "it is shared",
    pool: "p",
    preferences: new Map(),
    policy: DEFAULT_DECIDED_POLICY,
  });
  const all = speakers.map((node) => stage(node));
  const tell = (reason: ServiceL2Plan["reason"] | "gone") =>
    all.flatMap(({ events, reasons }) => {
      events.planned("shop/web", { plan: reason === "gone" ? undefined : plan(reason), speakers });
      return reasons();
    });
  const warning = ["Warning sharedIPWithServiceSelector shop/web"];
  const table: [ServiceL2Plan["reason"] | "gone", string[]][] = [
    ["notOwner", []],
    ["sharedIPWithServiceSelector", warning],
    ["sharedIPWithServiceSelector", []],
    [undefined, []],
    ["sharedIPWithServiceSelector", warning],
    ["gone", []],
    ["sharedIPWithServiceSelector", warning],
  ];
  for (const [reason, expected] of table) assertEquals(tell(reason), expected, String(reason));
});
