import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { EmbeddedStage, pool, POOLS, service, SERVICES } from "./embedded_stage.ts";

Deno.test("Services: bad ones are refused with the path of what is wrong", async (test) => {
  const stage = new EmbeddedStage();
  await stage.post(
    SERVICES,
    service("taken", { type: "NodePort", clusterIP: "10.96.9.9", ports: [{ port: 80, nodePort: 30080 }] }),
  );
  const rows: readonly [string, Parameters<typeof service>[1], string][] = [
    ["no ports", { ports: [] }, "spec.ports"],
    ["port 0", { ports: [{ port: 0 }] }, "spec.ports[0].port"],
    ["port 65536", { ports: [{ port: 65536, targetPort: 1 }] }, "spec.ports[0].port"],
    ["target port 65536", { ports: [{ port: 1, targetPort: 65536 }] }, "spec.ports[0].targetPort"],
    ["protocol", { ports: [{ port: 1, protocol: "ICMP" }] }, "spec.ports[0].protocol"],
    ["unnamed ports", { ports: [{ port: 1 }, { port: 2, name: "b" }] }, "spec.ports[0].name"],
    ["same names", { ports: [{ port: 1, name: "b" }, { port: 2, name: "b" }] }, "spec.ports[1].name"],
    ["same ports", { ports: [{ port: 1, name: "a" }, { port: 1, name: "b" }] }, "spec.ports[1]"],
    ["node port of a ClusterIP", { ports: [{ port: 1, nodePort: 30001 }] }, "spec.ports[0].nodePort"],
    ["node port 80", { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] }, "spec.ports[0].nodePort"],
    ["node port 29999", { type: "NodePort", ports: [{ port: 1, nodePort: 29999 }] }, "spec.ports[0].nodePort"],
    ["node port 32768", { type: "NodePort", ports: [{ port: 1, nodePort: 32768 }] }, "spec.ports[0].nodePort"],
    ["node port in use", { type: "NodePort", ports: [{ port: 1, nodePort: 30080 }] }, "spec.ports[0].nodePort"],
    ["cluster IP in use", { clusterIP: "10.96.9.9" }, "spec.clusterIPs[0]"],
    ["cluster IP that is none", { clusterIP: "ten" }, "spec.clusterIPs[0]"],
    ["type", { type: "Balancer" }, "spec.type"],
    ["traffic policy", { type: "LoadBalancer", externalTrafficPolicy: "Remote" }, "spec.externalTrafficPolicy"],
    ["affinity", { sessionAffinity: "Sticky" }, "spec.sessionAffinity"],
    ["family", { ipFamilies: ["IPv5"] }, "spec.ipFamilies[0]"],
    ["family that the cluster lacks", { ipFamilies: ["IPv6"] }, "spec.ipFamilies[0]"],
    ["dual stack that the cluster lacks", { ipFamilyPolicy: "RequireDualStack" }, "spec.ipFamilyPolicy"],
    ["class of a ClusterIP", { loadBalancerClass: "x/y" }, "spec.loadBalancerClass"],
    [
      "source range",
      { type: "LoadBalancer", loadBalancerSourceRanges: ["192.0.2.1"] },
      "spec.loadBalancerSourceRanges[0]",
    ],
    ["external IP", { externalIPs: ["x"] }, "spec.externalIPs[0]"],
    ["external name", { type: "ExternalName" }, "spec.externalName"],
  ];
  for (const [name, spec, field] of rows) {
    await test.step(name, async () => {
      const answer = await stage.post(SERVICES, service("bad", spec));
      assertEquals(answer.code, 422, JSON.stringify(answer.body));
      assertEquals(answer.body.details.causes[0].field, field, answer.body.message);
    });
  }
  assertEquals((await stage.post(SERVICES, service("1web"))).body.details.causes[0].field, "metadata.name");
});

Deno.test("Services: a load balancer gets the defaults of a real server", async () => {
  const stage = new EmbeddedStage();
  const { spec, status } = (await stage.post(SERVICES, service("web", { type: "LoadBalancer" }))).body;
  assertMatch(spec.clusterIP, /^10\.(9[6-9]|10[0-9]|11[01])\.\d+\.\d+$/);
  assertEquals(spec.ports[0].nodePort >= 30000 && spec.ports[0].nodePort <= 32767, true);
  assertEquals({ ...spec, ports: [{ ...spec.ports[0], nodePort: 0 }] }, {
    allocateLoadBalancerNodePorts: true,
    clusterIP: spec.clusterIP,
    clusterIPs: [spec.clusterIP],
    externalTrafficPolicy: "Cluster",
    internalTrafficPolicy: "Cluster",
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    ports: [{ nodePort: 0, port: 80, protocol: "TCP", targetPort: 80 }],
    selector: { app: "web" },
    sessionAffinity: "None",
    type: "LoadBalancer",
  });
  assertEquals(status, { loadBalancer: {} });
});

Deno.test("Services: ClusterIP, headless, ExternalName and no node ports", async () => {
  const stage = new EmbeddedStage();
  const plain = (await stage.post(SERVICES, service("plain"))).body.spec;
  assertEquals(
    [plain.type, plain.ports[0].nodePort, plain.externalTrafficPolicy, plain.allocateLoadBalancerNodePorts],
    [
      "ClusterIP",
      undefined,
      undefined,
      undefined,
    ],
  );
  const headless = (await stage.post(SERVICES, service("headless", { clusterIP: "None" }))).body.spec;
  assertEquals([headless.clusterIP, headless.clusterIPs, headless.ipFamilies], ["None", ["None"], ["IPv4"]]);
  const external = (await stage.post(SERVICES, {
    metadata: { name: "ext" },
    spec: { type: "ExternalName", externalName: "example.com" },
  })).body.spec;
  assertEquals([external.clusterIP, external.ipFamilies], [undefined, undefined]);
  const bare = await stage.post(
    SERVICES,
    service("bare", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false }),
  );
  assertEquals(bare.body.spec.ports[0].nodePort, undefined);
});

Deno.test("Services: dual stack where the cluster has it", async () => {
  const stage = new EmbeddedStage({ serviceIpv6: true });
  const two = (await stage.post(SERVICES, service("two", { ipFamilyPolicy: "PreferDualStack" }))).body.spec;
  assertEquals([two.ipFamilies, two.clusterIPs.length, two.clusterIPs[0] === two.clusterIP], [
    ["IPv4", "IPv6"],
    2,
    true,
  ]);
  assertMatch(two.clusterIPs[1], /^fd00:10:96::/);
  const six = (await stage.post(SERVICES, service("six", { ipFamilies: ["IPv6"] }))).body.spec;
  assertEquals([six.ipFamilyPolicy, six.clusterIPs.length], ["SingleStack", 1]);
  const one = (await stage.post(SERVICES, service("one"))).body.spec;
  assertEquals(one.ipFamilies, ["IPv4"]);
});

Deno.test("Services: addresses and node ports are given once and come back with the Service", async () => {
  const stage = new EmbeddedStage();
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { spec } = (await stage.post(SERVICES, service(`s${i}`, { type: "LoadBalancer" }))).body;
    seen.add(spec.clusterIP).add(String(spec.ports[0].nodePort));
  }
  assertEquals(seen.size, 400);
  const { spec } = (await stage.get(`${SERVICES}/s7`)).body;
  const same = {
    type: "LoadBalancer",
    clusterIP: spec.clusterIP,
    ports: [{ port: 80, nodePort: spec.ports[0].nodePort }],
  };
  assertEquals((await stage.post(SERVICES, service("again", same))).code, 422);
  await stage.delete(`${SERVICES}/s7`);
  assertEquals((await stage.post(SERVICES, service("again", same))).code, 201);
});

Deno.test("Services: even randomness that repeats itself gives no address and no port twice", async () => {
  const stage = new EmbeddedStage({ rng: { u32: () => 0 } });
  const ports = [{ name: "a", port: 1 }, { name: "b", port: 2 }];
  const given = [];
  for (const name of ["a", "b", "c"]) {
    const { spec } = (await stage.post(SERVICES, { metadata: { name }, spec: { type: "LoadBalancer", ports } })).body;
    given.push(spec.clusterIP, ...spec.ports.map((port: { nodePort: number }) => port.nodePort));
  }
  assertEquals(new Set(given).size, 9, given.join(" "));
});

Deno.test("Services: an update that leaves out what was given keeps it", async () => {
  const stage = new EmbeddedStage();
  const made = (await stage.post(SERVICES, service("web", { type: "LoadBalancer" }))).body;
  const put = await stage.put(
    `${SERVICES}/web`,
    service("web", { type: "LoadBalancer", ports: [{ port: 80, targetPort: 8080 }] }),
  );
  assertEquals([put.body.spec.clusterIP, put.body.spec.ports[0].nodePort], [
    made.spec.clusterIP,
    made.spec.ports[0].nodePort,
  ]);
  const moved = await stage.patch(`${SERVICES}/web`, {
    spec: { clusterIP: "10.96.200.1", clusterIPs: ["10.96.200.1"] },
  });
  assertEquals([moved.code, moved.body.details.causes[0].field], [422, "spec.clusterIPs[0]"]);
});

Deno.test("Services: changing the type takes what only the old type had", async () => {
  const stage = new EmbeddedStage();
  await stage.post(
    SERVICES,
    service("web", { type: "LoadBalancer", externalTrafficPolicy: "Local", loadBalancerClass: "x/y" }),
  );
  const local = (await stage.get(`${SERVICES}/web`)).body.spec;
  assertEquals(local.healthCheckNodePort >= 30000, true);
  assertEquals((await stage.patch(`${SERVICES}/web`, { spec: { loadBalancerClass: "x/z" } })).code, 422);
  await stage.patch(`${SERVICES}/web/status`, { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
  const plain = await stage.patch(`${SERVICES}/web`, { spec: { type: "ClusterIP" } });
  assertEquals(plain.body.status, { loadBalancer: {} });
  assertEquals(plain.code, 200, plain.body.message);
  const { spec } = plain.body;
  assertEquals(
    [
      spec.ports[0].nodePort,
      spec.externalTrafficPolicy,
      spec.allocateLoadBalancerNodePorts,
      spec.healthCheckNodePort,
      spec.loadBalancerClass,
      spec.clusterIP,
    ],
    [undefined, undefined, undefined, undefined, undefined, local.clusterIP],
  );
});

Deno.test("Services: a status address needs a load balancer and must be an address", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("plain"));
  await stage.post(SERVICES, service("web", { type: "LoadBalancer" }));
  const status = (ip: string) => ({ status: { loadBalancer: { ingress: [{ ip }] } } });
  assertEquals(
    (await stage.patch(`${SERVICES}/plain/status`, status("192.0.2.1"))).body.details.causes[0].field,
    "status.loadBalancer.ingress",
  );
  assertEquals(
    (await stage.patch(`${SERVICES}/web/status`, status("x"))).body.details.causes[0].field,
    "status.loadBalancer.ingress[0].ip",
  );
  assertEquals((await stage.patch(`${SERVICES}/web/status`, status("2001:db8::1"))).code, 200);
});

Deno.test("Custom kinds: the schema's errors name field and type as real servers do", async (test) => {
  const stage = new EmbeddedStage();
  const peers = "/apis/metallb.io/v1beta2/namespaces/default/bgppeers";
  const l2 = "/apis/metallb.io/v1beta1/namespaces/default/l2advertisements";
  const bfd = "/apis/metallb.io/v1beta1/namespaces/default/bfdprofiles";
  const rows: readonly [string, string, unknown, string][] = [
    ["no spec", POOLS, { metadata: { name: "x" } }, 'IPAddressPool.metallb.io "x" is invalid: spec: Required value'],
    ["no addresses", POOLS, pool("x", {}), 'IPAddressPool.metallb.io "x" is invalid: spec.addresses: Required value'],
    [
      "a word for a boolean",
      POOLS,
      pool("x", { addresses: [], autoAssign: "yes" }),
      'IPAddressPool.metallb.io "x" is invalid: spec.autoAssign: Invalid value: "string": spec.autoAssign in body must be of type boolean: "string"',
    ],
    [
      "a number in a list of texts",
      POOLS,
      pool("x", { addresses: [1] }),
      'IPAddressPool.metallb.io "x" is invalid: spec.addresses[0]: Invalid value: "integer": spec.addresses[0] in body must be of type string: "integer"',
    ],
    [
      "null for a text",
      POOLS,
      pool("x", { addresses: [null] }),
      'IPAddressPool.metallb.io "x" is invalid: spec.addresses[0]: Invalid value: "null": spec.addresses[0] in body must be of type string: "null"',
    ],
    [
      "two at once",
      POOLS,
      pool("x", { autoAssign: 1 }),
      'IPAddressPool.metallb.io "x" is invalid: [spec.addresses: Required value, spec.autoAssign: Invalid value: "integer": spec.autoAssign in body must be of type boolean: "integer"]',
    ],
    [
      "an enum",
      peers,
      { metadata: { name: "x" }, spec: { myASN: 1, dynamicASN: "both" } },
      'BGPPeer.metallb.io "x" is invalid: [spec.dynamicASN: Unsupported value: "both": supported values: "internal", "external", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    ],
    [
      "a maximum",
      peers,
      { metadata: { name: "x" }, spec: { myASN: 4294967296 } },
      'BGPPeer.metallb.io "x" is invalid: spec.myASN: Invalid value: 4294967296: spec.myASN in body should be less than or equal to 4294967295',
    ],
    [
      "a minimum",
      bfd,
      { metadata: { name: "x" }, spec: { receiveInterval: 9 } },
      'BFDProfile.metallb.io "x" is invalid: spec.receiveInterval: Invalid value: 9: spec.receiveInterval in body should be greater than or equal to 10',
    ],
    [
      "a fraction for an integer",
      bfd,
      { metadata: { name: "x" }, spec: { receiveInterval: 10.5 } },
      'BFDProfile.metallb.io "x" is invalid: spec.receiveInterval: Invalid value: "number": spec.receiveInterval in body must be of type integer: "number"',
    ],
    [
      "inside a list",
      l2,
      { metadata: { name: "x" }, spec: { preferredNodeSelectors: [{ weight: 101 }] } },
      'L2Advertisement.metallb.io "x" is invalid: [spec.preferredNodeSelectors[0].preference: Required value, spec.preferredNodeSelectors[0].weight: Invalid value: 101: spec.preferredNodeSelectors[0].weight in body should be less than or equal to 100]',
    ],
  ];
  for (const [name, path, body, message] of rows) {
    await test.step(name, async () => {
      const answer = await stage.post(path, body);
      assertEquals([answer.code, answer.body.message], [422, message]);
    });
  }
});

Deno.test("Custom kinds: two versions of BGPPeer are one object, and the old one says that it is old", async () => {
  const stage = new EmbeddedStage();
  const path = (version: string) => `/apis/metallb.io/${version}/namespaces/default/bgppeers`;
  const spec = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254" };
  const made = await stage.post(path("v1beta1"), { metadata: { name: "r1" }, spec });
  assertEquals([made.code, made.body.apiVersion, made.headers.get("warning")], [
    201,
    "metallb.io/v1beta1",
    '299 - "metallb.io/v1beta1 BGPPeer is deprecated, use metallb.io/v1beta2"',
  ]);
  const seen = (await stage.get(`${path("v1beta2")}/r1`)).body;
  assertEquals([seen.apiVersion, seen.metadata.uid, seen.spec.holdTime], [
    "metallb.io/v1beta2",
    made.body.metadata.uid,
    undefined,
  ]);
});
