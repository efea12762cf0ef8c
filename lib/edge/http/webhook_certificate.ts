/**
 * The four entries of the webhooks' Secret: an authority and the server certificate that it signed (reference §3.2).
 *
 * `renewWebhookCertificate` is a function of what is stored and of the time: what is still good stays, so that several
 * replicas come to the same result, and what MetalLB left is taken over. A new authority is put in front of the old one
 * while that is valid: a replica that still serves the old certificate goes on being trusted.
 *
 * Not here: the Secret itself, who is told of the authority (`app/webhook_certificates.ts`).
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Clock } from "../../base/time.ts";
import { type Authority, makeAuthority, signServerCertificate, type TlsCertificate } from "./certificates.ts";

/** By key of the Secret; a missing one is empty. */
export interface WebhookSecretData {
  readonly "ca.crt": string;
  readonly "ca.key": string;
  readonly "tls.crt": string;
  readonly "tls.key": string;
}

export type WebhookSecretKey = keyof WebhookSecretData;
export const WEBHOOK_SECRET_KEYS: readonly WebhookSecretKey[] = ["ca.crt", "ca.key", "tls.crt", "tls.key"];

export interface WebhookCertificate {
  readonly data: WebhookSecretData;
  readonly tls: TlsCertificate;
  /** What the API server has to trust. */
  readonly caPem: string;
  readonly notAfterMs: number;
  /** What had to be made anew: with something else than `nothing` the data must be stored before it is used. */
  readonly renewed: "nothing" | "server" | "all";
}

const DAY_MS = 86_400_000;
export const AUTHORITY_VALIDITY_MS = 3650 * DAY_MS;
export const SERVER_VALIDITY_MS = 365 * DAY_MS;
/** Time enough for a human, should renewal fail. */
export const RENEW_AHEAD_MS = 90 * DAY_MS;

/** `hosts` are the names by which the API server calls; the first is the Service's. */
export async function renewWebhookCertificate(
  stored: WebhookSecretData,
  options: { readonly hosts: readonly string[]; readonly clock: Pick<Clock, "wallMs"> },
): Promise<WebhookCertificate> {
  const { hosts, clock } = options;
  const nowMs = clock.wallMs();
  const authority = readPair(stored["ca.crt"], stored["ca.key"]);
  const authorityGood = authority !== undefined && authority.ca && isFresh(authority, nowMs);
  const server = readPair(stored["tls.crt"], stored["tls.key"]);
  if (authorityGood && server !== undefined && isFresh(server, nowMs) && serves(server, { authority, hosts })) {
    return certificateOf(stored, "nothing");
  }
  const kept = { caPem: stored["ca.crt"], caKeyPem: stored["ca.key"] };
  const data = authorityGood ? await signedBy(kept, options) : undefined;
  if (data !== undefined) return certificateOf(data, "server");
  const made = await makeAuthority({ clock, name: "Herald webhooks", validityMs: AUTHORITY_VALIDITY_MS });
  const stillTrusted = authority !== undefined && authority.ca && Date.parse(authority.validTo) > nowMs;
  const caPem = stillTrusted ? `${made.caPem}${authority.toString().trim()}\n` : made.caPem;
  return certificateOf((await signedBy({ ...made, caPem }, options))!, "all");
}

/** Undefined when the authority's key is of a kind that cannot sign here. */
async function signedBy(
  authority: Authority,
  options: { readonly hosts: readonly string[]; readonly clock: Pick<Clock, "wallMs"> },
): Promise<WebhookSecretData | undefined> {
  try {
    const signed = await signServerCertificate({ ...options, authority, validityMs: SERVER_VALIDITY_MS });
    const { caPem, caKeyPem } = authority;
    return { "ca.crt": caPem, "ca.key": caKeyPem, "tls.crt": signed.certPem, "tls.key": signed.keyPem };
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return undefined;
  }
}

function certificateOf(data: WebhookSecretData, renewed: WebhookCertificate["renewed"]): WebhookCertificate {
  return {
    data,
    tls: { certPem: data["tls.crt"], keyPem: data["tls.key"] },
    caPem: data["ca.crt"],
    notAfterMs: Date.parse(new X509Certificate(data["tls.crt"]).validTo),
    renewed,
  };
}

/** Undefined unless both can be read and belong together; of a bundle the first certificate counts. */
function readPair(certPem: string, keyPem: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(certPem);
    return certificate.checkPrivateKey(createPrivateKey(keyPem)) ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function isFresh(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && Date.parse(certificate.validTo) - RENEW_AHEAD_MS > nowMs;
}

function serves(
  server: X509Certificate,
  { authority, hosts }: { authority: X509Certificate; hosts: readonly string[] },
): boolean {
  try {
    if (!server.verify(authority.publicKey)) return false;
  } catch {
    return false;
  }
  // Only the first: a certificate of MetalLB's names nothing else, and the API server calls nothing else.
  const names = (server.subjectAltName ?? "").split(",").map((name) => name.trim());
  return hosts.slice(0, 1).every((host) => names.includes(`DNS:${host}`) || names.includes(`IP Address:${host}`));
}
