/**
 * Guide 003, the enterprise guide: BGP, zones and load balancer classes. Read in document order first, with its mistakes
 * (a forgotten `---`, a field that no version had, pools that overlap), then corrected as the refusals say.
 *
 * Its Services without a class need a controller without `--lb-class`, those with one a controller with it; and its
 * database Services ask for a pool whose `serviceSelectors` they do not match, which MetalLB refuses too.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { assertApplied, explained, type GuideWorld, overlap } from "./guide_world.ts";

const HELM = "the Helm chart is a later issue's";

const ENTERPRISE_NOT_TYPED: Readonly<Record<string, string>> = {
  "003:199": HELM,
  "003:200": HELM,
  "003:209": HELM,
  "003:216": "lists pods: nothing runs pods here",
  "003:933": "lists pods",
  "003:947": "runs a command in a speaker pod; `herald status bgp` is the BGP issue's",
  "003:950": "logs of speaker pods",
  "003:953": "logs of the controller's pod; the log of the process is read with guide 000",
  "003:956": "no nodes",
  "003:958": "no nodes",
  "003:969": "runs a command in a speaker pod",
  "003:976": "runs a command in a speaker pod",
  "003:982": "runs a command in a speaker pod",
  "003:986": "runs a command in a speaker pod",
  "003:990": "runs a command in a speaker pod",
};

const ENTERPRISE_NOT_APPLIED: Readonly<Record<number, string>> = {
  478: "NetworkPolicy: the packaging of a later issue, which ships one that works",
  513: "NetworkPolicy: the packaging of a later issue, which ships one that works",
  640: "ServiceMonitor: the monitoring of a later issue; the kind is not Kubernetes' own",
  658: "ServiceMonitor: the monitoring of a later issue; the kind is not Kubernetes' own",
  761: "PrometheusRule: the monitoring of a later issue; the kind is not Kubernetes' own",
};

const UNKNOWN_KEY = 'strict decoding error: unknown field "spec.passwordSecret.key"';
const NO_NODE = "Warning: spec.nodeSelectors: no node has these labels at present";
const CLASSES = "metallb.io/internal,metallb.io/external";

const withSeparator = (text: string) => text.replace("# BGP Address Pool Configuration", "---");
const withoutKey = (text: string) => text.replaceAll(/^ +key: password\n/gm, "");
/** Each pool for the class that has its name. */
const boundToClasses = (text: string) =>
  text.replaceAll(
    /^ {2}name: (internal|external)-pool$/gm,
    "  name: $1-pool\n  annotations: {herald.dev/load-balancer-class: metallb.io/$1}",
  );

/** What a speaker reports of its interfaces: the routers' network is not among them. */
const NODE = `apiVersion: v1
kind: Node
metadata: {name: worker-1, labels: {metallb.io/bgp-node: primary}}
---
apiVersion: metallb.io/v1beta1
kind: ConfigurationState
metadata:
  name: speaker-worker-1
  namespace: metallb-system
  labels: {metallb.io/node-name: worker-1}
  annotations: {herald.dev/networks: eth0=10.0.2.0/24}
`;

export async function readEnterpriseGuide(t: Deno.TestContext, world: GuideWorld): Promise<void> {
  const reader = await world.reader("003-enterprise-guide");
  const { kubectl } = world;
  await world.clear();

  await t.step("003: the namespace is the install file's, and its programs are there", async () => {
    assertStringIncludes((await reader.type(203)).stderr, 'namespaces "metallb-system" already exists');
    assertApplied(await reader.type(206), ["namespace/metallb-system labeled"]);
    for (const line of [217, 934]) assertMatch((await reader.type(line)).stdout, /^speaker /m);
    for (const line of [218, 935]) assertMatch((await reader.type(line)).stdout, /^controller /m);
  });

  await t.step("003: a forgotten --- loses an advertisement in silence, but not before herald validate", async () => {
    await reader.save("layer2.yaml", [225, 236]);
    assertApplied(await reader.shell("kubectl apply -f layer2.yaml"), [
      "ipaddresspool.metallb.io/layer2-pool created",
      "ipaddresspool.metallb.io/bgp-pool-production created",
    ]);
    assertStringIncludes((await kubectl.succeeds("get l2advertisement -n metallb-system")).stderr, "No resources");
    await world.describes("ipaddresspool -n metallb-system layer2-pool", "no L2Advertisement and no BGPAdvertisement");
    const { code, stdout } = await reader.shell("herald validate -f layer2.yaml");
    assertEquals(code, 1);
    for (const key of ["apiVersion", "kind", "metadata", "spec"]) {
      assertMatch(stdout, new RegExp(`layer2\\.yaml:\\d+ +error +${key}: the key "${key}" stands twice`));
    }
    assertStringIncludes(stdout, 'a line "---" must stand between two objects');
    assertApplied(await reader.apply([225, 236], withSeparator), [
      "ipaddresspool.metallb.io/layer2-pool unchanged",
      "l2advertisement.metallb.io/layer2-advertisement created",
      "ipaddresspool.metallb.io/bgp-pool-production unchanged",
    ]);
    // Three /29 of which none has an address that ends with .0 or .255.
    await world.counts("bgp-pool-production", 0, 24);
    await world.counts("layer2-pool", 0, 51);
  });

  await t.step("003: the key of a password's Secret is a field that was never there", async () => {
    assertApplied(await reader.apply([261, 279]), [
      "bgpadvertisement.metallb.io/production-advertisement created",
    ], [UNKNOWN_KEY, 'there is no BGPPeer named "router-1"']);
    assertApplied(await reader.apply([299, 311]), [
      "bfdprofile.metallb.io/default-bfd created",
      "community.metallb.io/production-community created",
    ]);
    assertApplied(await reader.apply([325, 346]), [], [UNKNOWN_KEY, UNKNOWN_KEY]);
    await reader.save("peers.yaml", [261, 325, 346]);
    const { stdout } = await reader.shell("herald validate -f peers.yaml");
    assertEquals([...stdout.matchAll(/spec\.passwordSecret\.key: there is no field "key" here/g)].length, 3);
  });

  await t.step("003: without it the peers are accepted; two of the three are for one router", async () => {
    assertApplied(await reader.apply([261, 279], withoutKey), [
      "bgppeer.metallb.io/router-1 created",
      "bgpadvertisement.metallb.io/production-advertisement unchanged",
    ]);
    assertApplied(await reader.apply([325, 346], withoutKey), [
      "bgppeer.metallb.io/core-router-secondary created",
    ], ["already connects to 10.0.1.1 on port 179 from a node that this one selects too", NO_NODE, NO_NODE]);
    await kubectl.ok("delete bgppeer -n metallb-system router-1");
    const { code, stdout } = await reader.apply([325], withoutKey);
    assertEquals([code, stdout], [0, "bgppeer.metallb.io/core-router-primary created"]);
  });

  await t.step("003: a Secret of type Opaque is as good as basic-auth", async () => {
    await world.state('there is no Secret \\"metallb-system/bgp-auth-primary\\"');
    assertApplied(await reader.type(564), ["secret/bgp-auth-primary created"]);
    assertApplied(await reader.type(568), ["secret/bgp-auth-secondary created"]);
    assertApplied(await reader.type(573), ["secret/bgp-auth-primary labeled"]);
    assertApplied(await reader.type(577), ["secret/bgp-auth-secondary labeled"]);
    await world.state("metallb-system/bgp-auth", { gone: true });
    await kubectl.ok("create secret generic bgp-auth -n metallb-system --from-literal=password=other");
    assertStringIncludes((await reader.type(973)).stdout, "type: Opaque");
    assertEquals(JSON.stringify(world.log).includes("secure-bgp-password"), false);
  });

  await t.step("003: an eBGP router two subnets away is a warning that names the field", async () => {
    await kubectl.ok("apply -f -", NODE);
    await world.describes("bgppeer -n metallb-system core-router-primary", "ebgpMultiHop");
    assertMatch((await reader.type(966)).stdout, /Peer Address: +10\.0\.1\.1\n/);
    assertStringIncludes((await reader.type(939)).stdout, "holdTime: 180s");
    await kubectl.ok("delete node worker-1");
    await kubectl.ok("delete configurationstate -n metallb-system speaker-worker-1");
  });

  await t.step("003: zone and internal pools overlap the layer-2 pool: refused, the external pool is not", async () => {
    const theirs = "10.0.3.100-10.0.3.150";
    assertApplied(await reader.apply([373, 387, 401]), [
      "l2advertisement.metallb.io/zone-aware-advertisement created",
    ], [
      overlap("10.0.3.100-10.0.3.120", "layer2-pool", "10.0.3.100-10.0.3.120", theirs),
      overlap("10.0.3.130-10.0.3.150", "layer2-pool", "10.0.3.130-10.0.3.150", theirs),
      'there is no IPAddressPool named "zone-a-pool"',
      'there is no IPAddressPool named "zone-b-pool"',
    ]);
    assertApplied(await reader.apply([423, 440]), ["ipaddresspool.metallb.io/external-pool created"], [
      overlap("10.0.3.100-10.0.3.130", "layer2-pool", "10.0.3.100-10.0.3.130", theirs),
    ]);
    assertMatch((await reader.type(938)).stdout, /- 192\.168\.1\.100-192\.168\.1\.130\n/);
    assertMatch((await reader.type(940)).stdout, /- ens192\n/);
    assertStringIncludes((await reader.type(941)).stdout, "aggregationLengthV6: 128");
  });

  await t.step(
    "003: fragments of a DaemonSet are refused by Kubernetes itself, for want of a selector that fits",
    async () => {
      for (const line of [585, 997]) {
        assertStringIncludes((await reader.apply([line])).stderr, "`selector` does not match template `labels`");
      }
    },
  );

  await t.step("003: zone pools by themselves serve by the Service's label", async () => {
    await kubectl.ok("delete ipaddresspool -n metallb-system layer2-pool");
    assertApplied(await reader.apply([373, 387, 401]), [
      "ipaddresspool.metallb.io/zone-a-pool created",
      "ipaddresspool.metallb.io/zone-b-pool created",
      "l2advertisement.metallb.io/zone-aware-advertisement unchanged",
    ]);
    const metadata = { name: "in-zone-b", labels: { "metallb.io/zone": "zone-b" } };
    const spec = { type: "LoadBalancer", ports: [{ port: 80 }] };
    await kubectl.ok("create -f -", JSON.stringify({ apiVersion: "v1", kind: "Service", metadata, spec }));
    await world.served("in-zone-b", "10.0.3.130");
    await kubectl.ok("delete service in-zone-b");
    await kubectl.ok("delete ipaddresspool -n metallb-system zone-a-pool zone-b-pool");
  });

  await t.step("003: a class that the controller was not told of is said on the Service", async () => {
    assertApplied(await reader.apply([423, 440], boundToClasses), [
      "ipaddresspool.metallb.io/internal-pool created",
      "ipaddresspool.metallb.io/external-pool configured",
    ]);
    assertApplied(await reader.apply([455]), ["service/internal-app created"]);
    await world.describes("service internal-app", "LoadBalancerClassNotServed");
    await world.describes("service internal-app", "--lb-class");
    assertEquals((await explained(reader, "internal-app")).outcome, "ignored");
  });

  await t.step("003: with both classes served by one controller each Service has its pool", async () => {
    await world.restart(`--lb-class=${CLASSES}`);
    await world.served("internal-app", "10.0.3.100");
    assertApplied(await reader.apply([822, 854]), [
      "service/web-frontend-lb created",
      "service/api-gateway-lb created",
    ]);
    await world.served("web-frontend-lb", "192.168.1.100");
    await world.served("api-gateway-lb", "10.0.3.101");
    await world.counts("internal-pool", 2, 29);
    await world.counts("external-pool", 1, 30);
    const { outcome, addresses } = await explained(reader, "api-gateway-lb", `--lb-class ${CLASSES}`);
    assertEquals([outcome, addresses], ["kept", ["10.0.3.101"]]);
    assertMatch((await reader.type(944)).stdout, /^default +api-gateway-lb +LoadBalancer .* 10\.0\.3\.101 /m);
  });

  await t.step("003: its Services without a class are then nobody's, as explain says", async () => {
    assertApplied(await reader.apply([884, 904]), [
      "service/postgresql-primary-lb created",
      "service/postgresql-readonly-lb created",
    ]);
    const { outcome, message } = await explained(reader, "postgresql-primary-lb", `--lb-class ${CLASSES}`);
    assertEquals(outcome, "ignored");
    assertStringIncludes(message, "a Service without loadBalancerClass is not served here");
  });

  await t.step("003: without classes they are served, once they match the pool's selectors", async () => {
    assertApplied(await reader.apply([423, 440]), [
      "ipaddresspool.metallb.io/internal-pool configured",
      "ipaddresspool.metallb.io/external-pool configured",
    ]);
    await world.restart();
    await world.describes("service postgresql-primary-lb", "AllocationFailed");
    await world.describes("service postgresql-primary-lb", "pool internal-pool is not compatible");
    await world.describes("service postgresql-primary-lb", "its serviceAllocation does not admit the Service");
    await kubectl.ok("label service postgresql-primary-lb postgresql-readonly-lb metallb.io/class=internal");
    await world.served("postgresql-primary-lb", "10.0.3.110");
    await world.served("postgresql-readonly-lb", "10.0.3.111");
  });

  await t.step("003: nothing of the guide is left", () => {
    assertEquals(reader.left({ commands: ENTERPRISE_NOT_TYPED, manifests: ENTERPRISE_NOT_APPLIED }), []);
  });
}
