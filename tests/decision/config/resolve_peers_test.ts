import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { nodeObject } from "../objects.ts";
import { bfdObject, peerObject, resolveAll, secretObject } from "./bgp_objects.ts";

const basicAuth = (password: string) => ({ type: "kubernetes.io/basic-auth", data: { password: btoa(password) } });

Deno.test("BGPPeer: a wrong one is disabled alone, and each rule has its path (reference §2.8)", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ myASN: undefined }, "spec.myASN missingField"],
    [{ myASN: "64500" }, "spec.myASN wrongType"],
    [{ myASN: -1 }, "spec.myASN invalidValue"],
    [{ myASN: 4294967296 }, "spec.myASN invalidValue"],
    [{ myASN: 1.5 }, "spec.myASN wrongType"],
    [{ myASN: 0 }, "spec.myASN invalidValue"],
    [{ peerASN: undefined }, "spec.peerASN missingField"],
    [{ peerASN: 0 }, "spec.peerASN missingField"],
    [{ peerASN: 4294967296 }, "spec.peerASN invalidValue"],
    [{ dynamicASN: "internal" }, "spec.dynamicASN conflictingFields"],
    [{ peerASN: undefined, dynamicASN: "both" }, "spec.dynamicASN invalidValue"],
    [{ peerASN: undefined, dynamicASN: "" }, "spec.dynamicASN invalidValue"],
    [{ peerASN: 64500, ebgpMultiHop: true }, "spec.ebgpMultiHop conflictingFields"],
    [{ localASN: 0 }, "spec.localASN invalidValue"],
    [{ localASN: 64501 }, "spec.localASN conflictingFields"],
    [{ peerASN: 64500, localASN: 64502 }, "spec.localASN conflictingFields"],
    [{ peerASN: undefined, dynamicASN: "internal", localASN: 64502 }, "spec.localASN conflictingFields"],
    [{ peerAddress: undefined }, "spec.peerAddress missingField"],
    [{ peerAddress: "" }, "spec.peerAddress missingField"],
    [{ interface: "eth0" }, "spec.interface conflictingFields"],
    [{ peerAddress: "router-1" }, "spec.peerAddress invalidAddress"],
    [{ peerAddress: "192.0.2.1/32" }, "spec.peerAddress invalidAddress"],
    [{ peerAddress: "fe80::1%eth0" }, "spec.peerAddress invalidAddress"],
    [{ sourceAddress: "192.0.2" }, "spec.sourceAddress invalidAddress"],
    [{ sourceAddress: "2001:db8::1" }, "spec.sourceAddress invalidAddress"],
    [{ routerID: "1" }, "spec.routerID invalidAddress"],
    [{ routerID: "2001:db8::1" }, "spec.routerID invalidAddress"],
    [{ routerID: "0.0.0.0" }, "spec.routerID invalidAddress"],
    [{ peerPort: 0 }, "spec.peerPort invalidValue"],
    [{ peerPort: 16385 }, "spec.peerPort invalidValue"],
    [{ holdTime: "abc" }, "spec.holdTime invalidValue"],
    [{ holdTime: 90 }, "spec.holdTime wrongType"],
    [{ holdTime: "2.9s" }, "spec.holdTime invalidValue"],
    [{ holdTime: "-5s" }, "spec.holdTime invalidValue"],
    [{ holdTime: "9999h" }, "spec.holdTime invalidValue"],
    [{ holdTime: "65536s" }, "spec.holdTime invalidValue"],
    [{ holdTime: "9s", keepaliveTime: "10s" }, "spec.keepaliveTime invalidValue"],
    [{ holdTime: "0s", keepaliveTime: "1s" }, "spec.keepaliveTime invalidValue"],
    [{ keepaliveTime: "-1s" }, "spec.keepaliveTime invalidValue"],
    [{ keepaliveTime: "500ms" }, "spec.keepaliveTime invalidValue"],
    [{ keepaliveTime: "1ns" }, "spec.keepaliveTime invalidValue"],
    [{ keepaliveTime: "7h" }, "spec.keepaliveTime invalidValue"],
    [{ keepaliveTime: "soon" }, "spec.keepaliveTime invalidValue"],
    [{ connectTime: "0s" }, "spec.connectTime invalidValue"],
    [{ connectTime: "500ms" }, "spec.connectTime invalidValue"],
    [{ connectTime: "1.5s" }, "spec.connectTime invalidValue"],
    [{ connectTime: "1s1ns" }, "spec.connectTime invalidValue"],
    [{ connectTime: "65536s" }, "spec.connectTime invalidValue"],
    [{ connectTime: "abc" }, "spec.connectTime invalidValue"],
    [{ nodeSelectors: {} }, "spec.nodeSelectors wrongType"],
    [{ nodeSelectors: [{}, {}] }, "spec.nodeSelectors[1] duplicateEntry"],
    [
      { nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "is" }] }] },
      "spec.nodeSelectors[0].matchExpressions[0].operator invalidSelector",
    ],
    [{ password: "x", passwordSecret: { name: "good" } }, "spec.password conflictingFields"],
    [{ password: 5 }, "spec.password wrongType"],
    [{ password: "x".repeat(81) }, "spec.password invalidValue"],
    [{ passwordSecret: "s" }, "spec.passwordSecret wrongType"],
    [{ passwordSecret: { name: "none" } }, "spec.passwordSecret.name unknownSecret"],
    [{ passwordSecret: { name: "tls" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "no-key" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "empty" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "binary" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "no-base64" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "wrong" } }, "spec.passwordSecret.name invalidSecret"],
    [{ passwordSecret: { name: "long" } }, "spec.passwordSecret.name invalidValue"],
    [{ bfdProfile: "fats" }, "spec.bfdProfile unknownBfdProfile"],
    [{ bfdProfile: "broken" }, "spec.bfdProfile disabledBfdProfile"],
    [{ ebgpMultiHop: "yes" }, "spec.ebgpMultiHop wrongType"],
    [{ enableGracefulRestart: 1 }, "spec.enableGracefulRestart wrongType"],
    [{ disableMP: "no" }, "spec.disableMP wrongType"],
    [{ dualStackAddressFamily: "no" }, "spec.dualStackAddressFamily wrongType"],
    [{ vrf: 5 }, "spec.vrf wrongType"],
  ];
  const secrets = [
    secretObject("good", basicAuth("x")),
    secretObject("tls", { type: "kubernetes.io/tls", data: { password: btoa("x") } }),
    secretObject("no-key", { type: "Opaque", data: { Password: btoa("x") } }),
    secretObject("empty", { type: "Opaque", data: { password: "" } }),
    secretObject("binary", { type: "Opaque", data: { password: btoa("\xff\xfe") } }),
    secretObject("no-base64", { type: "Opaque", data: { password: "?" } }),
    secretObject("wrong", { data: "x" }),
    secretObject("long", basicAuth("x".repeat(81))),
  ];
  const bfdProfiles = [bfdObject("fast"), bfdObject("broken", { detectMultiplier: 1 })];
  for (const [spec, expected] of table) {
    const { config, problems } = resolveAll({
      bgpPeers: [peerObject("bad", spec), peerObject("good", { peerAddress: "192.0.2.9" })],
      bfdProfiles,
      secrets,
    });
    const errors = problems.filter(({ severity, kind }) => severity === "error" && kind === "BGPPeer");
    assertEquals(errors.map(({ path, reason }) => `${path} ${reason}`), [expected], JSON.stringify(spec));
    assertEquals(config.bgpPeers.map(({ name }) => name), ["good"], JSON.stringify(spec));
  }
});

Deno.test("BGPPeer: without a spec there is nothing to connect to", () => {
  const { short, config } = resolveAll({ bgpPeers: [{ metadata: { name: "p" } }, null, 5] });
  assertEquals(short, ["error   notAnObject", "error   notAnObject", "error p spec missingField"]);
  assertEquals(config.bgpPeers, []);
});

Deno.test("BGPPeer: what works all the same is warned about", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ password: "x" }, "spec.password plainPassword"],
    [{ disableMP: true }, "spec.disableMP deprecatedField"],
    [{ passwordSecret: { name: "s", namespace: "other" } }, "spec.passwordSecret.namespace ignoredField"],
    [{ passwordSecret: { name: "newline" } }, "spec.passwordSecret.name invalidSecret"],
    [{ nodeSelectors: [{ matchLabels: { no: "such" } }] }, "spec.nodeSelectors matchesNothing"],
    [{ holdTime: "90s", keepaliveTime: "0s" }, "spec.keepaliveTime invalidValue"],
    [{ holdTime: "500ms" }, "spec.holdTime invalidValue"],
    [{ peerASN: undefined, dynamicASN: "internal", ebgpMultiHop: true }, "spec.ebgpMultiHop ignoredField"],
    [{ peerAddress: "2001:db8::1", bfdProfile: "echo" }, "spec.bfdProfile echoWithIpv6"],
    [{ peerAddress: undefined, interface: "eth0", bfdProfile: "echo" }, "spec.bfdProfile echoWithIpv6"],
  ];
  for (const [spec, expected] of table) {
    const { short, config } = resolveAll({
      bgpPeers: [peerObject("p", spec)],
      bfdProfiles: [bfdObject("echo", { echoMode: true })],
      secrets: [secretObject("s", basicAuth("x")), secretObject("newline", basicAuth("x\n"))],
      nodes: [nodeObject("n")],
    });
    assertEquals([short, config.bgpPeers.length], [[`warning p ${expected}`], 1], JSON.stringify(spec));
  }
});

Deno.test("BGPPeer: MetalLB's words, where its users look for them (reference §9.3)", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ bfdProfile: "fast" }, "peer p referencing non existing bfd profile fast"],
    [
      { passwordSecret: { name: "none" } },
      'parsing peer p secret ref not found for peer config "metallb-system"/"p"\nfailed to parse peer p password secret',
    ],
    [
      { passwordSecret: { name: "tls" } },
      'parsing peer p secret type mismatch on "metallb-system"/"tls", type "kubernetes.io/basic-auth" is expected ' +
      "\nfailed to parse peer p password secret",
    ],
  ];
  const secrets = [secretObject("tls", { type: "kubernetes.io/tls" })];
  for (const [spec, text] of table) {
    const { problems } = resolveAll({ bgpPeers: [peerObject("p", spec)], secrets });
    assertEquals(problems.map(({ metallbText }) => metallbText), [text]);
  }
  const address = resolveAll({ bgpPeers: [peerObject("p", { peerAddress: "x" })] }).problems[0];
  assertStringIncludes(address?.metallbText ?? "", "invalid BGPPeer address");
});

Deno.test("BGPPeer: passwords come from basic-auth and Opaque Secrets verbatim, and never stand in a problem", () => {
  const table: [Record<string, unknown>, string][] = [
    [basicAuth("hunter2"), "hunter2"],
    [{ type: "Opaque", data: { password: btoa("hunter2") } }, "hunter2"],
    [{ data: { password: btoa("hunter2 \n") } }, "hunter2 \n"],
    [{ type: "Opaque", stringData: { password: "hunter2" }, data: { password: btoa("old") } }, "hunter2"],
    [{ type: "Opaque", data: { password: btoa("h\xc3\xa9") } }, "hé"],
    [{ type: "Opaque", data: { password: btoa("x".repeat(80)) } }, "x".repeat(80)],
  ];
  for (const [secret, password] of table) {
    const { config } = resolveAll({
      bgpPeers: [peerObject("p", { passwordSecret: { name: "s" } })],
      secrets: [secretObject("s", secret)],
    });
    assertEquals(config.bgpPeers[0]?.password, password);
  }
  const secret = "s3cr3t".repeat(20);
  const { problems } = resolveAll({
    bgpPeers: [
      peerObject("a", { password: secret }),
      peerObject("b", { password: secret, passwordSecret: { name: "s" } }),
      peerObject("c", { passwordSecret: { name: "s" } }),
      peerObject("d", { passwordSecret: { name: "t" } }),
    ],
    secrets: [
      secretObject("s", basicAuth(secret)),
      secretObject("t", { type: "tls", stringData: { password: secret } }),
    ],
  });
  assertEquals(problems.filter(({ severity }) => severity === "error").length, 4);
  assertEquals(JSON.stringify(problems).includes("s3cr3t"), false);
});

Deno.test("BGPPeer: nothing is said about Secrets and profiles that are not known, and about Secrets nobody names", () => {
  const peer = peerObject("p", { passwordSecret: { name: "s" }, bfdProfile: "b" });
  const { config, short } = resolveAll({ bgpPeers: [peer], secrets: undefined, bfdProfiles: undefined });
  assertEquals([short, config.bgpPeers[0]?.bfdProfile, config.bgpPeers[0]?.password], [[], "b", undefined]);
  assertEquals(resolveAll({ secrets: [secretObject("s", { data: 5 }), null] }).short, []);
});

Deno.test("BGPPeer: timers follow from one another in thirds of whole seconds (reference §2.8)", () => {
  const table: [Record<string, unknown>, number | undefined, number | undefined][] = [
    [{}, undefined, undefined],
    [{ holdTime: "0s" }, 0, 0],
    [{ holdTime: "0s", keepaliveTime: "0s" }, 0, 0],
    [{ keepaliveTime: "0s" }, 0, 0],
    [{ holdTime: "90s" }, 90_000, 30_000],
    [{ holdTime: "3.9s" }, 3_000, 1_000],
    [{ holdTime: "10s" }, 10_000, 3_333],
    [{ holdTime: "65535s" }, 65_535_000, 21_845_000],
    [{ keepaliveTime: "1s" }, 3_000, 1_000],
    [{ keepaliveTime: "20s" }, 60_000, 20_000],
    [{ holdTime: "1m30s", keepaliveTime: "90s" }, 90_000, 90_000],
    [{ holdTime: "90s", keepaliveTime: "0s" }, 90_000, 30_000],
  ];
  for (const [spec, hold, keepalive] of table) {
    const { bgpPeers } = resolveAll({ bgpPeers: [peerObject("p", spec)] }).config;
    assertEquals([bgpPeers[0]?.holdTimeMs, bgpPeers[0]?.keepaliveTimeMs], [hold, keepalive], JSON.stringify(spec));
  }
});

Deno.test("BGPPeer: every field arrives, with its default", () => {
  const full = peerObject("full", {
    peerASN: undefined,
    dynamicASN: "external",
    localASN: 64502,
    peerAddress: "2001:DB8::0001",
    sourceAddress: "2001:db8::2",
    peerPort: 1179,
    connectTime: "1m5s",
    routerID: "192.0.2.7",
    nodeSelectors: [{ matchLabels: { rack: "a" } }],
    bfdProfile: "fast",
    enableGracefulRestart: true,
    ebgpMultiHop: true,
    vrf: "red",
    dualStackAddressFamily: true,
  });
  const { config, short } = resolveAll({
    bgpPeers: [full, peerObject("b-plain"), peerObject("a-link", { peerAddress: null, interface: "eth0" })],
    bfdProfiles: [bfdObject("fast")],
  });
  assertEquals(short, []);
  assertEquals(config.bgpPeers.map(({ name, interfaceName }) => [name, interfaceName]), [
    ["a-link", "eth0"],
    ["b-plain", undefined],
    ["full", undefined],
  ]);
  const { nodeSelectors, ...rest } = config.bgpPeers[2]!;
  assertEquals(nodeSelectors.map(({ text }) => text), ["rack in (a)"]);
  assertEquals(rest, {
    name: "full",
    namespace: "metallb-system",
    myAsn: 64500,
    peerAsn: "external",
    localAsn: 64502,
    peerAddress: "2001:db8::1",
    interfaceName: undefined,
    sourceAddress: "2001:db8::2",
    peerPort: 1179,
    holdTimeMs: undefined,
    keepaliveTimeMs: undefined,
    connectTimeMs: 65_000,
    routerId: "192.0.2.7",
    password: undefined,
    bfdProfile: "fast",
    gracefulRestart: true,
    ebgpMultiHop: true,
    vrf: "red",
    dualStackAddressFamily: true,
  });
  const plain = config.bgpPeers[1]!;
  assertEquals(
    [plain.peerPort, plain.vrf, plain.ebgpMultiHop, plain.gracefulRestart, plain.dualStackAddressFamily],
    [179, "", false, false, false],
  );
});

Deno.test("BGPPeer: two sessions of one node with one router are refused, the later name gives way", () => {
  const rack = (name: string) => ({ nodeSelectors: [{ matchLabels: { rack: name } }] });
  const nodes = [
    nodeObject("n1", { labels: { rack: "a" } }),
    nodeObject("n2", { labels: { rack: "b" } }),
  ];
  const both = { nodeSelectors: [{ matchExpressions: [{ key: "rack", operator: "Exists" }] }] };
  // Specs of peers "a" and "b", whether b is refused with the nodes known, and with nothing known of nodes.
  const table: [Record<string, unknown>, Record<string, unknown>, boolean, boolean][] = [
    [{}, {}, true, true],
    [{}, rack("a"), true, true],
    [rack("a"), rack("a"), true, true],
    [rack("a"), both, true, false],
    [{ peerAddress: "::ffff:192.0.2.1" }, {}, true, true],
    [{ peerAddress: undefined, interface: "eth0" }, { peerAddress: undefined, interface: "eth0" }, true, true],
    [{ vrf: "red" }, { vrf: "red" }, true, true],
    [{}, rack("none"), false, true],
    [rack("a"), rack("b"), false, false],
    [{}, { peerPort: 1179 }, false, false],
    [{}, { vrf: "red" }, false, false],
    [{}, { peerAddress: "192.0.2.2" }, false, false],
    [{ sourceAddress: "192.0.2.8" }, { sourceAddress: "192.0.2.9" }, false, false],
  ];
  for (const [first, second, withNodes, without] of table) {
    // No list of nodes says as little as an empty one.
    for (const list of [nodes, [], undefined]) {
      const known = list === nodes;
      const { problems } = resolveAll({ bgpPeers: [peerObject("b", second), peerObject("a", first)], nodes: list });
      const errors = problems.filter(({ severity }) => severity === "error");
      const expected = (known ? withNodes : without) ? ["b conflictingPeers"] : [];
      assertEquals(
        errors.map(({ name, reason }) => `${name} ${reason}`),
        expected,
        JSON.stringify([first, second, known]),
      );
    }
  }
  const { problems } = resolveAll({ bgpPeers: [peerObject("a"), peerObject("b")] });
  assertEquals(problems[0]?.path, "spec.peerAddress");
  assertEquals(
    problems[0]?.metallbText,
    "peer 192.0.2.1 already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node",
  );
});

Deno.test("BGPPeer: several router IDs or AS numbers on one node are warned about and work", () => {
  const other = { peerAddress: "192.0.2.2" };
  const table: [Record<string, unknown>, Record<string, unknown>, string[]][] = [
    [{ routerID: "192.0.2.7" }, { ...other, routerID: "192.0.2.8" }, ["spec.routerID conflictingPeers"]],
    [{ routerID: "192.0.2.7" }, other, ["spec.routerID conflictingPeers"]],
    [{}, { ...other, myASN: 64999 }, ["spec.myASN conflictingPeers"]],
    [{}, { ...other, myASN: 64999, vrf: "red" }, []],
    [{ routerID: "192.0.2.7" }, { ...other, routerID: "192.0.2.7" }, []],
  ];
  for (const [first, second, expected] of table) {
    const { problems, config } = resolveAll({ bgpPeers: [peerObject("a", first), peerObject("b", second)] });
    assertEquals(problems.map(({ path, reason }) => `${path} ${reason}`), expected, JSON.stringify(second));
    assertEquals(config.bgpPeers.length, 2);
  }
});

Deno.test("BGPPeer: v1beta1 of files is held against its own schema and converted", () => {
  const old = (name: string, spec: unknown) => ({
    apiVersion: "metallb.io/v1beta1",
    kind: "BGPPeer",
    metadata: { name, namespace: "metallb-system" },
    spec,
  });
  const good = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" };
  const table: [unknown, string][] = [
    [{ ...good, peerASN: undefined }, "error p spec.peerASN missingField"],
    [{ ...good, peerAddress: undefined }, "error p spec.peerAddress missingField"],
    [{ ...good, peerPort: 16385 }, "error p spec.peerPort invalidValue"],
    [
      { ...good, nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] },
      "error p spec.nodeSelectors[0].matchExpressions[0].values missingField",
    ],
    [
      { ...good, nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In", values: [] }] }] },
      "error p spec.nodeSelectors[0].matchExpressions[0].values invalidValue",
    ],
    [good, "warning p apiVersion deprecatedField"],
  ];
  for (const [spec, expected] of table) {
    const { short, config } = resolveAll({ bgpPeers: [old("p", spec)] });
    assertEquals([short, config.bgpPeers.length], [[expected], expected.startsWith("error") ? 0 : 1]);
  }
});
