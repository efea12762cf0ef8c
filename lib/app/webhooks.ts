/**
 * The webhooks as a part of the controller: a certificate, a port, and answers. Every replica serves them, whoever leads.
 */
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import { admit, admitAlone } from "../decision/config/admission.ts";
import { convertBgpPeer } from "../decision/config/bgp_peer_conversion.ts";
import type { ConfigObjects } from "../decision/config/resolve.ts";
import type { TlsCertificate } from "../edge/http/certificates.ts";
import { type HttpServer, serve } from "../edge/http/server.ts";
import { WEBHOOK_CONVERSION_BYTES_MAX, webhooksApp } from "../edge/http/webhooks.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { WebhookCertificates } from "./webhook_certificates.ts";
import { webhookObjects } from "./webhook_objects.ts";

export interface WebhooksOptions {
  readonly namespace: string;
  readonly hostname: string;
  readonly port: number;
  readonly serviceName: string;
  readonly secretName: string;
  /** Take the certificate from this folder and leave all keeping of it to others. */
  readonly certificateFolder?: string;
}

export interface WebhooksDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** The port cannot be served. */
  readonly fail: (message: string) => void;
  readonly cached?: () => Partial<ConfigObjects>;
}

const CLOSE_MS = 500;

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #deps: WebhooksDeps;
  readonly #certificates: { start(): void; stop(): Promise<void> };
  #server: HttpServer | undefined;
  #opening: Promise<void> | undefined;
  /** The newest one, which a server that is being opened may have missed. */
  #certificate: TlsCertificate | undefined;
  #stopped = false;

  constructor(options: WebhooksOptions, deps: WebhooksDeps) {
    this.#options = options;
    this.#deps = deps;
    const onCertificate = (certificate: TlsCertificate) => this.#use(certificate);
    const { certificateFolder: folder } = options;
    this.#certificates = folder === undefined
      ? new WebhookCertificates(options, { ...deps, onCertificate })
      : new CertificateFiles({ folder }, { log: deps.log, onCertificate });
  }

  start(): void {
    this.#certificates.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#certificates.stop();
    await this.#opening;
    await this.#server?.close({ limitMs: CLOSE_MS });
  }

  /** What `/readyz` asks: before it is served, the API server's calls would fail. */
  get condition(): { readonly name: string; readonly ready: () => boolean } {
    return { name: "webhooks", ready: () => this.#server !== undefined };
  }

  /** The port that was really bound. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  inspect(): Json {
    return { serving: this.#server !== undefined, url: this.#server?.url ?? null };
  }

  #use(certificate: TlsCertificate): void {
    this.#certificate = certificate;
    if (this.#server !== undefined) return this.#swap(this.#server, certificate);
    this.#opening ??= this.#open(certificate).finally(() => this.#opening = undefined);
  }

  async #open(certificate: TlsCertificate): Promise<void> {
    const { client, log, cached } = this.#deps;
    const { namespace, hostname, port } = this.#options;
    const app = webhooksApp({}, {
      log,
      convert: convertBgpPeer,
      admit: async (request, kind) => {
        const alone = admitAlone(request, { kind, namespace });
        if (alone !== undefined) return alone;
        const sources = { client, ...(cached === undefined ? {} : { cached }) };
        const present = await webhookObjects({ kind, request, namespace }, sources);
        return admit(request, { kind, namespace, present });
      },
    });
    const options = { hostname, port, certificate, bodyBytesMax: WEBHOOK_CONVERSION_BYTES_MAX };
    const served = await serve(app, options, { log });
    if (!served.ok) {
      // A certificate in files may be repaired; an address that is taken is not given back.
      log({ level: "warn", event: "webhooksNotServed", reason: served.reason, error: served.message });
      if (served.reason !== "badCertificate") this.#deps.fail(`the webhooks cannot be served: ${served.message}`);
      return;
    }
    if (this.#stopped) return await served.server.close({ limitMs: 0 });
    this.#server = served.server;
    log({ level: "info", event: "listening", url: served.server.url });
    if (this.#certificate !== undefined && this.#certificate !== certificate) {
      this.#swap(this.#server, this.#certificate);
    }
  }

  #swap(server: HttpServer, certificate: TlsCertificate): void {
    try {
      server.setCertificate(certificate);
      this.#deps.log({ level: "info", event: "webhookCertificateSwapped" });
    } catch (error) {
      this.#deps.log({ level: "warn", event: "webhookCertificateRefused", error: String(error) });
    }
  }
}
