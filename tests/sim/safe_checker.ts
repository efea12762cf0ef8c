/** What must hold for speakers that are run with `--safe`. */
import type { Millis } from "../../lib/base/time.ts";
import type { ApiCluster } from "./api_cluster.ts";
import type { SimNode } from "./sim_node.ts";
import type { Checker } from "./stage.ts";

/** By then a speaker knows that it is alone: it takes two questions to miss the API, and then a second to miss the rest. */
export const CUT_OFF_MS_MAX = 8500;

/** A node that has reached neither the API nor, over whatever detour, most of the others for long says nothing. */
export function silentWhenCutOff(cluster: ApiCluster): Checker {
  const since = new Map<SimNode, Millis>();
  return {
    onAnswers() {
      for (const node of cluster.nodes) {
        if (!isCutOff(cluster, node)) since.delete(node);
        else if (!since.has(node)) since.set(node, cluster.time.now);
      }
      return undefined;
    },
    onFrame(node, { address }) {
      const aloneMs = cluster.time.now - (since.get(node) ?? Infinity);
      if (!(aloneMs > CUT_OFF_MS_MAX) || !isCutOff(cluster, node)) return undefined;
      return `${node.name} speaks for ${address}, cut off for ${aloneMs.toFixed(0)} ms`;
    },
  };
}

function isCutOff(cluster: ApiCluster, node: SimNode): boolean {
  if (node.process !== "running" || node.program === "metallb" || cluster.reachesApi(node)) return false;
  const known = new Set([node]);
  for (const one of known) {
    for (const other of cluster.nodes) {
      // Whom only the gossip knows, it takes long to give up.
      if (other.program === "metallb") known.add(other);
      if (other.process === "none") continue;
      if (cluster.network.reaches(one, other) || cluster.network.reaches(other, one)) known.add(other);
    }
  }
  return known.size * 2 <= cluster.nodes.length;
}
