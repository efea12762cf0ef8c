import { assertEquals } from "@std/assert/equals";
import { NetworkWatch } from "../../lib/app/network_watch.ts";

const NAMES = new Map([[2, "eth0"], [3, "eth1"]]);
const at = (ifindex: number, ip: string, prefixLength: number, scope = 0) => ({ ifindex, ip, prefixLength, scope });

Deno.test("networks: host bits, lone addresses, link-local ones and unused interfaces are left out", () => {
  const watch = new NetworkWatch();
  const networks = watch.changed([
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

Deno.test("networks: told again only when they are others, also when none is left", () => {
  const watch = new NetworkWatch();
  assertEquals(watch.changed([at(2, "192.0.2.77", 24)], NAMES)?.length, 1);
  assertEquals(watch.changed([at(2, "192.0.2.99", 24)], NAMES), undefined);
  assertEquals(watch.changed([], NAMES), []);
  assertEquals(watch.changed([], NAMES), undefined);
});
