/**
 * Sorts objects of all kinds into the world that `explainWorld` takes, and fills in what a file leaves open and an API
 * server would not.
 *
 * A Service as a user writes it has no cluster IP, and without one nothing can be said about it. It is assumed to get
 * one per family that it asks for: the first of `ipFamilies`, or IPv4 without any; for dual stack one of each. The API
 * server may decide otherwise for `PreferDualStack`: a cluster with one family gives one.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { WorldObjects } from "../../decision/control/explain_world.ts";

export interface WorldInput {
  readonly objects: WorldObjects;
  /** Keys of Services whose cluster IPs are assumed. */
  readonly assumed: ReadonlySet<string>;
  /** Objects of metallb.io in other namespaces, which Herald does not read. */
  readonly foreign: readonly KubeObject[];
  /** Objects of kinds that have no say. */
  readonly ignored: readonly KubeObject[];
}

export interface InputNamespaces {
  /** For Services and EndpointSlices that name none. */
  readonly services: string;
  /** Where the metallb.io objects count; `undefined`: in `metallb-system` if any are there, else everywhere. */
  readonly metallb: string | undefined;
}

export const METALLB_NAMESPACE = "metallb-system";

const KINDS = {
  "Service": "services",
  "Node": "nodes",
  "Namespace": "namespaces",
  "Secret": "secrets",
  "EndpointSlice": "endpointSlices",
  "IPAddressPool": "ipAddressPools",
  "L2Advertisement": "l2Advertisements",
  "BGPAdvertisement": "bgpAdvertisements",
  "BGPPeer": "bgpPeers",
  "BFDProfile": "bfdProfiles",
  "Community": "communities",
} as const;

type Member = typeof KINDS[keyof typeof KINDS];

const IN_METALLB_NAMESPACE: ReadonlySet<Member> = new Set<Member>([
  "ipAddressPools",
  "l2Advertisements",
  "bgpAdvertisements",
  "bgpPeers",
  "bfdProfiles",
  "communities",
  "secrets",
]);

export function sortWorld(objects: readonly KubeObject[], namespaces: InputNamespaces): WorldInput {
  const metallb = namespaces.metallb ?? metallbNamespaceOf(objects);
  const sorted = new Map<Member, KubeObject[]>(Object.values(KINDS).map((member) => [member, []]));
  const foreign: KubeObject[] = [];
  const ignored: KubeObject[] = [];
  const assumed = new Set<string>();
  for (const object of objects) {
    const member = memberOf(object);
    if (member === undefined) {
      ignored.push(object);
      continue;
    }
    if (IN_METALLB_NAMESPACE.has(member)) {
      const placed = placedIn(object, metallb ?? METALLB_NAMESPACE);
      const counts = metallb === undefined || placed.metadata.namespace === metallb;
      if (counts) sorted.get(member)!.push(placed);
      else if (member !== "secrets") foreign.push(object);
    } else if (member === "services") {
      const placed = placedIn(object, namespaces.services);
      const complete = withClusterIps(placed);
      if (complete !== placed) assumed.add(`${placed.metadata.namespace}/${placed.metadata.name}`);
      sorted.get(member)!.push(complete);
    } else if (member === "endpointSlices") {
      sorted.get(member)!.push(placedIn(object, namespaces.services));
    } else sorted.get(member)!.push(object);
  }
  return { objects: worldOf(sorted), assumed, foreign, ignored };
}

function worldOf(sorted: ReadonlyMap<Member, readonly KubeObject[]>): WorldObjects {
  const of = (member: Member) => sorted.get(member) ?? [];
  return {
    services: of("services"),
    nodes: of("nodes"),
    endpointSlices: of("endpointSlices"),
    ipAddressPools: of("ipAddressPools"),
    l2Advertisements: of("l2Advertisements"),
    bgpAdvertisements: of("bgpAdvertisements"),
    bgpPeers: of("bgpPeers"),
    bfdProfiles: of("bfdProfiles"),
    communities: of("communities"),
    // Without any, nothing is known of them; that is not the same as that there are none.
    ...(of("namespaces").length === 0 ? {} : { namespaces: of("namespaces") }),
    ...(of("secrets").length === 0 ? {} : { secrets: of("secrets") }),
  };
}

function memberOf({ apiVersion = "", kind = "" }: KubeObject): Member | undefined {
  if (!Object.hasOwn(KINDS, kind)) return undefined;
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const member = KINDS[kind as keyof typeof KINDS];
  const right = member === "endpointSlices"
    ? "discovery.k8s.io"
    : IN_METALLB_NAMESPACE.has(member) && member !== "secrets"
    ? "metallb.io"
    : "";
  return group === right ? member : undefined;
}

function metallbNamespaceOf(objects: readonly KubeObject[]): string | undefined {
  const isHome = ({ apiVersion, metadata }: KubeObject) =>
    apiVersion?.startsWith("metallb.io/") === true &&
    (metadata.namespace === undefined || metadata.namespace === METALLB_NAMESPACE);
  return objects.some(isHome) ? METALLB_NAMESPACE : undefined;
}

function placedIn(object: KubeObject, namespace: string): KubeObject {
  const given = object.metadata.namespace;
  if (given !== undefined && given !== null && given !== "") return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** The same object when nothing had to be assumed. Addresses for documentation stand for the unknown ones. */
function withClusterIps(service: KubeObject): KubeObject {
  const spec = isRecord(service["spec"]) ? service["spec"] : {};
  const has = (value: unknown) => typeof value === "string" && value !== "";
  if (spec["type"] !== "LoadBalancer" || has(spec["clusterIP"])) return service;
  if (Array.isArray(spec["clusterIPs"]) && spec["clusterIPs"].length > 0) return service;
  const listed = Array.isArray(spec["ipFamilies"]) ? spec["ipFamilies"].map((family) => family === "IPv6" ? 6 : 4) : [];
  const isDual = spec["ipFamilyPolicy"] === "PreferDualStack" || spec["ipFamilyPolicy"] === "RequireDualStack";
  const primary = listed[0] ?? 4;
  const families = isDual ? [primary, primary === 4 ? 6 : 4] : listed.length > 1 ? listed : [primary];
  const clusterIPs = families.map((family) => family === 4 ? "192.0.2.1" : "2001:db8::1");
  return { ...service, spec: { ...spec, clusterIPs } };
}
