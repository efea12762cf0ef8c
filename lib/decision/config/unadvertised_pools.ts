/**
 * Pools that no advertisement selects, of either protocol: Services get addresses from them that nobody can reach, and
 * MetalLB keeps silent about it.
 */
import type { Config } from "./config.ts";
import type { Problem } from "./problem.ts";

export function warnOfUnadvertisedPools(config: Config): Problem[] {
  const selected = new Set<string>();
  // Advertisements that select everything share one set.
  const sets = new Set([...config.l2Advertisements, ...config.bgpAdvertisements].map(({ pools }) => pools));
  for (const pools of sets) for (const name of pools) selected.add(name);
  return config.pools.filter(({ name }) => !selected.has(name)).map(({ name, namespace }) => ({
    severity: "warning",
    kind: "IPAddressPool",
    namespace,
    name,
    path: "",
    reason: "notAdvertised",
    message: "no L2Advertisement and no BGPAdvertisement selects this pool, so nobody can reach its addresses; " +
      "create one, with this name in spec.ipAddressPools or without any names",
  }));
}
