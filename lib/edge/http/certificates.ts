/**
 * Certificates that Herald makes: for the metrics port, the embedded API and the webhooks when nobody gives us one.
 *
 * `makeSelfSignedCertificate` makes a certificate authority, signs one server certificate with it and forgets the
 * authority's key, so that nothing else can ever be signed by it. A bare self-signed certificate would be shorter, but
 * rustls refuses an authority as a server certificate, and the API server wants a `caBundle` that stays an authority.
 * The webhooks keep their authority (`webhook_certificate.ts`) and use the two steps one by one.
 *
 * Not here: where certificates are kept, and their renewal.
 * RFC 5280 (profile), RFC 9525 (names are matched against subjectAltName only).
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPrivateKey } from "node:crypto";
import type { Clock } from "../../base/time.ts";

/** A key with its certificate, in PEM, as TLS servers take it. */
export interface TlsCertificate {
  /** The server certificate followed by its authority. */
  readonly certPem: string;
  /** PKCS #8. A secret: never logged. */
  readonly keyPem: string;
}

export interface SelfSignedCertificate extends TlsCertificate {
  /** What a client has to trust: the authority alone. */
  readonly caPem: string;
  /** End of validity in wall time. */
  readonly notAfterMs: number;
}

export interface SelfSignedOptions {
  /** DNS names and IP addresses that clients will type; the first also becomes the common name. At most 100. */
  readonly hosts: readonly string[];
  readonly clock: Pick<Clock, "wallMs">;
  /** Default: one year. */
  readonly validityMs?: number;
}

const DAY_MS = 86_400_000;
const HOSTS_MAX = 100;
/** X.520 allows 64 characters in a common name, which is for people's eyes only. */
const COMMON_NAME_MAX = 64;
const SIGNING = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SIGNING_RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
/** Labels of letters, digits, `-` and `_`; a leading `*.` is a wildcard. */
const DNS_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/i;

/** Makes a fresh P-256 key and a certificate for `hosts`. Throws `RangeError` when a host is no name and no address. */
export async function makeSelfSignedCertificate(options: SelfSignedOptions): Promise<SelfSignedCertificate> {
  const { hosts, clock, validityMs = 365 * DAY_MS } = options;
  // Before any key is made: a wrong host is the caller's mistake.
  alternativeNamesOf(hosts);
  const authority = await makeAuthority({ clock, name: "Herald authority, made at start", validityMs });
  const server = await signServerCertificate({ hosts, clock, authority, validityMs });
  return { ...server, caPem: authority.caPem, certPem: server.certPem + authority.caPem };
}

/** A certificate that may sign others, in PEM, with its key. */
export interface Authority {
  readonly caPem: string;
  /** PKCS #8, or PKCS #1 where MetalLB made it. A secret: never logged. */
  readonly caKeyPem: string;
}

export async function makeAuthority(options: {
  readonly clock: Pick<Clock, "wallMs">;
  /** For people's eyes. */
  readonly name: string;
  readonly validityMs: number;
}): Promise<Authority> {
  const keys = await generateKeys();
  const { notBefore, notAfter } = validityOf(options);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["Herald"] }, { CN: [options.name] }],
    serialNumber: serialNumber(),
    notBefore,
    notAfter,
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { caPem: `${authority.toString("pem")}\n`, caKeyPem: await privateKeyPem(keys) };
}

/** A server certificate for `hosts`, without its authority behind it. Throws `RangeError` when a host is none. */
export async function signServerCertificate(
  options: SelfSignedOptions & { readonly authority: Authority; readonly validityMs: number },
): Promise<TlsCertificate & { readonly notAfterMs: number }> {
  const { hosts, authority } = options;
  const alternativeNames = alternativeNamesOf(hosts);
  const { notBefore, notAfter } = validityOf(options);
  const issuer = new x509.X509Certificate(authority.caPem);
  const signing = await importSigningKey(authority.caKeyPem);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: ["Herald"] }, { CN: [hosts[0]!.slice(0, COMMON_NAME_MAX)] }],
    issuer: issuer.subjectName,
    serialNumber: serialNumber(),
    notBefore,
    notAfter,
    signingAlgorithm: signing.algorithm,
    publicKey: keys.publicKey,
    signingKey: signing.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames),
      await authorityIdentifierOf(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certPem: `${certificate.toString("pem")}\n`,
    keyPem: await privateKeyPem(keys),
    notAfterMs: notAfter.getTime(),
  };
}

/** The authority's own word for its key, where it has one: there are several ways to compute it. */
async function authorityIdentifierOf(issuer: x509.X509Certificate): Promise<x509.AuthorityKeyIdentifierExtension> {
  const identifier = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (identifier !== null) return new x509.AuthorityKeyIdentifierExtension(identifier.keyId);
  return await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

function alternativeNamesOf(hosts: readonly string[]): ReturnType<typeof generalName>[] {
  if (hosts.length === 0 || hosts.length > HOSTS_MAX) {
    throw new RangeError(`A certificate names 1 to ${HOSTS_MAX} hosts, not ${hosts.length}`);
  }
  return hosts.map(generalName);
}

function validityOf(options: { readonly clock: Pick<Clock, "wallMs">; readonly validityMs: number }) {
  const nowMs = options.clock.wallMs();
  return {
    // A day back, because the clocks of the nodes of a bare-metal cluster are not always in step.
    notBefore: new Date(nowMs - DAY_MS),
    // X.509 counts whole seconds.
    notAfter: new Date(Math.floor((nowMs + options.validityMs) / 1000) * 1000),
  };
}

/** MetalLB's authorities have RSA keys in PKCS #1, which WebCrypto does not read. */
async function importSigningKey(keyPem: string) {
  const key = createPrivateKey(keyPem);
  const algorithm = key.asymmetricKeyType === "rsa" ? SIGNING_RSA : SIGNING;
  const der = key.export({ type: "pkcs8", format: "der" });
  return { algorithm, key: await crypto.subtle.importKey("pkcs8", new Uint8Array(der), algorithm, false, ["sign"]) };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
}

/** 127 random bits in hex: positive, as RFC 5280 §4.1.2.2 asks, and not zero. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toHex();
}

function generalName(host: string): { readonly type: "ip" | "dns"; readonly value: string } {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  if (IPV4.test(bare)) {
    if (bare.split(".").every((part) => Number(part) <= 255)) return { type: "ip", value: bare };
  } else if (bare.includes(":")) {
    if (URL.canParse(`http://[${bare}]/`)) return { type: "ip", value: bare };
  } else if (bare.length <= 253 && DNS_NAME.test(bare)) {
    return { type: "dns", value: bare };
  }
  throw new RangeError(`"${host}" is neither a DNS name nor an IP address`);
}

async function privateKeyPem(keys: CryptoKeyPair): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
