/** Pods: no scheduler and no kubelet here; whoever plays them sets `spec.nodeName` and writes the status. */
import { type FieldError, forbidden, invalid, required } from "../field_error.ts";
import { cloneJson, ensureMap, equalJson, isMap, type JsonMap, listAt, mapAt, textAt } from "../json_map.ts";
import { AGE_COLUMN, resourceType } from "../resource_type.ts";
import { always, record } from "../schema.ts";
import { POD_SPEC, POD_STATUS } from "./pod_schema.ts";

export const PODS = resourceType({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  schema: record({ spec: always(POD_SPEC), status: always(POD_STATUS) }),
  hasStatus: true,
  countsGeneration: true,
  returnsDeleted: true,
  fields: {
    "spec.nodeName": (body) => textAt(mapAt(body, "spec"), "nodeName"),
    "spec.restartPolicy": (body) => textAt(mapAt(body, "spec"), "restartPolicy"),
    "spec.schedulerName": (body) => textAt(mapAt(body, "spec"), "schedulerName"),
    "spec.serviceAccountName": (body) => textAt(mapAt(body, "spec"), "serviceAccountName"),
    "spec.hostNetwork": (body) => String(mapAt(body, "spec").hostNetwork === true),
    "status.phase": (body) => textAt(mapAt(body, "status"), "phase"),
    "status.podIP": (body) => textAt(mapAt(body, "status"), "podIP"),
    "status.nominatedNodeName": (body) => textAt(mapAt(body, "status"), "nominatedNodeName"),
  },
  strategy: {
    defaults: defaultPod,
    beforeCreate: (body) => {
      body.status = { phase: "Pending", qosClass: "BestEffort" };
    },
    validate: (body, { previous }) => validatePod(body, previous),
  },
  columns: [
    { name: "Ready", type: "string", cell: readyCell },
    { name: "Status", type: "string", cell: statusCell },
    { name: "Restarts", type: "string", cell: restartsCell },
    AGE_COLUMN,
    { name: "IP", type: "string", priority: 1, cell: (body) => textAt(mapAt(body, "status"), "podIP") || "<none>" },
    { name: "Node", type: "string", priority: 1, cell: (body) => textAt(mapAt(body, "spec"), "nodeName") || "<none>" },
    { name: "Nominated Node", type: "string", priority: 1, cell: () => "<none>" },
    { name: "Readiness Gates", type: "string", priority: 1, cell: () => "<none>" },
  ],
});

function defaultPod(body: JsonMap): void {
  const spec = ensureMap(body, "spec");
  spec.restartPolicy ??= "Always";
  spec.dnsPolicy ??= "ClusterFirst";
  spec.schedulerName ??= "default-scheduler";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  spec.enableServiceLinks ??= true;
  for (const container of [...listAt(spec, "containers"), ...listAt(spec, "initContainers")]) {
    if (!isMap(container)) continue;
    container.resources ??= {};
    container.terminationMessagePath ??= "/dev/termination-log";
    container.terminationMessagePolicy ??= "File";
    container.imagePullPolicy ??=
      /:[^/:]+$/.test(textAt(container, "image")) && !textAt(container, "image").endsWith(":latest")
        ? "IfNotPresent"
        : "Always";
    for (const port of listAt(container, "ports")) if (isMap(port)) port.protocol ??= "TCP";
  }
  const status = body.status;
  if (
    isMap(status) && typeof status.podIP === "string" && status.podIP !== "" && listAt(status, "podIPs").length === 0
  ) {
    status.podIPs = [{ ip: status.podIP }];
  }
}

function validatePod(body: JsonMap, previous: JsonMap | undefined): FieldError[] {
  const spec = mapAt(body, "spec");
  const errors: FieldError[] = [];
  const containers = listAt(spec, "containers");
  if (containers.length === 0) errors.push(required("spec.containers"));
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const path = `spec.containers[${index}]`;
    const name = textAt(container, "name");
    if (name === "") errors.push(required(`${path}.name`));
    else if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
      errors.push(invalid(`${path}.name`, name, "must be a lowercase RFC 1123 label"));
    } else if (names.has(name)) {
      errors.push({ path: `${path}.name`, reason: "FieldValueDuplicate", message: `Duplicate value: "${name}"` });
    }
    names.add(name);
    if (textAt(container, "image") === "") errors.push(required(`${path}.image`));
    for (const [at, port] of listAt(container, "ports").entries()) {
      const number = isMap(port) ? port.containerPort : undefined;
      if (typeof number !== "number" || number < 1 || number > 65535) {
        errors.push(
          invalid(`${path}.ports[${at}].containerPort`, number ?? 0, "must be between 1 and 65535, inclusive"),
        );
      }
    }
  }
  if (previous !== undefined && !equalJson(frozenPart(spec), frozenPart(mapAt(previous, "spec")))) {
    errors.push(
      forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
          "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
          "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
      ),
    );
  }
  return errors;
}

/** What may not change after creation. A node may be given once, as binding does it. */
function frozenPart(spec: JsonMap): JsonMap {
  const part = cloneJson(spec);
  for (const key of ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"]) {
    delete part[key];
  }
  for (const key of ["containers", "initContainers"]) {
    for (const container of listAt(part, key)) if (isMap(container)) delete container.image;
  }
  return part;
}

function containerStatuses(body: JsonMap): JsonMap[] {
  return listAt(mapAt(body, "status"), "containerStatuses").filter(isMap);
}

function readyCell(body: JsonMap): string {
  const all = listAt(mapAt(body, "spec"), "containers").length;
  return `${containerStatuses(body).filter((status) => status.ready === true).length}/${all}`;
}

function statusCell(body: JsonMap): string {
  if (mapAt(body, "metadata").deletionTimestamp !== undefined) return "Terminating";
  const status = mapAt(body, "status");
  for (const container of containerStatuses(body)) {
    const reason = textAt(mapAt(container, "state", "waiting"), "reason") ||
      textAt(mapAt(container, "state", "terminated"), "reason");
    if (reason !== "") return reason;
  }
  return textAt(status, "reason") || textAt(status, "phase");
}

function restartsCell(body: JsonMap): string {
  return String(containerStatuses(body).reduce((sum, status) => sum + Number(status.restartCount ?? 0), 0));
}
