import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { readObjects } from "../../../lib/app/yaml.ts";
import guide001 from "../../golden/guides/001-layer2-tutorial.yaml" with { type: "text" };
import { herald } from "./cli_world.ts";

const configMap = (config: string, name = "config") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: lb\n  name: ${name}\ndata:\n  config: |\n` +
  config.split("\n").map((line) => `    ${line}\n`).join("");
const POOL = "address-pools:\n- name: pub\n  protocol: layer2\n  addresses: [192.0.2.0/24]";
const PEER = "peers:\n- my-asn: 64500\n  peer-asn: 64501\n  peer-address: 192.0.2.254";

const migrate = (stdin: string, ...args: string[]) => herald(["migrate", "-f", "-", ...args], { stdin });
const names = (text: string) =>
  readObjects(text, "out").objects.map(({ object }) =>
    `${object.metadata.namespace} ${object.kind} ${object.metadata.name}`
  );

for (
  const [why, text, message] of [
    ["no file", undefined, /^herald migrate: -f \(--filename\) is required/],
    ["an empty file", "", /^herald migrate: \(standard input\): is empty\n$/],
    [
      "a file without a ConfigMap",
      "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
      /has no ConfigMap; .*--only-data\n$/,
    ],
    [
      "another ConfigMap",
      configMap("a: b", "kube-root-ca.crt"),
      /no ConfigMap in it has the old configuration under data\.config/,
    ],
    [
      "two of them",
      `${configMap(POOL)}---\n${configMap(POOL)}`,
      /has several ConfigMaps of the old format \(lines 1 and 13\)/,
    ],
    ["text that is no YAML", "a: [1\n", /^herald migrate: \(standard input\):1: is not YAML: /],
    ["a value that is no YAML", configMap("peers: [1\n\tx: y"), /^\(standard input\):\d+: error: is not YAML: /],
    ["an empty value", configMap("# nothing"), /the configuration is empty\n$/],
    ["the value alone, taken for a ConfigMap", POOL, /^herald migrate: \(standard input\):1: apiVersion: is missing/],
  ] as const
) {
  Deno.test(`migrate: ${why} is exit code 2, with the reason and no output`, async () => {
    const { code, out, err } = text === undefined ? await herald(["migrate"]) : await migrate(text);
    assertEquals([code, out], [2, ""]);
    assertMatch(err, message);
  });
}

Deno.test("migrate: a duplicate key in the old text is told with the file's line", async () => {
  const { code, out, err } = await migrate(configMap(`${POOL}\n${PEER}\n${POOL}`));
  assertEquals([code, out], [2, ""]);
  assertMatch(err, /^\(standard input\):16: error: address-pools: the key "address-pools" stands twice/);
});

Deno.test("migrate: the tutorial's ConfigMap becomes a pool and its advertisement, and says nothing", async () => {
  const { code, out, err } = await migrate(guide001);
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    `# Made by "herald migrate" from (standard input).
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: my-ip-space
  namespace: metallb-system
spec:
  addresses:
  - 192.168.1.240-192.168.1.250
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata:
  name: l2advertisement1
  namespace: metallb-system
spec:
  ipAddressPools:
  - my-ip-space
---
`,
  );
});

Deno.test("migrate: what it prints is valid, and understood by herald validate", async () => {
  const { out } = await migrate(configMap(`${PEER}\n${POOL}\nbgp-communities: {a: "1234:30", "no": "1:2"}\n`));
  assertEquals((await herald(["validate", "-f", "-"], { stdin: out })).code, 0);
});

Deno.test("migrate: texts that YAML takes for something else are quoted", async () => {
  const { out } = await migrate(configMap(`bgp-communities: {a: "1234:30", "no": "1:2", "012": "3:4"}`));
  const [object] = readObjects(out, "out").objects;
  assertEquals((object!.object["spec"] as { communities: unknown }).communities, [
    { name: "012", value: "3:4" },
    { name: "a", value: "1234:30" },
    { name: "no", value: "1:2" },
  ]);
  assert(out.includes("name: 'no'"), out);
});

Deno.test("migrate: what cannot be mapped is said with the file's line, the rest is printed, exit code 1", async () => {
  const { code, out, err } = await migrate(configMap(`${POOL}\npeer-autodiscovery: {}\n${PEER}\n  bfdProfile: x`));
  assertEquals(code, 1);
  assertEquals(names(out), ["lb BGPPeer peer1", "lb IPAddressPool pub", "lb L2Advertisement l2advertisement1"]);
  assertEquals(err.split("\n").map((line) => line.slice(0, 60)), [
    "(standard input):12: error: peer-autodiscovery: peers found ",
    "(standard input):17: warning: peers[0].bfdProfile: the key i",
    "(standard input):17: error: peers[0].bfdProfile: there is no",
    "",
  ]);
});

Deno.test("migrate: a result that no cluster would take is said, by the new object's name", async () => {
  const { code, err } = await migrate(configMap(POOL.replace("192.0.2.0/24", "192.0.2.0/33")));
  assertEquals(code, 1);
  assertMatch(err, /^IPAddressPool pub: error: spec\.addresses\[0\]: "192\.0\.2\.0\/33"/);
});

Deno.test("migrate: from a List, from among other documents, by another name, and from the value alone", async () => {
  const expected = ["lb IPAddressPool pub", "lb L2Advertisement l2advertisement1"];
  const service = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n";
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${configMap(POOL).trimEnd().replaceAll("\n", "\n  ")}\n`;
  for (const text of [list, configMap(POOL, "metallb"), `${service}---\n${configMap(POOL)}`]) {
    const { code, out } = await migrate(text);
    assertEquals([code, names(out)], [0, expected], text);
  }
  assertMatch((await migrate(`${service}---\n${configMap(POOL)}`)).err, /1 other object is left alone/);
  assertEquals(names((await migrate(POOL, "--only-data", "-n", "lb")).out), expected);
  assertEquals(names((await migrate(POOL, "--only-data")).out)[0], "metallb-system IPAddressPool pub");
});

Deno.test("migrate: as JSON, one List", async () => {
  const { out } = await migrate(configMap(POOL), "-ojson");
  const { apiVersion, kind, items } = JSON.parse(out);
  assertEquals([apiVersion, kind, items.length], ["v1", "List", 2]);
});

Deno.test("migrate: a password is passed on with a note, or put into a Secret; the messages never show it", async () => {
  const text = configMap(`${PEER}\n  password: pa55`);
  const plain = await migrate(text);
  assertMatch(plain.out, /^# Made.*\n# The password is readable here; .*\napiVersion/);
  assertEquals([plain.code, plain.err.includes("pa55"), plain.out.includes("password: pa55")], [0, false, true]);
  const secret = await migrate(text, "--passwords-to-secrets");
  assertEquals([secret.code, secret.err, names(secret.out)], [0, "", ["lb Secret peer1-password", "lb BGPPeer peer1"]]);
});
