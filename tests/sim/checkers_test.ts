/** A deliberate bug in the way of each checker: each must be found, and by the checker that it is meant for. */
import { assertMatch } from "@std/assert/match";
import { explained } from "./api_checkers.ts";
import { ApiCluster } from "./api_cluster.ts";
import {
  AnnouncesForeign,
  LeavesAtOnce,
  LogsAnError,
  NeverAnnounces,
  NeverLetsGo,
  ReversesOrder,
  Silent,
  TakesTurns,
  Throws,
} from "./broken_planes.ts";
import { noSilence, nothingUnwanted, oneAnswers, onlyOwnerSpeaks, packetsArrive, shortOverlaps } from "./checkers.ts";
import type { Plane, SimNode } from "./sim_node.ts";
import type { Checker } from "./stage.ts";

const ADDRESS = "198.51.100.1";

interface Bug {
  readonly title: string;
  readonly Plane?: new (real: Plane, node: SimNode) => Plane;
  readonly checker: (cluster: ApiCluster) => Checker;
  readonly found: RegExp;
}

const none = (): Checker => ({});

const BUGS: readonly Bug[] = [
  {
    title: "a node that never lets go has company for too long",
    Plane: NeverLetsGo,
    checker: (cluster) => shortOverlaps(cluster),
    found: /has been answered by node-\w, node-\w for \d+ ms/,
  },
  {
    title: "a node that never lets go is a second owner",
    Plane: NeverLetsGo,
    checker: oneAnswers,
    found: /is answered by \[node-\w, node-\w\] instead of node-\w/,
  },
  {
    title: "a node that announces what nobody wants speaks for it",
    Plane: AnnouncesForeign,
    checker: nothingUnwanted,
    found: /speaks for 198\.51\.100\.77, which it was not told to be wanted/,
  },
  {
    title: "a node that never lets go speaks for what is another's",
    Plane: NeverLetsGo,
    checker: onlyOwnerSpeaks,
    found: /node-\w speaks for 198\.51\.100\.1 on eth0, where it is node-\w's/,
  },
  {
    title: "an owner that does not answer leaves nobody",
    Plane: Silent,
    checker: oneAnswers,
    found: /is answered by \[\] instead of node-\w/,
  },
  {
    title: "an owner that does not tell the segment leaves packets on the old way",
    Plane: NeverAnnounces,
    checker: packetsArrive,
    found: /the client on eth0 sends to node-\w for 198\.51\.100\.1 instead of to node-\w/,
  },
  {
    title: "nodes with another order have another owner",
    Plane: ReversesOrder,
    checker: oneAnswers,
    found: /is answered by \[node-\w\] instead of node-\w/,
  },
  {
    title: "a leaver that does not wait for its successor leaves a silence",
    Plane: LeavesAtOnce,
    checker: noSilence,
    found: /nobody answers for 198\.51\.100\.1/,
  },
  {
    title: "a log at level error",
    Plane: LogsAnError,
    checker: none,
    found: /node-a logs an error: .*brokenOnPurpose/,
  },
  { title: "an exception", Plane: Throws, checker: none, found: /broken on purpose/ },
];

/** The owner leaves, comes back, and is there: ownership moves twice. */
async function moveTwice(bug: Omit<Bug, "title" | "found">): Promise<string> {
  const cluster = new ApiCluster({
    seed: 1,
    nodes: 4,
    addresses: [ADDRESS],
    // A silence of one way through the network is not to be missed between two questions.
    askEveryMs: 0.5,
    ...(bug.Plane === undefined ? {} : { alter: (real, node) => new bug.Plane!(real, node) }),
  });
  try {
    await cluster.furnish();
    const endpoints = [{ node: "node-b", ready: true }];
    const service = { name: "web", addresses: [ADDRESS], local: false, sharingKey: undefined, endpoints };
    await cluster.createService(service);
    for (const { name } of cluster.nodes) cluster.start(name);
    await cluster.pass(2500);
    cluster.checkers.push(bug.checker(cluster));
    const owner = cluster.expectedOwner(ADDRESS)!.name;
    cluster.leave(owner);
    await cluster.pass(cluster.settledMs + 500);
    cluster.start(owner);
    await cluster.pass(cluster.settledMs + 500);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

for (const { title, found, ...bug } of BUGS) {
  Deno.test(`Simulation: found is ${title}`, async () => assertMatch(await moveTwice(bug), found));

  Deno.test(`Simulation: nothing is found without the bug of: ${title}`, async () => {
    const { Plane: _, ...good } = bug;
    assertMatch(await moveTwice(good), /^$/);
  });
}

Deno.test("Simulation: found is an address that moves although it should stay where it is", async () => {
  const cluster = new ApiCluster({
    seed: 1,
    nodes: 3,
    addresses: [ADDRESS],
    alter: (real, node) => new TakesTurns(real, node),
  });
  await cluster.furnish();
  await cluster.advertise({ failback: "never" });
  const endpoints = [{ node: "node-b", ready: true }];
  await cluster.createService({ name: "web", addresses: [ADDRESS], local: false, sharingKey: undefined, endpoints });
  for (const { name } of cluster.nodes) cluster.start(name);
  await cluster.pass(2500);
  cluster.checkers.push(oneAnswers(cluster));
  let message = "";
  await cluster.pass(cluster.settledMs).catch((error: Error) => message = error.message);
  assertMatch(message, /198\.51\.100\.1 moves from node-[ab] to node-[ab] for nothing/);
});

Deno.test("Simulation: found is an explanation that names another node than the model", async () => {
  const cluster = new ApiCluster({ seed: 1, nodes: 3, addresses: [ADDRESS] });
  await cluster.furnish();
  const endpoints = [{ node: "node-b", ready: true }];
  await cluster.createService({ name: "web", addresses: [ADDRESS], local: false, sharingKey: undefined, endpoints });
  for (const { name } of cluster.nodes) cluster.start(name);
  await cluster.pass(2500);
  cluster.checkers.push(explained(cluster));
  const owner = cluster.expectedOwner(ADDRESS)!.name;
  // The API does not hear of it.
  cluster.truth.nodes.get(owner)!.excluded = true;
  cluster.forgetCandidates();
  let message = "";
  await cluster.pass(cluster.settledMs).catch((error: Error) => message = error.message);
  assertMatch(message, new RegExp(`explain names ${owner} for 198.51.100.1, but it is node-[abc]'s`));
});
