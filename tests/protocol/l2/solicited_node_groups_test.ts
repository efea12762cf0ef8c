import { assertEquals } from "@std/assert/equals";
import { parseIpv6 } from "../../../lib/base/ip.ts";
import type { Mac } from "../../../lib/base/mac.ts";
import { type GroupChange, SolicitedNodeGroups } from "../../../lib/protocol/l2/solicited_node_groups.ts";

const A = parseIpv6("2001:db8::1:210")!;
/** Has the same last 24 bits. */
const B = parseIpv6("2001:db8:1::1:210")!;
const GROUP = "ff02::1:ff01:210";
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_00_0b as Mac, linkLocal: "fe80::b" };

function words(changes: readonly GroupChange[]): string[] {
  return changes.map(({ kind, ifindex, group }) => `${kind} ${ifindex} ${group}`);
}

Deno.test("Solicited-node groups: joined on each interface of the address, left with it", () => {
  const groups = new SolicitedNodeGroups();
  for (const on of [ETH0, ETH1]) groups.setInterface(on);
  assertEquals(words(groups.hold(A, "all")), [`joinGroup 2 ${GROUP}`, `joinGroup 3 ${GROUP}`]);
  assertEquals(words(groups.hold(A, ["eth1"])), [`leaveGroup 2 ${GROUP}`]);
  assertEquals(words(groups.hold(A, ["eth1"])), []);
  assertEquals(words(groups.release(A)), [`leaveGroup 3 ${GROUP}`]);
  assertEquals(words(groups.release(A)), []);
});

Deno.test("Solicited-node groups: two addresses that share one leave it when both are gone", () => {
  const groups = new SolicitedNodeGroups();
  groups.setInterface(ETH0);
  assertEquals(words(groups.hold(A, "all")), [`joinGroup 2 ${GROUP}`]);
  assertEquals(words(groups.hold(B, "all")), []);
  assertEquals(words(groups.release(A)), []);
  assertEquals(words(groups.release(B)), [`leaveGroup 2 ${GROUP}`]);
});

Deno.test("Solicited-node groups: an interface that comes later is joined for all that is held (R-15)", () => {
  const groups = new SolicitedNodeGroups();
  groups.hold(A, "all");
  assertEquals(words(groups.setInterface({ ifindex: 2, name: "eth0", mac: ETH0.mac })), [], "not without IPv6");
  assertEquals(words(groups.setInterface(ETH0)), [`joinGroup 2 ${GROUP}`]);
  assertEquals(words(groups.setInterface({ ...ETH0, mac: ETH1.mac })), []);
  assertEquals(words(groups.dropInterface(2)), [`leaveGroup 2 ${GROUP}`]);
  assertEquals(words(groups.setInterface(ETH0)), [`joinGroup 2 ${GROUP}`], "after its link was back");
  assertEquals(words(groups.setInterface({ ...ETH0, name: "lan0" })), [
    `leaveGroup 2 ${GROUP}`,
    `joinGroup 2 ${GROUP}`,
  ]);
});
