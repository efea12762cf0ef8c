/**
 * One seed, one cluster, one story, all checkers.
 *
 * Seeds 1 to 950 have 3 to 7 nodes, the next 45 have 20 and the last 5 have 100. Every fourth small one is a story of
 * planned moves alone, in which no request may stay without an answer.
 */
import { explained } from "./api_checkers.ts";
import { ApiCluster } from "./api_cluster.ts";
import { keptLongEnough, noSilence, nothingUnwanted, oneOwner, shortOverlaps } from "./checkers.ts";
import { Dice } from "./dice.ts";
import { ingredientDice, ingredientsOf } from "./ingredients.ts";
import type { Plane, SimNode } from "./sim_node.ts";
import { Story } from "./story.ts";

export const SEEDS = 1000;
const SMALL_SEEDS = 950;
const HUGE_SEEDS = 5;
const ADDRESSES = [1, 2, 3, 4].flatMap((i) => [`198.51.100.${i}`, `2001:db8:1::${i}`]);
const PLANNED_OVERLAP_MS_MAX = 80;

export interface RunOptions {
  readonly nodes?: number | undefined;
  readonly verbose?: boolean;
  readonly alter?: (plane: Plane, node: SimNode) => Plane;
}

export function nodesOf(seed: number): number {
  if (seed <= SMALL_SEEDS) return 3 + seed % 5;
  return seed <= SEEDS - HUGE_SEEDS ? 20 : 100;
}

/** The story as it went. Throws with it when something is wrong. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<readonly string[]> {
  const nodes = options.nodes ?? nodesOf(seed);
  const ingredients = ingredientsOf(seed);
  // MetalLB's speakers leave without handing over.
  const isPlanned = nodes < 20 && seed % 4 === 0 && !ingredients.has("metallb");
  const cluster = new ApiCluster({
    ...options,
    seed,
    nodes,
    gossips: true,
    segments: ingredients.has("interfaces") ? 2 : 1,
    safe: ingredients.has("safe"),
    addresses: ADDRESSES,
    askEveryMs: isPlanned ? 5 : Math.max(20, nodes),
  });
  const catchAll = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    cluster.failure ??= event.reason instanceof Error ? event.reason : new Error(String(event.reason));
  };
  globalThis.addEventListener("unhandledrejection", catchAll);
  try {
    const story = new Story(cluster, { ingredients, dice: ingredientDice(seed) });
    await (isPlanned ? playPlanned(cluster, story) : playStorms(cluster, story));
  } catch (error) {
    if (cluster.failure === undefined) {
      cluster.fail(error instanceof Error ? error.stack ?? error.message : String(error));
    }
    throw cluster.failure;
  } finally {
    globalThis.removeEventListener("unhandledrejection", catchAll);
  }
  return cluster.story;
}

async function playStorms(cluster: ApiCluster, story: Story): Promise<void> {
  const dice = new Dice(cluster.rng);
  cluster.checkers.push(oneOwner(cluster), nothingUnwanted(cluster), explained(cluster), keptLongEnough(cluster));
  // Who knows of the others by the gossip alone finds out as late as that does.
  cluster.checkers.push(shortOverlaps(cluster, story.has("metallb") ? { msMax: cluster.settledMs } : {}));
  await story.begin();
  for (let storms = cluster.nodes.length < 20 ? 2 : 1; storms > 0; storms--) {
    await story.storm(dice.between(1000, 4000));
    await story.scenes();
    await story.calm();
    await story.settle();
  }
  await story.encores();
}

async function playPlanned(cluster: ApiCluster, story: Story): Promise<void> {
  const dice = new Dice(cluster.rng);
  cluster.checkers.push(oneOwner(cluster), nothingUnwanted(cluster), explained(cluster), keptLongEnough(cluster));
  await story.begin();
  cluster.checkers.push(noSilence(cluster), shortOverlaps(cluster, { msMax: PLANNED_OVERLAP_MS_MAX }));
  for (let moves = 6; moves > 0; moves--) {
    await story.plannedMove();
    await cluster.pass(dice.between(300, 1000));
  }
  await story.settle();
}
