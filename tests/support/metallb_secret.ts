/** The Secret of the webhooks as a cluster has it that comes from MetalLB: made here, because keys do not belong into a repository. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { generateKeyPairSync } from "node:crypto";
import type { WebhookSecretData } from "../../lib/edge/http/webhook_certificate.ts";

const DAY_MS = 86_400_000;

/** As MetalLB's rotator leaves them (reference §3.2): RSA keys in PKCS #1, CN `cert`, O `metallb`, one name. */
export async function metallbSecret(options: { host: string; nowMs: number }): Promise<WebhookSecretData> {
  const { host, nowMs } = options;
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const pair = async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pkcs1 = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
    const pkcs8 = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    return {
      pkcs1,
      privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]),
      publicKey: await crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]),
    };
  };
  const [authorityKeys, keys] = [await pair(), await pair()];
  const validity = { notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(nowMs + 365 * DAY_MS) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=cert,O=metallb",
    ...validity,
    notAfter: new Date(nowMs + 3650 * DAY_MS),
    signingAlgorithm: algorithm,
    keys: authorityKeys,
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const server = await x509.X509CertificateGenerator.create({
    subject: "CN=cert",
    issuer: authority.subjectName,
    ...validity,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }])],
  });
  return {
    "ca.crt": `${authority.toString("pem")}\n`,
    "ca.key": authorityKeys.pkcs1,
    "tls.crt": `${server.toString("pem")}\n`,
    "tls.key": keys.pkcs1,
  };
}
