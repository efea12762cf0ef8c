/** Services: schema, columns and rules of writes. Allocation of addresses and ports is in service_defaults. */
import { canonicalIp } from "../../../base/ip.ts";
import { parseRange } from "../../../base/cidr.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../field_error.ts";
import { equalJson, isMap, type JsonMap, type JsonValue, listAt, mapAt, textAt, textsAt } from "../json_map.ts";
import { AGE_COLUMN, resourceType, type WriteContext } from "../resource_type.ts";
import {
  always,
  atomic,
  flag,
  intOrText,
  list,
  listBy,
  record,
  type Schema,
  text,
  textMap,
  texts,
  whole,
} from "../schema.ts";
import { CONDITIONS, labelText } from "./common.ts";
import {
  allocateService,
  defaultService,
  inheritAllocations,
  NODE_PORT_MAX,
  NODE_PORT_MIN,
  TYPES_WITH_NODE_PORTS,
} from "./service_defaults.ts";

const PORT: Schema = record({
  name: text,
  protocol: { ...text, default: "TCP" },
  appProtocol: text,
  port: whole,
  targetPort: intOrText,
  nodePort: whole,
});

const SCHEMA: Schema = record({
  spec: always(record({
    ports: listBy("port", PORT, ["port", "protocol"]),
    selector: atomic(textMap),
    clusterIP: text,
    clusterIPs: texts,
    type: text,
    externalIPs: texts,
    sessionAffinity: text,
    sessionAffinityConfig: record({ clientIP: record({ timeoutSeconds: whole }) }),
    loadBalancerIP: text,
    loadBalancerSourceRanges: texts,
    loadBalancerClass: text,
    externalName: text,
    externalTrafficPolicy: text,
    internalTrafficPolicy: text,
    healthCheckNodePort: whole,
    publishNotReadyAddresses: flag,
    ipFamilies: texts,
    ipFamilyPolicy: text,
    allocateLoadBalancerNodePorts: flag,
    trafficDistribution: text,
  })),
  status: always(record({
    loadBalancer: always(record({
      ingress: list(
        record({
          ip: text,
          hostname: text,
          ipMode: text,
          ports: list(record({ port: whole, protocol: text, error: text })),
        }),
      ),
    })),
    conditions: CONDITIONS,
  })),
});

export const SERVICES = resourceType({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  schema: SCHEMA,
  hasStatus: true,
  createsOnUpdate: true,
  returnsDeleted: true,
  nameRule: "serviceName",
  fields: {
    "spec.clusterIP": (body) => textAt(mapAt(body, "spec"), "clusterIP"),
    "spec.type": (body) => textAt(mapAt(body, "spec"), "type"),
    type: (body) => textAt(mapAt(body, "spec"), "type"),
  },
  strategy: {
    defaults: defaultService,
    beforeCreate: (body, context) => {
      body.status = { loadBalancer: {} };
      allocateService(body, context);
    },
    beforeUpdate: (body, { previous, context }) => {
      // A Service that is no load balancer any more has no addresses of one.
      const leaves = mapAt(previous, "spec").type === "LoadBalancer" && mapAt(body, "spec").type !== "LoadBalancer";
      if (leaves) body.status = { ...mapAt(body, "status"), loadBalancer: {} };
      inheritAllocations(body, previous);
      allocateService(body, context);
    },
    validate: (body, { previous, context }) => validateService(body, { previous, context }),
  },
  columns: [
    { name: "Type", type: "string", cell: (body) => textAt(mapAt(body, "spec"), "type") },
    { name: "Cluster-IP", type: "string", cell: clusterIpCell },
    { name: "External-IP", type: "string", cell: externalIpCell },
    { name: "Port(s)", type: "string", cell: portsCell },
    AGE_COLUMN,
    { name: "Selector", type: "string", priority: 1, cell: (body) => labelText(mapAt(body, "spec", "selector")) },
  ],
});

function validateService(
  body: JsonMap,
  { previous, context }: { previous: JsonMap | undefined; context: WriteContext },
): FieldError[] {
  const spec = mapAt(body, "spec");
  const type = textAt(spec, "type");
  const errors: FieldError[] = [];
  checkEnum(errors, "spec.type", {
    value: spec.type,
    values: ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
  });
  checkEnum(errors, "spec.sessionAffinity", { value: spec.sessionAffinity, values: ["ClientIP", "None"] });
  checkEnum(errors, "spec.externalTrafficPolicy", { value: spec.externalTrafficPolicy, values: ["Cluster", "Local"] });
  checkEnum(errors, "spec.internalTrafficPolicy", { value: spec.internalTrafficPolicy, values: ["Cluster", "Local"] });
  checkEnum(errors, "spec.ipFamilyPolicy", {
    value: spec.ipFamilyPolicy,
    values: ["PreferDualStack", "RequireDualStack", "SingleStack"],
  });
  errors.push(...validatePorts(spec, { previous: mapAt(previous, "spec"), context }));
  if (type === "ExternalName" && textAt(spec, "externalName") === "") errors.push(required("spec.externalName"));
  errors.push(...validateFamilies(spec, { previous, context }));
  for (const [index, range] of textsAt(spec, "loadBalancerSourceRanges").entries()) {
    if (!range.trim().includes("/") || !parseRange(range.trim()).ok) {
      errors.push(invalid(`spec.loadBalancerSourceRanges[${index}]`, range, 'must be a prefix such as "192.0.2.0/24"'));
    }
  }
  for (const [index, ip] of textsAt(spec, "externalIPs").entries()) {
    if (canonicalIp(ip) === undefined) {
      errors.push(invalid(`spec.externalIPs[${index}]`, ip, "must be a valid IP address"));
    }
  }
  errors.push(...validateLoadBalancer(body, previous));
  return errors;
}

function validateLoadBalancer(body: JsonMap, previous: JsonMap | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const spec = mapAt(body, "spec");
  const type = textAt(spec, "type");
  const before = mapAt(previous, "spec");
  if (
    type === "LoadBalancer" && before.type === "LoadBalancer" &&
    !equalJson(spec.loadBalancerClass, before.loadBalancerClass)
  ) {
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set"));
  } else if (type !== "LoadBalancer" && spec.loadBalancerClass !== undefined) {
    errors.push(forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"));
  }
  const ingress = listAt(mapAt(body, "status", "loadBalancer"), "ingress");
  const unchanged = equalJson(ingress, listAt(mapAt(previous, "status", "loadBalancer"), "ingress"));
  if (type !== "LoadBalancer" && ingress.length > 0 && !unchanged) {
    errors.push(forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'"));
  }
  for (const [index, item] of ingress.entries()) {
    const path = `status.loadBalancer.ingress[${index}]`;
    const ip = textAt(item, "ip");
    if (ip !== "" && canonicalIp(ip) === undefined) {
      errors.push(invalid(`${path}.ip`, ip, "must be a valid IP address"));
    }
    if (ip === "" && isMap(item) && item.ipMode !== undefined) {
      errors.push(forbidden(`${path}.ipMode`, "may not be specified when `ip` is not set"));
    }
    if (type === "LoadBalancer" && ip !== "" && isMap(item) && item.ipMode === undefined) {
      errors.push(required(`${path}.ipMode`, "must be specified when `ip` is set"));
    }
    checkEnum(errors, `${path}.ipMode`, { value: isMap(item) ? item.ipMode : undefined, values: ["Proxy", "VIP"] });
  }
  return errors;
}

function validateFamilies(
  spec: JsonMap,
  { previous, context }: { previous: JsonMap | undefined; context: WriteContext },
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, family] of textsAt(spec, "ipFamilies").entries()) {
    const path = `spec.ipFamilies[${index}]`;
    if (family !== "IPv4" && family !== "IPv6") errors.push(notSupported(path, family, ["IPv4", "IPv6"]));
    else if (family === "IPv6" && !context.serviceIpv6) {
      errors.push(invalid(path, family, "not configured on this cluster"));
    }
  }
  if (spec.ipFamilyPolicy === "RequireDualStack" && !context.serviceIpv6) {
    errors.push(
      invalid("spec.ipFamilyPolicy", "RequireDualStack", "this cluster is not configured for dual-stack services"),
    );
  }
  const clusterIps = textsAt(spec, "clusterIPs");
  const before = textsAt(mapAt(previous, "spec"), "clusterIPs");
  for (const [index, ip] of clusterIps.entries()) {
    const path = `spec.clusterIPs[${index}]`;
    if (ip !== "None" && canonicalIp(ip) === undefined) errors.push(invalid(path, ip, "must be a valid IP address"));
    else if (ip !== "None" && before[index] !== ip && context.isHeld(ip)) {
      errors.push(invalid(path, ip, "failed to allocate IP: provided IP is already allocated"));
    }
  }
  const kept = mapAt(previous, "spec").type !== "ExternalName" && spec.type !== "ExternalName";
  if (kept && before.length > 0 && before[0] !== clusterIps[0]) {
    errors.push(invalid("spec.clusterIPs[0]", clusterIps[0] ?? "", "may not change once set"));
  }
  if (clusterIps.length > 0 && spec.clusterIP !== undefined && spec.clusterIP !== clusterIps[0]) {
    errors.push(invalid("spec.clusterIPs", clusterIps, "first value must match `clusterIP`"));
  }
  return errors;
}

function validatePorts(
  spec: JsonMap,
  { previous, context }: { previous: JsonMap; context: WriteContext },
): FieldError[] {
  const errors: FieldError[] = [];
  const ports = listAt(spec, "ports").filter(isMap);
  const headless = spec.clusterIP === "None";
  if (ports.length === 0 && !headless && spec.type !== "ExternalName") errors.push(required("spec.ports"));
  const held = new Set(listAt(previous, "ports").map((port) => isMap(port) ? `${port.nodePort}/${port.protocol}` : ""));
  const names = new Set<string>();
  const pairs = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    const name = textAt(port, "name");
    if (name === "" && ports.length > 1) errors.push(required(`${path}.name`));
    if (name !== "" && names.has(name)) errors.push(duplicate(`${path}.name`, name));
    if (name !== "" && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
      errors.push(invalid(`${path}.name`, name, "must be a lowercase RFC 1123 label"));
    }
    names.add(name);
    if (!isPort(port.port)) {
      errors.push(invalid(`${path}.port`, port.port ?? 0, "must be between 1 and 65535, inclusive"));
    }
    if (typeof port.targetPort === "number" && !isPort(port.targetPort)) {
      errors.push(invalid(`${path}.targetPort`, port.targetPort, "must be between 1 and 65535, inclusive"));
    }
    checkEnum(errors, `${path}.protocol`, { value: port.protocol, values: ["SCTP", "TCP", "UDP"] });
    const pair = `${port.port}/${port.protocol}`;
    if (pairs.has(pair)) errors.push(duplicate(path, { protocol: textAt(port, "protocol"), port: port.port ?? 0 }));
    pairs.add(pair);
    if (typeof port.nodePort === "number" && port.nodePort !== 0) {
      errors.push(...validateNodePort(port, { path, type: textAt(spec, "type"), held, context }));
    }
  }
  return errors;
}

function validateNodePort(
  port: JsonMap,
  { path, type, held, context }: { path: string; type: string; held: Set<string>; context: WriteContext },
): FieldError[] {
  const nodePort = Number(port.nodePort);
  const resource = `${nodePort}/${textAt(port, "protocol")}`;
  if (!TYPES_WITH_NODE_PORTS.includes(type)) {
    return [forbidden(`${path}.nodePort`, `may not be used when \`type\` is '${type}'`)];
  }
  if (nodePort < NODE_PORT_MIN || nodePort > NODE_PORT_MAX) {
    const range = `${NODE_PORT_MIN}-${NODE_PORT_MAX}`;
    return [
      invalid(
        `${path}.nodePort`,
        nodePort,
        `provided port is not in the valid range. The range of valid ports is ${range}`,
      ),
    ];
  }
  if (!held.has(resource) && context.isHeld(resource)) {
    return [invalid(`${path}.nodePort`, nodePort, "provided port is already allocated")];
  }
  return [];
}

function isPort(value: JsonValue | undefined): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535;
}

function checkEnum(
  errors: FieldError[],
  path: string,
  { value, values }: { value: JsonValue | undefined; values: readonly string[] },
): void {
  if (value !== undefined && !values.includes(value as string)) errors.push(notSupported(path, value, values));
}

function clusterIpCell(body: JsonMap): string {
  const spec = mapAt(body, "spec");
  return textAt(spec, "clusterIP") || "<none>";
}

function externalIpCell(body: JsonMap): string {
  const spec = mapAt(body, "spec");
  const external = textsAt(spec, "externalIPs");
  switch (spec.type) {
    case "ExternalName":
      return textAt(spec, "externalName");
    case "LoadBalancer": {
      const ingress = listAt(mapAt(body, "status", "loadBalancer"), "ingress")
        .map((item) => textAt(item, "ip") || textAt(item, "hostname"));
      const all = [...ingress, ...external].filter((address) => address !== "");
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    default:
      return external.length === 0 ? "<none>" : external.join(",");
  }
}

function portsCell(body: JsonMap): string {
  const ports = listAt(mapAt(body, "spec"), "ports").filter(isMap).map((port) => {
    const node = typeof port.nodePort === "number" && port.nodePort > 0 ? `:${port.nodePort}` : "";
    return `${String(port.port)}${node}/${textAt(port, "protocol")}`;
  });
  return ports.length === 0 ? "<none>" : ports.join(",");
}
