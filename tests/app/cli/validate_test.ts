import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import guide000 from "../../golden/guides/000-layer2-guide.yaml" with { type: "text" };
import guide001 from "../../golden/guides/001-layer2-tutorial.yaml" with { type: "text" };
import guide002 from "../../golden/guides/002-overview-l2-bgp.yaml" with { type: "text" };
import guide003 from "../../golden/guides/003-enterprise-guide.yaml" with { type: "text" };
import { herald } from "./cli_world.ts";

interface ProblemJson {
  readonly severity: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly reason: string;
  readonly message: string;
}

async function validate(text: string, ...args: string[]): Promise<{ code: number; problems: readonly ProblemJson[] }> {
  const { code, out, err } = await herald(["validate", "-f", "-", "-o", "json", ...args], { stdin: text });
  assertEquals(err, "");
  const { valid, problems, ...others } = JSON.parse(out);
  assertEquals([others, valid], [{}, code === 0]);
  return { code, problems };
}

const metallb = (kind: string, spec: string, name = "x") =>
  `apiVersion: metallb.io/${kind === "BGPPeer" ? "v1beta2" : "v1beta1"}\nkind: ${kind}\nmetadata: {name: ${name}, ` +
  `namespace: metallb-system}\nspec: ${spec}\n`;
const pool = (spec: string, name = "x") => metallb("IPAddressPool", spec, name);
const everything = metallb("L2Advertisement", "{}", "all");
const good = `${pool("{addresses: [10.0.0.0/24]}", "good")}---\n${everything}`;
const service = (spec: string, annotations = "{}") =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop, annotations: ${annotations}}\n` +
  `spec: {type: LoadBalancer, ports: [{port: 80}], ${spec}}\n`;

/** Each alone beside a good pool: exactly one error, with this reason at this path. */
const BAD: readonly (readonly [string, string, string, string])[] = [
  ["an unknown field", pool("{addresses: [10.1.0.0/24], autoAsign: true}"), "unknownField", "spec.autoAsign"],
  [
    "an unknown field deep inside",
    metallb("L2Advertisement", "{nodeSelectors: [{matchLabel: {a: b}}]}"),
    "unknownField",
    "spec.nodeSelectors[0].matchLabel",
  ],
  ["a missing field", pool("{autoAssign: true}"), "missingField", "spec.addresses"],
  ["a text for a boolean", pool('{addresses: [10.1.0.0/24], autoAssign: "yes"}'), "wrongType", "spec.autoAssign"],
  ["a number for an address", pool("{addresses: [10]}"), "wrongType", "spec.addresses[0]"],
  ["an address range that is none", pool("{addresses: [10.1.0.9-10.1.0.1]}"), "invalidAddress", "spec.addresses[0]"],
  ["a range of another pool", pool("{addresses: [10.0.0.0/25]}"), "overlappingAddresses", "spec.addresses[0]"],
  [
    "a number below the least",
    metallb("L2Advertisement", "{preferredNodeSelectors: [{weight: 0, preference: {}}]}"),
    "invalidValue",
    "spec.preferredNodeSelectors[0].weight",
  ],
  [
    "a value that a CEL rule refuses",
    metallb("BGPPeer", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9, connectTime: 1500ms}"),
    "invalidValue",
    "spec.connectTime",
  ],
  [
    "a timer that no peer could keep",
    metallb("BGPPeer", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9, holdTime: abc}"),
    "invalidValue",
    "spec.holdTime",
  ],
  ["a name that Kubernetes refuses", pool("{addresses: [10.1.0.0/24]}", "Upper_Case"), "invalidValue", "metadata.name"],
  ["the same name twice", pool("{addresses: [10.1.0.0/24]}", "good"), "duplicateName", "metadata.name"],
  ["a kind that is gone", metallb("AddressPool", "{}"), "removedKind", "kind"],
  ["a kind that never was", metallb("IPAdressPool", "{}"), "unknownKind", "kind"],
  ["a version that is not served", pool("{}").replace("v1beta1", "v1"), "unknownVersion", "apiVersion"],
  ["a kind without its group", pool("{}").replace("metallb.io/v1beta1", "v1"), "unknownVersion", "apiVersion"],
  ["a duplicate key", `${pool("{addresses: [10.1.0.0/24]}")}spec: {}\n`, "duplicateKey", "spec"],
  ["text that is no YAML", "a: [1\n", "notYaml", ""],
  ["an object without a name", "apiVersion: v1\nkind: Service\nmetadata: {}\n", "missingField", "metadata.name"],
  [
    "a request that is no address",
    service("", '{metallb.io/loadBalancerIPs: "10.0.0"}'),
    "invalidRequest",
    'metadata.annotations["metallb.io/loadBalancerIPs"]',
  ],
  [
    "a request by the old prefix",
    service("", '{metallb.universe.tf/loadBalancerIPs: "x"}'),
    "invalidRequest",
    'metadata.annotations["metallb.universe.tf/loadBalancerIPs"]',
  ],
  ["a request in spec", service("loadBalancerIP: 300.1.1.1"), "invalidRequest", "spec.loadBalancerIP"],
  [
    "two addresses of one family",
    service("", '{metallb.io/loadBalancerIPs: "10.0.0.1,10.0.0.2"}'),
    "invalidRequest",
    'metadata.annotations["metallb.io/loadBalancerIPs"]',
  ],
  ["a field that Services do not have", service("loadbalancerIP: 10.0.0.1"), "unknownField", "spec.loadbalancerIP"],
  [
    "the ConfigMap of old releases",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n    address-pools: []\n",
    "legacyConfigMap",
    "data.config",
  ],
];

for (const [why, text, reason, path] of BAD) {
  Deno.test(`validate: ${why} is one error at its path`, async () => {
    const { code, problems } = await validate(`${good}---\n${text}`);
    const errors = problems.filter(({ severity }) => severity === "error");
    assertEquals([code, errors.map((problem) => [problem.reason, problem.path])], [1, [[reason, path]]]);
    assert(errors[0]!.message.length > 10);
    assertEquals(Object.keys(errors[0]!), ["severity", "kind", "namespace", "name", "path", "reason", "message"]);
  });
}

/** Each alone beside a good pool: exactly one warning, and still valid. */
const DOUBTFUL: readonly (readonly [string, string, string, string])[] = [
  [
    "an advertisement of an unknown pool",
    metallb("L2Advertisement", "{ipAddressPools: [god]}"),
    "unknownPool",
    "spec.ipAddressPools[0]",
  ],
  [
    "a Service that asks for an unknown pool",
    service("", "{metallb.io/address-pool: god}"),
    "unknownPool",
    'metadata.annotations["metallb.io/address-pool"]',
  ],
  [
    "a request outside of all pools",
    service("", "{metallb.io/loadBalancerIPs: 10.7.7.7}"),
    "addressNotInPool",
    'metadata.annotations["metallb.io/loadBalancerIPs"]',
  ],
  [
    "two prefixes that disagree",
    service("", "{metallb.io/address-pool: good, metallb.universe.tf/address-pool: old}"),
    "contradictoryAnnotations",
    'metadata.annotations["metallb.universe.tf/address-pool"]',
  ],
  [
    "a Service with a shared address that an advertisement selects by labels",
    `${
      metallb("L2Advertisement", "{serviceSelectors: [{matchExpressions: [{key: a, operator: DoesNotExist}]}]}")
    }---\n${service("", '{metallb.universe.tf/allow-shared-ip: ""}')}`,
    "sharedIPWithServiceSelector",
    'metadata.annotations["metallb.universe.tf/allow-shared-ip"]',
  ],
  [
    "an annotation that cannot be read",
    metallb("L2Advertisement", "{}").replace("metadata: {", "metadata: {annotations: {herald.dev/probe: never}, "),
    "invalidValue",
    'metadata.annotations["herald.dev/probe"]',
  ],
  [
    "an object of another namespace",
    pool("{addresses: [10.0.0.0/24]}", "other").replace("metallb-system", "elsewhere"),
    "otherNamespace",
    "metadata.namespace",
  ],
  [
    "a password that everybody can read",
    metallb("BGPPeer", "{myASN: 1, peerASN: 1, peerAddress: 10.9.9.9, password: a}"),
    "plainPassword",
    "spec.password",
  ],
];

for (const [why, text, reason, path] of DOUBTFUL) {
  Deno.test(`validate: ${why} is one warning, and valid`, async () => {
    const { code, problems } = await validate(`${good}---\n${text}`);
    assertEquals([code, problems.map((each) => [each.severity, each.reason, each.path])], [0, [[
      "warning",
      reason,
      path,
    ]]]);
  });
}

Deno.test("validate: every problem of every object at once, in the order of the files", async () => {
  const all = [...BAD.map(([, text]) => text)].join("---\n");
  const { code, problems } = await validate(`${good}---\n${all}`);
  assertEquals(code, 1);
  const found = new Set(problems.map(({ reason, path }) => `${reason} ${path}`));
  for (const [why, , reason, path] of BAD) assert(found.has(`${reason} ${path}`), why);
});

for (
  const [why, text] of [
    ["a pool and an advertisement", good],
    ["nothing", ""],
    ["a kind that Herald does not read", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {z: 1}\n"],
    [
      "a ConfigMap of somebody else",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {config: 'a: b'}\n",
    ],
    [
      "words that kubectl takes for booleans",
      good.replace("addresses:", "autoAssign: no, avoidBuggyIPs: on, addresses:"),
    ],
    ["objects without a namespace", good.replaceAll(", namespace: metallb-system", "")],
    ["an installation in another namespace", good.replaceAll("metallb-system", "lb")],
    ["a Service that asks for a free address", `${good}---\n${service("", "{metallb.io/loadBalancerIPs: 10.0.0.9}")}`],
    ["a dual-stack Service", `${good}---\n${service("ipFamilyPolicy: RequireDualStack")}`],
    [
      "a peer with a Secret made elsewhere",
      metallb("BGPPeer", "{myASN: 1, peerASN: 1, peerAddress: 10.9.9.9, passwordSecret: {name: s}}"),
    ],
    [
      "an object as a cluster gives it back",
      good.replace("{name: good,", "{name: good, uid: x, resourceVersion: '7', managedFields: [],"),
    ],
  ] as const
) {
  Deno.test(`validate: ${why} has no problems`, async () => {
    assertEquals(await validate(text), { code: 0, problems: [] });
  });
}

Deno.test("validate: a BGPPeer of v1beta1 is held against its own schema and then understood", async () => {
  const old = metallb("BGPPeer", "{myASN: 1, peerASN: 1, peerAddress: 10.9.9.9}").replace("v1beta2", "v1beta1");
  const { code, problems } = await validate(old);
  assertEquals([code, problems.map(({ severity, path }) => [severity, path])], [0, [["warning", "apiVersion"]]]);
  const bad = await validate(old.replace("myASN: 1", "vrf: red"));
  assertEquals(bad.problems.filter(({ severity }) => severity === "error").map(({ path }) => path).sort(), [
    "spec.myASN",
    "spec.vrf",
  ]);
});

Deno.test("validate: --namespace says which objects count", async () => {
  const { problems } = await validate(good, "-n", "lb");
  assertEquals(problems.map(({ reason }) => reason), ["otherNamespace", "otherNamespace"]);
});

Deno.test("validate: what cannot be read is exit code 2, and nothing on standard output", async () => {
  const missing = await herald(["validate", "-f", "no.yaml", "-o", "json"]);
  assertEquals(missing, { code: 2, out: "", err: "herald validate: no.yaml: there is no such file or folder\n" });
  assertMatch((await herald(["validate"])).err, /-f \(--filename\) is required/);
  assertEquals((await herald(["validate"])).code, 2);
  for (const command of ["validate", "migrate"]) {
    const unnamed = await herald([command, "-f", ""]);
    assertEquals(unnamed, { code: 2, out: "", err: `herald ${command}: -f: the name of a file is empty\n` });
  }
});

Deno.test("validate: for people, every problem with file and line, what is skipped, and a last line that sums up", async () => {
  const files = {
    "a.yaml": good,
    "b.yaml": `${
      pool("\n  addresses: [10.0.0.0/24]\n  autoAsign: true")
    }---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n`,
  };
  const { code, out } = await herald(["validate", "-f", "a.yaml", "-f", "b.yaml"], { files });
  assertEquals(code, 1);
  assertEquals(out.split("\n").map((line) => line.slice(0, 60)), [
    "IPAddressPool metallb-system/x",
    '  b.yaml:5  error    spec.addresses[0]: pool "x" overlaps po',
    '  b.yaml:6  error    spec.autoAsign: there is no field "auto',
    "",
    "not checked, of kinds that Herald does not read: 1 Deploymen",
    "not valid: 3 objects, 2 errors, 0 warnings in 2 files",
    "",
  ]);
  assertEquals(
    (await herald(["validate", "-f", "a.yaml"], { files })).out,
    "valid: 2 objects, 0 errors, 0 warnings in 1 file\n",
  );
});

Deno.test("validate: on a terminal there is colour, and no line is longer than the terminal", async () => {
  const { out } = await herald(["validate", "-f", "-"], {
    stdin: `${good}---\n${pool("{addresses: [10.0.0.0/24]}")}`,
    terminal: 72,
  });
  assert(out.includes("\x1b[31merror  \x1b[0m"));
  // deno-lint-ignore no-control-regex -- styles take no room
  for (const line of out.replace(/\x1b\[[0-9;]*m/g, "").split("\n")) assert(line.length <= 72, line);
});

/** Reason and line (which is the guide's own) of every error, as reader-expectations.md decides. */
const GUIDES: readonly (readonly [string, string, readonly (readonly [string, number])[]])[] = [
  // Four pools in document order overlap.
  ["000", guide000, [["overlappingAddresses", 190], ["overlappingAddresses", 192], ["overlappingAddresses", 330]]],
  ["001", guide001, [["legacyConfigMap", 84]]],
  // Two ways to configure one thing, one after the other.
  ["002", guide002, [
    ["overlappingAddresses", 171],
    ["conflictingPeers", 272],
    ["overlappingAddresses", 409],
    ["overlappingAddresses", 418],
    ["duplicateName", 423],
  ]],
  // A forgotten `---` between 246 and 247; zone and internal pools overlap; a field that MetalLB never had.
  ["003", guide003, [
    ["overlappingAddresses", 232],
    ["duplicateKey", 248],
    ["duplicateKey", 249],
    ["duplicateKey", 250],
    ["duplicateKey", 253],
    ["conflictingPeers", 269],
    ["unknownField", 276],
    ["unknownField", 340],
    ["unknownField", 361],
    ["overlappingAddresses", 380],
    ["overlappingAddresses", 394],
  ]],
];

for (const [name, text, expected] of GUIDES) {
  Deno.test(`validate: the manifests of guide ${name} end as its readers are told`, async () => {
    const { out } = await herald(["validate", "-f", "guide"], { files: { guide: text } });
    const { problems } = await validate(text);
    const lines = [...out.matchAll(/guide:(\d+) +error /g)].map((match) => Number(match[1]));
    const errors = problems.filter(({ severity }) => severity === "error");
    assertEquals(errors.map(({ reason }, index) => [reason, lines[index]]), expected.map((each) => [...each]));
  });
}
