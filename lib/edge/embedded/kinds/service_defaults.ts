/**
 * What an API server writes into a Service: defaults, cluster IPs, node ports, and which of them go when the type does.
 *
 * Addresses and ports are searched from a random start, so that a released one is not handed out again at once.
 */
import { formatIp, parseIp } from "../../../base/ip.ts";
import { below, type Rng } from "../../../base/rng.ts";
import { cloneJson, ensureMap, isMap, type JsonMap, listAt, mapAt, textAt, textsAt } from "../json_map.ts";
import type { WriteContext } from "../resource_type.ts";

export const NODE_PORT_MIN = 30000;
export const NODE_PORT_MAX = 32767;
export const TYPES_WITH_NODE_PORTS: readonly string[] = ["NodePort", "LoadBalancer"];

/** 10.96.0.0/12 and fd00:10:96::/112, less the first addresses, which clusters use for themselves. */
const CLUSTER_RANGES = {
  IPv4: { family: 4, base: parseIp("10.96.0.0")!.value, size: 1 << 20, reserved: 256 },
  IPv6: { family: 6, base: parseIp("fd00:10:96::")!.value, size: 1 << 16, reserved: 256 },
} as const;

const CLIENT_IP_TIMEOUT_SECONDS = 10800;

/** Defaults that need nothing but the object. */
export function defaultService(body: JsonMap): void {
  const spec = ensureMap(body, "spec");
  spec.type ??= "ClusterIP";
  spec.sessionAffinity ??= "None";
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: CLIENT_IP_TIMEOUT_SECONDS } };
  }
  const type = textAt(spec, "type");
  if (type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (TYPES_WITH_NODE_PORTS.includes(type)) spec.externalTrafficPolicy ??= "Cluster";
  if (type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
  for (const port of listAt(spec, "ports")) {
    if (!isMap(port)) continue;
    port.protocol ??= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") {
      port.targetPort = port.port ?? 0;
    }
  }
  if (type === "LoadBalancer") defaultServiceStatus(body);
}

/** An address of a load balancer is a virtual one unless somebody says otherwise. */
function defaultServiceStatus(body: JsonMap): void {
  const loadBalancer = mapAt(body, "status", "loadBalancer");
  for (const item of listAt(loadBalancer, "ingress")) {
    if (isMap(item) && textAt(item, "ip") !== "" && item.ipMode === undefined) item.ipMode = "VIP";
  }
}

/** An update that leaves out what the server gave means to keep it. */
export function inheritAllocations(body: JsonMap, previous: JsonMap): void {
  const spec = ensureMap(body, "spec");
  const before = mapAt(previous, "spec");
  const type = textAt(spec, "type");
  if (type !== "ExternalName" && before.type !== "ExternalName") {
    for (const key of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      if (spec[key] === undefined && before[key] !== undefined) spec[key] = cloneJson(before[key]);
    }
  }
  if (TYPES_WITH_NODE_PORTS.includes(type) && TYPES_WITH_NODE_PORTS.includes(textAt(before, "type"))) {
    const old = listAt(before, "ports").filter(isMap);
    const asked = new Set(listAt(spec, "ports").filter(isMap).map((port) => port.nodePort));
    for (const port of listAt(spec, "ports").filter(isMap)) {
      if (port.nodePort !== undefined && port.nodePort !== 0) continue;
      const same = old.find((one) => one.port === port.port && one.protocol === port.protocol);
      if (same?.nodePort !== undefined && !asked.has(same.nodePort)) port.nodePort = same.nodePort;
    }
  }
  if (needsHealthCheck(spec) && spec.healthCheckNodePort === undefined && before.healthCheckNodePort !== undefined) {
    spec.healthCheckNodePort = before.healthCheckNodePort;
  }
  dropForeign(spec, before);
}

/** When the type changes, what only the old type has goes with it, if the client just sent it back. */
function dropForeign(spec: JsonMap, before: JsonMap): void {
  const type = textAt(spec, "type");
  if (!TYPES_WITH_NODE_PORTS.includes(type)) {
    const old = new Set(listAt(before, "ports").filter(isMap).map((port) => port.nodePort));
    for (const port of listAt(spec, "ports").filter(isMap)) if (old.has(port.nodePort)) delete port.nodePort;
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
  if (type !== "LoadBalancer" && before.type === "LoadBalancer") {
    delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (!needsHealthCheck(spec) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  if (type === "ExternalName") {
    for (const key of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]) {
      if (before.type !== "ExternalName") delete spec[key];
    }
  }
}

/** Gives families, addresses and ports to a Service that asks for them and lacks them. */
export function allocateService(body: JsonMap, context: WriteContext): void {
  const spec = ensureMap(body, "spec");
  if (spec.type !== "ExternalName") {
    allocateClusterIps(spec, context);
  }
  if (TYPES_WITH_NODE_PORTS.includes(textAt(spec, "type"))) allocateNodePorts(spec, context);
}

function allocateClusterIps(spec: JsonMap, context: WriteContext): void {
  const given = textsAt(spec, "clusterIPs");
  if (given.length === 0 && textAt(spec, "clusterIP") !== "") given.push(textAt(spec, "clusterIP"));
  const headless = given[0] === "None";
  const asked = textsAt(spec, "ipFamilies");
  const policy = textAt(spec, "ipFamilyPolicy") ||
    (given.length > 1 || asked.length > 1 ? "RequireDualStack" : "SingleStack");
  spec.ipFamilyPolicy = policy;
  const families = asked.length > 0 ? asked : given.filter((ip) => ip !== "None").map(familyOf);
  if (families.length === 0) families.push("IPv4");
  const wantsTwo = policy !== "SingleStack" && context.serviceIpv6;
  if (wantsTwo && families.length === 1) families.push(families[0] === "IPv4" ? "IPv6" : "IPv4");
  if (policy === "SingleStack" && families.length > 1) families.length = 1;
  spec.ipFamilies = families;
  if (!headless) {
    const taken = new Set<string>();
    for (let index = given.length; index < families.length; index++) {
      const ip = freeClusterIp(families[index]!, { context, taken });
      if (ip === undefined) break;
      taken.add(ip);
      given.push(ip);
    }
    given.length = Math.min(given.length, families.length);
  }
  spec.clusterIPs = given;
  if (given[0] !== undefined && textAt(spec, "clusterIP") === "") spec.clusterIP = given[0];
}

function familyOf(ip: string): string {
  return ip.includes(":") ? "IPv6" : "IPv4";
}

function freeClusterIp(
  family: string,
  { context, taken }: { context: WriteContext; taken: ReadonlySet<string> },
): string | undefined {
  if (family !== "IPv4" && family !== "IPv6") return undefined;
  const range = CLUSTER_RANGES[family];
  const usable = range.size - range.reserved - 1;
  for (const offset of walk(usable, context.rng)) {
    const ip = formatIp({ family: range.family, value: range.base + BigInt(range.reserved + offset) });
    if (!taken.has(ip) && !context.isHeld(ip)) return ip;
  }
  return undefined;
}

function allocateNodePorts(spec: JsonMap, context: WriteContext): void {
  const ports = listAt(spec, "ports").filter(isMap);
  const taken = new Set<string>();
  for (const port of ports) {
    if (typeof port.nodePort === "number" && port.nodePort > 0) taken.add(`${port.nodePort}/${port.protocol}`);
  }
  const wanted = spec.type === "NodePort" || spec.allocateLoadBalancerNodePorts === true;
  for (const port of wanted ? ports : []) {
    if (typeof port.nodePort === "number" && port.nodePort > 0) continue;
    // The same port for TCP and UDP gets the same node port, as users of DNS expect.
    const twin = ports.find((other) => other.port === port.port && Number(other.nodePort ?? 0) > 0);
    const number = twin === undefined
      ? freeNodePort(textAt(port, "protocol"), { context, taken })
      : Number(twin.nodePort);
    if (number === undefined) return;
    port.nodePort = number;
    taken.add(`${number}/${textAt(port, "protocol")}`);
  }
  if (needsHealthCheck(spec) && !(Number(spec.healthCheckNodePort ?? 0) > 0)) {
    const number = freeNodePort("TCP", { context, taken });
    if (number !== undefined) spec.healthCheckNodePort = number;
  }
}

function freeNodePort(
  protocol: string,
  { context, taken }: { context: WriteContext; taken: ReadonlySet<string> },
): number | undefined {
  for (const offset of walk(NODE_PORT_MAX - NODE_PORT_MIN + 1, context.rng)) {
    const resource = `${NODE_PORT_MIN + offset}/${protocol}`;
    if (!taken.has(resource) && !context.isHeld(resource)) return NODE_PORT_MIN + offset;
  }
  return undefined;
}

function needsHealthCheck(spec: JsonMap): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

/** Every number below `size` once, from a random start. */
function* walk(size: number, rng: Rng): Iterable<number> {
  const start = below(rng, size);
  for (let step = 0; step < size; step++) yield (start + step) % size;
}
