/**
 * The layer-2 plan of all Services, computed from scratch: what `explain` shows and what the incremental planner must
 * always equal.
 */
import type { WantedAddress } from "../../base/wanted.ts";
import type { Config } from "../config/config.ts";
import type { EndpointView } from "../config/endpoint_view.ts";
import type { NodeView } from "../config/node_view.ts";
import type { ServiceView } from "../config/service_view.ts";
import { mergeWanted } from "./shared_address.ts";
import { L2Context, type L2PlanOptions, planService, type ServiceL2Plan } from "./service_l2_plan.ts";

export interface L2Plan {
  /** By Service key. */
  readonly services: ReadonlyMap<string, ServiceL2Plan>;
  /** By address: what the network should see. */
  readonly addresses: ReadonlyMap<string, WantedAddress>;
}

export interface L2World {
  readonly services: Iterable<ServiceView>;
  /** By Service key. */
  readonly endpoints: ReadonlyMap<string, readonly EndpointView[]>;
  readonly nodes: Iterable<NodeView>;
  readonly config: Config;
}

export function planLayer2(world: L2World, options: L2PlanOptions = {}): L2Plan {
  const context = new L2Context(options, { config: world.config, nodes: world.nodes });
  const services = new Map<string, ServiceL2Plan>();
  const byAddress = new Map<string, WantedAddress[]>();
  for (const service of world.services) {
    const plan = planService(service, { endpoints: world.endpoints.get(service.key) ?? [], context });
    services.set(service.key, plan);
    for (const wanted of plan.addresses) {
      const list = byAddress.get(wanted.address);
      if (list === undefined) byAddress.set(wanted.address, [wanted]);
      else list.push(wanted);
    }
  }
  const addresses = new Map<string, WantedAddress>();
  for (const [address, list] of byAddress) addresses.set(address, mergeWanted(list));
  return { services, addresses };
}
