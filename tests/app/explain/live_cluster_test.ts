import { assertEquals } from "@std/assert/equals";
import { liveClusterOf } from "../../../lib/app/explain/live_cluster.ts";
import type { KubeObject } from "../../../lib/base/kube.ts";
import type { AddressPolicy, WantedAddress } from "../../../lib/base/wanted.ts";

function state(node: string, annotations: Record<string, string>) {
  return { metadata: { name: `speaker-${node}`, labels: { "metallb.io/node-name": node }, annotations } };
}

function members(listed: Record<string, string>[]): string {
  return JSON.stringify({ version: "0.1.0", count: 3, alive: 3, listed });
}

function clusterOf(configurationStates: KubeObject[], speakers?: ReadonlySet<string>) {
  return liveClusterOf({ configurationStates, l2Statuses: [] }, { speakers });
}

const wanted = (interfaces: WantedAddress["interfaces"], policy?: AddressPolicy): WantedAddress => ({
  address: "192.0.2.9",
  candidates: ["n1"],
  interfaces,
  services: ["shop/web"],
  ...(policy === undefined ? {} : { policy }),
});

Deno.test("liveClusterOf: a node stands back by what its own speaker reports, one that reports nothing does not", () => {
  const { standsBack } = clusterOf([
    state("n1", {
      "herald.dev/interfaces": "eth0=usable eth1=noCarrier",
      "herald.dev/failed-link-probes": "192.0.2.1",
    }),
    state("n2", { "herald.dev/members": members([]) }),
    state("n4", {
      "herald.dev/interfaces": "eth0=usable eth1=usable",
      "herald.dev/ipv4-only-interfaces": "eth0 eth9",
    }),
  ]);
  const probing: AddressPolicy = { failback: "immediate", probe: "beside", linkProbes: ["192.0.2.1"] };
  const table: [string, WantedAddress, string | undefined][] = [
    ["n1", wanted("all"), undefined],
    ["n1", wanted(["eth0"]), undefined],
    ["n1", wanted(["eth1"]), "noCarrier"],
    ["n1", wanted(["eth2"]), "noInterface"],
    ["n1", wanted("all", probing), "linkProbeFailed"],
    ["n1", { ...wanted("all"), interfacesByNode: { n1: ["eth2"] } }, "noInterface"],
    ["n2", wanted(["eth2"]), undefined],
    ["n3", wanted(["eth2"], probing), undefined],
    ["n4", wanted(["eth0"]), undefined],
    ["n4", { ...wanted(["eth0"]), address: "2001:db8::1" }, "noIpv6"],
    ["n4", { ...wanted("all"), address: "2001:db8::1" }, undefined],
  ];
  for (const [node, one, expected] of table) assertEquals(standsBack(node, one), expected, `${node} ${expected}`);
});

Deno.test("liveClusterOf: who is dead to all others has no speaker, though Kubernetes still counts its pod as ready", () => {
  const states = [
    state("n1", { "herald.dev/members": members([{ node: "n2", state: "dead", version: "0.1.0" }]) }),
    state("n2", { "herald.dev/members": members([{ node: "n1", state: "dead", version: "0.1.0" }]) }),
    state("n3", {
      "herald.dev/members": members([
        { node: "n2", state: "dead", version: "0.1.0" },
        { node: "m1", state: "alive" },
      ]),
    }),
  ];
  const ready = new Set(["n1", "n2", "n3", "m1"]);
  const { speakers, foreignMembers } = clusterOf(states, ready);
  assertEquals([...speakers!], ["n1", "n3", "m1"]);
  assertEquals(foreignMembers, ["m1"]);
  assertEquals(clusterOf([]).speakers, undefined);
});

Deno.test("liveClusterOf: who announces is told by the status, where all that there are agree", () => {
  const status = (name: string, service: string, node: string): KubeObject => ({
    metadata: { name },
    status: { node, serviceName: service, serviceNamespace: "shop" },
  });
  const l2Statuses = [status("a", "web", "n1"), status("b", "api", "n1"), status("c", "api", "n2"), {
    metadata: { name: "d" },
  }];
  const { holderOf } = liveClusterOf({ configurationStates: [], l2Statuses }, { speakers: undefined });
  assertEquals(["shop/web", "shop/api", "shop/other"].map(holderOf), ["n1", undefined, undefined]);
});
