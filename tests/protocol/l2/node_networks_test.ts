import { assertEquals } from "@std/assert/equals";
import { nodeNetworks } from "../../../lib/protocol/l2/node_networks.ts";

const NAMES = new Map([[2, "eth0"], [3, "eth1"]]);
const at = (ifindex: number, ip: string, prefixLength: number, scope = 0) => (
  { ifindex, ip, prefixLength, scope, tentative: false }
);

Deno.test("nodeNetworks: host bits, lone addresses, link-local ones and unused interfaces are left out", () => {
  const networks = nodeNetworks([
    at(9, "10.0.0.1", 8),
    at(2, "192.0.2.77", 32),
    at(3, "fe80::1", 64, 253),
    at(3, "2001:db8::5", 64),
    at(2, "192.0.2.77", 24),
    at(2, "192.0.2.78", 24),
  ], NAMES);
  assertEquals(networks, [
    { interfaceName: "eth0", prefix: "192.0.2.0/24" },
    { interfaceName: "eth1", prefix: "2001:db8::/64" },
  ]);
});

Deno.test("nodeNetworks: no more than a person reads", () => {
  const addresses = Array.from({ length: 5000 }, (_, i) => at(2, `10.${i >> 8}.${i & 255}.1`, 24));
  assertEquals(nodeNetworks(addresses, NAMES).length, 64);
  assertEquals(nodeNetworks([], NAMES), []);
});
