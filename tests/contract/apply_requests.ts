/**
 * Requests about server-side apply and the owners of fields, sent in this order to the embedded API and to a real
 * kube-apiserver. What the latter answers is recorded in tests/golden/server_side_apply.json (see apply_suite.ts).
 *
 * Rows of one section share objects: each tells the next step of a story between several managers.
 */

export interface ApplyRow {
  readonly name: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly userAgent?: string;
  /** The message of a refusal is compared as well. */
  readonly words?: boolean;
}

const NS = "/api/v1/namespaces/default";
const MAPS = `${NS}/configmaps`;
const SERVICES = `${NS}/services`;
const PODS = `${NS}/pods`;
const NODES = "/api/v1/nodes";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const POOLS = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools";
const STATES = "/apis/metallb.io/v1beta1/namespaces/default/configurationstates";
const WIDGETS = "/apis/herald.test/v1/namespaces/default/widgets";
const WIDGETS_V2 = "/apis/herald.test/v2/namespaces/default/widgets";

const APPLY = "application/apply-patch+yaml";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

type Content = Readonly<Record<string, unknown>>;

interface ApplyOptions {
  readonly by?: string;
  readonly force?: boolean;
  readonly query?: string;
  readonly words?: boolean;
}

function apply(name: string, path: string, body: unknown, options: ApplyOptions = {}): ApplyRow {
  const { by = "a", force, query = "", words = true } = options;
  const forced = force === undefined ? "" : `&force=${force}`;
  return { name, method: "PATCH", path: `${path}?fieldManager=${by}${forced}${query}`, type: APPLY, body, words };
}

const kind = (apiVersion: string, kind: string) => (name: string, content: Content = {}, metadata: Content = {}) => ({
  apiVersion,
  kind,
  metadata: { name, ...metadata },
  ...content,
});
const map = kind("v1", "ConfigMap");
const service = kind("v1", "Service");
const pod = kind("v1", "Pod");
const node = kind("v1", "Node");
const lease = kind("coordination.k8s.io/v1", "Lease");
const slice = kind("discovery.k8s.io/v1", "EndpointSlice");
const pool = kind("metallb.io/v1beta1", "IPAddressPool");
const state = kind("metallb.io/v1beta1", "ConfigurationState");
const widget = kind("herald.test/v1", "Widget");
const widgetV2 = kind("herald.test/v2", "Widget");

const get = (path: string): ApplyRow => ({ name: `what there is now at ${path}`, method: "GET", path });

const BAD_REQUESTS: readonly ApplyRow[] = [
  {
    name: "without a manager",
    method: "PATCH",
    path: `${MAPS}/bad`,
    type: APPLY,
    body: map("bad"),
    words: true,
  },
  apply("a manager with a line end", `${MAPS}/bad`, map("bad"), { by: "a%0Ab", words: false }),
  apply("a manager of 129 letters", `${MAPS}/bad`, map("bad"), { by: "x".repeat(129), words: false }),
  {
    name: "force of another patch",
    method: "PATCH",
    path: `${MAPS}/bad?force=true`,
    type: MERGE,
    body: {},
  },
  apply("not an object", `${MAPS}/bad`, [], { words: false }),
  apply("not YAML", `${MAPS}/bad`, "{ ]", { words: false }),
  apply("no kind", `${MAPS}/bad`, { metadata: { name: "bad" } }, { words: false }),
  apply("no version", `${MAPS}/bad`, { kind: "ConfigMap", metadata: { name: "bad" } }, { words: false }),
  apply("another version", `${MAPS}/bad`, kind("v2", "ConfigMap")("bad"), { words: false }),
  apply("another kind", `${MAPS}/bad`, kind("v1", "Secret")("bad"), { words: false }),
  apply("another name", `${MAPS}/bad`, map("other"), { words: false }),
  apply("no name", `${MAPS}/bad`, { apiVersion: "v1", kind: "ConfigMap" }, { words: false }),
  apply("another namespace", `${MAPS}/bad`, map("bad", {}, { namespace: "kube-system" }), { words: false }),
  apply("a namespace that is not there", "/api/v1/namespaces/nope/configmaps/bad", map("bad")),
  apply("managedFields", `${MAPS}/bad`, map("bad", {}, { managedFields: [{ manager: "x" }] })),
  apply("an unknown field", `${MAPS}/bad`, map("bad", { dat: { a: "1" } })),
  apply("an unknown field of a custom object", `${WIDGETS}/bad`, widget("bad", { spec: { nothing: 1 } })),
  apply("a wrong type", `${MAPS}/bad`, map("bad", { data: { a: 1 } }), { words: false }),
  apply("a wrong type of a custom object", `${WIDGETS}/bad`, widget("bad", { spec: { size: "x" } }), { words: false }),
  apply("an item without its key", `${WIDGETS}/bad`, widget("bad", { spec: { rows: [{ value: "1" }] } })),
  apply("an item twice", `${WIDGETS}/bad`, widget("bad", { spec: { rows: [{ name: "x" }, { name: "x" }] } })),
  apply("an item of a set twice", `${WIDGETS}/bad`, widget("bad", { spec: { sizes: [1, 2, 1] } })),
  apply("a port twice", `${SERVICES}/bad`, service("bad", { spec: { ports: [{ port: 1 }, { port: 1 }] } })),
  apply(
    "what the rules of the kind refuse",
    `${SERVICES}/bad`,
    service("bad", { spec: { ports: [{ port: 70000 }] } }),
    {
      words: false,
    },
  ),
  apply("a version of what is not there", `${MAPS}/bad`, map("bad", {}, { resourceVersion: "5" }), { words: false }),
  apply("a uid of what is not there", `${MAPS}/bad`, map("bad", {}, { uid: "u" }), { words: false }),
  apply("the status of what is not there", `${WIDGETS}/bad/status`, widget("bad", { status: { text: "t" } })),
  apply("dryRun", `${MAPS}/bad`, map("bad"), { query: "&dryRun=Some", words: false }),
];

const STORY: readonly ApplyRow[] = [
  apply("only tried", `${MAPS}/m`, map("m", { data: { one: "1" } }), { query: "&dryRun=All" }),
  { name: "nothing was made", method: "GET", path: `${MAPS}/m` },
  apply("created", `${MAPS}/m`, map("m", { data: { one: "1", two: "2" } }, { labels: { app: "x" } })),
  apply("the same again", `${MAPS}/m`, map("m", { data: { one: "1", two: "2" } }, { labels: { app: "x" } })),
  apply("another manager with the same value", `${MAPS}/m`, map("m", { data: { one: "1" } }), { by: "b" }),
  apply("another manager with another value", `${MAPS}/m`, map("m", { data: { two: "x" } }), { by: "b" }),
  apply("and with two of them", `${MAPS}/m`, map("m", { data: { one: "x", two: "x", three: "x" } }), { by: "c" }),
  apply("by force, tried", `${MAPS}/m`, map("m", { data: { two: "x" } }), {
    by: "b",
    force: true,
    query: "&dryRun=All",
  }),
  get(`${MAPS}/m`),
  apply("by force", `${MAPS}/m`, map("m", { data: { one: "1", two: "x" } }), { by: "b", force: true }),
  apply("the first wants its value back", `${MAPS}/m`, map("m", { data: { one: "1", two: "2" } })),
  apply("the first gives up what the other has", `${MAPS}/m`, map("m", { data: { one: "1" } })),
  apply("the first gives up what both had", `${MAPS}/m`, map("m", { data: { four: "4" } })),
  apply("the other gives up all", `${MAPS}/m`, map("m"), { by: "b" }),
  apply("the first gives up all", `${MAPS}/m`, map("m")),
  apply("an empty map is claimed", `${MAPS}/m`, map("m", { data: {} })),
  apply("as of an old version", `${MAPS}/m`, map("m", { data: { a: "1" } }, { resourceVersion: "1" })),
  apply("as of another uid", `${MAPS}/m`, map("m", { data: { a: "1" } }, { uid: "u" }), { words: false }),
  apply("force=false is no force", `${MAPS}/m`, map("m", { data: { a: "1" } }), { force: false }),
];

const UPDATES: readonly ApplyRow[] = [
  {
    name: "created by a program",
    method: "POST",
    path: MAPS,
    body: map("u", { data: { a: "1", b: "2" } }, { labels: { l: "1" }, annotations: { n: "1" } }),
    userAgent: "maker/v1.2 (linux)",
  },
  {
    name: "changed by it under another name",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=editor`,
    type: MERGE,
    body: { data: { b: "3", c: "4" } },
    userAgent: "maker/v1.2 (linux)",
  },
  apply("applied against the updates", `${MAPS}/u`, map("u", { data: { a: "x", b: "x" } })),
  apply("applied with what is there", `${MAPS}/u`, map("u", { data: { a: "1", d: "5" } })),
  {
    name: "a member removed by a JSON patch",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=remover`,
    type: JSON_PATCH,
    body: [{ op: "remove", path: "/data/a" }],
  },
  {
    name: "a patch that changes nothing",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=idle`,
    type: STRATEGIC,
    body: { data: { b: "3" } },
  },
  {
    name: "replaced as a whole",
    method: "PUT",
    path: `${MAPS}/u?fieldManager=replacer`,
    body: map("u", { data: { z: "9" } }),
  },
  apply("the applier sees what it lost", `${MAPS}/u`, map("u", { data: { a: "1", d: "5" } })),
  {
    name: "the owners are rewritten",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=rewriter`,
    type: JSON_PATCH,
    body: [{
      op: "replace",
      path: "/metadata/managedFields",
      value: [{
        manager: "heir",
        operation: "Apply",
        apiVersion: "v1",
        time: "2026-01-01T00:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:data": { "f:a": {}, "f:z": {} } },
      }],
    }],
  },
  apply("the heir gives up one", `${MAPS}/u`, map("u", { data: { a: "1" } }), { by: "heir" }),
  {
    name: "the owners are cleared",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=cleaner`,
    type: MERGE,
    body: { metadata: { managedFields: [{}] } },
  },
  {
    name: "changes without owners are not tracked",
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=later`,
    type: MERGE,
    body: { data: { y: "8" } },
  },
  apply("the first apply finds owners for all", `${MAPS}/u`, map("u", { data: { y: "7" } })),
  apply("and by force", `${MAPS}/u`, map("u", { data: { y: "7" } }), { force: true }),
  ...Array.from({ length: 12 }, (_, index): ApplyRow => ({
    name: `one of many updates, ${index}`,
    method: "PATCH",
    path: `${MAPS}/u?fieldManager=many${String(index).padStart(2, "0")}`,
    type: MERGE,
    body: { data: { [`m${index}`]: "1" } },
  })),
];

const METADATA: readonly ApplyRow[] = [
  apply(
    "metadata of all kinds",
    `${MAPS}/meta`,
    map("meta", {}, {
      labels: { a: "1" },
      annotations: { "x.y/z": "1" },
      finalizers: ["h.t/a", "h.t/b"],
      ownerReferences: [{
        apiVersion: "v1",
        kind: "ConfigMap",
        name: "m",
        uid: "11111111-2222-3333-4444-555555555555",
      }],
    }),
  ),
  apply(
    "a finalizer and an annotation more",
    `${MAPS}/meta`,
    map("meta", {}, { finalizers: ["h.t/c"], annotations: { b: "2" } }),
    {
      by: "b",
    },
  ),
  apply("another annotation", `${MAPS}/meta`, map("meta", {}, { annotations: { "x.y/z": "2" } }), { by: "b" }),
  apply("a finalizer of the other", `${MAPS}/meta`, map("meta", {}, { finalizers: ["h.t/b"] }), { by: "c" }),
  apply("most of it is given up", `${MAPS}/meta`, map("meta", {}, { labels: { a: "1" } })),
  {
    name: "a PUT that speaks of what is the server's",
    method: "PUT",
    path: `${MAPS}/meta?fieldManager=p`,
    body: map("meta", {}, { labels: { a: "2" }, generation: 7, selfLink: "/x" }),
  },
  {
    name: "no finalizers",
    method: "PATCH",
    path: `${MAPS}/meta`,
    type: MERGE,
    body: { metadata: { finalizers: null } },
  },
];

const spec = (content: Content) => ({ spec: content });

const SERVICE_ROWS: readonly ApplyRow[] = [
  {
    name: "a Service by POST",
    method: "POST",
    path: `${SERVICES}?fieldManager=poster`,
    body: service("posted", spec({ type: "LoadBalancer", selector: { app: "x" }, ports: [{ port: 80 }] })),
  },
  {
    name: "its status by a controller",
    method: "PATCH",
    path: `${SERVICES}/posted/status?fieldManager=controller`,
    type: MERGE,
    body: { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } }, metadata: { annotations: { pool: "p" } } },
  },
  {
    name: "its spec by the way of the status is not taken",
    method: "PATCH",
    path: `${SERVICES}/posted/status?fieldManager=controller`,
    type: MERGE,
    body: { spec: { externalTrafficPolicy: "Local" } },
  },
  apply("the status by apply, against the controller", `${SERVICES}/posted/status`, {
    ...service("posted"),
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.2" }] } },
  }),
  apply("the status by force", `${SERVICES}/posted/status`, {
    ...service("posted"),
    status: {
      loadBalancer: { ingress: [{ ip: "192.0.2.2" }] },
      conditions: [{
        type: "Ready",
        status: "True",
        reason: "R",
        message: "m",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      }],
    },
  }, { force: true }),
  apply("the status by the way of the object is not taken", `${SERVICES}/posted`, {
    ...service("posted", spec({ loadBalancerClass: "x/y" })),
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.3" }] } },
  }, { words: false }),
  apply(
    "a Service by apply",
    `${SERVICES}/s`,
    service(
      "s",
      spec({ selector: { app: "x" }, ports: [{ name: "a", port: 80 }, { name: "b", port: 53, protocol: "UDP" }] }),
    ),
  ),
  apply(
    "a port by another",
    `${SERVICES}/s`,
    service("s", spec({ ports: [{ name: "c", port: 443, targetPort: "tls" }] })),
    {
      by: "b",
    },
  ),
  apply(
    "the same number with another protocol",
    `${SERVICES}/s`,
    service(
      "s",
      spec({ ports: [{ name: "d", port: 53, protocol: "TCP" }, { name: "c", port: 443, targetPort: "tls" }] }),
    ),
    {
      by: "b",
    },
  ),
  apply("another name for a port", `${SERVICES}/s`, service("s", spec({ ports: [{ name: "x", port: 80 }] })), {
    by: "b",
  }),
  apply("a selector has one owner", `${SERVICES}/s`, service("s", spec({ selector: { tier: "y" } })), { by: "b" }),
  apply(
    "a port goes, and the order changes",
    `${SERVICES}/s`,
    service("s", spec({ selector: { app: "x" }, ports: [{ name: "e", port: 8080 }, { name: "a", port: 80 }] })),
  ),
  {
    name: "a strategic patch of a port",
    method: "PATCH",
    path: `${SERVICES}/s?fieldManager=patcher`,
    type: STRATEGIC,
    body: { spec: { ports: [{ port: 8080, appProtocol: "http" }], type: "LoadBalancer" } },
  },
  apply(
    "the patched port is given up",
    `${SERVICES}/s`,
    service("s", spec({ selector: { app: "x" }, ports: [{ name: "a", port: 80 }] })),
  ),
  apply(
    "an IP family",
    `${SERVICES}/s`,
    service("s", spec({ ipFamilies: ["IPv4"], ports: [{ name: "c", port: 443 }] })),
    { by: "b" },
  ),
];

const OTHER_KINDS: readonly ApplyRow[] = [
  {
    name: "a Pod by POST",
    method: "POST",
    path: `${PODS}?fieldManager=poster`,
    body: pod(
      "p",
      spec({
        nodeSelector: { a: "b" },
        containers: [{ name: "main", image: "web:1", ports: [{ containerPort: 80 }] }],
      }),
    ),
  },
  {
    name: "the status of a Pod",
    method: "PATCH",
    path: `${PODS}/p/status?fieldManager=kubelet`,
    type: STRATEGIC,
    body: {
      status: {
        podIP: "10.1.0.1",
        podIPs: [{ ip: "10.1.0.1" }],
        conditions: [{
          type: "Ready",
          status: "True",
          lastTransitionTime: "2026-01-01T00:00:00Z",
          lastProbeTime: "2026-01-01T00:00:00Z",
        }],
      },
    },
  },
  apply("an image by another", `${PODS}/p`, pod("p", spec({ containers: [{ name: "main", image: "web:2" }] }))),
  apply("an image by force", `${PODS}/p`, pod("p", spec({ containers: [{ name: "main", image: "web:2" }] })), {
    force: true,
  }),
  apply(
    "a Pod by apply",
    `${PODS}/q`,
    pod("q", spec({ containers: [{ name: "main", image: "web:1", env: [{ name: "A", value: "1" }] }] })),
  ),
  { name: "a Node by POST", method: "POST", path: NODES, body: node("an", {}, { labels: { zone: "a" } }) },
  {
    name: "its status",
    method: "PATCH",
    path: `${NODES}/an/status?fieldManager=kubelet`,
    type: MERGE,
    body: {
      status: {
        addresses: [{ type: "InternalIP", address: "192.0.2.9" }],
        conditions: [{
          type: "Ready",
          status: "True",
          lastHeartbeatTime: "2026-01-01T00:00:00Z",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        }],
        nodeInfo: { osImage: "Linux" },
      },
    },
  },
  apply(
    "a condition by another",
    `${NODES}/an/status`,
    node("an", {
      status: {
        conditions: [{
          type: "Network",
          status: "False",
          lastHeartbeatTime: "2026-01-01T00:00:00Z",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        }],
      },
    }),
  ),
  apply("a taint", `${NODES}/an`, node("an", spec({ taints: [{ key: "k", effect: "NoSchedule" }] }))),
  {
    name: "a Lease by PUT",
    method: "PUT",
    path: `${LEASES}/al?fieldManager=holder`,
    body: lease("al", spec({ holderIdentity: "x" })),
  },
  apply(
    "a Lease against its holder",
    `${LEASES}/al`,
    lease("al", spec({ holderIdentity: "y", leaseDurationSeconds: 5 })),
  ),
  apply(
    "a slice",
    `${SLICES}/as`,
    slice("as", {
      addressType: "IPv4",
      endpoints: [{ addresses: ["192.0.2.1"] }],
      ports: [{ name: "p", port: 80 }],
    }),
  ),
  apply("the endpoints have one owner", `${SLICES}/as`, slice("as", { addressType: "IPv4", endpoints: [] }), {
    by: "b",
  }),
  apply(
    "a Secret",
    `${NS}/secrets/asecret`,
    kind("v1", "Secret")("asecret", { stringData: { a: "b" }, data: { c: "ZA==" } }),
  ),
];

const CUSTOM_ROWS: readonly ApplyRow[] = [
  {
    name: "a pool by POST",
    method: "POST",
    path: `${POOLS}?fieldManager=poster`,
    body: pool("ap", spec({ addresses: ["192.0.2.0/24"] })),
  },
  apply("a default belongs to nobody", `${POOLS}/ap2`, pool("ap2", spec({ addresses: ["198.51.100.0/24"] }))),
  apply("addresses have one owner", `${POOLS}/ap`, pool("ap", spec({ addresses: ["192.0.2.0/25"] }))),
  apply("addresses by force", `${POOLS}/ap`, pool("ap", spec({ addresses: ["192.0.2.0/25"], autoAssign: false })), {
    force: true,
  }),
  apply("a rule refuses", `${POOLS}/ap`, pool("ap", spec({ addresses: 5 })), { words: false }),
  {
    name: "a pool's counters",
    method: "PATCH",
    path: `${POOLS}/ap/status?fieldManager=controller`,
    type: MERGE,
    body: {
      status: { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 127, availableIPv6: 0 },
      metadata: { labels: { no: "t" } },
    },
  },
  apply(
    "a widget with everything",
    `${WIDGETS}/w`,
    widget(
      "w",
      spec({
        size: 1,
        sizes: [3, 1],
        rows: [{ name: "a", value: "1" }, { name: "a", zone: "z2", value: "2" }],
        pair: { x: "1", y: "2" },
        tags: { t: "1" },
        parts: { one: { a: "1" }, two: {} },
        list: ["x", "y"],
        free: { deep: { er: [1, 2] }, n: null },
      }),
    ),
  ),
  apply(
    "another widens it",
    `${WIDGETS}/w`,
    widget(
      "w",
      spec({
        sizes: [2, 3],
        rows: [{ name: "b" }, { name: "a", extra: "e" }],
        tags: { u: "1" },
        parts: { one: { b: "2" }, three: { a: "3" } },
        free: { deep: { est: 1 } },
      }),
    ),
    { by: "b" },
  ),
  apply(
    "against what is whole",
    `${WIDGETS}/w`,
    widget("w", spec({ pair: { x: "1" }, list: ["x"], free: { deep: { er: [1] } } })),
    { by: "c" },
  ),
  apply(
    "the order of a set and of rows",
    `${WIDGETS}/w`,
    widget(
      "w",
      spec({
        sizes: [1, 9, 2],
        rows: [{ name: "b" }, { name: "n" }, { name: "a", zone: "z2" }],
      }),
    ),
    { by: "c" },
  ),
  apply(
    "the first trims its part",
    `${WIDGETS}/w`,
    widget(
      "w",
      spec({
        rows: [{ name: "a", zone: "z2", value: "2" }],
        parts: { two: {} },
        free: {},
      }),
    ),
  ),
  apply("the first is done", `${WIDGETS}/w`, widget("w")),
  apply("the second too", `${WIDGETS}/w`, widget("w"), { by: "b" }),
  apply("the third too", `${WIDGETS}/w`, widget("w"), { by: "c" }),
  {
    name: "a widget by POST, with a status",
    method: "POST",
    path: `${WIDGETS}?fieldManager=poster`,
    body: widget("x", { spec: { sizes: [1], rows: [{ name: "a" }], tags: { a: "1" } }, status: { text: "t" } }),
  },
  {
    name: "it shrinks",
    method: "PATCH",
    path: `${WIDGETS}/x?fieldManager=editor`,
    type: MERGE,
    body: { spec: { sizes: [], rows: null, tags: { a: null, b: "2" } } },
  },
  {
    name: "it is emptied",
    method: "PATCH",
    path: `${WIDGETS}/x?fieldManager=editor`,
    type: MERGE,
    body: { spec: null },
  },
];

const STATUS_ROWS: readonly ApplyRow[] = [
  {
    name: "a state",
    method: "POST",
    path: `${STATES}?fieldManager=maker`,
    body: state("cs", { spec: { type: "Controller" } }),
  },
  apply(
    "one controller's part",
    `${STATES}/cs/status`,
    state("cs", {
      status: {
        result: "Valid",
        conditions: [{
          type: "poolReconcilerValid",
          status: "True",
          reason: "SyncStateSuccess",
          message: "",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        }],
      },
    }),
    { by: "poolReconciler", force: true },
  ),
  apply(
    "the other's part",
    `${STATES}/cs/status`,
    state("cs", {
      status: {
        result: "Invalid",
        errorSummary: "x",
        conditions: [{
          type: "configReconcilerValid",
          status: "False",
          reason: "ConfigError",
          message: "x",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        }],
      },
    }),
    { by: "configReconciler", force: true },
  ),
  apply(
    "the first again",
    `${STATES}/cs/status`,
    state("cs", {
      status: {
        conditions: [{
          type: "poolReconcilerValid",
          status: "False",
          reason: "ConfigError",
          message: "y",
          lastTransitionTime: "2026-01-02T00:00:00Z",
        }],
      },
    }),
    { by: "poolReconciler", force: true },
  ),
  apply(
    "labels by the way of the status are not taken",
    `${STATES}/cs/status`,
    state("cs", {}, { labels: { a: "b" } }),
    { by: "poolReconciler" },
  ),
  apply("one status", `${WIDGETS}/x/status`, widget("x", { spec: { size: 8 }, status: { text: "u" } })),
  apply("the same without force", `${WIDGETS}/x/status`, widget("x", { status: { text: "v" } }), { by: "b" }),
  apply("the status of the object itself", `${WIDGETS}/x`, widget("x", { status: { text: "w" } }), { by: "b" }),
];

const VERSION_ROWS: readonly ApplyRow[] = [
  apply("at version 1", `${WIDGETS}/v`, widget("v", spec({ size: 1, tags: { a: "1" } }))),
  apply("at version 2", `${WIDGETS_V2}/v`, widgetV2("v", spec({ size: 2 })), { by: "b" }),
  apply("the same manager at version 2", `${WIDGETS_V2}/v`, widgetV2("v", spec({ size: 2 }))),
  {
    name: "an update at version 2",
    method: "PATCH",
    path: `${WIDGETS_V2}/v?fieldManager=u`,
    type: MERGE,
    body: { spec: { size: 3, tags: { b: "2" } } },
  },
  apply("against it at version 1", `${WIDGETS}/v`, widget("v", spec({ size: 1 }))),
  apply("another version in the body", `${WIDGETS}/v`, widgetV2("v", spec({ size: 1 })), { words: false }),
];

const lastApplied = (content: Content) => ({ annotations: { [LAST_APPLIED]: `${JSON.stringify(content)}\n` } });
const before = map("k", { data: { a: "1", b: "2" } });

const KUBECTL_ROWS: readonly ApplyRow[] = [
  {
    name: "kubectl apply, the old way",
    method: "POST",
    path: `${MAPS}?fieldManager=kubectl-client-side-apply`,
    body: map("k", { data: { a: "1", b: "2" } }, lastApplied(before)),
  },
  apply("kubectl apply --server-side", `${MAPS}/k`, map("k", { data: { a: "1", b: "3" } }), { by: "kubectl" }),
  {
    name: "somebody else changes a value",
    method: "PATCH",
    path: `${MAPS}/k?fieldManager=other`,
    type: MERGE,
    body: { data: { a: "9" } },
  },
  apply("kubectl is refused", `${MAPS}/k`, map("k", { data: { a: "1", b: "3" } }), { by: "kubectl" }),
];

export const APPLY_SECTIONS: Readonly<Record<string, readonly ApplyRow[]>> = {
  "bad requests": BAD_REQUESTS,
  "two appliers": STORY,
  "updates and owners": UPDATES,
  metadata: METADATA,
  services: SERVICE_ROWS,
  "other kinds": OTHER_KINDS,
  "custom kinds": CUSTOM_ROWS,
  status: STATUS_ROWS,
  versions: VERSION_ROWS,
  kubectl: KUBECTL_ROWS,
};

const WIDGET_SCHEMA = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        size: { type: "integer", default: 3 },
        sizes: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "set" },
        rows: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name", "zone"],
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { type: "string" },
              zone: { type: "string", default: "z1" },
              value: { type: "string" },
              extra: { type: "string" },
            },
          },
        },
        pair: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          properties: { x: { type: "string" }, y: { type: "string" } },
        },
        tags: { type: "object", additionalProperties: { type: "string" } },
        parts: {
          type: "object",
          additionalProperties: { type: "object", properties: { a: { type: "string" }, b: { type: "string" } } },
        },
        list: { type: "array", items: { type: "string" } },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", properties: { text: { type: "string" } } },
  },
};

const widgetVersion = (name: string, storage: boolean) => ({
  name,
  storage,
  served: true,
  schema: { openAPIV3Schema: WIDGET_SCHEMA },
  subresources: { status: {} },
});

/** A kind with a field of every way to merge. */
export const WIDGET_CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.herald.test" },
  spec: {
    group: "herald.test",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [widgetVersion("v1", true), widgetVersion("v2", false)],
  },
};
