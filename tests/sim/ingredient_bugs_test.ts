/** As checkers_test, for what only some stories have in them: a deliberate bug each, and what finds it. */
import { assertMatch } from "@std/assert/match";
import { ApiCluster, ZONES } from "./api_cluster.ts";
import {
  GivesUpSilently,
  IgnoresLists,
  IgnoresMetallb,
  NeverWaits,
  TrustsIpv6,
  TrustsItsLink,
  TrustsTheApi,
  WaitsForever,
} from "./broken_planes.ts";
import { keptLongEnough, oneAnswers, onlyOwnerSpeaks } from "./checkers.ts";
import { ROUTER_ADDRESSES } from "./router.ts";
import { CUT_OFF_MS_MAX, silentWhenCutOff } from "./safe_checker.ts";
import type { Plane, SimNode } from "./sim_node.ts";
import type { Checker } from "./stage.ts";
import type { Failback } from "./truth.ts";

const ADDRESS = "198.51.100.1";
const IPV6_ADDRESS = "2001:db8:1::1";

interface Bug {
  readonly title: string;
  readonly Plane: new (real: Plane, node: SimNode) => Plane;
  readonly failback?: Failback;
  readonly segments?: number;
  readonly address?: string;
  readonly checker: (cluster: ApiCluster) => Checker;
  readonly play: (cluster: ApiCluster) => Promise<void>;
  readonly found: RegExp;
}

const BUGS: readonly Bug[] = [
  {
    title: "a node that does not wait for the addresses that it comes back to",
    Plane: NeverWaits,
    failback: 6000,
    checker: keptLongEnough,
    play: ownerReturns,
    found: /moves from node-\w to node-\w, back for \d+ ms: 6000/,
  },
  {
    title: "a node that never gives back what its policy leaves it with for a while",
    Plane: WaitsForever,
    failback: 1000,
    checker: oneAnswers,
    play: ownerReturns,
    found: /is answered by \[node-\w\] instead of node-\w/,
  },
  {
    title: "a node that gives up without a word, as if each was lost",
    Plane: GivesUpSilently,
    failback: 1000,
    checker: oneAnswers,
    play: async (cluster) => {
      cluster.weather("no give-up arrives", { wordLoss: 1, lostWords: "givenUp" });
      await ownerReturns(cluster);
      cluster.weather("fine weather", {});
      await cluster.pass(cluster.settledMs + 1500);
    },
    found: /is answered by \[node-\w\] instead of node-\w/,
  },
  {
    title: "a node that goes on although its link leads nowhere",
    Plane: TrustsItsLink,
    checker: oneAnswers,
    play: async (cluster) => {
      await cluster.advertise({ linkProbes: [...ROUTER_ADDRESSES] });
      cluster.hideRouter([cluster.expectedOwner(ADDRESS)!.name], { hidden: true });
      await cluster.pass(cluster.settledMs + 500);
    },
    found: /is answered by \[node-\w\] instead of node-\w/,
  },
  {
    title: "a safe node that goes on although it sees neither the API nor anybody",
    Plane: TrustsTheApi,
    checker: silentWhenCutOff,
    play: async (cluster) => {
      const owner = cluster.expectedOwner(ADDRESS)!.name;
      cluster.weather("alone", { datagramGroups: new Map([[owner, 1]]) });
      cluster.setLineUp(owner, false);
      await cluster.pass(CUT_OFF_MS_MAX + 1000);
    },
    found: /node-\w speaks for 198\.51\.100\.1, cut off for \d+ ms/,
  },
  {
    title: "a node that answers in the place of a MetalLB speaker",
    Plane: IgnoresMetallb,
    checker: oneAnswers,
    play: async (cluster) => {
      cluster.settledMs = 10_000;
      await restartAs("metallb", cluster.expectedOwner(ADDRESS)!, cluster);
      await cluster.pass(cluster.settledMs + 500);
    },
    found: /is answered by \[node-\w, node-\w\] instead of node-\w/,
  },
  {
    title: "a node that stands back though a MetalLB speaker goes by the order alone",
    Plane: IgnoresMetallb,
    checker: oneAnswers,
    play: async (cluster) => {
      cluster.settledMs = 10_000;
      const owner = cluster.expectedOwner(ADDRESS)!;
      const last = cluster.candidates(ADDRESS).at(-1)!;
      await restartAs("metallb", cluster.node(last), cluster);
      cluster.cutCarrier(owner.name, { isolated: false });
      await cluster.pass(cluster.settledMs + 500);
    },
    found: /is answered by \[node-\w\] instead of nobody/,
  },
  {
    title: "a node that announces on an interface that is not in its list",
    Plane: IgnoresLists,
    segments: 2,
    checker: onlyOwnerSpeaks,
    play: async (cluster) => {
      await onlyOnSecond(cluster);
      await cluster.pass(cluster.settledMs);
      await ownerReturns(cluster);
    },
    found: /node-\w speaks for 198\.51\.100\.1 on eth0, where it is nobody's/,
  },
  {
    title: "a node that does not stand back when the interfaces of its list have no link, though others have",
    Plane: IgnoresLists,
    segments: 2,
    checker: oneAnswers,
    play: async (cluster) => {
      await onlyOnSecond(cluster);
      cluster.setSecondCarrier(cluster.expectedOwner(ADDRESS)!.name, false);
      await cluster.pass(cluster.settledMs + 500);
    },
    found: /is answered by \[node-\w\] instead of nobody on eth0|is answered by \[\] instead of node-\w on eth1/,
  },
  {
    title: "a node that has no IPv6 and does not stand back for an IPv6 address",
    Plane: TrustsIpv6,
    address: IPV6_ADDRESS,
    checker: oneAnswers,
    play: async (cluster) => {
      const link = cluster.expectedOwner(IPV6_ADDRESS)!.links[0]!;
      cluster.setIpv6(link, false);
      await cluster.pass(cluster.settledMs + 500);
      cluster.setIpv6(link, true);
      await cluster.pass(cluster.settledMs + 500);
    },
    found: /2001:db8:1::1 is answered by \[\] instead of node-\w on eth0/,
  },
];

async function onlyOnSecond(cluster: ApiCluster): Promise<void> {
  await cluster.advertise({ interfaces: new Map(ZONES.map((zone) => [zone, ["eth1"]])) });
}

async function restartAs(program: SimNode["program"], node: SimNode, cluster: ApiCluster): Promise<void> {
  cluster.kill(node.name);
  node.program = program;
  await cluster.pass(300);
  cluster.start(node.name);
}

async function ownerReturns(cluster: ApiCluster): Promise<void> {
  const owner = cluster.expectedOwner(ADDRESS)!.name;
  cluster.leave(owner);
  await cluster.pass(cluster.settledMs + 500);
  cluster.start(owner);
  await cluster.pass(cluster.settledMs + 1500);
}

/** What is found, if anything. */
async function play(
  { Plane, failback = "immediate", segments = 1, address = ADDRESS, checker, play }: Omit<Bug, "Plane"> & Partial<Bug>,
) {
  const alter = Plane === undefined ? {} : { alter: (real: Plane, node: SimNode) => new Plane(real, node) };
  const cluster = new ApiCluster({
    seed: 1,
    nodes: 4,
    addresses: [address],
    gossips: true,
    safe: true,
    segments,
    ...alter,
  });
  try {
    await cluster.furnish();
    await cluster.advertise({ failback });
    const endpoints = [{ node: "node-b", ready: true }];
    await cluster.createService({ name: "web", addresses: [address], local: false, sharingKey: undefined, endpoints });
    for (const { name } of cluster.nodes) cluster.start(name);
    await cluster.pass(cluster.settledMs);
    cluster.checkers.push(checker(cluster));
    await play(cluster);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

for (const { Plane, ...good } of BUGS) {
  Deno.test(`Simulation: found is ${good.title}`, async () => assertMatch(await play({ ...good, Plane }), good.found));

  Deno.test(`Simulation: nothing is found without the bug of: ${good.title}`, async () => {
    assertMatch(await play(good), /^$/);
  });
}
