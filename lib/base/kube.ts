/**
 * The Kubernetes API in the few words that all rooms share: an object, a kind of object, and a way to send a request.
 *
 * What an object holds beyond its metadata is decoded where it is used (`decision/config`), never assumed.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
}

/**
 * What is left of an object of which everything else was decoded: enough to refer to it and to tell its versions apart.
 * A few hundred bytes instead of the few kilobytes that a Service with its status is as an object.
 */
export function objectReference({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
}

/** One kind as the API serves it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Sends one HTTP request: the network's `fetch`, or an API server in the same process. */
export type Fetch = (request: Request) => Promise<Response>;

function core(kind: string, plural: string, namespaced = true): Resource {
  return { group: "", version: "v1", kind, plural, namespaced };
}

function metallb(kind: string, plural: string, version = "v1beta1"): Resource {
  return { group: "metallb.io", version, kind, plural, namespaced: true };
}

/** Every kind that Herald reads or writes. */
export const RESOURCES = {
  configMaps: core("ConfigMap", "configmaps"),
  events: core("Event", "events"),
  namespaces: core("Namespace", "namespaces", false),
  nodes: core("Node", "nodes", false),
  pods: core("Pod", "pods"),
  secrets: core("Secret", "secrets"),
  services: core("Service", "services"),
  endpointSlices: {
    group: "discovery.k8s.io",
    version: "v1",
    kind: "EndpointSlice",
    plural: "endpointslices",
    namespaced: true,
  },
  leases: { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", namespaced: true },
  validatingWebhookConfigurations: {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    namespaced: false,
  },
  customResourceDefinitions: {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    namespaced: false,
  },
  ipAddressPools: metallb("IPAddressPool", "ipaddresspools"),
  l2Advertisements: metallb("L2Advertisement", "l2advertisements"),
  bgpAdvertisements: metallb("BGPAdvertisement", "bgpadvertisements"),
  bgpPeers: metallb("BGPPeer", "bgppeers", "v1beta2"),
  bfdProfiles: metallb("BFDProfile", "bfdprofiles"),
  communities: metallb("Community", "communities"),
  serviceL2Statuses: metallb("ServiceL2Status", "servicel2statuses"),
  serviceBgpStatuses: metallb("ServiceBGPStatus", "servicebgpstatuses"),
  configurationStates: metallb("ConfigurationState", "configurationstates"),
} as const satisfies Record<string, Resource>;

/** `namespace/name`, or the name alone for a cluster-scoped object: the key of every map of objects. */
export function objectKey(object: { readonly metadata: ObjectMeta }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** `v1` or `metallb.io/v1beta1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** Path of a collection, or of one object in it, e.g. `/api/v1/namespaces/shop/services/web`. */
export function resourcePath(
  resource: Resource,
  options: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string } = {},
): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  // As in `metadata`, the empty namespace is none: the collection over all namespaces.
  const namespace = resource.namespaced && options.namespace !== undefined && options.namespace !== ""
    ? `/namespaces/${encodeURIComponent(options.namespace)}`
    : "";
  const name = options.name === undefined ? "" : `/${encodeURIComponent(options.name)}`;
  const subresource = options.subresource === undefined ? "" : `/${options.subresource}`;
  return `${root}${namespace}/${resource.plural}${name}${subresource}`;
}
