/**
 * Keeps the EndpointSlices of every Service with a selector equal to the Pods that it selects.
 *
 * It works within the write that changed a Service or a Pod, so a reader who sees the Pod sees the slice as well.
 * Slices that somebody else manages (another managed-by label) are left alone.
 */
import { equalJson, isMap, type JsonMap, type JsonValue, listAt, mapAt, textAt, textsAt } from "./json_map.ts";
import { conditionStatus } from "./kinds/common.ts";
import { KeyIndex } from "./key_index.ts";
import type { ObjectStore, StoreEvent } from "./object_store.ts";
import { keyOf, type StoredObject } from "./stored_object.ts";

const SERVICES = "/services";
const PODS = "/pods";
const SLICES = "discovery.k8s.io/endpointslices";
const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
const MANAGED_BY = "endpointslice-controller.k8s.io";
const ENDPOINTS_MAX = 100;

export interface EndpointSliceDeps {
  readonly store: ObjectStore;
  /** Metadata that the server gives to a new object. */
  readonly stamp: () => { uid: string; creationTimestamp: string };
  readonly suffix: () => string;
}

interface WantedSlice {
  readonly addressType: string;
  readonly ports: JsonMap[];
  readonly endpoints: JsonMap[];
}

export class EndpointSliceController {
  readonly #deps: EndpointSliceDeps;
  /** Services by one pair of their selector, Pods by every pair of their labels, our slices by their Service. */
  readonly #services = new KeyIndex();
  readonly #pods = new KeyIndex();
  readonly #slices = new KeyIndex();

  constructor(deps: EndpointSliceDeps) {
    this.#deps = deps;
    for (const storage of [SERVICES, PODS, SLICES]) {
      for (const object of deps.store.all(storage)) this.#index(object);
    }
    deps.store.onChange((event) => this.#changed(event));
  }

  /** Brings everything up to date, as after a restart. */
  reconcileAll(): void {
    for (const service of [...this.#deps.store.all(SERVICES)]) this.#reconcile(service.key);
  }

  #changed({ kind, object, previous }: StoreEvent): void {
    if (kind === "DELETED") this.#forget(object);
    else this.#index(object);
    if (object.storage === SERVICES) this.#reconcile(object.key);
    else if (object.storage === PODS) this.#podChanged(object, previous);
  }

  #index(object: StoredObject): void {
    const { storage, key, namespace } = object;
    if (storage === SERVICES) {
      const [pair] = hasSelector(object) ? Object.entries(mapAt(object.body, "spec", "selector")) : [];
      this.#services.set(key, pair === undefined ? [] : [pairWord(namespace, pair)]);
    } else if (storage === PODS) {
      this.#pods.set(key, Object.entries(object.labels).map((pair) => pairWord(namespace, pair)));
    } else if (storage === SLICES) {
      const own = object.labels[MANAGED_BY_LABEL] === MANAGED_BY;
      this.#slices.set(key, own ? [keyOf(namespace, textAt(object.labels, SERVICE_NAME_LABEL))] : []);
    }
  }

  #forget({ storage, key }: StoredObject): void {
    if (storage === SERVICES) this.#services.set(key, []);
    else if (storage === PODS) this.#pods.set(key, []);
    else if (storage === SLICES) this.#slices.set(key, []);
  }

  #podChanged(pod: StoredObject, previous: StoredObject | undefined): void {
    const affected = new Set<string>();
    for (const state of previous === undefined ? [pod] : [pod, previous]) {
      for (const pair of Object.entries(state.labels)) {
        for (const key of this.#services.get(pairWord(pod.namespace, pair))) {
          const service = this.#deps.store.get(SERVICES, key);
          if (service !== undefined && selects(service, state)) affected.add(key);
        }
      }
    }
    for (const key of affected) this.#reconcile(key);
  }

  #reconcile(serviceKey: string): void {
    const { store } = this.#deps;
    const service = store.get(SERVICES, serviceKey);
    const existing = this.#slices.get(serviceKey).map((key) => store.get(SLICES, key)).filter((slice) =>
      slice !== undefined
    );
    if (service === undefined || !hasSelector(service)) {
      for (const slice of existing) store.remove(slice);
      return;
    }
    const unused = new Set(existing);
    for (const wanted of this.#wanted(service)) {
      const reused = [...unused].find((slice) =>
        slice.body.addressType === wanted.addressType && equalJson(slice.body.ports, wanted.ports)
      ) ?? [...unused].find((slice) =>
        slice.body.addressType === wanted.addressType
      );
      if (reused !== undefined) unused.delete(reused);
      this.#write(service, { wanted, reused });
    }
    for (const slice of unused) store.remove(slice);
  }

  #write(service: StoredObject, { wanted, reused }: { wanted: WantedSlice; reused: StoredObject | undefined }): void {
    const labels = {
      ...ownLabels(service.labels),
      [MANAGED_BY_LABEL]: MANAGED_BY,
      [SERVICE_NAME_LABEL]: service.name,
      ...(mapAt(service.body, "spec").clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {}),
    };
    const content: JsonMap = {
      addressType: wanted.addressType,
      endpoints: wanted.endpoints,
      ports: wanted.ports,
    };
    if (reused !== undefined) {
      const { metadata: old, ...oldContent } = reused.body;
      const changed = !equalJson(content, oldContent);
      if (!changed && equalJson(mapAt(old).labels, labels)) return;
      const generation = Number(mapAt(old).generation ?? 1) + (changed ? 1 : 0);
      this.#deps.store.put(SLICES, { metadata: { ...mapAt(old), labels, generation }, ...content });
      return;
    }
    const metadata: JsonMap = {
      name: `${service.name}-${this.#deps.suffix()}`,
      generateName: `${service.name}-`,
      namespace: service.namespace,
      ...this.#deps.stamp(),
      generation: 1,
      labels,
      ownerReferences: [{
        apiVersion: "v1",
        kind: "Service",
        name: service.name,
        uid: service.uid,
        controller: true,
        blockOwnerDeletion: true,
      }],
    };
    this.#deps.store.put(SLICES, { metadata, ...content });
  }

  #podsOf(service: StoredObject): StoredObject[] {
    const [pair] = Object.entries(mapAt(service.body, "spec", "selector"));
    if (pair === undefined) return [];
    return this.#pods.get(pairWord(service.namespace, pair))
      .map((key) => this.#deps.store.get(PODS, key))
      .filter((pod) => pod !== undefined && selects(service, pod)) as StoredObject[];
  }

  /** Pods grouped by address family and by what the Service's ports are on them, in pieces of a hundred. */
  #wanted(service: StoredObject): WantedSlice[] {
    const pods = this.#podsOf(service);
    const spec = mapAt(service.body, "spec");
    const slices: WantedSlice[] = [];
    for (const addressType of textsAt(spec, "ipFamilies")) {
      const groups = new Map<string, { ports: JsonMap[]; endpoints: JsonMap[] }>();
      for (const pod of pods) {
        const endpoint = endpointOf(pod, { addressType, publishNotReady: spec.publishNotReadyAddresses === true });
        if (endpoint === undefined) continue;
        const ports = portsOn(pod, listAt(spec, "ports"));
        const id = JSON.stringify(ports);
        const group = groups.get(id) ?? { ports, endpoints: [] };
        group.endpoints.push(endpoint);
        groups.set(id, group);
      }
      if (groups.size === 0) groups.set("", { ports: [], endpoints: [] });
      for (const { ports, endpoints } of groups.values()) {
        for (let start = 0; start === 0 || start < endpoints.length; start += ENDPOINTS_MAX) {
          slices.push({ addressType, ports, endpoints: endpoints.slice(start, start + ENDPOINTS_MAX) });
        }
      }
    }
    return slices;
  }
}

/** No label has a line end in it. */
function pairWord(namespace: string, [key, value]: readonly [string, JsonValue]): string {
  return `${namespace}\n${key}\n${String(value)}`;
}

function hasSelector(service: StoredObject): boolean {
  const spec = mapAt(service.body, "spec");
  return spec.type !== "ExternalName" && Object.keys(mapAt(spec, "selector")).length > 0;
}

function selects(service: StoredObject, pod: StoredObject): boolean {
  if (!hasSelector(service)) return false;
  const labels = pod.labels;
  return Object.entries(mapAt(service.body, "spec", "selector")).every(([key, value]) => labels[key] === value);
}

function endpointOf(
  pod: StoredObject,
  { addressType, publishNotReady }: { addressType: string; publishNotReady: boolean },
): JsonMap | undefined {
  const status = mapAt(pod.body, "status");
  if (status.phase === "Succeeded" || status.phase === "Failed") return undefined;
  const ips = listAt(status, "podIPs").map((item) => textAt(item, "ip"));
  if (ips.length === 0) ips.push(textAt(status, "podIP"));
  const address = ips.find((ip) => ip !== "" && ip.includes(":") === (addressType === "IPv6"));
  if (address === undefined) return undefined;
  const serving = conditionStatus(pod.body, "Ready") === "True";
  const endpoint: JsonMap = {
    addresses: [address],
    conditions: { ready: publishNotReady || (serving && !pod.deleting), serving, terminating: pod.deleting },
    targetRef: { kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid },
  };
  const nodeName = textAt(mapAt(pod.body, "spec"), "nodeName");
  if (nodeName !== "") endpoint.nodeName = nodeName;
  return endpoint;
}

/** Ports of a Service as numbers on this Pod; a named port that the Pod does not have is left out. */
function portsOn(pod: StoredObject, ports: readonly JsonValue[]): JsonMap[] {
  const found: JsonMap[] = [];
  for (const port of ports) {
    if (!isMap(port)) continue;
    const protocol = textAt(port, "protocol");
    const number = typeof port.targetPort === "string"
      ? namedPort(pod, { name: port.targetPort, protocol })
      : Number(port.targetPort ?? port.port);
    if (number === undefined) continue;
    const entry: JsonMap = { name: textAt(port, "name"), protocol, port: number };
    if (typeof port.appProtocol === "string") entry.appProtocol = port.appProtocol;
    found.push(entry);
  }
  return found;
}

function namedPort(pod: StoredObject, { name, protocol }: { name: string; protocol: string }): number | undefined {
  for (const container of listAt(mapAt(pod.body, "spec"), "containers")) {
    for (const port of listAt(container, "ports")) {
      if (isMap(port) && port.name === name && port.protocol === protocol) return Number(port.containerPort);
    }
  }
  return undefined;
}

/** A Service's labels go on to its slices. */
function ownLabels(labels: JsonMap): JsonMap {
  const kept = { ...labels };
  for (const key of [SERVICE_NAME_LABEL, MANAGED_BY_LABEL, "service.kubernetes.io/headless"]) delete kept[key];
  return kept;
}
