/**
 * Services that have an address which no advertisement covers: they look as if all were well, and nobody can reach them
 * (reader expectations 000:661). Whether a node could announce them just now is not asked here: `explain` tells.
 */
import type { KubeObject } from "../../base/kube.ts";
import type { Config, L2Advertisement } from "../config/config.ts";
import { labelsOf } from "../config/identity.ts";
import { type Problem } from "../config/problem.ts";
import { anySelectorMatches } from "../config/selector.ts";
import { ALLOCATED_FROM_POOL, decodeService, type Labels, type ServiceView } from "../config/service_view.ts";

type Advertisement = Pick<L2Advertisement, "name" | "pools" | "serviceSelectors">;

/** More than a person reads; with so many the pool's own problem says it all. */
const PROBLEMS_MAX = 1_000;

/** `services` in the order in which they are to be told. */
export function unannouncedServices(services: Iterable<KubeObject>, config: Config): Problem[] {
  const advertisements: readonly Advertisement[] = [...config.l2Advertisements, ...config.bgpAdvertisements];
  const covered = new Set<string>();
  for (const { pools, serviceSelectors } of advertisements) {
    if (serviceSelectors.length === 0) { for (const pool of pools) covered.add(pool); }
  }
  // In nearly every cluster this is the end: each pool is announced for all Services.
  if (config.pools.every(({ name }) => covered.has(name))) return [];
  const problems: Problem[] = [];
  for (const object of services) {
    const pool = object.metadata.annotations?.[ALLOCATED_FROM_POOL];
    if (pool === undefined || covered.has(pool)) continue;
    // Labels are all that is asked for of most Services; to decode ten thousand of them takes half a second.
    if (isCovered(labelsOf(object), { pool, advertisements })) continue;
    const decoded = decodeService(object);
    if (!decoded.ok || decoded.value.ingress.length === 0) continue;
    problems.push(problemOf(decoded.value, { pool, advertisements }));
    if (problems.length === PROBLEMS_MAX) break;
  }
  return problems;
}

function isCovered(
  labels: Labels,
  { pool, advertisements }: { pool: string; advertisements: readonly Advertisement[] },
): boolean {
  return advertisements.some(({ pools, serviceSelectors }) =>
    pools.has(pool) && anySelectorMatches(serviceSelectors, labels)
  );
}

function problemOf(
  service: ServiceView,
  { pool, advertisements }: { pool: string; advertisements: readonly Advertisement[] },
): Problem {
  const others = advertisements.filter(({ pools }) => pools.has(pool)).map(({ name }) => name);
  const why = others.length === 0
    ? `no L2Advertisement and no BGPAdvertisement selects pool ${JSON.stringify(pool)}`
    : `the serviceSelectors of ${others.slice(0, 3).join(", ")} do not select this Service`;
  return {
    severity: "warning",
    kind: "Service",
    namespace: service.namespace,
    name: service.name,
    path: "status.loadBalancer.ingress",
    reason: "notAnnounced",
    message: `nobody can reach ${service.ingress.slice(0, 2).join(" and ")}: ${why}`,
  };
}
