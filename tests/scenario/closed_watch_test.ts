/**
 * Speakers whose watch does not get through, because of a firewall or of another version of it, while their gossip does:
 * slower than with the watch, as MetalLB is, but with one owner.
 */
import { assertEquals } from "@std/assert/equals";
import { DEFAULT_ADDRESS_POLICY } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import { SimCluster } from "../sim/sim_cluster.ts";
import type { Plane } from "../sim/sim_node.ts";

const VIP = "198.51.100.1";

/** Its watch says nothing to anybody. */
function muted(plane: Plane): Plane {
  const poll = PacketPlane.prototype.poll.bind(plane as PacketPlane);
  plane.poll = () => {
    let effect;
    do effect = poll(); while (effect?.kind === "sendWatch");
    return effect;
  };
  return plane;
}

function answeringNodes(cluster: SimCluster): string[] {
  const seen = new Set<string>();
  const checker = {
    onAnswers: (_asked: unknown, nodes: readonly { readonly name: string }[]) => {
      for (const { name } of nodes) seen.add(name);
      return undefined;
    },
  };
  cluster.checkers.push(checker);
  cluster.pass(200);
  cluster.checkers.splice(cluster.checkers.indexOf(checker), 1);
  return [...seen].sort();
}

for (const seed of [1, 2, 3]) {
  Deno.test(`Closed watch: one node answers all the same, and the next one when it dies (seed ${seed})`, () => {
    const cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP], gossips: true, alter: muted });
    cluster.want(VIP, ["node-a", "node-b", "node-c"]);
    for (const name of ["node-a", "node-b", "node-c"]) cluster.start(name);
    cluster.pass(10_000);
    assertEquals(answeringNodes(cluster), ["node-a"]);
    cluster.kill("node-a");
    cluster.pass(20_000);
    assertEquals(answeringNodes(cluster), ["node-b"]);
    cluster.start("node-a");
    cluster.pass(3000);
    assertEquals(answeringNodes(cluster), ["node-a"], "known by now to be silent: believed at once");
  });
}

for (const seed of [1, 2, 3]) {
  Deno.test(`Closed watch: nobody keeps an address against one that cannot be told so (seed ${seed})`, () => {
    const alter = (plane: Plane, { name }: { readonly name: string }) => name === "node-b" ? muted(plane) : plane;
    const cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP], gossips: true, alter });
    const policy = { ...DEFAULT_ADDRESS_POLICY, failback: "never" as const };
    cluster.want(VIP, ["node-a", "node-b", "node-c"], { policy });
    for (const name of ["node-a", "node-b", "node-c"]) cluster.start(name);
    cluster.pass(10_000);
    cluster.kill("node-a");
    cluster.pass(20_000);
    assertEquals(answeringNodes(cluster), ["node-b"]);
    cluster.start("node-a");
    cluster.pass(12_000);
    assertEquals(answeringNodes(cluster), ["node-a"]);
  });
}
