/**
 * What `herald status` shows, from the objects of the API: a function of what was read, without a connection.
 *
 * Who announces is told by the ServiceL2Status and ServiceBGPStatus objects that the speakers keep, and where there is
 * none by the last `nodeAssigned` event. Why a Service waits is answered by the same code as `herald explain`.
 */
import { isRecord } from "../../base/json.ts";
import { type KubeObject, objectKey } from "../../base/kube.ts";
import type { PoolCounters } from "../../decision/alloc/alloc_request.ts";
import type { MemberView } from "../../decision/config/cluster_view.ts";
import { compareText } from "../../decision/config/config.ts";
import { classIsOurs, type LoadBalancerClasses } from "../../decision/config/load_balancer_class.ts";
import { decodePod } from "../../decision/config/pod_view.ts";
import { decodeService, type ServiceView } from "../../decision/config/service_view.ts";
import type {
  AllocationExplanation,
  ServiceExplanation,
  WorldExplanation,
} from "../../decision/control/explain_world.ts";
import { shortList } from "../../base/text_list.ts";
import type { NodeInterfaces } from "../explain/live_cluster.ts";
import { isReady } from "../explain/live_world.ts";

export interface StatusInput {
  readonly services: readonly KubeObject[];
  readonly world: WorldExplanation;
  readonly lbClasses: LoadBalancerClasses;
  /** `undefined`: these may not be read. */
  readonly l2Statuses: readonly KubeObject[] | undefined;
  readonly bgpStatuses: readonly KubeObject[] | undefined;
  readonly events: readonly KubeObject[] | undefined;
  readonly speakers: readonly KubeObject[] | undefined;
  readonly controllers: readonly KubeObject[] | undefined;
  readonly lease: KubeObject | undefined;
  readonly configurationStates: readonly KubeObject[];
  readonly members: readonly MemberView[];
  readonly interfaces: readonly NodeInterfaces[];
  readonly notes: readonly string[];
}

/** In the words of `explain`. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
}

export interface Announcer {
  readonly node: string;
  readonly protocol: "layer2" | "bgp";
  /** Names of BGPPeers. */
  readonly peers: readonly string[];
  /** RFC 3339. */
  readonly since: string | null;
  readonly source: "status" | "event";
}

export interface ServiceStatus {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly pool: string | null;
  readonly pending: Cause | null;
  readonly announcedBy: readonly Announcer[];
  /** Why nobody does. */
  readonly notAnnounced: Cause | null;
  /** What is not as its owner may think. */
  readonly warnings: readonly Cause[];
}

export interface ProgramStatus {
  readonly pod: string;
  readonly component: "controller" | "speaker";
  readonly node: string | null;
  readonly ready: boolean;
  /** `null` where nobody leads, or nobody has to. */
  readonly leads: boolean | null;
}

export interface ConfigurationStatus {
  readonly name: string;
  readonly result: string;
  readonly problems: readonly { readonly severity: "error" | "warning"; readonly reason: string; message: string }[];
}

export interface StatusReport {
  readonly services: readonly ServiceStatus[];
  readonly pools: readonly PoolCounters[];
  readonly programs: readonly ProgramStatus[];
  readonly leader: { readonly holder: string; readonly since: string | null } | null;
  readonly configuration: readonly ConfigurationStatus[];
  /** Empty while no speaker tells whom it sees. */
  readonly members: readonly MemberView[];
  /** Of the speakers that tell. */
  readonly interfaces: readonly NodeInterfaces[];
  readonly notes: readonly string[];
}

export function statusReport(input: StatusInput): StatusReport {
  const announcers = announcersByService(input);
  const explained = new Map(input.world.services.map((service) => [service.key, service]));
  const services: ServiceStatus[] = [];
  for (const object of input.services) {
    const decoded = decodeService(object);
    if (!decoded.ok || !counts(decoded.value, input.lbClasses)) continue;
    const view = decoded.value;
    const explanation = explained.get(view.key);
    const announcedBy = announcers.get(view.key) ?? [];
    const isGiven = view.ingress.length > 0;
    services.push({
      namespace: view.namespace,
      name: view.name,
      addresses: view.ingress,
      pool: view.allocatedFromPool ?? null,
      pending: isGiven ? null : pendingOf(explanation?.allocation),
      announcedBy,
      notAnnounced: isGiven && announcedBy.length === 0 ? silenceOf(explanation) : null,
      warnings: !isGiven ? [] : distinct([
        ...severalAnnouncers(view.ingress, announcedBy),
        ...(explanation?.layer2?.addresses ?? []).flatMap(({ warnings }) => warnings),
      ]),
    });
  }
  services.sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  const leader = leaderOf(input.lease);
  return {
    services,
    pools: input.world.pools,
    programs: [
      ...(input.controllers ?? []).map((pod) => programOf(pod, { component: "controller", leader: leader?.holder })),
      ...(input.speakers ?? []).map((pod) => programOf(pod, { component: "speaker", leader: undefined })),
    ],
    leader,
    configuration: input.configurationStates.map(configurationOf).sort((a, b) => compareText(a.name, b.name)),
    members: input.members,
    interfaces: input.interfaces,
    notes: input.notes,
  };
}

function counts({ type, loadBalancerClass }: ServiceView, classes: LoadBalancerClasses): boolean {
  return type === "LoadBalancer" && classIsOurs(loadBalancerClass, classes);
}

function pendingOf(allocation: AllocationExplanation | undefined): Cause {
  if (allocation?.outcome === "pending") return { reason: allocation.reason, message: allocation.message };
  return { reason: "notYet", message: "nothing is in the way; the controller has not given it an address yet" };
}

/** Of a Service with an address that no object says anybody announces. */
function silenceOf(explanation: ServiceExplanation | undefined): Cause {
  const { layer2, bgp = [] } = explanation ?? {};
  const isByBgp = bgp.some(({ announced }) => announced.length > 0);
  if (layer2?.reason !== undefined && layer2.reason !== "notOwner" && !isByBgp) {
    return { reason: layer2.reason, message: layer2.message };
  }
  const dark = layer2?.addresses.find(({ announcer }) => announcer === null);
  if (dark !== undefined && dark.excluded.length > 0 && !isByBgp) {
    const why = dark.excluded.map(({ node, message }) => `${node}: ${message}`);
    return { reason: dark.excluded[0]!.reason, message: shortList(why, { max: 3 }) };
  }
  const announcer = layer2?.addresses[0]?.announcer ?? null;
  const who = announcer === null ? "nobody says so" : `${announcer} should announce it and does not say so`;
  return { reason: "notYet", message: `${who}; its speaker may just be at it, or see something else` };
}

/** Each address has one node. More than that is a move under way, or a partition. */
function severalAnnouncers(addresses: readonly string[], announcers: readonly Announcer[]): Cause[] {
  const nodes = announcers.flatMap(({ protocol, node }) => protocol === "layer2" ? [node] : []);
  if (nodes.length <= addresses.length) return [];
  const message = `${shortList(nodes, { max: 3 })} say that they announce it: one of them is about to stop, ` +
    "or they do not hear each other";
  return [{ reason: "severalAnnouncers", message }];
}

function distinct(warnings: readonly Cause[]): Cause[] {
  return [...new Map(warnings.map(({ reason, message }) => [message, { reason, message }])).values()];
}

function announcersByService(input: StatusInput): Map<string, Announcer[]> {
  const announcers = new Map<string, Announcer[]>();
  const add = (key: string, announcer: Announcer) => {
    const list = announcers.get(key);
    if (list === undefined) announcers.set(key, [announcer]);
    else list.push(announcer);
  };
  for (const protocol of ["layer2", "bgp"] as const) {
    for (const object of (protocol === "layer2" ? input.l2Statuses : input.bgpStatuses) ?? []) {
      const status = isRecord(object["status"]) ? object["status"] : {};
      const [node, name, namespace] = [status["node"], status["serviceName"], status["serviceNamespace"]].map(textOf);
      if (node === "" || name === "") continue;
      const peers = Array.isArray(status["peers"]) ? status["peers"].map(textOf) : [];
      const since = object.metadata.creationTimestamp ?? null;
      add(`${namespace}/${name}`, { node: node!, protocol, peers, since, source: "status" });
    }
  }
  for (const [key, event] of lastAssignments(input.events ?? [])) {
    if (announcers.get(key)?.some(({ protocol }) => protocol === event.protocol) !== true) add(key, event);
  }
  for (const list of announcers.values()) {
    list.sort((a, b) => compareText(a.protocol, b.protocol) || compareText(a.node, b.node));
  }
  return announcers;
}

/** `announcing from node "n1" with protocol "layer2"`, MetalLB's words and ours (reference §6.6). */
const ASSIGNED = /^announcing from node "([^"]+)" with protocol "(layer2|bgp)"/;

function lastAssignments(events: readonly KubeObject[]): Map<string, Announcer> {
  const last = new Map<string, Announcer & { at: string }>();
  for (const event of events) {
    const about = event["involvedObject"] ?? event["regarding"];
    const match = ASSIGNED.exec(textOf(event["message"] ?? event["note"]));
    if (event["reason"] !== "nodeAssigned" || !isRecord(about) || about["kind"] !== "Service" || match === null) {
      continue;
    }
    const key = `${textOf(about["namespace"])}/${textOf(about["name"])}`;
    const at = textOf(event["lastTimestamp"]) || textOf(event["eventTime"]) || event.metadata.creationTimestamp || "";
    const protocol = match[2] as Announcer["protocol"];
    // BGP has as many announcers as nodes: the last event tells of one only.
    if (protocol === "bgp" || (last.get(key)?.at ?? "") > at) continue;
    last.set(key, { node: match[1]!, protocol, peers: [], since: at || null, source: "event", at });
  }
  return new Map([...last].map(([key, { at: _at, ...announcer }]) => [key, announcer]));
}

function leaderOf(lease: KubeObject | undefined): StatusReport["leader"] {
  const spec = isRecord(lease?.["spec"]) ? lease["spec"] : {};
  const holder = textOf(spec["holderIdentity"]);
  return holder === "" ? null : { holder, since: textOf(spec["acquireTime"]) || null };
}

function programOf(
  pod: KubeObject,
  { component, leader }: { component: ProgramStatus["component"]; leader: string | undefined },
): ProgramStatus {
  const { name } = pod.metadata;
  const decoded = decodePod(pod);
  return {
    pod: name,
    component,
    node: decoded.ok ? decoded.value.nodeName ?? null : null,
    ready: isReady(pod),
    // An identity is the pod's name and what makes it unique.
    leads: leader === undefined ? null : leader === name || leader.startsWith(`${name}_`),
  };
}

function configurationOf(state: KubeObject): ConfigurationStatus {
  const status = isRecord(state["status"]) ? state["status"] : {};
  const conditions = Array.isArray(status["conditions"]) ? status["conditions"].filter(isRecord) : [];
  const own = conditions.filter((one) => textOf(one["type"]).startsWith(OWN_TYPE) && one["status"] === "True");
  const problems = own.map((one) => ({
    severity: one["reason"] === "Error" ? "error" as const : "warning" as const,
    reason: textOf(one["type"]).slice(OWN_TYPE.length),
    message: textOf(one["message"]),
  }));
  const summary = textOf(status["errorSummary"]);
  // MetalLB's own states have no conditions of ours.
  if (problems.length === 0 && summary !== "") {
    problems.push({ severity: "error", reason: "ConfigurationError", message: summary });
  }
  return { name: objectKey({ metadata: { name: state.metadata.name } }), result: textOf(status["result"]), problems };
}

const OWN_TYPE = "herald.dev/";

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
