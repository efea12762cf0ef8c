/** `herald explain` on files. Orders of candidates are those of reference §6.4's hash vectors. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { herald } from "./cli_world.ts";

const POOL = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first, namespace: metallb-system}
spec: {addresses: [192.168.1.240-192.168.1.243]}
`;
const L2 = `
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2, namespace: metallb-system}
`;
const BGP = `
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: bgp, namespace: metallb-system}
spec: {aggregationLength: 30, localPref: 150, communities: ["64500:7"], nodeSelectors: [{matchLabels: {rack: "1"}}]}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64501, peerAddress: 192.0.2.254}
`;
/** As a user writes it: no cluster IP, no status. */
const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
`;
const SLICE = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.1], nodeName: node-b, conditions: {ready: true}}]
`;
const NODES = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: node-a, labels: {rack: "1"}}}
- {apiVersion: v1, kind: Node, metadata: {name: node-b}}
- {apiVersion: v1, kind: Node, metadata: {name: node-c}}
`;

const FILES = {
  "m/bgp.yaml": BGP,
  "m/l2.yaml": L2,
  "m/nodes.yaml": NODES,
  "m/pool.yaml": POOL,
  "m/web.yaml": `${SERVICE}---${SLICE}`,
};

Deno.test("herald explain: calls that are wrong, and input that cannot be read, end with 2", async () => {
  const table: [string[], string][] = [
    [["explain", "-f", "nowhere.yaml"], "nowhere.yaml: there is no such file or folder"],
    [["explain", "-f", "bad.yaml"], "bad.yaml:1: is not YAML"],
    [["explain", "-f", "m", "-o", "xml"], '"xml" is not one of text, json'],
    [["explain", "--frobnicate"], "--frobnicate is not a flag"],
  ];
  for (const [args, message] of table) {
    const { code, out, err } = await herald(args, { files: { ...FILES, "bad.yaml": "kind: [" } });
    assertEquals([code, out], [2, ""], args.join(" "));
    assertStringIncludes(err, message);
  }
});

Deno.test("herald explain: a Service that was named and is not there ends with 1, and the others are explained", async () => {
  const { code, out, err } = await herald(["explain", "-f", "m", "shop/wep", "shop/web"], { files: FILES });
  assertEquals(code, 1);
  assertEquals(err, "herald explain: there is no Service shop/wep; did you mean shop/web?\n");
  assertStringIncludes(out, "shop/web  192.168.1.240  announced by node-a and by BGP\n");
});

Deno.test("herald explain: what is no name of a Service is a usage error", async () => {
  for (const word of ["a/b/c", "/web", "shop/", ""]) {
    const { code, out, err } = await herald(["explain", "-f", "m", word, "shop/web"], { files: FILES });
    assertEquals([code, out], [2, ""], word);
    assertEquals(err, `herald explain: "${word}" is not NAMESPACE/SERVICE, such as shop/web\n`);
  }
});

Deno.test("herald explain: where only names are given that are not there, nothing is said of all the others", async () => {
  const table: [string, string][] = [
    ["zzzzzzzzzzzz/yyyyy", "there is no Service zzzzzzzzzzzz/yyyyy"],
    // Without a namespace it is `default`; the name tells where it was meant to be.
    ["web", "there is no Service default/web; did you mean shop/web?"],
  ];
  for (const [word, message] of table) {
    const named = await herald(["explain", "-f", "m", word], { files: FILES });
    assertEquals(named, { code: 1, out: "", err: `herald explain: ${message}\n` });
    const { code, out } = await herald(["explain", "-f", "m", word, "-o", "json"], { files: FILES });
    assertEquals([code, JSON.parse(out).services], [1, []]);
  }
});

Deno.test("herald explain -o json: the shape of DESIGN §7, with every value", async () => {
  const { code, out, err } = await herald(["explain", "-f", "m", "-o", "json"], { files: FILES });
  assertEquals([code, err], [0, ""]);
  const notOwner = {
    reason: "notOwner",
    message: 'no BGPAdvertisement announces pool "first" from the node',
  };
  assertEquals(JSON.parse(out), {
    services: [{
      namespace: "shop",
      name: "web",
      allocation: {
        outcome: "assigned",
        pool: "first",
        addresses: ["192.168.1.240"],
        reason: "autoAssign",
        message: "",
        events: [{ type: "Normal", reason: "IPAllocated", message: 'Assigned IP ["192.168.1.240"]' }],
      },
      layer2: [{
        address: "192.168.1.240",
        announcer: "node-a",
        interfaces: "all",
        candidates: ["node-a", "node-c", "node-b"],
        excluded: [],
        order: ["node-a", "node-c", "node-b"].map((node) => ({ node, preference: 0 })),
        policy: {
          failback: "immediate",
          probe: "beside",
          linkProbes: [],
          decidedBy: { failback: null, probe: null, linkProbes: {} },
        },
        warnings: [],
      }],
      bgp: [
        {
          node: "node-a",
          peer: "tor",
          announced: [{ prefix: "192.168.1.240/30", localPref: 150, communities: ["64500:7"] }],
          excluded: [],
        },
        { node: "node-b", peer: "tor", announced: [], excluded: [notOwner] },
        { node: "node-c", peer: "tor", announced: [], excluded: [notOwner] },
      ],
    }],
    pools: [{
      ...{ name: "first", assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 3, availableIPv6: 0 },
      ...{ restingIPv4: 0, restingIPv6: 0, skippedIPv4: 0 },
    }],
  });
});

Deno.test("herald explain: what the annotations of advertisements say, which of them decided, and the order", async () => {
  const advertisement = (name: string, annotation: string, weight: number) =>
    JSON.stringify({
      apiVersion: "metallb.io/v1beta1",
      kind: "L2Advertisement",
      metadata: { name, annotations: { [annotation.split(": ")[0]!]: annotation.split(": ")[1]! } },
      spec: {
        preferredNodeSelectors: [{
          weight,
          preference: { matchExpressions: [{ key: "k", operator: "DoesNotExist" }] },
        }],
      },
    });
  const more = [
    advertisement("patient", "herald.dev/failback: after=5m", 3),
    advertisement("firm", "herald.dev/failback: never", 4),
  ];
  const { code, out } = await herald(["explain", "-f", "m"], {
    files: { ...FILES, "m/more.yaml": more.join("\n---\n") },
  });
  assertEquals(code, 0);
  assertStringIncludes(out, "annotation   failback never, says L2Advertisement firm\n");
  assertStringIncludes(out, "order        node-a (preference 7), node-c (preference 7), node-b (preference 7)\n");
});

Deno.test("herald explain: who announces, with and without speakers, on what is given", async () => {
  interface Explained {
    announcer: string | null;
    candidates: string[];
    excluded: { node: string; reason: string }[];
  }
  const world = POOL + "---" + L2 + "---" + SERVICE + "---";
  const table: [string, string[], string | null, string[], string[]][] = [
    // Without a slice nothing says where it can be served; without Nodes there is nobody to name.
    [world + NODES, [], null, [], [
      "node-a noReadyEndpoint",
      "node-b noReadyEndpoint",
      "node-c noReadyEndpoint",
    ]],
    [world, [], null, [], ["* noReadyEndpoint"]],
    [world + SLICE, [], null, [], ["* notOwner"]],
    [world + SLICE + "---" + NODES, [], "node-a", ["node-a", "node-c", "node-b"], []],
    [world + SLICE + "---" + NODES, ["--speakers", "node-b,node-c"], "node-c", ["node-c", "node-b"], [
      "node-a noSpeaker",
    ]],
    [world + SLICE + "---" + NODES, ["--speakers=node-z"], null, [], [
      "node-a noSpeaker",
      "node-b noSpeaker",
      "node-c noSpeaker",
    ]],
    // Speakers alone stand for their nodes.
    [world + SLICE, ["--speakers", "node-b, node-c"], "node-c", ["node-c", "node-b"], []],
  ];
  for (const [stdin, args, announcer, candidates, excluded] of table) {
    const { code, out } = await herald(["explain", "-f", "-", "-o", "json", ...args], { stdin });
    const [address] = JSON.parse(out).services[0].layer2 as Explained[];
    assertEquals([code, address!.announcer, address!.candidates], [0, announcer, candidates], args.join(" "));
    assertEquals(address!.excluded.map(({ node, reason }) => `${node} ${reason}`), excluded, args.join(" "));
  }
});

Deno.test("herald explain: the families that a Service asks for are assumed to get cluster IPs, and it is said", async () => {
  const pool = POOL.replace("[192.168.1.240-192.168.1.243]", "[192.168.1.240/30, 1000::/126]");
  const table: [string, string[]][] = [
    ["", ["192.168.1.240"]],
    ["ipFamilies: [IPv6], ", ["1000::"]],
    ["ipFamilyPolicy: RequireDualStack, ", ["192.168.1.240", "1000::"]],
    ["ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6], ", ["192.168.1.240", "1000::"]],
    // What stands in the file is not touched: `None` gives no address.
    ['clusterIP: "None", ', []],
  ];
  for (const [members, addresses] of table) {
    const service = SERVICE.replace("type: LoadBalancer,", `type: LoadBalancer, ${members}`);
    const { out } = await herald(["explain", "-f", "-", "-o", "json"], { stdin: `${pool}---${service}` });
    assertEquals(JSON.parse(out).services[0].allocation.addresses, addresses, members);
  }
  const { out } = await herald(["explain", "-f", "m"], { files: FILES });
  assertStringIncludes(out, "note: one Service has no cluster IP in the input; one of each family");
});

Deno.test("herald explain: counters that a JSON number cannot hold are texts", async () => {
  const stdin = POOL.replace("[192.168.1.240-192.168.1.243]", "[2001:db8::/64]");
  const { out } = await herald(["explain", "-f", "-", "-o", "json"], { stdin });
  // 2^64 addresses, shown as the largest that Go's int64 holds (reference §13).
  assertEquals(JSON.parse(out).pools[0].availableIPv6, "9223372036854775807");
});

Deno.test("herald explain: the answer for people, in few lines", async () => {
  const broken = SERVICE.replace("name: web", 'name: lost, annotations: {metallb.io/address-pool: "fisrt"}');
  const files = { ...FILES, "m/lost.yaml": broken, "m/clusterip.yaml": SERVICE.replace("LoadBalancer", "ClusterIP") };
  const { code, out } = await herald(["explain", "-f", "m"], {
    files: { ...files, "m/clusterip.yaml": files["m/clusterip.yaml"].replace("name: web", "name: inner") },
  });
  assertEquals(code, 0);
  assertEquals(
    out,
    `shop/lost  pending (unknownPool)
  allocation   none: unknown pool "fisrt"
  event        Warning AllocationFailed: Failed to allocate IP for "shop/lost": unknown pool "fisrt"

shop/web  192.168.1.240  announced by node-a and by BGP
  allocation   assigned from pool first: the first pool, by priority and name, that may give it one, and its lowest free address
  event        Normal IPAllocated: Assigned IP ["192.168.1.240"]
  layer 2      192.168.1.240 is announced by node-a on all interfaces; next node-c, node-b
  bgp          announces 192.168.1.240/30, localPref 150, communities 64500:7: node-a to tor
               not announced, no BGPAdvertisement announces pool "first" from the node (notOwner): node-b to tor, node-c to tor

POOL   IPV4 USED/FREE  IPV6 USED/FREE
first  1/3             -
note: 2 Services have no cluster IP in the input; one of each family that it asks for is assumed
`,
  );
});

Deno.test("herald explain: files that lack what it takes to name the announcer make it unknown, not nobody", async () => {
  const explained = async (...parts: readonly string[]) =>
    (await herald(["explain", "-f", "-"], { stdin: parts.join("---") })).out.split("\n");
  const withoutSlices = await explained(POOL, L2, NODES, SERVICE);
  assertEquals(withoutSlices[0], "shop/web  192.168.1.240  announcer unknown");
  const line =
    "  layer 2      unknown: the input has no EndpointSlice of this Service, so nothing says where it can be served";
  assertEquals(withoutSlices.filter((each) => each.startsWith("  layer 2")), [line]);
  const withoutNodes = await explained(POOL, L2, SERVICE, SLICE);
  assertEquals(withoutNodes[0], "shop/web  192.168.1.240  announcer unknown");
  assertEquals(withoutNodes.filter((each) => each.startsWith("  layer 2")), [
    "  layer 2      unknown: the input has no Nodes",
  ]);
  const withoutAdvertisement = await explained(POOL, NODES, SERVICE, SLICE);
  assertEquals(withoutAdvertisement[0], "shop/web  192.168.1.240  announced by nobody");
});

Deno.test("herald explain: on a terminal no line is longer than it, and a hostile name moves no cursor", async () => {
  const stdin = [
    POOL,
    L2,
    NODES,
    SERVICE.replace("name: web", 'name: web, annotations: {metallb.io/address-pool: "\\e[2J\\e[1;1H fine"}'),
  ].join("---");
  const { out } = await herald(["explain", "-f", "-"], { stdin, terminal: 60 });
  // deno-lint-ignore no-control-regex -- it is about control characters
  const plain = out.replaceAll(/\x1b\[[0-9;]*m/g, "");
  assertEquals(plain.includes("\x1b"), false);
  assertStringIncludes(plain, "\\u001b[2J");
  for (const line of plain.split("\n")) assertEquals(line.length <= 60 || !line.trim().includes(" "), true, line);
});

Deno.test("herald explain: objects of metallb.io in another namespace do not count, and it is said", async () => {
  const stdin = `${POOL}---${SERVICE}---${
    POOL.replace("metallb-system", "other").replace("name: first", "name: alien")
  }`;
  const text = await herald(["explain", "-f", "-"], { stdin });
  assertStringIncludes(text.out, "note: IPAddressPool other/alien is in another namespace than Herald's own");
  const named = await herald(["explain", "-f", "-", "-o", "json", "--metallb-namespace=other"], { stdin });
  assertEquals(JSON.parse(named.out).pools.map(({ name }: { name: string }) => name), ["alien"]);
});

Deno.test("herald explain: without a kubeconfig it says where it looked", async () => {
  const { code, err } = await herald(["explain"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "~/.kube/config");
});
