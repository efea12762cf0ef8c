/**
 * The layer-2 plan kept up to date: a change of one Service costs one Service, a change of configuration or nodes costs
 * all. Its plan always equals that of `planLayer2` over the same objects.
 */
import type { WantedAddress } from "../../base/wanted.ts";
import { type Config, EMPTY_CONFIG } from "../config/config.ts";
import type { EndpointView } from "../config/endpoint_view.ts";
import type { NodeView } from "../config/node_view.ts";
import type { ServiceView } from "../config/service_view.ts";
import { HashOrder } from "./candidates.ts";
import type { L2Plan } from "./l2_plan.ts";
import { mergeWanted } from "./shared_address.ts";
import { L2Context, type L2PlanOptions, planService, type ServiceL2Plan } from "./service_l2_plan.ts";

export interface L2Changes {
  readonly services: ReadonlySet<string>;
  /** Addresses that may have changed, come or gone: what to hand to `WantedDiff`. */
  readonly addresses: ReadonlySet<string>;
}

export class Layer2Planner {
  readonly #options: L2PlanOptions;
  readonly #hashOrder = new HashOrder();
  readonly #services = new Map<string, ServiceView>();
  readonly #slices = new Map<string, EndpointView>();
  /** Service key to its slices. A list each, as below: nearly all have one entry, for which a map of its own is large. */
  readonly #endpoints = new Map<string, readonly EndpointView[]>();
  readonly #nodes = new Map<string, NodeView>();
  #config: Config = EMPTY_CONFIG;
  #context: L2Context | undefined;
  readonly #dirty = new Set<string>();
  readonly #plans = new Map<string, ServiceL2Plan>();
  /** Address to the keys of the Services that announce it. */
  readonly #announcers = new Map<string, readonly string[]>();
  readonly #addresses = new Map<string, WantedAddress>();

  constructor(options: L2PlanOptions = {}) {
    this.#options = options;
  }

  setConfig(config: Config): void {
    this.#config = config;
    this.#context = undefined;
  }

  upsertNode(node: NodeView): void {
    const previous = this.#nodes.get(node.name);
    this.#nodes.set(node.name, node);
    if (previous === undefined || !sameNode(previous, node)) this.#context = undefined;
  }

  removeNode(name: string): void {
    if (this.#nodes.delete(name)) this.#context = undefined;
  }

  upsertService(service: ServiceView): void {
    this.#services.set(service.key, service);
    this.#dirty.add(service.key);
  }

  removeService(key: string): void {
    if (this.#services.delete(key)) this.#dirty.add(key);
  }

  upsertSlice(slice: EndpointView): void {
    this.removeSlice(slice.key);
    this.#slices.set(slice.key, slice);
    if (slice.serviceKey === undefined) return;
    this.#endpoints.set(slice.serviceKey, [...this.#endpoints.get(slice.serviceKey) ?? [], slice]);
    this.#dirty.add(slice.serviceKey);
  }

  removeSlice(key: string): void {
    const slice = this.#slices.get(key);
    this.#slices.delete(key);
    if (slice?.serviceKey === undefined) return;
    const left = this.#endpoints.get(slice.serviceKey)?.filter((other) => other !== slice) ?? [];
    if (left.length === 0) this.#endpoints.delete(slice.serviceKey);
    else this.#endpoints.set(slice.serviceKey, left);
    this.#dirty.add(slice.serviceKey);
  }

  /** The plan as of the last `refresh`. The maps live on and change with the next one. */
  get plan(): L2Plan {
    return { services: this.#plans, addresses: this.#addresses };
  }

  /** Brings the plan up to date and says what changed since the last time. */
  refresh(): L2Changes {
    if (this.#context === undefined) {
      this.#context = new L2Context(this.#options, {
        config: this.#config,
        nodes: this.#nodes.values(),
        hashOrder: this.#hashOrder,
      });
      for (const key of this.#services.keys()) this.#dirty.add(key);
    }
    const services = new Set<string>();
    const addresses = new Set<string>();
    for (const key of this.#dirty) {
      if (!this.#services.has(key) && !this.#plans.has(key)) continue;
      services.add(key);
      for (const address of this.#replan(key, this.#context)) addresses.add(address);
    }
    this.#dirty.clear();
    for (const address of addresses) this.#merge(address);
    return { services, addresses };
  }

  /** Returns the addresses that the Service announced before or announces now. */
  #replan(key: string, context: L2Context): string[] {
    const touched: string[] = [];
    for (const { address } of this.#plans.get(key)?.addresses ?? []) {
      touched.push(address);
      this.#announcers.set(address, this.#announcers.get(address)?.filter((other) => other !== key) ?? []);
    }
    const service = this.#services.get(key);
    if (service === undefined) {
      this.#plans.delete(key);
      return touched;
    }
    const plan = planService(service, { endpoints: this.#endpoints.get(key) ?? [], context });
    this.#plans.set(key, plan);
    for (const { address } of plan.addresses) {
      touched.push(address);
      this.#announcers.set(address, [...this.#announcers.get(address) ?? [], key]);
    }
    return touched;
  }

  #merge(address: string): void {
    const keys = this.#announcers.get(address);
    if (keys === undefined || keys.length === 0) {
      this.#announcers.delete(address);
      this.#addresses.delete(address);
      return;
    }
    const list: WantedAddress[] = [];
    for (const key of keys) {
      for (const wanted of this.#plans.get(key)!.addresses) if (wanted.address === address) list.push(wanted);
    }
    this.#addresses.set(address, mergeWanted(list));
  }
}

/** Only what the plan reads: the kubelet rewrites a Node's status every few seconds. */
function sameNode(a: NodeView, b: NodeView): boolean {
  const keys = Object.keys(a.labels);
  return a.networkUnavailable === b.networkUnavailable && a.excluded === b.excluded &&
    keys.length === Object.keys(b.labels).length && keys.every((key) => a.labels[key] === b.labels[key]);
}
