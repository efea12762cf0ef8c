/**
 * The BGP plan of all Services, computed from scratch: what each node announces to each peer, and why not more.
 *
 * No protocol in here: a session is told the prefixes of its node and peer, and sends what differs from before.
 */
import { compareText, type Config } from "../config/config.ts";
import type { EndpointView } from "../config/endpoint_view.ts";
import type { NodeView } from "../config/node_view.ts";
import type { ServiceView } from "../config/service_view.ts";
import { BgpContext, type BgpPlanOptions, type BgpRoute, joinRoutes, planServiceBgp } from "./service_bgp_plan.ts";
import type { ServiceBgpPlan } from "./service_bgp_plan.ts";

/** A prefix that a session announces, for one Service or for several. */
export interface WantedRoute extends BgpRoute {
  /** Keys of the Services that need it, sorted; it is withdrawn when the last one is gone. */
  readonly services: readonly string[];
}

export interface BgpPlan {
  /** By Service key. */
  readonly services: ReadonlyMap<string, ServiceBgpPlan>;
  /** By node, by peer, by prefix. Pairs without a prefix are left out. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, WantedRoute>>>;
}

export interface BgpWorld {
  readonly services: Iterable<ServiceView>;
  /** By Service key. */
  readonly endpoints: ReadonlyMap<string, readonly EndpointView[]>;
  readonly nodes: Iterable<NodeView>;
  readonly config: Config;
}

export function planBgp(world: BgpWorld, options: BgpPlanOptions = {}): BgpPlan {
  const context = new BgpContext(options, { config: world.config, nodes: world.nodes });
  const services = new Map<string, ServiceBgpPlan>();
  const routes = new Map<string, Map<string, Map<string, WantedRoute>>>();
  // In the order of their keys: where two Services disagree about one prefix, every speaker takes the same side.
  for (const service of [...world.services].sort((a, b) => compareText(a.key, b.key))) {
    const plan = planServiceBgp(service, { endpoints: world.endpoints.get(service.key) ?? [], context });
    services.set(service.key, plan);
    for (const { node, peer, announced } of plan.announcements) {
      if (announced.length === 0) continue;
      const ofNode = entryOf(routes, node);
      const ofPeer = entryOf(ofNode, peer);
      for (const route of announced) ofPeer.set(route.prefix, merged(ofPeer.get(route.prefix), { route, service }));
    }
  }
  return { services, routes };
}

function merged(known: WantedRoute | undefined, added: { route: BgpRoute; service: ServiceView }): WantedRoute {
  const { route, service } = added;
  if (known === undefined) return { ...route, services: [service.key] };
  return { ...joinRoutes(known, route.communities), services: [...known.services, service.key] };
}

function entryOf<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let entry = map.get(key);
  if (entry === undefined) map.set(key, entry = new Map());
  return entry;
}
