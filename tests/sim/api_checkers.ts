/** What must hold in a cluster with an API, beside what must hold in any. */
import type { ApiCluster } from "./api_cluster.ts";
import type { Checker } from "./stage.ts";

/** In a settled cluster `herald explain` names the node that the naive model names. */
export function explained(cluster: ApiCluster): Checker {
  return {
    onAnswers({ address, at }) {
      if (cluster.wholeSince === undefined || at - cluster.wholeSince < cluster.settledMs) return undefined;
      // Who answers an address that stays where it is, is a matter of its history.
      if (cluster.isSticky) return undefined;
      const expected = cluster.elected(address)?.name ?? null;
      const named = cluster.explained(address);
      return named === expected ? undefined : `explain names ${named} for ${address}, but it is ${expected}'s`;
    },
  };
}
