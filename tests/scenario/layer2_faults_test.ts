/** Stories that once ended badly, or easily could; each for several seeds, which set delays and phases. */
import { oneOwner } from "../sim/checkers.ts";
import { SimCluster } from "../sim/sim_cluster.ts";

const VIP = "198.51.100.1";
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Three settled nodes; `node-a` is the owner of the address and where the client sends. */
function settled(seed: number): SimCluster {
  const cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP] });
  cluster.want(VIP, ["node-a", "node-b", "node-c"]);
  for (const { name } of cluster.nodes) cluster.start(name);
  cluster.pass(6000);
  return cluster;
}

/** From now on, only `name` may answer, and the client must send to it. */
function onlyOwner(cluster: SimCluster, name: string): void {
  cluster.checkers.push({
    onAnswers: (_asked, nodes) =>
      nodes.length === 1 && nodes[0]!.name === name
        ? undefined
        : `[${nodes.map((node) => node.name)}] answers instead of ${name}`,
    onPacket: (_address, to) =>
      to?.name === name ? undefined : `the client sends to ${to?.name ?? "nowhere"}, not to ${name}`,
  });
}

/** `name` sends no frame while the returned check stands. */
function silent(cluster: SimCluster, name: string): { readonly end: () => void } {
  let watching = true;
  cluster.checkers.push({
    onFrame: (from) => watching && from.name === name ? `${name} speaks` : undefined,
  });
  return { end: () => watching = false };
}

for (const seed of SEEDS) {
  Deno.test(`Layer 2: after a long partition the owner that never noticed it gets its neighbours back (seed ${seed})`, () => {
    const cluster = settled(seed);
    const groups = new Map([["node-a", 1]]);
    cluster.weather("node-a is cut off", { frameGroups: groups, datagramGroups: groups });
    cluster.pass(8000);
    cluster.weather("fine weather", {});
    cluster.pass(1500);
    onlyOwner(cluster, "node-a");
    cluster.pass(3000);
  });

  Deno.test(`Layer 2: neighbours of a node that owned in its part only, and then stood still, come back (seed ${seed})`, () => {
    const cluster = settled(seed);
    const groups = new Map([["node-a", 1], ["node-c", 1]]);
    cluster.weather("node-b is alone with the client", { frameGroups: groups, datagramGroups: groups });
    cluster.pass(8000);
    cluster.pause("node-b");
    cluster.pass(1000);
    cluster.weather("fine weather", {});
    cluster.resume("node-b");
    cluster.pass(1500);
    onlyOwner(cluster, "node-a");
    cluster.pass(2000);
  });

  Deno.test(`Layer 2: when only the probes were lost, the owner defends its address (seed ${seed})`, () => {
    const cluster = settled(seed);
    cluster.weather("node-a is not heard", { datagramGroups: new Map([["node-a", 1]]) });
    cluster.pass(450);
    cluster.weather("fine weather", {});
    cluster.pass(1500);
    onlyOwner(cluster, "node-a");
    cluster.pass(3000);
  });

  Deno.test(`Layer 2: after a gap nothing is answered before the others were heard or given up (seed ${seed})`, () => {
    const cluster = settled(seed);
    const groups = new Map([["node-a", 1]]);
    cluster.pause("node-a");
    cluster.pass(300);
    cluster.weather("node-a is not heard", { datagramGroups: groups });
    const silence = silent(cluster, "node-a");
    cluster.resume("node-a");
    cluster.pass(224);
    silence.end();
    cluster.weather("fine weather", {});
    cluster.checkers.push(oneOwner(cluster));
    cluster.pass(cluster.settledMs + 500);
  });

  Deno.test(`Layer 2: a stop that is shorter than a gap moves nothing (seed ${seed})`, () => {
    const cluster = settled(seed);
    silent(cluster, "node-b");
    silent(cluster, "node-c");
    for (let i = 0; i < 10; i++) {
      cluster.pause("node-a");
      cluster.pass(145);
      cluster.resume("node-a");
      cluster.pass(137);
    }
    cluster.pass(100);
    onlyOwner(cluster, "node-a");
    cluster.pass(1000);
  });

  Deno.test(`Layer 2: a restart within the detection time, the clock set back, ends with the same owner (seed ${seed})`, () => {
    const cluster = settled(seed);
    cluster.kill("node-a");
    cluster.pass(20 + 20 * seed);
    cluster.start("node-a", { clockStepMs: -50_000 });
    cluster.pass(1600);
    onlyOwner(cluster, "node-a");
    cluster.pass(2000);
  });

  Deno.test(`Layer 2: the last node goes on until it leaves, and nobody speaks after it (seed ${seed})`, () => {
    const cluster = settled(seed);
    cluster.leave("node-b");
    cluster.leave("node-c");
    cluster.pass(100);
    onlyOwner(cluster, "node-a");
    cluster.pass(1000);
    cluster.checkers.length = 0;
    cluster.leave("node-a");
    cluster.pass(20);
    for (const { name } of cluster.nodes) silent(cluster, name);
    cluster.pass(3000);
  });
}

Deno.test("Layer 2: a leaver's own announcements never overtake its successor's", () => {
  for (const seed of SEEDS) {
    // The second burst of node-a is due about 1,100 ms after it took over; it leaves just then.
    for (let offset = 0; offset < 12; offset += 0.5) {
      const cluster = settled(seed);
      cluster.kill("node-a");
      cluster.pass(2000);
      cluster.start("node-a");
      while (cluster.node("node-a").readyAt === undefined) cluster.pass(0.25);
      cluster.pass(1100 - offset);
      cluster.leave("node-a");
      cluster.pass(30);
      onlyOwner(cluster, "node-b");
      cluster.pass(200);
    }
  }
});
