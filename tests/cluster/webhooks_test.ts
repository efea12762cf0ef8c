// needs: kube-apiserver etcd kubectl
// permissions: --allow-all
/** Real kubectl, a real kube-apiserver and the controller's webhooks: what users see, and what holds without them. */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../lib/base/kube.ts";
import { makeSelfSignedCertificate } from "../../lib/edge/http/certificates.ts";
import { metallbSecret } from "../support/metallb_secret.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/until.ts";
import { isReady, NAMESPACE, WebhookStage } from "../support/webhook_stage.ts";

type Json = Record<string, unknown>;

function manifest(
  kind: string,
  name: string,
  spec: Json,
  options: { version?: string; namespace?: string } = {},
): string {
  const { version = kind === "BGPPeer" ? "v1beta2" : "v1beta1", namespace = NAMESPACE } = options;
  return JSON.stringify({ apiVersion: `metallb.io/${version}`, kind, metadata: { name, namespace }, spec });
}

const pool = (name: string, ...addresses: string[]) => manifest("IPAddressPool", name, { addresses });
const PEER = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" };

async function withStage(run: (stage: WebhookStage) => Promise<void>) {
  const stage = await WebhookStage.start();
  try {
    await run(stage);
  } finally {
    await stage.stop();
  }
}

/** Resolves when the object is there: the API server hears of an authority a little later than who reads it. */
async function created({ kubectl }: WebhookStage, text: string, flags: readonly string[] = []): Promise<void> {
  let said = "";
  await until(() => `it is created; kubectl said: ${said}`, async () => {
    const { code, stderr } = await kubectl.run(["create", ...flags, "-f", "-"], text);
    said = stderr;
    return code === 0;
  });
}

/** `caBundle`s of the seven webhooks and of the conversion. */
async function bundlesOf({ api }: WebhookStage): Promise<(string | undefined)[]> {
  const configuration = await api.admin.get(RESOURCES.validatingWebhookConfigurations, {
    name: "metallb-webhook-configuration",
  });
  const definition = await api.admin.get(RESOURCES.customResourceDefinitions, { name: "bgppeers.metallb.io" });
  if (!configuration.ok || !definition.ok) throw new Error("the API server lost its objects");
  const webhooks = configuration.value["webhooks"] as { clientConfig: { caBundle?: string } }[];
  const spec = definition.value["spec"] as { conversion: { webhook: { clientConfig: { caBundle?: string } } } };
  return [...webhooks, spec.conversion.webhook].map(({ clientConfig }) => clientConfig.caBundle);
}

Deno.test("Webhooks on a real API server", async (t) => {
  await withStage(async (stage) => {
    const { kubectl } = stage;
    await t.step("before there is a controller nothing is created, with the reason", async () => {
      const said = await kubectl.fails("create -f -", pool("early", "10.9.0.0/24"));
      assertStringIncludes(said, 'failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io"');
    });

    const controller = await stage.startController();
    await t.step("the controller makes a certificate, stores it and tells the API server", async () => {
      const secret = JSON.parse(await kubectl.ok(`get secret -n ${NAMESPACE} metallb-webhook-cert -o json`));
      assertEquals(Object.keys(secret.data).sort(), ["ca.crt", "ca.key", "tls.crt", "tls.key"]);
      await until("all are told", async () => (await bundlesOf(stage)).every((each) => each === secret.data["ca.crt"]));
      assertEquals((await bundlesOf(stage)).length, 8);
      const text = JSON.stringify(controller.log);
      assertEquals(text.includes("PRIVATE KEY") || text.includes(secret.data["tls.key"]), false);
    });

    await created(stage, pool("nothing", "10.0.0.0/24"), ["--dry-run=server"]);

    await t.step("good manifests of every kind are admitted without a word", async () => {
      const good = [
        pool("gold", "10.0.0.0/24"),
        manifest("L2Advertisement", "l2", { ipAddressPools: ["gold"] }),
        manifest("Community", "names", { communities: [{ name: "vip", value: "64500:100" }] }),
        manifest("BGPAdvertisement", "bgp", { ipAddressPools: ["gold"], communities: ["vip"], aggregationLength: 24 }),
        manifest("BFDProfile", "fast", { receiveInterval: 100 }),
        manifest("BGPPeer", "router", { ...PEER, bfdProfile: "fast" }),
      ];
      const { stderr, stdout } = await kubectl.succeeds("apply -f -", good.join("\n"));
      assertEquals([stderr, stdout.split("\n").length], ["", 6]);
    });

    await t.step(
      "the bad one of two pools in one file is refused, in the words that users and tests know",
      async () => {
        const { code, stdout, stderr } = await kubectl.run(
          ["apply", "-f", "-"],
          `${pool("b-one", "10.1.0.0/24")}\n${pool("a-two", "10.1.0.128-10.1.0.140")}`,
        );
        assertEquals([code, stdout], [1, "ipaddresspool.metallb.io/b-one created"]);
        assertMatch(
          stderr,
          /^Error from server \(Forbidden\): .*admission webhook "ipaddresspoolvalidationwebhook\.metallb\.io" denied the request: spec\.addresses\[0\]: "10\.1\.0\.128-10\.1\.0\.140" overlaps with already defined CIDR "10\.1\.0\.0\/24" of pool "b-one" by 10\.1\.0\.128-10\.1\.0\.140; an address can be in one pool only$/,
        );
      },
    );

    for (const [title, text, said] of BAD) {
      await t.step(`refused: ${title}`, async () => {
        const stderr = await kubectl.fails("apply -f -", text);
        for (const words of said) assertStringIncludes(stderr, words);
      });
    }

    await t.step("what may come later is a warning that kubectl prints", async () => {
      const { stdout, stderr } = await kubectl.succeeds(
        "apply -f -",
        manifest("L2Advertisement", "typo", { ipAddressPools: ["golt"] }),
      );
      assertEquals(stdout, "l2advertisement.metallb.io/typo created");
      assertEquals(
        stderr,
        'Warning: spec.ipAddressPools[0]: there is no IPAddressPool named "golt"; did you mean "gold"?',
      );
    });

    await t.step("a BFD profile in use stays, and goes when nobody names it", async () => {
      const said = await kubectl.fails(`delete bfdprofile -n ${NAMESPACE} fast`);
      assertStringIncludes(said, 'failed to delete BFDProfile "fast": it is used by BGPPeer "router"');
      await kubectl.ok(`delete bgppeer -n ${NAMESPACE} router`);
      await kubectl.ok(`delete bfdprofile -n ${NAMESPACE} fast`);
    });

    await t.step("BGPPeer goes both ways through the conversion", async () => {
      const older = { ...PEER, peerPort: 180, holdTime: "90s", nodeSelectors: [{ matchLabels: { rack: "a" } }] };
      const { stderr } = await kubectl.succeeds(
        "create -f -",
        manifest("BGPPeer", "old", older, { version: "v1beta1" }),
      );
      assertStringIncludes(stderr, "v1beta1");
      const newest = JSON.parse(await kubectl.ok(`get bgppeers.v1beta2.metallb.io -n ${NAMESPACE} old -o json`));
      assertEquals([newest.apiVersion, newest.spec.peerPort, newest.spec.holdTime], ["metallb.io/v1beta2", 180, "90s"]);
      await kubectl.ok("create -f -", manifest("BGPPeer", "new", { ...PEER, peerAddress: "192.0.2.2", vrf: "red" }));
      const read = await kubectl.succeeds(`get bgppeers.v1beta1.metallb.io -n ${NAMESPACE} new -o json`);
      const asOld = JSON.parse(read.stdout);
      assertEquals([asOld.apiVersion, asOld.spec.peerAddress, asOld.spec.vrf], [
        "metallb.io/v1beta1",
        "192.0.2.2",
        undefined,
      ]);
      await kubectl.succeeds(`label bgppeers.v1beta1.metallb.io -n ${NAMESPACE} new touched=yes`);
      const back = JSON.parse(await kubectl.ok(`get bgppeers.v1beta2.metallb.io -n ${NAMESPACE} new -o json`));
      assertEquals([back.spec.vrf, back.metadata.labels.touched], ["red", "yes"]);
      const bad = manifest("BGPPeer", "bad", { ...PEER, peerAddress: "nonsense" }, { version: "v1beta1" });
      assertStringIncludes(await kubectl.fails("create -f -", bad), "invalid BGPPeer address");
    });

    await t.step("two routers of one address are for two racks, not for one", async () => {
      for (const rack of ["a", "b"]) {
        const node = { apiVersion: "v1", kind: "Node", metadata: { name: `node-${rack}`, labels: { rack } } };
        await kubectl.ok("create -f -", JSON.stringify(node));
      }
      const inRacks = (name: string, ...values: string[]) =>
        manifest("BGPPeer", name, {
          ...PEER,
          peerAddress: "192.0.2.9",
          nodeSelectors: [{ matchExpressions: [{ key: "rack", operator: "In", values }] }],
        });
      await kubectl.ok("create -f -", inRacks("rack-b", "b"));
      await kubectl.ok("create -f -", inRacks("rack-a", "a"));
      assertStringIncludes(await kubectl.fails("create -f -", inRacks("rack-c", "a", "c")), "already exists");
    });

    await t.step("the rights of the install file are enough", () => {
      const mine = new Set<unknown>(["secrets", "validatingwebhookconfigurations", "customresourcedefinitions"]);
      const refused = controller.log.filter((line) =>
        (mine.has(line["resource"]) || line.event.startsWith("webhook")) && JSON.stringify(line).includes("forbidden")
      );
      assertEquals(refused, []);
    });

    await t.step("an authority that somebody removes or replaces comes back", async () => {
      const before = await bundlesOf(stage);
      const patches = [
        ["validatingwebhookconfiguration", "metallb-webhook-configuration", "/webhooks/0/clientConfig/caBundle"],
        ["crd", "bgppeers.metallb.io", "/spec/conversion/webhook/clientConfig/caBundle"],
      ];
      for (const [kind, name, path] of patches) {
        await kubectl.ok(`patch ${kind} ${name} --type=json -p [{"op":"remove","path":"${path}"}]`);
      }
      await until("it is back", async () => JSON.stringify(await bundlesOf(stage)) === JSON.stringify(before));
      await created(stage, pool("after-repair", "10.5.0.0/24"));
    });

    await t.step("a Secret that is emptied is filled anew, and the new certificate is served at once", async () => {
      const before = await bundlesOf(stage);
      await kubectl.ok(
        `patch secret -n ${NAMESPACE} metallb-webhook-cert --type=json -p [{"op":"remove","path":"/data"}]`,
      );
      await until(
        "there is another authority",
        async () => (await bundlesOf(stage)).every((each) => each !== before[0]),
      );
      await created(stage, pool("anew", "10.6.0.0/24"));
    });

    await t.step(
      "the authority of a MetalLB that was here before is taken over, and trusted by the API server",
      async () => {
        const left = await metallbSecret({ host: "metallb-webhook-service.metallb-system.svc", nowMs: Date.now() });
        // Its server certificate does not name the loopback address that this test calls.
        const data = { "ca.crt": btoa(left["ca.crt"]), "ca.key": btoa(left["ca.key"]), "tls.crt": "", "tls.key": "" };
        await kubectl.ok(
          `patch secret -n ${NAMESPACE} metallb-webhook-cert --type=merge -p ${JSON.stringify({ data })}`,
        );
        await until("it is told", async () => (await bundlesOf(stage)).every((each) => each === data["ca.crt"]));
        await created(stage, pool("theirs", "10.10.0.0/24"));
      },
    );

    await t.step("a second replica takes over the certificate that is there", async () => {
      const before = await bundlesOf(stage);
      const second = await stage.startController({ webhookPort: freePort() });
      assertEquals(second.log.some(({ event }) => event === "webhookCertificateRenewed"), false);
      assertEquals(await bundlesOf(stage), before);
      await second.end("SIGTERM");
    });

    await t.step("with the controller killed nothing is created, and every kind can be deleted", async () => {
      await kubectl.ok("create -f -", manifest("BFDProfile", "slow", {}));
      await kubectl.ok(`patch bgppeer -n ${NAMESPACE} new --type=merge -p {"spec":{"bfdProfile":"slow"}}`);
      await controller.end("SIGKILL");
      assertStringIncludes(await kubectl.fails("create -f -", pool("late", "10.8.0.0/24")), "failed calling webhook");
      for (
        const kind of ["bfdprofile", "bgppeer", "bgpadvertisement", "l2advertisement", "ipaddresspool", "community"]
      ) {
        const deleted = await kubectl.ok(`delete ${kind} -n ${NAMESPACE} --all`);
        assertStringIncludes(deleted, "deleted");
        assertEquals(await kubectl.ok(`get ${kind} -n ${NAMESPACE} -o name`), "");
      }
    });

    await t.step("a controller that starts again serves with what is stored", async () => {
      const before = await bundlesOf(stage);
      await stage.startController();
      assertEquals(await bundlesOf(stage), before);
      await kubectl.ok("create -f -", pool("again", "10.0.0.0/24"));
    });
  });
});

const BAD: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "a pool in another namespace",
    manifest("IPAddressPool", "x", { addresses: ["10.7.0.0/24"] }, { namespace: "default" }),
    [
      "resource must be created in metallb-system namespace",
    ],
  ],
  ["an address that is none", pool("x", "10.7.0.0/33"), ["spec.addresses[0]", "10.7.0.0/33"]],
  ["an advertisement too coarse for its pool", manifest("BGPAdvertisement", "x", { aggregationLength: 16 }), [
    "invalid aggregation length 16: prefix 24 in this pool is more specific than the aggregation length for addresses 10.0.0.0/24",
  ]],
  ["a value that cannot be decoded", manifest("BGPAdvertisement", "x", { localPref: -1 }), [
    "Error from server (BadRequest)",
    "spec.localPref",
  ]],
  ["a peer that is there already", manifest("BGPPeer", "x", PEER), ["already exists"]],
  [
    "a community that is defined already",
    manifest("Community", "x", {
      communities: [{ name: "vip", value: "64500:101" }],
    }),
    ["duplicate definition of community"],
  ],
];

Deno.test("Webhooks: without their Secret the rest of the controller works, says why it is not ready, and recovers", async () => {
  await withStage(async (stage) => {
    const { kubectl } = stage;
    await kubectl.ok(`delete secret -n ${NAMESPACE} metallb-webhook-cert`);
    // Something for the controller to do; the webhooks would refuse it.
    await kubectl.ok("delete validatingwebhookconfiguration metallb-webhook-configuration");
    await kubectl.ok("create -f -", pool("gold", "10.0.0.0/24"));
    const bad = JSON.parse(pool("silver", "10.0.0.128/25", "nonsense"));
    bad.metadata.finalizers = ["test.example/wait"];
    await kubectl.ok("create -f -", JSON.stringify(bad));
    const controller = await stage.startController({ waitUntilReady: false });
    await kubectl.ok("create service loadbalancer web --tcp=80:80");
    await until(
      "the Service has an address",
      async () => await kubectl.ok("get service web -o jsonpath={.status.loadBalancer.ingress[0].ip}") === "10.0.0.0",
    );
    const failure = await controller.logged("webhookCertificateFailed");
    assertStringIncludes(String(failure["error"]), `there is no Secret ${NAMESPACE}/metallb-webhook-cert`);
    assertEquals(await isReady(controller.healthPort), false);
    for (const object of await stage.webhookObjects()) {
      if (object["kind"] !== "Service") await kubectl.ok("create -f -", JSON.stringify(object));
    }
    await until("it is ready", () => isReady(controller.healthPort));
    await created(stage, pool("x", "10.2.0.0/24"));
    // What was bad before there were webhooks can be touched, is not made worse, and goes.
    await kubectl.ok(`annotate ipaddresspool -n ${NAMESPACE} silver note=x`);
    const worse = '{"spec":{"addresses":["10.0.0.0/24"]}}';
    const refused = await kubectl.fails(`patch ipaddresspool -n ${NAMESPACE} silver --type=merge -p ${worse}`);
    assertStringIncludes(refused, "overlaps with already defined CIDR");
    await kubectl.ok(`delete ipaddresspool -n ${NAMESPACE} silver --wait=false`);
    await kubectl.ok(`patch ipaddresspool -n ${NAMESPACE} silver --type=merge -p {"metadata":{"finalizers":[]}}`);
    assertStringIncludes(await kubectl.fails(`get ipaddresspool -n ${NAMESPACE} silver`), "not found");
    await controller.end("SIGTERM");
    assertEquals(controller.log.at(-1)?.event, "programStops");
  });
});

Deno.test("Webhooks: a certificate that others keep is read from files, and nothing of the cluster is touched", async () => {
  await withStage(async (stage) => {
    const { kubectl } = stage;
    const folder = await Deno.makeTempDir({ prefix: "herald-certs-" });
    try {
      const { certPem, keyPem, caPem } = await makeSelfSignedCertificate({
        hosts: ["127.0.0.1"],
        clock: { wallMs: () => Date.now() },
      });
      await Deno.writeTextFile(`${folder}/tls.crt`, certPem);
      await Deno.writeTextFile(`${folder}/tls.key`, keyPem);
      const bundle = JSON.stringify([{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: btoa(caPem) }]);
      await kubectl.ok(`patch validatingwebhookconfiguration metallb-webhook-configuration --type=json -p ${bundle}`);
      const flags = ["--disable-cert-rotation", `--cert-dir=${folder}`, "--webhook-mode=onlywebhook"];
      const controller = await stage.startController({ flags, reads: [folder] });
      await kubectl.ok("create -f -", pool("gold", "10.0.0.0/24"));
      assertStringIncludes(await kubectl.fails("create -f -", pool("x", "10.0.0.0/24")), "overlaps");
      assertEquals((await bundlesOf(stage)).filter((each) => each !== undefined).length, 1);
      const secret = JSON.parse(await kubectl.ok(`get secret -n ${NAMESPACE} metallb-webhook-cert -o json`));
      assertEquals(secret.data, undefined);
      // `onlywebhook`: Services are somebody else's.
      await kubectl.ok("create service loadbalancer web --tcp=80:80");
      assertEquals(controller.log.some(({ resource }) => resource === "services"), false);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
