/**
 * A speaker that starts in one part of a divided network, where the gossip still calls those of the other part alive.
 * Nobody there answers its question for what they have. To the owner among them it never was dead either, because its
 * pod was replaced meanwhile, so that nothing is back for anybody when the network is whole again.
 */
import { assertEquals } from "@std/assert/equals";
import { ApiCluster } from "../sim/api_cluster.ts";
import { oneOwner, shortOverlaps } from "../sim/checkers.ts";

const VIP = "198.51.100.1";

// In these the gossip speaks before the watch has given anybody up.
for (const seed of [5, 7, 9]) {
  Deno.test(`Failback never: who started in a part of the network yields to the owner in the other (seed ${seed})`, async () => {
    const cluster = new ApiCluster({ seed, nodes: 6, addresses: [VIP], gossips: true });
    await cluster.furnish();
    await cluster.advertise({ failback: "never" });
    const endpoints = cluster.nodes.map(({ name: node }) => ({ node, ready: true }));
    await cluster.createService({ name: "web", addresses: [VIP], local: false, sharingKey: undefined, endpoints });
    const [first, second, third, fourth, ...others] = cluster.candidates(VIP) as [string, string, string, string];
    let owner: string | undefined;
    cluster.checkers.push({ onPacket: (_address, to) => void (owner = to?.name) });
    for (const name of [first, second, third, fourth, ...others]) {
      cluster.start(name);
      await cluster.pass(name === first ? 2500 : 20);
    }
    await cluster.pass(3000);
    assertEquals(owner, first);

    const groups = new Map([first, ...others].map((name) => [name, 1]));
    cluster.weather("divided", { frameGroups: groups, datagramGroups: groups });
    cluster.leave(first);
    await cluster.pass(2300);
    assertEquals(owner, second);
    await cluster.replacePod(first);
    const announcers = new Set<string>();
    cluster.onClaim(({ name }) => void announcers.add(name));
    cluster.start(first);
    await cluster.pass(2500);
    assertEquals(announcers.has(first), true, "it has the address in its part");

    cluster.checkers.push(oneOwner(cluster), shortOverlaps(cluster));
    cluster.weather("fine weather", {});
    await cluster.pass(cluster.settledMs + 500);
    assertEquals(owner, second);
  });
}
