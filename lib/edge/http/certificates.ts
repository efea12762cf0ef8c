/**
 * Certificates that Herald makes: for the metrics port, the embedded API and the webhooks when nobody gives us one.
 *
 * `makeSelfSignedCertificate` makes a certificate authority, signs one server certificate with it and forgets the
 * authority's key, so that nothing else can ever be signed by it. A bare self-signed certificate would be shorter, but
 * rustls refuses an authority as a server certificate, and the API server wants a `caBundle` that stays an authority.
 * The webhooks keep their authority (`webhook_certificate.ts`) and use the two steps one by one.
 *
 * They are written out here because the library for it that does everything costs each program 8 MB of memory
 * and a part of its start; Herald needs seven extensions.
 *
 * Not here: where certificates are kept, and their renewal.
 * RFC 5280 (profile), RFC 5758 and RFC 4055 (signatures), RFC 9525 (names are matched against subjectAltName only).
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import { parseIp } from "../../base/ip.ts";
import type { Clock } from "../../base/time.ts";
import {
  DER_INTEGER,
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
  readDer,
} from "./der.ts";

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

/** ecdsa-with-SHA256 (RFC 5758 §3.2), and sha256WithRSAEncryption (RFC 4055 §5), whose parameters are NULL. */
const SIGNED_WITH_EC = derSequence(derObjectIdentifier("1.2.840.10045.4.3.2"));
const SIGNED_WITH_RSA = derSequence(derObjectIdentifier("1.2.840.113549.1.1.11"), Uint8Array.of(0x05, 0));

const COMMON_NAME = "2.5.4.3";
const ORGANIZATION = "2.5.4.10";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1";

/** Bits of a key usage (RFC 5280 §4.2.1.3), the first one highest. */
const DIGITAL_SIGNATURE = derBitString(Uint8Array.of(0b1000_0000), 7);
const CERTIFICATES_AND_LISTS = derBitString(Uint8Array.of(0b0000_0110), 1);

/** Tags of a GeneralName (RFC 5280 §4.2.1.6). */
const DNS_NAME_TAG = 2;
const IP_ADDRESS_TAG = 7;
/** Tag of the extensions in a certificate, and of the version. */
const EXTENSIONS_TAG = 3;
const VERSION_TAG = 0;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
/** Labels of letters, digits, `-` and `_`; a leading `*.` is a wildcard. */
const DNS_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/i;

/** Makes a fresh P-256 key and a certificate for `hosts`. Throws `RangeError` when a host is no name and no address. */
export function makeSelfSignedCertificate(options: SelfSignedOptions): SelfSignedCertificate {
  const { hosts, clock, validityMs = 365 * DAY_MS } = options;
  // Before any key is made: a wrong host is the caller's mistake.
  alternativeNamesOf(hosts);
  const authority = makeAuthority({ clock, name: "Herald authority, made at start", validityMs });
  const server = signServerCertificate({ hosts, clock, authority, validityMs });
  return { ...server, caPem: authority.caPem, certPem: server.certPem + authority.caPem };
}

/** A certificate that may sign others, in PEM, with its key. */
export interface Authority {
  readonly caPem: string;
  /** PKCS #8, or PKCS #1 where MetalLB made it. A secret: never logged. */
  readonly caKeyPem: string;
}

export function makeAuthority(options: {
  readonly clock: Pick<Clock, "wallMs">;
  /** For people's eyes. */
  readonly name: string;
  readonly validityMs: number;
}): Authority {
  const keys = generateKeys();
  const name = nameOf(options.name);
  const caPem = certificatePem({
    ...validityOf(options),
    issuer: name,
    subject: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      // An authority, of which no further authority may come.
      extension(BASIC_CONSTRAINTS, derSequence(derBoolean(true), derInteger(0)), { critical: true }),
      extension(KEY_USAGE, CERTIFICATES_AND_LISTS, { critical: true }),
      extension(SUBJECT_KEY_IDENTIFIER, derOctetString(keyIdentifierOf(keys.publicKey))),
    ],
  });
  return { caPem, caKeyPem: privateKeyPem(keys.privateKey) };
}

/** A server certificate for `hosts`, without its authority behind it. Throws `RangeError` when a host is none. */
export function signServerCertificate(
  options: SelfSignedOptions & { readonly authority: Authority; readonly validityMs: number },
): TlsCertificate & { readonly notAfterMs: number } {
  const { hosts, authority } = options;
  const alternativeNames = alternativeNamesOf(hosts);
  const validity = validityOf(options);
  const issuer = readIssuer(authority.caPem);
  const keys = generateKeys();
  const certPem = certificatePem({
    ...validity,
    issuer: issuer.name,
    subject: nameOf(hosts[0]!.slice(0, COMMON_NAME_MAX)),
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.caKeyPem),
    extensions: [
      extension(BASIC_CONSTRAINTS, derSequence(), { critical: true }),
      extension(KEY_USAGE, DIGITAL_SIGNATURE, { critical: true }),
      extension(EXTENDED_KEY_USAGE, derSequence(derObjectIdentifier(SERVER_AUTHENTICATION))),
      extension(SUBJECT_ALTERNATIVE_NAME, derSequence(...alternativeNames)),
      extension(AUTHORITY_KEY_IDENTIFIER, derSequence(derImplicit(0, issuer.keyIdentifier))),
      extension(SUBJECT_KEY_IDENTIFIER, derOctetString(keyIdentifierOf(keys.publicKey))),
    ],
  });
  return { certPem, keyPem: privateKeyPem(keys.privateKey), notAfterMs: validity.notAfter.getTime() };
}

/** What a certificate says, its values in DER. */
interface CertificateContent {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly extensions: readonly Uint8Array[];
}

/** Version 3 with a fresh serial number, signed (RFC 5280 §4.1). */
function certificatePem(content: CertificateContent): string {
  const { issuer, subject, notBefore, notAfter, publicKey, signingKey, extensions } = content;
  const signedWith = signatureAlgorithmOf(signingKey);
  const toBeSigned = derSequence(
    derExplicit(VERSION_TAG, derInteger(2)),
    derInteger(...serialNumber()),
    signedWith,
    issuer,
    derSequence(derTime(notBefore), derTime(notAfter)),
    subject,
    keyInfoOf(publicKey),
    derExplicit(EXTENSIONS_TAG, derSequence(...extensions)),
  );
  const signature = derBitString(sign("sha256", toBeSigned, signingKey));
  const lines = derSequence(toBeSigned, signedWith, signature).toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** For Herald's own keys, and for those of MetalLB's authorities. */
function signatureAlgorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): Uint8Array {
  if (type === "rsa") return SIGNED_WITH_RSA;
  if (type === "ec" && details?.namedCurve === "prime256v1") return SIGNED_WITH_EC;
  throw new Error(`An authority with a key of type ${type} ${details?.namedCurve ?? ""} cannot sign here`);
}

function extension(identifier: string, value: Uint8Array, { critical = false } = {}): Uint8Array {
  const content = [derObjectIdentifier(identifier), ...critical ? [derBoolean(true)] : [], derOctetString(value)];
  return derSequence(...content);
}

/** Herald's, with a common name. */
function nameOf(commonName: string): Uint8Array {
  const attribute = (type: string, text: string) => derSet(derSequence(derObjectIdentifier(type), derUtf8String(text)));
  return derSequence(attribute(ORGANIZATION, "Herald"), attribute(COMMON_NAME, commonName));
}

/**
 * What of an authority goes into a certificate that it signs. Its name byte by byte, because that is how issuers are
 * compared; its own word for its key where it has one, because there are several ways to compute it.
 */
function readIssuer(caPem: string): { readonly name: Uint8Array; readonly keyIdentifier: Uint8Array } {
  const certificate = new X509Certificate(caPem);
  const [whole] = readDer(new Uint8Array(certificate.raw));
  const [toBeSigned] = readDer(whole!.content);
  const fields = readDer(toBeSigned!.content);
  // The version stands before the serial number where it is not the first.
  const serialAt = fields.findIndex(({ tag }) => tag === DER_INTEGER);
  const name = fields[serialAt + 4]!.whole;
  const list = fields.find(({ tag }) => tag === derExplicit(EXTENSIONS_TAG, new Uint8Array())[0]);
  const identifier = derObjectIdentifier(SUBJECT_KEY_IDENTIFIER).toHex();
  for (const { content } of list === undefined ? [] : readDer(readDer(list.content)[0]!.content)) {
    const [type, ...rest] = readDer(content);
    if (type!.whole.toHex() !== identifier) continue;
    return { name, keyIdentifier: readDer(rest.at(-1)!.content)[0]!.content };
  }
  return { name, keyIdentifier: keyIdentifierOf(certificate.publicKey) };
}

/** SHA-1 of the key's bits: a name, nothing that has to be hard to forge (RFC 5280 §4.2.1.2). */
function keyIdentifierOf(publicKey: KeyObject): Uint8Array {
  const [, bits] = readDer(readDer(keyInfoOf(publicKey))[0]!.content);
  return createHash("sha1").update(bits!.content.subarray(1)).digest();
}

function keyInfoOf(publicKey: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

function alternativeNamesOf(hosts: readonly string[]): Uint8Array[] {
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

function generateKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** 127 random bits: positive, as RFC 5280 §4.1.2.2 asks, and not zero. */
function serialNumber(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function generalName(host: string): Uint8Array {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const ip = IPV4.test(bare) || bare.includes(":") ? parseIp(bare) : undefined;
  if (ip !== undefined) {
    const digits = ip.value.toString(16).padStart(ip.family === 4 ? 8 : 32, "0");
    return derImplicit(IP_ADDRESS_TAG, Uint8Array.fromHex(digits));
  }
  if (!IPV4.test(bare) && bare.length <= 253 && DNS_NAME.test(bare)) {
    return derImplicit(DNS_NAME_TAG, new TextEncoder().encode(bare));
  }
  throw new RangeError(`"${host}" is neither a DNS name nor an IP address`);
}

function privateKeyPem(key: KeyObject): string {
  return String(key.export({ type: "pkcs8", format: "pem" }));
}
