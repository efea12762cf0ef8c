/**
 * Layer 2 under misfortune: hundreds of clusters, each with a story of its own, made from a seed. To see one again, put
 * its seed alone into the loop.
 */
import { assertEquals } from "@std/assert/equals";
import { below } from "../../lib/base/rng.ts";
import { claimsAfter, noSilence, nothingUnwanted, oneOwner, shortOverlaps } from "./checkers.ts";
import { Faults } from "./faults.ts";
import { SimCluster } from "./sim_cluster.ts";

const ADDRESSES = ["198.51.100.1", "198.51.100.2"];

/** A cluster of 3 to 5 nodes in which every address is wanted, before anybody has settled. */
function newCluster(seed: number): SimCluster {
  const cluster = new SimCluster({ seed, nodes: 3 + (seed % 3), addresses: ADDRESSES });
  const names = cluster.nodes.map(({ name }) => name);
  cluster.want(ADDRESSES[0]!, names);
  cluster.want(ADDRESSES[1]!, [...names].reverse());
  for (const name of names) cluster.start(name);
  return cluster;
}

function seeds(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

Deno.test("Layer 2 simulation: after any storm of faults, each address settles on its first living candidate", () => {
  for (const seed of seeds(1, 200)) {
    const cluster = newCluster(seed);
    cluster.checkers.push(oneOwner(cluster), nothingUnwanted(cluster));
    const faults = new Faults(cluster);
    faults.storm(1500 + below(cluster.rng, 4500));
    faults.calm();
    cluster.pass(cluster.settledMs + 300);
  }
});

Deno.test("Layer 2 simulation: planned moves leave no request unanswered and overlap for an instant only", () => {
  for (const seed of seeds(1000, 60)) {
    const cluster = newCluster(seed);
    cluster.pass(1500);
    cluster.checkers.push(oneOwner(cluster), nothingUnwanted(cluster), noSilence(cluster));
    cluster.checkers.push(shortOverlaps(cluster, { msMax: 80 }));
    const faults = new Faults(cluster);
    for (let i = 0; i < 8; i++) {
      faults.plannedMove();
      cluster.pass(300 + below(cluster.rng, 700));
    }
    cluster.pass(cluster.settledMs + 100);
  }
});

Deno.test("Layer 2 simulation: planned moves on a lossy network overlap for a hand-over's time at most", () => {
  for (const seed of seeds(2000, 40)) {
    const cluster = newCluster(seed);
    cluster.pass(1500);
    cluster.checkers.push(oneOwner(cluster), nothingUnwanted(cluster), shortOverlaps(cluster));
    const faults = new Faults(cluster);
    for (let i = 0; i < 2; i++) {
      cluster.weather("loss", { frameLoss: 0.1, datagramLoss: 0.05 });
      faults.plannedMove();
      cluster.pass(2500);
    }
    faults.calm();
    cluster.pass(cluster.settledMs + 100);
  }
});

Deno.test("Layer 2 simulation: a killed owner's successor announces itself within 400 ms", () => {
  for (const seed of seeds(3000, 100)) {
    const cluster = newCluster(seed);
    cluster.pass(1000 + below(cluster.rng, 200));
    const owner = cluster.expectedOwner(ADDRESSES[0]!)!;
    const claims = claimsAfter(cluster, owner, cluster.time.now);
    cluster.kill(owner.name);
    cluster.pass(400);
    assertEquals(claims.has(ADDRESSES[0]!), true, `Seed ${seed}: nobody announces itself`);
  }
});
