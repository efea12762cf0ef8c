import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { X509Certificate } from "node:crypto";
import { WebhookCertificates } from "../../lib/app/webhook_certificates.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import type { TlsCertificate } from "../../lib/edge/http/certificates.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { FakeTime } from "../kube/fake_time.ts";
import { CONFIGURATION, DEFINITION, SECRET, WebhookApi } from "./webhook_api.ts";

const DAY_MS = 86_400_000;
const HALF_DAY_MS = DAY_MS / 2;

class Replica {
  readonly served: TlsCertificate[] = [];
  readonly log: LogEvent[] = [];
  readonly time = new FakeTime();
  /** Added to the wall clock. */
  laterMs = 0;
  readonly certificates: WebhookCertificates;

  constructor(api: WebhookApi) {
    const { schedule, clock } = this.time;
    this.certificates = new WebhookCertificates({
      namespace: "ns",
      secretName: "metallb-webhook-cert",
      serviceName: "hook",
    }, {
      client: new KubeClient({ baseUrl: "https://api.test" }, { fetch: api.fetch, schedule }),
      clock: { now: clock.now, wallMs: () => clock.wallMs() + this.laterMs },
      rng: new SeededRng(1),
      log: (event) => void this.log.push(event),
      schedule,
      onCertificate: (certificate) => void this.served.push(certificate),
    });
  }

  get warnings(): string[] {
    return this.log.filter(({ level }) => level === "warn").map(({ error }) => String(error));
  }
}

/** WebCrypto answers from outside of the event loop: looks again each turn, up to a limit that no machine reaches. */
async function until(check: () => boolean): Promise<void> {
  for (let turn = 0; turn < 60_000 && !check(); turn++) await new Promise((done) => setTimeout(done, 0));
  assertEquals(check(), true);
}

async function withReplica(run: (replica: Replica, api: WebhookApi) => Promise<void>, api = new WebhookApi()) {
  const replica = new Replica(api);
  replica.certificates.start();
  try {
    await run(replica, api);
  } finally {
    await replica.certificates.stop();
  }
}

const trusts = (api: WebhookApi) => api.trusted().every((each) => each !== "" && each === api.secret("ca.crt"));

Deno.test("Webhook certificates: an empty Secret is filled, everybody is told, and only then it is served", async () => {
  await withReplica(async (replica, api) => {
    await until(() => replica.served.length > 0);
    assertEquals(trusts(api), true);
    assertEquals(api.patches.map(({ path }) => path), [SECRET, CONFIGURATION, DEFINITION]);
    assertEquals(replica.served[0], { certPem: api.secret("tls.crt"), keyPem: api.secret("tls.key") });
    const { subjectAltName } = new X509Certificate(replica.served[0]!.certPem);
    assertStringIncludes(subjectAltName!, "DNS:hook.ns.svc, DNS:hook.ns.svc.cluster.local");
    assertEquals(JSON.stringify(replica.log).includes("PRIVATE"), false);
  });
});

Deno.test("Webhook certificates: what is right is not written again, by whoever looks", async () => {
  await withReplica(async (first, api) => {
    await until(() => first.served.length > 0);
    await withReplica(async (second) => {
      await until(() => second.served.length > 0);
      assertEquals(second.served, first.served);
      await second.time.advance(HALF_DAY_MS);
      assertEquals(api.patches.length, 3);
    }, api);
  });
});

Deno.test("Webhook certificates: of replicas that start at one time one writes the Secret, and all serve what it wrote", async () => {
  const api = new WebhookApi();
  const replicas = Array.from({ length: 3 }, () => new Replica(api));
  for (const replica of replicas) replica.certificates.start();
  await until(() => replicas.every(({ served }) => served.length > 0));
  await until(() => trusts(api));
  assertEquals(api.patches.filter(({ path, code }) => path === SECRET && code === 200).length, 1);
  for (const { served, warnings } of replicas) {
    assertEquals([served.at(-1)?.certPem, warnings], [api.secret("tls.crt"), []]);
  }
  for (const replica of replicas) await replica.certificates.stop();
});

Deno.test("Webhook certificates: renewed within half a day of being due, with the authority that is known", async () => {
  await withReplica(async (replica, api) => {
    await until(() => replica.served.length > 0);
    const authority = api.secret("ca.crt");
    replica.laterMs = 274 * DAY_MS;
    await replica.time.advance(HALF_DAY_MS);
    assertEquals(replica.served.length, 1);
    replica.laterMs = 276 * DAY_MS;
    await replica.time.advance(HALF_DAY_MS);
    await until(() => replica.served.length === 2);
    assertEquals([api.secret("ca.crt"), trusts(api)], [authority, true]);
    assertEquals(replica.served[1]!.certPem, api.secret("tls.crt"));
  });
});

Deno.test("Webhook certificates: an authority that somebody removes is put back, in each place", async () => {
  await withReplica(async (replica, api) => {
    await until(() => replica.served.length > 0);
    api.put(CONFIGURATION, {
      webhooks: [{ name: "b", clientConfig: {} }, { name: "c", clientConfig: { caBundle: "eA==" } }],
    });
    await until(() => trusts(api));
    api.put(DEFINITION, { spec: { conversion: { strategy: "Webhook", webhook: { clientConfig: {} } } } });
    await until(() => trusts(api));
    assertEquals(replica.served.length, 1);
  });
});

Deno.test("Webhook certificates: without its Secret it says what to do, once, and starts when it comes", async () => {
  const api = new WebhookApi();
  api.remove(SECRET);
  await withReplica(async (replica) => {
    await until(() => replica.warnings.length > 0);
    await replica.time.advance(2 * DAY_MS);
    assertEquals(replica.warnings, [
      "there is no Secret ns/metallb-webhook-cert; create an empty one, as the install file does",
    ]);
    api.put(SECRET, {});
    await until(() => replica.served.length > 0);
  }, api);
});

Deno.test("Webhook certificates: without the right to write the Secret nothing is served, it is said once and tried again", async () => {
  const api = new WebhookApi();
  api.forbidden.add(SECRET);
  await withReplica(async (replica) => {
    await until(() => replica.warnings.length > 0);
    const before = api.patches.length;
    await replica.time.advance(60_000);
    await until(() => api.patches.length > before);
    assertEquals([replica.served.length, replica.warnings], [0, ["it cannot be written: Forbidden by the test"]]);
    api.forbidden.clear();
    await replica.time.advance(60_000);
    await until(() => replica.served.length > 0);
  }, api);
});

Deno.test("Webhook certificates: without the right to tell the API server it is served all the same, said and tried again", async () => {
  const api = new WebhookApi();
  api.forbidden.add(DEFINITION);
  await withReplica(async (replica) => {
    await until(() => replica.served.length > 0);
    assertStringIncludes(replica.warnings.join(), "CustomResourceDefinition bgppeers.metallb.io: Forbidden");
    api.forbidden.clear();
    await replica.time.advance(60_000);
    await until(() => trusts(api));
  }, api);
});

Deno.test("Webhook certificates: while the API server cannot be told of a new authority, the old certificate is served", async () => {
  await withReplica(async (replica, api) => {
    await until(() => replica.served.length > 0);
    api.forbidden.add(CONFIGURATION);
    const old = api.secret("ca.crt");
    api.put(SECRET, {});
    await until(() => replica.warnings.length > 0);
    assertEquals([replica.served.length, api.secret("ca.crt") === old], [1, false]);
    api.forbidden.clear();
    await replica.time.advance(60_000);
    await until(() => replica.served.length === 2);
    assertEquals(trusts(api), true);
  });
});

Deno.test("Webhook certificates: without the right to tell the API server a certificate of the known authority is renewed", async () => {
  await withReplica(async (replica, api) => {
    await until(() => replica.served.length > 0);
    api.forbidden.add(DEFINITION);
    api.put(DEFINITION, { spec: { conversion: { strategy: "Webhook", webhook: { clientConfig: {} } } } });
    await until(() => replica.warnings.length > 0);
    replica.laterMs = 276 * DAY_MS;
    await replica.time.advance(HALF_DAY_MS);
    await until(() => replica.served.length === 2);
  });
});

Deno.test("Webhook certificates: a CRD without a conversion webhook is left alone", async () => {
  const api = new WebhookApi();
  const without = { spec: { conversion: { strategy: "None" } } };
  api.put(DEFINITION, without);
  await withReplica(async (replica) => {
    await until(() => replica.served.length > 0);
    assertEquals(api.objects.get(DEFINITION)?.["spec"], without.spec);
    assertEquals(replica.warnings, []);
  }, api);
});
