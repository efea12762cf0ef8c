import { assertEquals } from "@std/assert/equals";
import { Announcements } from "../../lib/app/announcements.ts";
import type { OwnershipReason, WantedAddress } from "../../lib/base/wanted.ts";
import { DEFAULT_DECIDED_POLICY } from "../../lib/decision/plan/address_policy.ts";
import type { L2Plan } from "../../lib/decision/plan/l2_plan.ts";

const FOUR = "192.0.2.1";
const SIX = "2001:db8::1";

function stage() {
  const plan = { services: new Map(), addresses: new Map<string, WantedAddress>() };
  const want = (key: string, addresses: string[], interfaces: WantedAddress["interfaces"] = "all") => {
    const wanted = addresses.map((address) => ({ address, candidates: ["n1", "n2"], interfaces, services: [key] }));
    const policy = DEFAULT_DECIDED_POLICY;
    const rest = { excluded: [], reason: undefined, message: "", pool: "p", preferences: new Map(), policy };
    plan.services.set(key, { key, addresses: wanted, ...rest });
    for (const one of wanted) plan.addresses.set(one.address, one);
  };
  const drop = (key: string, addresses: string[]) => {
    plan.services.delete(key);
    for (const address of addresses) plan.addresses.delete(address);
  };
  const announcements = new Announcements({ node: "n1" }, { plan: (): L2Plan => plan });
  const report = (address: string, owned: boolean, more: { elected?: string; reason?: OwnershipReason } = {}) => {
    const { elected = owned ? "n1" : "n2", reason = owned ? "elected" : "notOwner" } = more;
    return announcements.take({ kind: "ownership", address, owned, reason, elected });
  };
  const claim = () => {
    const { state, interfaces, others, isOver } = announcements.claimOf("shop/web");
    return [state, interfaces, [...others], isOver];
  };
  return { announcements, want, drop, report, claim };
}

Deno.test("Announcements: what is said of a Service follows from all its addresses", () => {
  const { want, drop, report, claim } = stage();
  assertEquals(claim(), ["silent", [], [], true]);
  want("shop/web", [FOUR, SIX], ["eth0"]);
  assertEquals(claim(), ["undecided", [], [], false]);
  report(FOUR, false);
  assertEquals(claim(), ["undecided", [], ["n2"], false]);
  report(SIX, false, { reason: "waitingForPeers" });
  assertEquals(claim()[0], "undecided");
  report(SIX, false);
  assertEquals(claim(), ["silent", [], ["n2"], false]);
  report(SIX, true);
  assertEquals(claim(), ["announced", ["eth0"], ["n2"], false], "the other address is announced elsewhere");
  report(FOUR, true);
  assertEquals(claim(), ["announced", ["eth0"], [], false]);
  drop("shop/web", [FOUR, SIX]);
  assertEquals(claim(), ["silent", [], [], true]);
});

Deno.test("Announcements: before the API has been read, nothing is said of any Service", () => {
  const announcements = new Announcements({ node: "n1" }, { plan: () => undefined });
  announcements.take({ kind: "ownership", address: FOUR, owned: true, reason: "elected", elected: "n1" });
  const { state, isOver } = announcements.claimOf("shop/web");
  assertEquals([state, isOver], ["undecided", false]);
  assertEquals(announcements.announced(), [{ address: FOUR, services: [] }]);
});

Deno.test("Announcements: a report that comes after the address is gone still says whose it was", () => {
  const { announcements, want, drop, report } = stage();
  want("shop/web", [FOUR]);
  assertEquals(report(FOUR, true).wasAnnounced, false);
  assertEquals(announcements.announced(), [{ address: FOUR, services: ["shop/web"] }]);
  drop("shop/web", [FOUR]);
  const change = report(FOUR, false);
  assertEquals([change.wasAnnounced, change.isAnnounced, change.services], [true, false, ["shop/web"]]);
  assertEquals(announcements.announced(), []);
  assertEquals(announcements.inspect(), {});
});

Deno.test("Announcements: who holds an address and has no wire for it does not say that it announces it", () => {
  const { announcements, want, report, claim } = stage();
  want("shop/web", [FOUR]);
  for (const reason of ["noCarrier", "noInterface"] as const) {
    report(FOUR, true);
    assertEquals([claim()[0], announcements.announced().length], ["announced", 1]);
    report(FOUR, true, { reason });
    assertEquals([claim()[0], announcements.announced().length], ["silent", 0], reason);
  }
  // What does not answer on the segment keeps nobody from answering for the rest of it.
  report(FOUR, true, { reason: "linkProbeFailed" });
  assertEquals([claim()[0], announcements.announced().length], ["announced", 1]);
});
