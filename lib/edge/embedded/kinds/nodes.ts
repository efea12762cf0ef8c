/** Nodes: written by whoever plays the kubelet. */
import { isMap, type JsonMap, listAt, mapAt, textAt } from "../json_map.ts";
import { AGE_COLUMN, resourceType } from "../resource_type.ts";
import { always, flag, list, listBy, mergedTexts, opaque, record, type Schema, text, texts, whole } from "../schema.ts";
import { CONDITIONS, conditionStatus } from "./common.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";

export const NODES = resourceType({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
  shortNames: ["no"],
  schema: record({
    spec: always(record({
      podCIDR: text,
      podCIDRs: mergedTexts,
      providerID: text,
      unschedulable: flag,
      taints: list(record({ key: text, value: text, effect: text, timeAdded: text })),
      configSource: opaque,
      externalID: text,
    })),
    status: always(record({
      capacity: { type: "object", additionalProperties: { "x-kubernetes-int-or-string": true } },
      allocatable: { type: "object", additionalProperties: { "x-kubernetes-int-or-string": true } },
      phase: text,
      conditions: CONDITIONS,
      addresses: listBy("type", record({ type: text, address: text })),
      daemonEndpoints: always(record({ kubeletEndpoint: always(record({ Port: { ...whole, default: 0 } })) })),
      nodeInfo: always(nodeInfo()),
      images: list(record({ names: texts, sizeBytes: whole })),
      volumesInUse: texts,
      volumesAttached: list(record({ name: text, devicePath: text })),
      config: opaque,
      runtimeHandlers: list(opaque),
      features: opaque,
      declaredFeatures: texts,
    })),
  }),
  hasStatus: true,
  keepsStatusOnCreate: true,
  fields: { "spec.unschedulable": (body) => String(mapAt(body, "spec").unschedulable === true) },
  columns: [
    { name: "Status", type: "string", cell: statusCell },
    { name: "Roles", type: "string", cell: rolesCell },
    AGE_COLUMN,
    { name: "Version", type: "string", cell: (body) => textAt(mapAt(body, "status", "nodeInfo"), "kubeletVersion") },
    { name: "Internal-IP", type: "string", priority: 1, cell: (body) => addressCell(body, "InternalIP") },
    { name: "External-IP", type: "string", priority: 1, cell: (body) => addressCell(body, "ExternalIP") },
    { name: "OS-Image", type: "string", priority: 1, cell: (body) => infoCell(body, "osImage") },
    { name: "Kernel-Version", type: "string", priority: 1, cell: (body) => infoCell(body, "kernelVersion") },
    {
      name: "Container-Runtime",
      type: "string",
      priority: 1,
      cell: (body) => infoCell(body, "containerRuntimeVersion"),
    },
  ],
});

function nodeInfo(): Schema {
  const texts = [
    "architecture",
    "bootID",
    "containerRuntimeVersion",
    "kernelVersion",
    "kubeProxyVersion",
    "kubeletVersion",
    "machineID",
    "operatingSystem",
    "osImage",
    "systemUUID",
  ];
  return record({ ...Object.fromEntries(texts.map((name) => [name, { ...text, default: "" }])), swap: opaque });
}

function statusCell(body: JsonMap): string {
  const ready = conditionStatus(body, "Ready");
  const words = [ready === "True" ? "Ready" : ready === "False" ? "NotReady" : "Unknown"];
  if (mapAt(body, "spec").unschedulable === true) words.push("SchedulingDisabled");
  return words.join(",");
}

function rolesCell(body: JsonMap): string {
  const roles = Object.keys(mapAt(body, "metadata", "labels"))
    .filter((label) => label.startsWith(ROLE_PREFIX)).map((label) => label.slice(ROLE_PREFIX.length)).sort();
  return roles.length === 0 ? "<none>" : roles.join(",");
}

function addressCell(body: JsonMap, type: string): string {
  const found = listAt(mapAt(body, "status"), "addresses").find((item) => isMap(item) && item.type === type);
  return textAt(found, "address") || "<none>";
}

function infoCell(body: JsonMap, member: string): string {
  return textAt(mapAt(body, "status", "nodeInfo"), member) || "<unknown>";
}
