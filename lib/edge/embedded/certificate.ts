/**
 * A self-signed certificate authority and a server certificate from it, made anew at every start: nothing secret is
 * ever stored, and clients get the authority in their kubeconfig.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../../base/time.ts";

export interface ServerCertificate {
  /** PEM of the authority, for clients. */
  readonly caPem: string;
  /** PEM of the server's certificate. */
  readonly certPem: string;
  /** PEM (PKCS #8) of the server's key. */
  readonly keyPem: string;
}

const VALID_DAYS = 365;
const DAY_MS = 24 * 3600 * 1000;
/** Clocks of clients may be a little behind. */
const BACKDATE_MS = 3600 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate for the given host names and IP addresses. Keys come from the system's randomness. */
export async function makeServerCertificate(
  options: { readonly hosts: readonly string[] },
  deps: { readonly clock: Clock },
): Promise<ServerCertificate> {
  const now = deps.clock.wallMs();
  const validity = { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + VALID_DAYS * DAY_MS) };
  const caKeys = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serialNumber(),
    name: "CN=herald-embedded-api-ca",
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const names = options.hosts.map((value) => ({ type: isAddress(value) ? "ip" as const : "dns" as const, value }));
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: serialNumber(),
    subject: "CN=herald-embedded-api",
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { caPem: ca.toString("pem"), certPem: certificate.toString("pem"), keyPem: pem("PRIVATE KEY", key) };
}

function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Positive and not zero in DER.
  bytes[0] = bytes[0]! & 0x7f | 0x01;
  return bytes.toHex();
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[0-9.]+$/.test(host);
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
