import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import {
  AUTHORITY_VALIDITY_MS,
  RENEW_AHEAD_MS,
  renewWebhookCertificate,
  SERVER_VALIDITY_MS,
  type WebhookSecretData,
} from "../../lib/edge/http/webhook_certificate.ts";
import { metallbSecret } from "../support/metallb_secret.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2030, 0, 1, 12);
const HOST = "metallb-webhook-service.metallb-system.svc";
const HOSTS = [HOST, `${HOST}.cluster.local`];
const EMPTY: WebhookSecretData = { "ca.crt": "", "ca.key": "", "tls.crt": "", "tls.key": "" };

function at(wallMs: number) {
  return { hosts: HOSTS, clock: { wallMs: () => wallMs } };
}

async function made(wallMs = NOW_MS): Promise<WebhookSecretData> {
  return (await renewWebhookCertificate(EMPTY, at(wallMs))).data;
}

const BAD:
  readonly (readonly [string, (good: WebhookSecretData, other: WebhookSecretData) => WebhookSecretData, string])[] = [
    ["is empty", () => EMPTY, "all"],
    ["holds text that is no certificate", () => ({ ...EMPTY, "ca.crt": "x", "ca.key": "y", "tls.crt": "z" }), "all"],
    ["lacks the authority's key", (good) => ({ ...good, "ca.key": "" }), "all"],
    ["has another authority's key", (good, other) => ({ ...good, "ca.key": other["ca.key"] }), "all"],
    [
      "has a server certificate as authority",
      (good) => ({ ...good, "ca.crt": good["tls.crt"], "ca.key": good["tls.key"] }),
      "all",
    ],
    ["lacks the server's key", (good) => ({ ...good, "tls.key": "" }), "server"],
    ["has another server's key", (good, other) => ({ ...good, "tls.key": other["tls.key"] }), "server"],
    ["has a certificate of another authority", (good, other) => ({
      ...good,
      "tls.crt": other["tls.crt"],
      "tls.key": other["tls.key"],
    }), "server"],
  ];

for (const [title, spoil, renewed] of BAD) {
  Deno.test(`Webhook certificate: a Secret that ${title} gets anew: ${renewed}`, async () => {
    const [good, other] = [await made(), await made()];
    const result = await renewWebhookCertificate(spoil(good, other), at(NOW_MS));
    assertEquals(result.renewed, renewed);
    assertEquals((await renewWebhookCertificate(result.data, at(NOW_MS))).renewed, "nothing");
    if (renewed === "server") assertEquals(result.data["ca.crt"], good["ca.crt"]);
  });
}

Deno.test("Webhook certificate: another Service name needs another server certificate, of the same authority", async () => {
  const good = await made();
  const result = await renewWebhookCertificate(good, { ...at(NOW_MS), hosts: ["other.metallb-system.svc"] });
  assertEquals([result.renewed, result.data["ca.crt"]], ["server", good["ca.crt"]]);
  assertEquals(new X509Certificate(result.data["tls.crt"]).subjectAltName, "DNS:other.metallb-system.svc");
});

Deno.test("Webhook certificate: it names the Service, lasts a year and is signed by an authority of ten", async () => {
  const good = await made();
  const [server, authority] = [new X509Certificate(good["tls.crt"]), new X509Certificate(good["ca.crt"])];
  assertEquals(server.subjectAltName, `DNS:${HOST}, DNS:${HOST}.cluster.local`);
  assertEquals([server.verify(authority.publicKey), authority.ca, server.ca], [true, true, false]);
  assertEquals(Date.parse(server.validTo), NOW_MS + SERVER_VALIDITY_MS);
  assertEquals(Date.parse(authority.validTo), NOW_MS + AUTHORITY_VALIDITY_MS);
});

Deno.test("Webhook certificate: the server's is renewed ninety days ahead, not a second earlier", async () => {
  const good = await made();
  const dueMs = NOW_MS + SERVER_VALIDITY_MS - RENEW_AHEAD_MS;
  assertEquals((await renewWebhookCertificate(good, at(dueMs - 1000))).renewed, "nothing");
  const renewed = await renewWebhookCertificate(good, at(dueMs));
  assertEquals([renewed.renewed, renewed.caPem], ["server", good["ca.crt"]]);
  assertEquals(renewed.notAfterMs, dueMs + SERVER_VALIDITY_MS);
});

Deno.test("Webhook certificate: a new authority leaves the old one trusted, for replicas that still use it", async () => {
  const old = await made();
  const dueMs = NOW_MS + AUTHORITY_VALIDITY_MS - RENEW_AHEAD_MS;
  const renewed = await renewWebhookCertificate(old, at(dueMs));
  assertEquals(renewed.renewed, "all");
  assertEquals(renewed.caPem.endsWith(old["ca.crt"]), true);
  assertEquals(renewed.caPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  const authority = new X509Certificate(renewed.caPem);
  assertEquals(new X509Certificate(renewed.data["tls.crt"]).verify(authority.publicKey), true);
  assertEquals((await renewWebhookCertificate(renewed.data, at(dueMs))).renewed, "nothing");
});

Deno.test("Webhook certificate: an authority that has ended is not trusted any longer", async () => {
  const renewed = await renewWebhookCertificate(await made(), at(NOW_MS + AUTHORITY_VALIDITY_MS + DAY_MS));
  assertEquals(renewed.caPem.match(/BEGIN CERTIFICATE/g)?.length, 1);
});

Deno.test("Webhook certificate: what MetalLB left is taken over, and renewed with its authority", async () => {
  const left = await metallbSecret({ host: HOST, nowMs: NOW_MS });
  assertStringIncludes(left["ca.key"], "BEGIN RSA PRIVATE KEY");
  assertEquals((await renewWebhookCertificate(left, at(NOW_MS))).renewed, "nothing");
  const renewed = await renewWebhookCertificate(left, at(NOW_MS + SERVER_VALIDITY_MS));
  assertEquals([renewed.renewed, renewed.caPem], ["server", left["ca.crt"]]);
  const [server, authority] = [new X509Certificate(renewed.data["tls.crt"]), new X509Certificate(left["ca.crt"])];
  assertEquals([server.verify(authority.publicKey), server.issuer], [true, authority.subject]);
});

Deno.test("Webhook certificate: an authority whose key cannot sign here is replaced, and trusted while it lasts", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const algorithm = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
  const [pkcs8, spki] = [
    privateKey.export({ type: "pkcs8", format: "der" }),
    publicKey.export({ type: "spki", format: "der" }),
  ];
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=other",
    notBefore: new Date(NOW_MS - DAY_MS),
    notAfter: new Date(NOW_MS + AUTHORITY_VALIDITY_MS),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), algorithm, true, ["sign"]),
      publicKey: await crypto.subtle.importKey("spki", new Uint8Array(spki), algorithm, true, ["verify"]),
    },
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const renewed = await renewWebhookCertificate(
    { ...EMPTY, "ca.crt": authority.toString("pem"), "ca.key": keyPem },
    at(NOW_MS),
  );
  assertEquals([renewed.renewed, renewed.caPem.match(/BEGIN CERTIFICATE/g)?.length], ["all", 2]);
});
