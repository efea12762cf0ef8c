import { assertEquals } from "@std/assert/equals";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../../lib/base/wanted.ts";
import { standBackReason } from "../../../lib/protocol/l2/standing_back.ts";

function wanted(more: Partial<WantedAddress> = {}): WantedAddress {
  return { address: "198.51.100.1", candidates: ["a", "b"], interfaces: "all", services: [], ...more };
}

const probing = { ...DEFAULT_ADDRESS_POLICY, linkProbes: ["192.0.2.1", "2001:db8::1"] };
const told = (usableInterfaces: readonly string[], failedLinkProbes: readonly string[] = []) => ({
  usableInterfaces,
  failedLinkProbes,
});
const six = (more: Partial<WantedAddress> = {}) => wanted({ address: "2001:db8:1::1", ...more });
const ipv4Only = (usableInterfaces: readonly string[], ipv4OnlyInterfaces: readonly string[]) => ({
  ...told(usableInterfaces),
  ipv4OnlyInterfaces,
});

const ROWS = [
  { what: "nothing was said", wanted: wanted({ interfaces: ["eth0"] }), serving: undefined, reason: undefined },
  { what: "no interface is usable", wanted: wanted(), serving: told([]), reason: "noInterface" },
  { what: "some interface is usable", wanted: wanted(), serving: told(["eth7"]), reason: undefined },
  {
    what: "the wanted one is not there",
    wanted: wanted({ interfaces: ["eth0"] }),
    serving: told(["eth1"]),
    reason: "noInterface",
  },
  {
    what: "one of the wanted ones is there",
    wanted: wanted({ interfaces: ["eth0", "eth1"] }),
    serving: told(["eth1"]),
    reason: undefined,
  },
  {
    what: "this node has a list of its own",
    wanted: wanted({ interfaces: ["eth0"], interfacesByNode: { b: ["eth1"] } }),
    serving: told(["eth0"]),
    reason: "noInterface",
  },
  {
    what: "this node may choose",
    wanted: wanted({ interfaces: ["eth0"], interfacesByNode: { b: "all" } }),
    serving: told(["eth1"]),
    reason: undefined,
  },
  {
    what: "another node has a list of its own",
    wanted: wanted({ interfaces: ["eth0"], interfacesByNode: { a: ["eth1"] } }),
    serving: told(["eth0"]),
    reason: undefined,
  },
  {
    what: "one of the link probes fails",
    wanted: wanted({ policy: probing }),
    serving: told(["eth0"], ["2001:db8::1"]),
    reason: "linkProbeFailed",
  },
  {
    what: "a link probe of another address fails",
    wanted: wanted({ policy: probing }),
    serving: told(["eth0"], ["192.0.2.9"]),
    reason: undefined,
  },
  { what: "a link probe fails that nobody asked for", wanted: wanted(), serving: told(["eth0"], ["192.0.2.1"]) },
  {
    what: "no interface has IPv6, and the address is an IPv6 one",
    wanted: six(),
    serving: ipv4Only(["eth0", "eth1"], ["eth0", "eth1"]),
    reason: "noIpv6",
  },
  {
    what: "no interface has IPv6, and the address is an IPv4 one",
    wanted: wanted(),
    serving: ipv4Only(["eth0"], ["eth0"]),
  },
  { what: "another interface has IPv6", wanted: six(), serving: ipv4Only(["eth0", "eth1"], ["eth0"]) },
  {
    what: "another interface has IPv6, but it is not in the list",
    wanted: six({ interfaces: ["eth0"] }),
    serving: ipv4Only(["eth0", "eth1"], ["eth0"]),
    reason: "noIpv6",
  },
  {
    what: "this node has a list of its own, without IPv6",
    wanted: six({ interfacesByNode: { b: ["eth0"] } }),
    serving: ipv4Only(["eth0", "eth1"], ["eth0"]),
    reason: "noIpv6",
  },
  { what: "nothing was said of IPv6 (an older version)", wanted: six(), serving: told(["eth0"]) },
  { what: "the interface is not there, for an IPv6 address", wanted: six(), serving: told([]), reason: "noInterface" },
  {
    what: "there are more interfaces than can be told, and those told have no IPv6",
    wanted: six(),
    serving: ipv4Only(Array.from({ length: 32 }, (_, i) => `eth${i}`), Array.from({ length: 32 }, (_, i) => `eth${i}`)),
  },
  {
    what: "there are more interfaces than can be told",
    wanted: wanted({ interfaces: ["eth99"] }),
    serving: told(Array.from({ length: 32 }, (_, i) => `eth${i}`)),
    reason: undefined,
  },
] as const;

for (const { what, wanted, serving, ...rest } of ROWS) {
  const reason = "reason" in rest ? rest.reason : undefined;
  Deno.test(`Standing back: when ${what}: ${reason ?? "it can serve"}`, () => {
    assertEquals(standBackReason(wanted, { node: "b", serving }), reason);
  });
}

Deno.test("Standing back: a node tells of itself whether only the link is missing", () => {
  const of = (noCarrier: readonly string[]) => ({ node: "b", serving: told([]), noCarrier: new Set(noCarrier) });
  assertEquals(standBackReason(wanted(), of(["eth0"])), "noCarrier");
  assertEquals(standBackReason(wanted(), of([])), "noInterface");
  assertEquals(standBackReason(wanted({ interfaces: ["eth0"] }), of(["eth1"])), "noInterface");
  assertEquals(standBackReason(wanted({ interfaces: ["eth0"] }), of(["eth0"])), "noCarrier");
});
