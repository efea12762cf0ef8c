/**
 * One script of requests for the embedded API and for a real kube-apiserver: what a client can tell apart must be the
 * same. Each row is sent in order; the expectations are what kube-apiserver v1.34.2 answers.
 *
 * Texts of messages are compared only where a program or a user depends on them.
 */
import { assertEquals } from "@std/assert/equals";

// deno-lint-ignore no-explicit-any -- answers of any shape
type Answered = any;

export interface ServerUnderTest {
  fetch(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response>;
  stop(): Promise<void>;
}

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly code: number;
  /** `reason` of a Status. */
  readonly reason?: string;
  /** `reason field` of each cause. */
  readonly causes?: readonly string[];
  readonly message?: RegExp;
  /** Any part of the answer, after what differs by nature was taken out. */
  readonly part?: (body: Answered) => unknown;
  readonly equals?: unknown;
}

const NS = "/api/v1/namespaces/default";
const MAPS = `${NS}/configmaps`;
const SERVICES = `${NS}/services`;
const PODS = `${NS}/pods`;
const POOLS = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

function post(name: string, path: string, body: unknown, rest: Omit<Row, "name" | "path" | "body" | "method">): Row {
  return { name, method: "POST", path, body, ...rest };
}

function patch(name: string, path: string, body: unknown, rest: Omit<Row, "name" | "path" | "body" | "method">): Row {
  return { name, method: "PATCH", path, body, type: MERGE, ...rest };
}

function put(name: string, path: string, body: unknown, rest: Omit<Row, "name" | "path" | "body" | "method">): Row {
  return { name, method: "PUT", path, body, ...rest };
}

const service = (name: string, spec: Record<string, unknown>) => ({
  metadata: { name },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }], ...spec },
});
const pool = (name: string, spec: Record<string, unknown>) => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name },
  spec,
});
const pod = (name: string, spec: Record<string, unknown> = {}) => ({
  metadata: { name, labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "web:1", ports: [{ containerPort: 8080 }] }], ...spec },
});

const specOf = (body: Answered) => {
  const { clusterIP: _ip, clusterIPs: _ips, healthCheckNodePort: _health, ...spec } = body.spec ?? {};
  return { ...spec, ports: spec.ports?.map(({ nodePort: _nodePort, ...port }: Answered) => port) };
};

const BAD_REQUESTS: readonly Row[] = [
  { name: "no such path", path: "/nowhere", code: 404 },
  { name: "no such kind", path: "/api/v1/widgets", code: 404 },
  {
    name: "no such object",
    path: `${MAPS}/gone`,
    code: 404,
    reason: "NotFound",
    message: /^configmaps "gone" not found$/,
  },
  {
    name: "no such custom object",
    path: `${POOLS}/gone`,
    code: 404,
    reason: "NotFound",
    message: /^ipaddresspools\.metallb\.io "gone" not found$/,
  },
  { name: "delete of nothing", method: "DELETE", path: `${MAPS}/gone`, code: 404, reason: "NotFound" },
  patch("patch of nothing", `${MAPS}/gone`, {}, { code: 404, reason: "NotFound" }),
  put("put of nothing", `${MAPS}/gone`, { metadata: { name: "gone" } }, { code: 404, reason: "NotFound" }),
  post("missing namespace", "/api/v1/namespaces/nope/configmaps", { metadata: { name: "x" } }, {
    code: 404,
    reason: "NotFound",
    message: /^namespaces "nope" not found$/,
  }),
  post("create on an object", `${MAPS}/x`, { metadata: { name: "x" } }, { code: 405, reason: "MethodNotAllowed" }),
  put("put on a collection", MAPS, { metadata: { name: "x" } }, { code: 405, reason: "MethodNotAllowed" }),
  post("not JSON", MAPS, "{", { code: 400, reason: "BadRequest" }),
  post("a list", MAPS, [], { code: 400, reason: "BadRequest" }),
  post("another kind", MAPS, { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }, {
    code: 400,
    reason: "BadRequest",
  }),
  post("another version", MAPS, { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "x" } }, {
    code: 400,
    reason: "BadRequest",
  }),
  post("another namespace", MAPS, { metadata: { name: "x", namespace: "kube-system" } }, {
    code: 400,
    reason: "BadRequest",
    message: /^the namespace of the provided object does not match the namespace sent on the request$/,
  }),
  post("a wrong type", MAPS, { metadata: { name: "x" }, data: { a: 1 } }, { code: 400, reason: "BadRequest" }),
  post("no name", MAPS, { metadata: {} }, {
    code: 422,
    reason: "Invalid",
    causes: ["FieldValueRequired metadata.name"],
  }),
  post("a bad name", MAPS, { metadata: { name: "Not_A_Name" } }, {
    code: 422,
    reason: "Invalid",
    causes: ["FieldValueInvalid metadata.name"],
  }),
  post("a bad label", MAPS, { metadata: { name: "x", labels: { "a b": "c" } } }, {
    code: 422,
    reason: "Invalid",
    causes: ["FieldValueInvalid metadata.labels"],
  }),
  post("a bad key", MAPS, { metadata: { name: "x" }, data: { "a/b": "c" } }, {
    code: 422,
    reason: "Invalid",
    causes: ["FieldValueInvalid data[a/b]"],
  }),
  post("a bad service name", SERVICES, service("1web", {}), {
    code: 422,
    reason: "Invalid",
    causes: ["FieldValueInvalid metadata.name"],
  }),
  { name: "a bad limit", path: `${MAPS}?limit=x`, code: 400 },
  { name: "a bad label selector", path: `${MAPS}?labelSelector=a%20b%20c`, code: 400, reason: "BadRequest" },
  { name: "a bad field selector", path: `${MAPS}?fieldSelector=data.a%3D1`, code: 400, reason: "BadRequest" },
  { name: "a match without a version", path: `${MAPS}?resourceVersionMatch=Exact`, code: 422, reason: "Invalid" },
  { name: "an exact zero", path: `${MAPS}?resourceVersionMatch=Exact&resourceVersion=0`, code: 422, reason: "Invalid" },
  {
    name: "a strange match",
    path: `${MAPS}?resourceVersionMatch=Some&resourceVersion=1`,
    code: 422,
    reason: "Invalid",
  },
  {
    name: "the end of default",
    method: "DELETE",
    path: "/api/v1/namespaces/default",
    code: 403,
    reason: "Forbidden",
    message: /this namespace may not be deleted/,
  },
  post("dryRun", `${MAPS}?dryRun=Some`, { metadata: { name: "x" } }, { code: 422, reason: "Invalid" }),
  post("fieldValidation", `${MAPS}?fieldValidation=Some`, { metadata: { name: "x" } }, {
    code: 422,
    reason: "Invalid",
  }),
  patch("patch type of a custom kind", `${POOLS}/gone`, {}, {
    type: STRATEGIC,
    code: 415,
    reason: "UnsupportedMediaType",
  }),
  patch("patch without a known type", `${MAPS}/gone`, {}, {
    type: "application/json",
    code: 415,
    reason: "UnsupportedMediaType",
  }),
];

const WRITES: readonly Row[] = [
  post("create", MAPS, { metadata: { name: "a" }, data: { k: "v" } }, {
    code: 201,
    part: (body) => [body.kind, body.apiVersion, body.data],
    equals: ["ConfigMap", "v1", { k: "v" }],
  }),
  post("twice", MAPS, { metadata: { name: "a" } }, {
    code: 409,
    reason: "AlreadyExists",
    message: /^configmaps "a" already exists$/,
  }),
  put("an old version", `${MAPS}/a`, { metadata: { name: "a", resourceVersion: "1" } }, {
    code: 409,
    reason: "Conflict",
    message: /the object has been modified; please apply your changes to the latest version and try again$/,
  }),
  put("another uid", `${MAPS}/a`, { metadata: { name: "a", uid: "u" } }, { code: 409, reason: "Conflict" }),
  put("another name", `${MAPS}/a`, { metadata: { name: "b" } }, { code: 400, reason: "BadRequest" }),
  patch("an old version in a patch", `${MAPS}/a`, { metadata: { resourceVersion: "1" } }, {
    code: 409,
    reason: "Conflict",
  }),
  patch("a JSON patch that does not apply", `${MAPS}/a`, [{ op: "test", path: "/data/k", value: "x" }], {
    type: JSON_PATCH,
    code: 422,
    reason: "Invalid",
  }),
  patch("a JSON patch of what is not there", `${MAPS}/a`, [{ op: "remove", path: "/data/x" }], {
    type: JSON_PATCH,
    code: 422,
    reason: "Invalid",
  }),
  patch("a JSON patch that is none", `${MAPS}/a`, {}, { type: JSON_PATCH, code: 400, reason: "BadRequest" }),
  patch("merge", `${MAPS}/a`, { data: { k: null, l: "w" } }, {
    code: 200,
    part: (body) => body.data,
    equals: { l: "w" },
  }),
  patch("JSON patch", `${MAPS}/a`, [{ op: "add", path: "/data/m", value: "x" }], {
    type: JSON_PATCH,
    code: 200,
    part: (body) => body.data,
    equals: { l: "w", m: "x" },
  }),
  patch("strategic", `${MAPS}/a`, { data: { $patch: "replace", z: "y" } }, {
    type: STRATEGIC,
    code: 200,
    part: (body) => body.data,
    equals: { z: "y" },
  }),
  {
    name: "delete of another uid",
    method: "DELETE",
    path: `${MAPS}/a`,
    body: { preconditions: { uid: "u" } },
    code: 409,
    reason: "Conflict",
  },
  {
    name: "delete",
    method: "DELETE",
    path: `${MAPS}/a`,
    code: 200,
    part: (body) => [body.kind, body.status, body.details?.name, body.details?.kind],
    equals: ["Status", "Success", "a", "configmaps"],
  },
  post("secret", `${NS}/secrets`, { metadata: { name: "s" }, stringData: { a: "b" } }, {
    code: 201,
    part: (body) => [body.type, body.data, body.stringData],
    equals: ["Opaque", { a: "Yg==" }, undefined],
  }),
  post("secret that is not base64", `${NS}/secrets`, { metadata: { name: "t" }, data: { a: "***" } }, {
    code: 400,
    reason: "BadRequest",
  }),
  put("lease by put", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l", {
    metadata: { name: "l" },
    spec: { holderIdentity: "a" },
  }, { code: 201 }),
  put("lease without a version", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l", {
    metadata: { name: "l" },
    spec: { holderIdentity: "b" },
  }, { code: 422, reason: "Invalid", causes: ["FieldValueInvalid metadata.resourceVersion"] }),
  post("held by a finalizer", MAPS, { metadata: { name: "held", finalizers: ["example.com/hold"] } }, { code: 201 }),
  {
    name: "delete of what is held",
    method: "DELETE",
    path: `${MAPS}/held`,
    code: 200,
    part: (body) => [body.kind, typeof body.metadata.deletionTimestamp, body.metadata.deletionGracePeriodSeconds],
    equals: ["ConfigMap", "string", 0],
  },
  patch("another finalizer", `${MAPS}/held`, { metadata: { finalizers: ["example.com/hold", "example.com/b"] } }, {
    code: 422,
    reason: "Invalid",
    message: /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted/,
  }),
  patch("the last finalizer", `${MAPS}/held`, { metadata: { finalizers: [] } }, { code: 200 }),
  { name: "gone at last", path: `${MAPS}/held`, code: 404 },
];

const SERVICE_ROWS: readonly Row[] = [
  post("a load balancer", SERVICES, service("lb", { type: "LoadBalancer" }), {
    code: 201,
    part: (body) => [specOf(body), body.status, body.metadata.generation],
    equals: [
      {
        allocateLoadBalancerNodePorts: true,
        externalTrafficPolicy: "Cluster",
        internalTrafficPolicy: "Cluster",
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
        selector: { app: "web" },
        sessionAffinity: "None",
        type: "LoadBalancer",
      },
      { loadBalancer: {} },
      undefined,
    ],
  }),
  post("headless", SERVICES, service("headless", { clusterIP: "None" }), {
    code: 201,
    part: (body) => [body.spec.clusterIP, body.spec.clusterIPs, specOf(body).ipFamilyPolicy],
    equals: ["None", ["None"], "SingleStack"],
  }),
  post("external", SERVICES, {
    metadata: { name: "external" },
    spec: { type: "ExternalName", externalName: "example.com" },
  }, {
    code: 201,
    part: (body) => body.spec,
    equals: { externalName: "example.com", sessionAffinity: "None", type: "ExternalName" },
  }),
  post("affinity", SERVICES, service("sticky", { sessionAffinity: "ClientIP" }), {
    code: 201,
    part: (body) => body.spec.sessionAffinityConfig,
    equals: { clientIP: { timeoutSeconds: 10800 } },
  }),
  post("no ports", SERVICES, service("bad", { ports: [] }), { code: 422, causes: ["FieldValueRequired spec.ports"] }),
  post("port 70000", SERVICES, service("bad", { ports: [{ port: 70000, targetPort: 1 }] }), {
    code: 422,
    causes: ["FieldValueInvalid spec.ports[0].port"],
    message: /spec\.ports\[0\]\.port: Invalid value: 70000: must be between 1 and 65535, inclusive$/,
  }),
  post("unnamed ports", SERVICES, service("bad", { ports: [{ port: 1 }, { port: 2, name: "b" }] }), {
    code: 422,
    causes: ["FieldValueRequired spec.ports[0].name"],
  }),
  post("same names", SERVICES, service("bad", { ports: [{ port: 1, name: "b" }, { port: 2, name: "b" }] }), {
    code: 422,
    causes: ["FieldValueDuplicate spec.ports[1].name"],
  }),
  post("same ports", SERVICES, service("bad", { ports: [{ port: 1, name: "a" }, { port: 1, name: "b" }] }), {
    code: 422,
    causes: ["FieldValueDuplicate spec.ports[1]"],
  }),
  post("protocol", SERVICES, service("bad", { ports: [{ port: 1, protocol: "ICMP" }] }), {
    code: 422,
    causes: ["FieldValueNotSupported spec.ports[0].protocol"],
  }),
  post("node port of a ClusterIP", SERVICES, service("bad", { ports: [{ port: 1, nodePort: 30001 }] }), {
    code: 422,
    causes: ["FieldValueForbidden spec.ports[0].nodePort"],
  }),
  post("node port 80", SERVICES, service("bad", { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] }), {
    code: 422,
    causes: ["FieldValueInvalid spec.ports[0].nodePort"],
  }),
  post("type", SERVICES, service("bad", { type: "Balancer" }), {
    code: 422,
    causes: ["FieldValueNotSupported spec.type"],
  }),
  post("family", SERVICES, service("bad", { ipFamilies: ["IPv6"] }), {
    code: 422,
    causes: ["FieldValueInvalid spec.ipFamilies[0]"],
  }),
  post("dual stack", SERVICES, service("bad", { ipFamilyPolicy: "RequireDualStack" }), {
    code: 422,
    causes: ["FieldValueInvalid spec.ipFamilyPolicy"],
  }),
  post("class of a ClusterIP", SERVICES, service("bad", { loadBalancerClass: "x/y" }), {
    code: 422,
    causes: ["FieldValueForbidden spec.loadBalancerClass"],
  }),
  // The default of ipMode hangs on the type in the request, though the type itself is not taken from there.
  patch("status with another type", `${SERVICES}/lb/status`, {
    spec: { type: "ClusterIP" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  }, { code: 422, causes: ["FieldValueRequired status.loadBalancer.ingress[0].ipMode"] }),
  patch("status of a load balancer, with an annotation", `${SERVICES}/lb/status`, {
    metadata: { annotations: { a: "b" } },
    spec: { externalTrafficPolicy: "Local" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  }, {
    code: 200,
    part: (body) => [body.metadata.annotations, body.spec.externalTrafficPolicy, body.status],
    equals: [{ a: "b" }, "Cluster", { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } }],
  }),
  patch("main part leaves the status alone", `${SERVICES}/lb`, {
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.2" }] } },
  }, { code: 200, part: (body) => body.status.loadBalancer.ingress[0].ip, equals: "192.0.2.1" }),
  patch(
    "status with a bad address",
    `${SERVICES}/lb/status`,
    { status: { loadBalancer: { ingress: [{ ip: "x" }] } } },
    { code: 422, causes: ["FieldValueInvalid status.loadBalancer.ingress[0].ip"] },
  ),
  patch("status of a ClusterIP", `${SERVICES}/sticky/status`, {
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  }, { code: 422, causes: ["FieldValueForbidden status.loadBalancer.ingress"] }),
  patch("another cluster IP", `${SERVICES}/lb`, { spec: { clusterIP: "10.96.200.1", clusterIPs: ["10.96.200.1"] } }, {
    code: 422,
    causes: ["FieldValueInvalid spec.clusterIPs[0]"],
  }),
  patch("another class", `${SERVICES}/lb`, { spec: { loadBalancerClass: "x/y" } }, {
    code: 422,
    causes: ["FieldValueInvalid spec.loadBalancerClass"],
  }),
  patch("ports by number", `${SERVICES}/lb`, {
    spec: { ports: [{ port: 80, name: "a" }, { port: 53, name: "b", protocol: "UDP" }] },
  }, {
    type: STRATEGIC,
    code: 200,
    part: (body) => specOf(body).ports,
    equals: [{ name: "a", port: 80, protocol: "TCP", targetPort: 80 }, {
      name: "b",
      port: 53,
      protocol: "UDP",
      targetPort: 53,
    }],
  }),
  patch("Local", `${SERVICES}/lb`, { spec: { externalTrafficPolicy: "Local" } }, {
    code: 200,
    part: (body) => [body.spec.externalTrafficPolicy, body.spec.healthCheckNodePort >= 30000],
    equals: ["Local", true],
  }),
  patch("to ClusterIP", `${SERVICES}/lb`, { spec: { type: "ClusterIP" } }, {
    code: 200,
    part: (
      body,
    ) => [
      body.spec.ports[0].nodePort,
      body.spec.externalTrafficPolicy,
      body.spec.allocateLoadBalancerNodePorts,
      body.spec.healthCheckNodePort,
      body.status,
    ],
    equals: [undefined, undefined, undefined, undefined, { loadBalancer: {} }],
  }),
  {
    name: "delete answers with the Service",
    method: "DELETE",
    path: `${SERVICES}/lb`,
    code: 200,
    part: (body) => body.kind,
    equals: "Service",
  },
];

const CUSTOM_ROWS: readonly Row[] = [
  post("defaults and pruning", POOLS, {
    ...pool("p", { addresses: ["192.0.2.0/24"], nonsense: 1 }),
    status: { assignedIPv4: 1 },
  }, {
    code: 201,
    part: (body) => [body.spec, body.status, body.metadata.generation],
    equals: [{ addresses: ["192.0.2.0/24"], autoAssign: true, avoidBuggyIPs: false }, undefined, 1],
  }),
  post("strict", `${POOLS}?fieldValidation=Strict`, pool("q", { addresses: [], adresses: 1 }), {
    code: 400,
    reason: "BadRequest",
    message: /strict decoding error: unknown field "spec\.adresses"$/,
  }),
  post("strict built-in", `${MAPS}?fieldValidation=Strict`, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "q" },
    dta: {},
  }, { code: 400, reason: "BadRequest", message: /strict decoding error: unknown field "dta"$/ }),
  post("no spec", POOLS, { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: { name: "q" } }, {
    code: 422,
    causes: ["FieldValueRequired spec"],
    message: /^IPAddressPool\.metallb\.io "q" is invalid: spec: Required value$/,
  }),
  post("no addresses", POOLS, pool("q", {}), {
    code: 422,
    causes: ["FieldValueRequired spec.addresses"],
    message: /^IPAddressPool\.metallb\.io "q" is invalid: spec\.addresses: Required value$/,
  }),
  post("a word for a boolean", POOLS, pool("q", { addresses: [], autoAssign: "yes" }), {
    code: 422,
    causes: ["FieldValueTypeInvalid spec.autoAssign"],
    message: /spec\.autoAssign: Invalid value: "string": spec\.autoAssign in body must be of type boolean: "string"$/,
  }),
  post("a number in a list of texts", POOLS, pool("q", { addresses: [1] }), {
    code: 422,
    causes: ["FieldValueTypeInvalid spec.addresses[0]"],
    message:
      /spec\.addresses\[0\]: Invalid value: "integer": spec\.addresses\[0\] in body must be of type string: "integer"$/,
  }),
  post("null for a boolean with a default", POOLS, pool("nulled", { addresses: [], autoAssign: null }), {
    code: 201,
    part: (body) => body.spec.autoAssign,
    equals: true,
  }),
  post("an enum", "/apis/metallb.io/v1beta2/namespaces/default/bgppeers", {
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name: "x" },
    spec: { myASN: 1, dynamicASN: "both" },
  }, {
    code: 422,
    causes: ["FieldValueNotSupported spec.dynamicASN", "FieldValueInvalid <nil>"],
    message:
      /spec\.dynamicASN: Unsupported value: "both": supported values: "internal", "external", <nil>: Invalid value: null: some validation/,
  }),
  post("a minimum", "/apis/metallb.io/v1beta1/namespaces/default/bfdprofiles", {
    apiVersion: "metallb.io/v1beta1",
    kind: "BFDProfile",
    metadata: { name: "x" },
    spec: { receiveInterval: 9 },
  }, {
    code: 422,
    causes: ["FieldValueInvalid spec.receiveInterval"],
    message:
      /spec\.receiveInterval: Invalid value: 9: spec\.receiveInterval in body should be greater than or equal to 10$/,
  }),
  patch("spec counts a generation", `${POOLS}/p`, { spec: { autoAssign: false }, status: { assignedIPv4: 1 } }, {
    code: 200,
    part: (body) => [body.metadata.generation, body.status],
    equals: [2, undefined],
  }),
  patch("labels count none", `${POOLS}/p`, { metadata: { labels: { a: "b" } } }, {
    code: 200,
    part: (body) => body.metadata.generation,
    equals: 2,
  }),
  patch("status alone", `${POOLS}/p/status`, {
    metadata: { labels: { a: "c" } },
    spec: { autoAssign: true },
    status: { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 2, availableIPv6: 0 },
  }, {
    code: 200,
    part: (body) => [body.metadata.generation, body.metadata.labels, body.spec.autoAssign, body.status.availableIPv4],
    equals: [2, { a: "b" }, false, 2],
  }),
  patch("status that does not fit", `${POOLS}/p/status`, { status: { assignedIPv4: "x" } }, {
    code: 422,
    causes: ["FieldValueTypeInvalid status.assignedIPv4"],
  }),
  put("without a version", `${POOLS}/p`, pool("p", { addresses: [] }), {
    code: 422,
    causes: ["FieldValueInvalid metadata.resourceVersion"],
  }),
  {
    name: "items carry their kind",
    path: POOLS,
    code: 200,
    part: (body) => [body.kind, body.items.map((item: Answered) => item.kind)],
    equals: ["IPAddressPoolList", ["IPAddressPool", "IPAddressPool"]],
  },
  {
    name: "a table by printer columns",
    path: `${POOLS}/p`,
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    code: 200,
    part: (body) => [body.kind, body.columnDefinitions.map((column: Answered) => column.name), body.rows[0].cells],
    equals: ["Table", ["Name", "Auto Assign", "Avoid Buggy IPs", "Addresses"], ["p", false, false, '["192.0.2.0/24"]']],
  },
  {
    name: "delete",
    method: "DELETE",
    path: `${POOLS}/p`,
    code: 200,
    part: (body) => [body.kind, body.details.group],
    equals: ["Status", "metallb.io"],
  },
];

const OTHER_ROWS: readonly Row[] = [
  post("a Pod", PODS, pod("a", { nodeName: "n1" }), {
    code: 201,
    part: (
      body,
    ) => [
      body.status.phase,
      body.status.qosClass,
      body.spec.restartPolicy,
      body.spec.containers[0].ports,
      body.spec.containers[0].imagePullPolicy,
      body.metadata.generation,
    ],
    equals: ["Pending", "BestEffort", "Always", [{ containerPort: 8080, protocol: "TCP" }], "IfNotPresent", 1],
  }),
  patch("a Pod's status", `${PODS}/a/status`, {
    status: { phase: "Running", podIP: "10.1.0.1", conditions: [{ type: "Ready", status: "True" }] },
  }, {
    type: STRATEGIC,
    code: 200,
    part: (body) => [body.status.phase, body.status.podIPs, body.metadata.generation],
    equals: ["Running", [{ ip: "10.1.0.1" }], 1],
  }),
  patch("a Pod's spec", `${PODS}/a`, { spec: { hostname: "x" } }, { code: 422, causes: ["FieldValueForbidden spec"] }),
  post("a Pod without containers", PODS, { metadata: { name: "b" }, spec: {} }, {
    code: 422,
    causes: ["FieldValueRequired spec.containers"],
  }),
  {
    name: "Pods by node",
    path: `${PODS}?fieldSelector=spec.nodeName%3Dn1`,
    code: 200,
    part: (body) => [body.items.length, body.items[0].kind],
    equals: [1, undefined],
  },
  post("a Node with its status", "/api/v1/nodes", {
    metadata: { name: "n1" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  }, { code: 201, part: (body) => body.status.conditions.map((each: Answered) => each.type), equals: ["Ready"] }),
  post("a slice", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    metadata: { name: "s", labels: { "kubernetes.io/service-name": "x" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.0.1"], conditions: { ready: true } }],
    ports: [{ port: 80 }],
  }, {
    code: 201,
    part: (body) => [body.ports, body.metadata.generation],
    equals: [[{ name: "", port: 80, protocol: "TCP" }], 1],
  }),
  post("a slice of another family", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    metadata: { name: "t" },
    addressType: "IPv4",
    endpoints: [{ addresses: ["fd00::1"] }],
  }, { code: 422, causes: ["FieldValueInvalid endpoints[0].addresses"] }),
  post("an event", `${NS}/events`, {
    metadata: { name: "e" },
    involvedObject: { kind: "Service", namespace: "default", name: "x" },
    type: "Normal",
    reason: "R",
    message: "m",
  }, { code: 201 }),
  post("an event elsewhere", "/api/v1/namespaces/kube-system/events", {
    metadata: { name: "e" },
    involvedObject: { kind: "Service", namespace: "default", name: "x" },
  }, { code: 422, causes: ["FieldValueInvalid involvedObject.namespace"] }),
  {
    name: "the event in its other form",
    path: "/apis/events.k8s.io/v1/namespaces/default/events/e",
    code: 200,
    part: (body) => [body.regarding.kind, body.note],
    equals: ["Service", "m"],
  },
  {
    name: "events by object",
    path: `${NS}/events?fieldSelector=involvedObject.name%3Dx,involvedObject.kind%3DService`,
    code: 200,
    part: (body) => body.items.length,
    equals: 1,
  },
  post("a namespace", "/api/v1/namespaces", { metadata: { name: "shop" } }, {
    code: 201,
    part: (body) => [body.metadata.labels, body.spec, body.status],
    equals: [{ "kubernetes.io/metadata.name": "shop" }, { finalizers: ["kubernetes"] }, { phase: "Active" }],
  }),
  {
    name: "a page",
    path: "/api/v1/namespaces?limit=1",
    code: 200,
    part: (body) => [body.items.length, typeof body.metadata.continue, typeof body.metadata.remainingItemCount],
    equals: [1, "string", "number"],
  },
  {
    name: "metadata only",
    path: `${PODS}/a`,
    accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    code: 200,
    part: (body) => [body.kind, body.apiVersion, body.spec],
    equals: ["PartialObjectMetadata", "meta.k8s.io/v1", undefined],
  },
  { name: "an answer nobody can give", path: PODS, accept: "application/x-nothing", code: 406 },
  post("a known token", "/apis/authentication.k8s.io/v1/tokenreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: "test-token" },
  }, { code: 201, part: (body) => body.status.authenticated, equals: true }),
  post("an unknown token", "/apis/authentication.k8s.io/v1/tokenreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: "nobody" },
  }, { code: 201, part: (body) => body.status.authenticated, equals: undefined }),
];

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

function columns(path: string, names: readonly string[]): Row {
  return {
    name: `columns of ${path}`,
    path,
    accept: TABLE,
    code: 200,
    part: (body) =>
      body.columnDefinitions.map((column: Answered) => column.priority === 0 ? column.name : `${column.name} (wide)`),
    equals: names,
  };
}

const TABLE_ROWS: readonly Row[] = [
  columns(SERVICES, ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector (wide)"]),
  columns(PODS, [
    "Name",
    "Ready",
    "Status",
    "Restarts",
    "Age",
    "IP (wide)",
    "Node (wide)",
    "Nominated Node (wide)",
    "Readiness Gates (wide)",
  ]),
  columns("/api/v1/nodes", [
    "Name",
    "Status",
    "Roles",
    "Age",
    "Version",
    "Internal-IP (wide)",
    "External-IP (wide)",
    "OS-Image (wide)",
    "Kernel-Version (wide)",
    "Container-Runtime (wide)",
  ]),
  columns("/api/v1/namespaces", ["Name", "Status", "Age"]),
  columns("/apis/discovery.k8s.io/v1/endpointslices", ["Name", "AddressType", "Ports", "Endpoints", "Age"]),
  columns("/api/v1/events", [
    "Last Seen",
    "Type",
    "Reason",
    "Object",
    "Subobject (wide)",
    "Source (wide)",
    "Message",
    "First Seen (wide)",
    "Count (wide)",
    "Name (wide)",
  ]),
  columns(`${NS}/secrets`, ["Name", "Type", "Data", "Age"]),
  columns(MAPS, ["Name", "Data", "Age"]),
  columns("/apis/coordination.k8s.io/v1/leases", ["Name", "Holder", "Age"]),
  columns(POOLS, ["Name", "Auto Assign", "Avoid Buggy IPs", "Addresses"]),
  columns("/apis/metallb.io/v1beta1/l2advertisements", [
    "Name",
    "IPAddressPools",
    "IPAddressPool Selectors",
    "Interfaces",
    "Node Selectors (wide)",
  ]),
  columns("/apis/metallb.io/v1beta1/communities", ["Name", "Age"]),
  columns("/apis/metallb.io/v1beta1/configurationstates", ["Name", "Result", "ErrorSummary", "Age"]),
  {
    name: "cells of a Node",
    path: "/api/v1/nodes/n1",
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(3, ""),
    equals: ["n1", "Ready", "<none>", "", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
  },
  {
    name: "cells of a Pod",
    path: `${PODS}/a`,
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(4, ""),
    equals: ["a", "0/1", "Running", "0", "", "10.1.0.1", "n1", "<none>", "<none>"],
  },
  {
    name: "cells of a Service",
    path: `${SERVICES}/headless`,
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(5, ""),
    equals: ["headless", "ClusterIP", "None", "<none>", "80/TCP", "", "app=web"],
  },
  {
    name: "cells of an external name",
    path: `${SERVICES}/external`,
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(5, ""),
    equals: ["external", "ExternalName", "<none>", "example.com", "<none>", "", "<none>"],
  },
  {
    name: "cells of a slice",
    path: "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/s",
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(4, ""),
    equals: ["s", "IPv4", "80", "10.1.0.1", ""],
  },
  {
    name: "cells of a Secret",
    path: `${NS}/secrets/s`,
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.with(3, ""),
    equals: ["s", "Opaque", 1, ""],
  },
  {
    name: "cells of an event",
    path: `${NS}/events/e`,
    accept: TABLE,
    code: 200,
    part: (body) => body.rows[0].cells.slice(1),
    equals: ["Normal", "R", "service/x", "", "", "m", "<unknown>", 1, "e"],
  },
];

/** Runs every row on a server of its own. */
export function embeddedContract(name: string, start: () => Promise<ServerUnderTest>): void {
  Deno.test(`${name}: answers as a Kubernetes API server does`, async (test) => {
    const server = await start();
    try {
      await test.step("watches", () => checkWatches(server));
      for (const row of [...BAD_REQUESTS, ...WRITES, ...SERVICE_ROWS, ...CUSTOM_ROWS, ...OTHER_ROWS, ...TABLE_ROWS]) {
        await test.step(row.name, () => check(server, row));
      }
    } finally {
      await server.stop();
    }
  });
}

async function check(server: ServerUnderTest, row: Row): Promise<void> {
  const { method = "GET", path, body, type = "application/json", accept = "application/json" } = row;
  const answer = await server.fetch(path, {
    method,
    headers: { accept, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  assertEquals(answer.status, row.code, text);
  if (row.reason === undefined && row.causes === undefined && row.message === undefined && row.part === undefined) {
    return;
  }
  const json: Answered = JSON.parse(text);
  if (row.reason !== undefined) assertEquals(json.reason, row.reason, text);
  if (row.causes !== undefined) {
    const causes = (json.details?.causes ?? []).map((cause: Answered) => `${cause.reason} ${cause.field}`);
    assertEquals(causes, row.causes, text);
  }
  if (row.message !== undefined) assertEquals(row.message.test(json.message), true, text);
  if (row.part !== undefined) assertEquals(row.part(json), row.equals, text);
}

/** A watch by label from the version of a list, and one of everything. */
async function checkWatches(server: ServerUnderTest): Promise<void> {
  const send = async (method: string, path: string, body?: unknown, type = "application/json"): Promise<Answered> => {
    const answer = await server.fetch(path, {
      method,
      headers: { "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await answer.json();
  };
  const listed = await send("GET", `${MAPS}?labelSelector=watched%3Dyes`);
  const { resourceVersion } = listed.metadata;
  const label = (value: string) => ({ metadata: { labels: { watched: value } } });
  const made = await send("POST", MAPS, { metadata: { name: "w1", labels: { watched: "yes" } } });
  await send("POST", MAPS, { metadata: { name: "w2", labels: { watched: "no" } } });
  await send("PATCH", `${MAPS}/w1`, { data: { a: "b" } }, MERGE);
  await send("PATCH", `${MAPS}/w2`, label("yes"), MERGE);
  const left = await send("PATCH", `${MAPS}/w1`, label("no"), MERGE);
  await send("DELETE", `${MAPS}/w2`);
  await send("DELETE", `${MAPS}/w1`);
  const query = `watch=true&timeoutSeconds=2&labelSelector=watched%3Dyes&resourceVersion=${resourceVersion}`;
  const events = await watchToEnd(server, `${MAPS}?${query}`);
  assertEquals(
    events.map((event) => `${event.type} ${event.object.metadata.name} ${event.object.metadata.labels.watched}`),
    [
      "ADDED w1 yes",
      "MODIFIED w1 yes",
      "ADDED w2 yes",
      "DELETED w1 yes",
      "DELETED w2 yes",
    ],
  );
  assertEquals(events[0]!.object.metadata.resourceVersion, made.metadata.resourceVersion);
  assertEquals(events[3]!.object.metadata.resourceVersion, left.metadata.resourceVersion, "the version of the change");
  assertEquals([events[0]!.object.kind, events[0]!.object.apiVersion], ["ConfigMap", "v1"]);
  const rising = events.map((event) => Number(event.object.metadata.resourceVersion));
  assertEquals(rising, rising.toSorted((a, b) => a - b));
  await send("POST", MAPS, { metadata: { name: "w3", labels: { watched: "yes" } } });
  const present = await watchToEnd(server, `${MAPS}?watch=true&timeoutSeconds=1&labelSelector=watched%3Dyes`);
  assertEquals(present.map((event) => `${event.type} ${event.object.metadata.name}`), ["ADDED w3"]);
  await send("DELETE", `${MAPS}/w3`);
}

async function watchToEnd(server: ServerUnderTest, path: string): Promise<{ type: string; object: Answered }[]> {
  const answer = await server.fetch(path, { headers: {} });
  assertEquals(answer.status, 200);
  const text = await answer.text();
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
