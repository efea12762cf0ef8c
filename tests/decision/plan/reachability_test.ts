import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { BgpPeer } from "../../../lib/decision/config/config.ts";
import { decodeNode } from "../../../lib/decision/config/node_view.ts";
import { formatNetworks, nodeNetworksOf, parseNetworks } from "../../../lib/decision/config/node_networks.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { reachabilityProblems } from "../../../lib/decision/plan/reachability.ts";
import { l2Object, nodeObject, poolObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";
import { bgpPeer } from "./bgp_peer.ts";

const NODES = [
  valueOf(decodeNode(nodeObject("n1", { labels: { zone: "a" } }))),
  valueOf(decodeNode(nodeObject("n2", { labels: { zone: "b" } }))),
];

function state(node: string, networks: string | undefined): unknown {
  const annotations = networks === undefined ? {} : { "herald.dev/networks": networks };
  return { metadata: { name: `speaker-${node}`, labels: { "metallb.io/node-name": node }, annotations } };
}

function problemsOf(options: {
  addresses?: string[];
  advertisement?: Record<string, unknown>;
  states: unknown[];
  peers?: BgpPeer[];
}) {
  const { addresses = ["192.0.2.0/28"], advertisement = {}, states, peers = [] } = options;
  const { config } = resolveConfig({
    ipAddressPools: [poolObject("lan", addresses)],
    l2Advertisements: [l2Object("l2", advertisement)],
  });
  const world = { config: { ...config, bgpPeers: peers }, nodes: NODES, networks: nodeNetworksOf(states) };
  return reachabilityProblems(world).map(({ kind, name, path, reason, severity, message }) => ({
    what: `${severity} ${kind}/${name} ${path} ${reason}`,
    message,
  }));
}

const BOTH = [state("n1", "eth0=198.51.100.0/24"), state("n2", "eth0=203.0.113.0/24 eth1=2001:db8::/64")];

Deno.test("a layer-2 address in no node's subnet is warned about, once for each range", () => {
  const found = problemsOf({ addresses: ["192.0.2.0/28", "203.0.113.8/30", "fd00::/120"], states: BOTH });
  assertEquals(found.map(({ what }) => what), [
    "warning IPAddressPool/lan spec.addresses notInSubnet",
    "warning IPAddressPool/lan spec.addresses notInSubnet",
  ]);
  assertStringIncludes(found[0]!.message, "192.0.2.0-192.0.2.15");
  assertStringIncludes(found[0]!.message, "198.51.100.0/24, 203.0.113.0/24");
  assertStringIncludes(found[1]!.message, "2001:db8::/64");
});

Deno.test("nothing is said of subnets while a speaker that may announce has not reported", () => {
  const table: [string, unknown[]][] = [
    ["nobody", []],
    ["one of two", [state("n1", "eth0=198.51.100.0/24")]],
    ["without the annotation", [state("n1", "eth0=198.51.100.0/24"), state("n2", undefined)]],
    ["under another node's name", [
      state("n1", "eth0=198.51.100.0/24"),
      { metadata: { ...(state("n2", "eth0=10.0.0.0/8") as { metadata: object }).metadata, name: "speaker-x" } },
    ]],
    ["garbage", [null, 7, { metadata: { labels: 3 } }]],
  ];
  for (const [name, states] of table) assertEquals(problemsOf({ states }), [], name);
});

Deno.test("only nodes and interfaces that the advertisement allows count", () => {
  const pool = { addresses: ["203.0.113.8/30"], states: BOTH };
  const onlyA = { nodeSelectors: [{ matchLabels: { zone: "a" } }] };
  const table: [string, Record<string, unknown>, number][] = [
    ["the wrong node", onlyA, 1],
    ["the wrong interface", { interfaces: ["eth1"] }, 1],
    ["the right interface", { interfaces: ["eth0"] }, 0],
    ["the right node", { nodeSelectors: [{ matchLabels: { zone: "b" } }] }, 0],
    ["no node at all", { nodeSelectors: [{ matchLabels: { zone: "c" } }] }, 0],
    ["not this pool", { ipAddressPools: ["other"] }, 0],
  ];
  for (const [name, advertisement, count] of table) {
    assertEquals(problemsOf({ ...pool, advertisement }).length, count, name);
  }
});

Deno.test("an external peer that is on no node's network needs ebgpMultiHop", () => {
  const table: [string, Partial<BgpPeer>, number][] = [
    ["far away", {}, 1],
    ["far away, its kind given", { peerAsn: "external" }, 1],
    ["made external by localASN", { peerAsn: 64500, localAsn: 64999 }, 1],
    ["with multihop", { ebgpMultiHop: true }, 0],
    ["internal", { peerAsn: 64500 }, 0],
    ["internal by kind", { peerAsn: "internal" }, 0],
    ["on the network", { peerAddress: "198.51.100.1" }, 0],
    ["by interface", { peerAddress: undefined, interfaceName: "eth0" }, 0],
    ["in a VRF", { vrf: "red" }, 0],
  ];
  for (const [name, peer, count] of table) {
    const found = problemsOf({ addresses: ["203.0.113.8/30"], states: BOTH, peers: [bgpPeer("router", peer)] });
    assertEquals(found.length, count, name);
    if (count > 0) assertEquals(found[0]!.what, "warning BGPPeer/router spec.ebgpMultiHop peerNotInSubnet");
  }
});

Deno.test("networks as text: what is written is read back, what is no network is left out", () => {
  const networks = [{ interfaceName: "eth0", prefix: "192.0.2.0/24" }, { interfaceName: "a=b", prefix: "fd00::/64" }];
  const text = formatNetworks(networks);
  assertEquals(text, "eth0=192.0.2.0/24 a=b=fd00::/64");
  assertEquals(parseNetworks(text).map(({ interfaceName, prefix }) => ({ interfaceName, prefix })), networks);
  for (const bad of ["", "eth0", "eth0=", "=192.0.2.0/24", "eth0=192.0.2.0", "eth0=300.0.0.0/8", " = / "]) {
    assertEquals(parseNetworks(bad), [], bad);
  }
});
