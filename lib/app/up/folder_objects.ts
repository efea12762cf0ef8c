/**
 * What the files of `herald up` want of the embedded API: the objects they hold, placed in a namespace, without what
 * only a server writes, and what has to be there besides.
 *
 * - A Node for this machine, unless the files have one. Nodes of other names are left out: only this machine announces.
 * - For each Service of type LoadBalancer an EndpointSlice with this machine as its one endpoint, unless the files have
 *   a slice of it. Without Kubernetes there are no Pods: whoever listens on the address on this machine serves it.
 * - Every namespace that an object names.
 */
import { isRecord } from "../../base/json.ts";
import { type KubeObject, objectKey, type Resource, RESOURCES } from "../../base/kube.ts";

/** An object with the place where the API keeps it. */
export interface PlacedObject {
  readonly resource: Resource;
  /** Kind and key, e.g. `Service shop/web`. */
  readonly id: string;
  readonly object: KubeObject;
  /** Made here, not written in a file. */
  readonly isDerived: boolean;
}

export interface FolderObjects {
  /** In the order in which they are created; each id once. */
  readonly objects: readonly PlacedObject[];
  /** Sentences about objects that are left out. */
  readonly leftOut: readonly string[];
}

export interface UpNames {
  readonly node: string;
  /** Namespace of the metallb.io objects. */
  readonly metallbNamespace: string;
}

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";

/** In the order in which they are created. */
const TAKEN: readonly Resource[] = [
  RESOURCES.namespaces,
  RESOURCES.nodes,
  RESOURCES.configMaps,
  RESOURCES.secrets,
  RESOURCES.communities,
  RESOURCES.bfdProfiles,
  RESOURCES.ipAddressPools,
  RESOURCES.l2Advertisements,
  RESOURCES.bgpAdvertisements,
  RESOURCES.bgpPeers,
  RESOURCES.services,
  RESOURCES.endpointSlices,
];

export function folderObjects(objects: readonly KubeObject[], names: UpNames): FolderObjects {
  const leftOut: string[] = [];
  const byId = new Map<string, PlacedObject>();
  for (const object of objects) {
    const resource = resourceOf(object);
    const shown = `${object.kind} ${objectKey(object)}`;
    if (resource === undefined) {
      leftOut.push(`${shown} (${object.apiVersion}) is of no kind that counts here`);
      continue;
    }
    if (resource === RESOURCES.nodes && object.metadata.name !== names.node) {
      leftOut.push(`${shown} is another machine; this one is "${names.node}" (--node-name)`);
      continue;
    }
    const placed = place(object, { resource, names, isDerived: false });
    if (isForeign(placed, names)) {
      leftOut.push(`${placed.id} is in another namespace than ${names.metallbNamespace} and does not count`);
    } else if (byId.has(placed.id)) {
      leftOut.push(`${placed.id} is written twice; the first one counts`);
    } else byId.set(placed.id, placed);
  }
  const derived = [...derivedObjects([...byId.values()], names)];
  for (const placed of derived) if (!byId.has(placed.id)) byId.set(placed.id, placed);
  const order = (placed: PlacedObject) => TAKEN.findIndex(({ kind }) => kind === placed.resource.kind);
  return { objects: [...byId.values()].sort((a, b) => order(a) - order(b)), leftOut };
}

function resourceOf({ apiVersion, kind }: KubeObject): Resource | undefined {
  for (const resource of TAKEN) {
    if (resource.kind !== kind) continue;
    const group = apiVersion?.includes("/") === true ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
    if (group !== resource.group) continue;
    // Another version of the kind is the API's to accept or to refuse.
    const version = apiVersion!.slice(apiVersion!.indexOf("/") + 1);
    return version === resource.version ? resource : { ...resource, version };
  }
  return undefined;
}

function place(
  object: KubeObject,
  { resource, names, isDerived }: { resource: Resource; names: UpNames; isDerived: boolean },
): PlacedObject {
  const { name, namespace, labels, annotations } = object.metadata;
  const home = resource.group === "metallb.io" ? names.metallbNamespace : "default";
  const metadata = {
    name,
    ...(resource.namespaced ? { namespace: namespace || home } : {}),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  // A status is a server's word, but for a Node, whose condition NetworkUnavailable somebody has to write.
  const { status, ...rest } = object;
  const keepsStatus = resource === RESOURCES.nodes && isRecord(status);
  const placed: KubeObject = { ...rest, metadata, ...(keepsStatus ? { status } : {}) };
  return { resource, id: `${resource.kind} ${objectKey(placed)}`, object: placed, isDerived };
}

function isForeign({ resource, object }: PlacedObject, { metallbNamespace }: UpNames): boolean {
  return resource.group === "metallb.io" && object.metadata.namespace !== metallbNamespace;
}

function* derivedObjects(placed: readonly PlacedObject[], names: UpNames): Iterable<PlacedObject> {
  const derive = (object: KubeObject, resource: Resource) => place(object, { resource, names, isDerived: true });
  const namespaces = new Set([names.metallbNamespace]);
  for (const { object, resource } of placed) if (resource.namespaced) namespaces.add(object.metadata.namespace!);
  for (const name of namespaces) {
    yield derive({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, RESOURCES.namespaces);
  }
  const labels = { "kubernetes.io/hostname": names.node, "kubernetes.io/os": "linux" };
  yield derive({ apiVersion: "v1", kind: "Node", metadata: { name: names.node, labels } }, RESOURCES.nodes);
  const served = new Set(
    placed.filter(({ resource }) => resource === RESOURCES.endpointSlices)
      .map(({ object: { metadata } }) => `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL]}`),
  );
  for (const { object, resource } of placed) {
    if (resource !== RESOURCES.services || served.has(objectKey(object))) continue;
    const spec = isRecord(object["spec"]) ? object["spec"] : {};
    if (spec["type"] === "LoadBalancer") yield derive(sliceOf(object, names), RESOURCES.endpointSlices);
  }
}

/** The address stands for this machine; nobody connects to it. */
function sliceOf({ metadata: { name, namespace } }: KubeObject, { node }: UpNames): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-this-machine`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: "herald.dev" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"], nodeName: node, conditions: { ready: true } }],
    ports: [],
  };
}
