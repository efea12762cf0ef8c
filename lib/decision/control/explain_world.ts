/**
 * What Herald makes of a world of objects: which Service gets which address and why, who announces it, who would next,
 * and why the others do not. `herald explain` prints it.
 *
 * Nothing is decided in here: the controller's machine runs on a copy of the objects until it is settled, and the
 * speakers' plans are made of what comes out. Liveness of speakers is an input.
 */
import { type KubeObject, objectKey } from "../../base/kube.ts";
import type { PoolCounters } from "../alloc/alloc_request.ts";
import { compareText } from "../config/config.ts";
import { decodeEndpointSlice, type EndpointView } from "../config/endpoint_view.ts";
import type { LoadBalancerClasses } from "../config/load_balancer_class.ts";
import type { NodeNetworks } from "../config/node_networks.ts";
import { decodeNode, type NodeView } from "../config/node_view.ts";
import type { Problem } from "../config/problem.ts";
import { type ConfigObjects, resolveConfig } from "../config/resolve.ts";
import { decodeService, type ServiceView } from "../config/service_view.ts";
import { type BgpPlan, planBgp } from "../plan/bgp_plan.ts";
import { type ExplainOptions, explainService, type Layer2Explanation } from "../plan/explain.ts";
import { planLayer2 } from "../plan/l2_plan.ts";
import { reachabilityProblems } from "../plan/reachability.ts";
import type { BgpReason, BgpRoute } from "../plan/service_bgp_plan.ts";
import { unannouncedServices } from "../plan/unannounced_services.ts";
import { type ControllerEvent, convergeOffline, type OfflineService } from "./offline_converge.ts";
import { type DecisionReason, shownAddresses, type UnmetReason } from "./service_decision.ts";
import type { AllocationRule } from "./service_notices.ts";

export interface WorldObjects extends Omit<ConfigObjects, "ipAddressPools" | "namespaces" | "nodes"> {
  readonly services: readonly KubeObject[];
  readonly ipAddressPools: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
  readonly endpointSlices: readonly KubeObject[];
  readonly namespaces?: readonly KubeObject[];
}

export interface WorldOptions {
  /** MetalLB's `--lb-class`; `undefined` means Services without a class. */
  readonly lbClasses: LoadBalancerClasses;
  /** MetalLB's `--ignore-exclude-lb`. */
  readonly ignoreExcludeLb: boolean;
  /** Nodes with a living speaker; `undefined`: all of them. */
  readonly speakers: ReadonlySet<string> | undefined;
  /** What the speakers report of their networks; nothing is said about nodes that are not in it. */
  readonly networks?: NodeNetworks;
  /** As the speakers say now; offline nobody says anything. */
  readonly standsBack?: ExplainOptions["standsBack"];
  readonly foreignMembers?: ExplainOptions["foreignMembers"];
  readonly holderOf?: ExplainOptions["holderOf"];
}

export interface AllocationExplanation {
  /**
   * `assigned`: it gets what it did not show before. `kept`: it shows what it may, or what is left alone. `pending`: it
   * should have an address and has none. `ignored`: it is not ours. `released`: it is not ours any more.
   */
  readonly outcome: "assigned" | "kept" | "pending" | "ignored" | "released";
  readonly pool: string | null;
  readonly addresses: readonly string[];
  /**
   * For what is assigned the rule; for what is kept `mayStay`, or why it is left alone; for both of them what the Service
   * lacks, if it lacks something; else why it has nothing.
   */
  readonly reason: DecisionReason | UnmetReason | AllocationRule | "mayStay";
  /** A sentence; empty where the reason says all. */
  readonly message: string;
  /** Events on the Service, as the controller would emit them. */
  readonly events: readonly ControllerEvent[];
}

export interface BgpExplanation {
  readonly node: string;
  readonly peer: string;
  readonly announced: readonly BgpRoute[];
  readonly excluded: readonly { readonly reason: BgpReason | "noSpeaker"; readonly message: string }[];
}

export interface ServiceExplanation {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly allocation: AllocationExplanation;
  /** `undefined` when there is no address to announce. */
  readonly layer2: Layer2Explanation | undefined;
  /** Empty when there is no address to announce. */
  readonly bgp: readonly BgpExplanation[];
  /** An EndpointSlice of it is among the objects. */
  readonly hasEndpointSlices: boolean;
}

export interface WorldExplanation {
  /** By namespace and name. */
  readonly services: readonly ServiceExplanation[];
  readonly pools: readonly PoolCounters[];
  readonly problems: readonly Problem[];
}

export function explainWorld(objects: WorldObjects, options: WorldOptions): WorldExplanation {
  const outcome = convergeOffline({ ...objects, namespaces: objects.namespaces }, options);
  const { nodes: nodeObjects, ...others } = objects;
  // No Nodes among the objects of a file means that nothing is known of them.
  const { config, problems } = resolveConfig(nodeObjects.length === 0 ? others : objects);
  const views = new Map<string, ServiceView>();
  const undecoded: Problem[] = [];
  for (const { key, after } of outcome.services.values()) {
    const decoded = decodeService(after);
    if (decoded.ok) views.set(key, decoded.value);
    else undecoded.push(...decoded.problems);
  }
  const nodes = decodeAll(nodeObjects, decodeNode, undecoded);
  const endpoints = endpointsByService(decodeAll(objects.endpointSlices, decodeEndpointSlice, undecoded));
  const world = { services: [...views.values()], endpoints, nodes, config };
  const plans = { layer2: planLayer2(world, options), bgp: planBgp(world, options), nodes, endpoints };
  const services = [...outcome.services.values()]
    .map((service) => explainOne(service, { view: views.get(service.key), plans, options }))
    .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  const ours = services.filter(({ layer2 }) => layer2 !== undefined).map(({ key }) => outcome.services.get(key)!.after);
  const all = [
    ...problems,
    ...undecoded,
    ...unannouncedServices(ours, config),
    ...reachabilityProblems({ config, nodes, networks: options.networks ?? new Map() }),
  ];
  return { services, pools: outcome.pools, problems: all };
}

interface Plans {
  readonly layer2: ReturnType<typeof planLayer2>;
  readonly bgp: BgpPlan;
  readonly nodes: readonly NodeView[];
  readonly endpoints: ReadonlyMap<string, readonly EndpointView[]>;
}

function explainOne(
  service: OfflineService,
  { view, plans, options }: { view: ServiceView | undefined; plans: Plans; options: WorldOptions },
): ServiceExplanation {
  const { speakers, standsBack, foreignMembers, holderOf } = options;
  const { namespace = "", name } = service.after.metadata;
  const allocation = allocationOf(service, view);
  const isLiving = (node: string) => speakers === undefined || speakers.has(node);
  const isOurs = allocation.outcome !== "ignored" && allocation.outcome !== "released";
  const isAnnounceable = isOurs && allocation.addresses.length > 0;
  const nodes = plans.nodes.map((node) => node.name);
  return {
    key: service.key,
    namespace,
    name,
    allocation,
    layer2: isAnnounceable
      ? explainService({ key: service.key, addresses: allocation.addresses }, {
        plan: plans.layer2,
        isLiving,
        nodes,
        standsBack,
        foreignMembers,
        holderOf,
      })
      : undefined,
    bgp: isAnnounceable ? bgpOf(service.key, { plan: plans.bgp, isLiving }) : [],
    hasEndpointSlices: plans.endpoints.has(service.key),
  };
}

function allocationOf(service: OfflineService, view: ServiceView | undefined): AllocationExplanation {
  const { decision, events, rule } = service;
  const addresses = view === undefined ? [] : shownAddresses(view);
  const pool = view?.allocatedFromPool ?? null;
  const common = { pool, addresses, events };
  // The machine decides on everything that has a name; without pools too.
  if (decision === undefined) return { ...common, outcome: "pending", reason: "undecodable", message: "" };
  switch (decision.kind) {
    case "assigned": {
      const before = decodeService(service.before);
      const stays = before.ok && sameSet(shownAddresses(before.value), addresses);
      const outcome = stays ? "kept" : "assigned";
      if (decision.unmet !== undefined) return { ...common, outcome, ...decision.unmet };
      return stays
        ? { ...common, outcome, reason: "mayStay", message: "it may stay where it is" }
        : { ...common, outcome, reason: ruleOf(rule), message: "" };
    }
    case "left": {
      const { reason, message } = decision;
      return { ...common, outcome: addresses.length > 0 ? "kept" : "pending", reason, message };
    }
    case "pending":
      return { ...common, outcome: "pending", reason: decision.reason, message: decision.message };
    case "ignored": {
      const before = decodeService(service.before);
      const gaveUp = before.ok && before.value.allocatedFromPool !== undefined;
      const { reason, message } = decision;
      return { ...common, outcome: gaveUp ? "released" : "ignored", reason, message };
    }
  }
}

function ruleOf(rule: string | undefined): AllocationRule {
  return rule === "requestedAddress" || rule === "requestedPool" ? rule : "autoAssign";
}

function bgpOf(
  key: string,
  { plan, isLiving }: { plan: BgpPlan; isLiving: (node: string) => boolean },
): BgpExplanation[] {
  return (plan.services.get(key)?.announcements ?? []).map((announcement): BgpExplanation => {
    const { node, peer } = announcement;
    if (isLiving(node) || announcement.announced.length === 0) return announcement;
    return {
      node,
      peer,
      announced: [],
      excluded: [{ reason: "noSpeaker", message: "no speaker is alive on the node" }],
    };
  });
}

function endpointsByService(slices: readonly EndpointView[]): Map<string, EndpointView[]> {
  const endpoints = new Map<string, EndpointView[]>();
  for (const slice of slices) {
    if (slice.serviceKey === undefined) continue;
    const list = endpoints.get(slice.serviceKey);
    if (list === undefined) endpoints.set(slice.serviceKey, [slice]);
    else list.push(slice);
  }
  return endpoints;
}

function decodeAll<T>(
  objects: readonly KubeObject[],
  decode: (object: KubeObject) => { ok: true; value: T } | { ok: false; problems: readonly Problem[] },
  problems: Problem[],
): T[] {
  const values: T[] = [];
  const seen = new Set<string>();
  for (const object of objects) {
    const key = objectKey(object);
    const decoded = decode(object);
    if (!decoded.ok) problems.push(...decoded.problems);
    else if (!seen.has(key)) values.push(decoded.value);
    seen.add(key);
  }
  return values;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text) => b.includes(text));
}
