/**
 * Keeps the webhooks' certificate: makes it, stores it in the Secret, renews it, and tells the API server whom to trust
 * (reference §3.2: what MetalLB's users know as the rotator; no cert-manager).
 *
 *     Secret ──> renew what is due ──> Secret ──> caBundle of the webhooks and of the BGPPeer conversion ──> server
 *
 * Level-based: each look compares what is with what should be, writes only what differs, and is taken again when one of
 * the three objects changes and twice a day. Of several replicas one wins the write of the Secret (by its resource
 * version); the others take over what it wrote. Whatever fails is said once and tried again; nothing else waits for it.
 */
import { isRecord } from "../base/json.ts";
import { type KubeObject, type Resource, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { TlsCertificate } from "../edge/http/certificates.ts";
import {
  renewWebhookCertificate,
  WEBHOOK_SECRET_KEYS,
  type WebhookCertificate,
  type WebhookSecretData,
} from "../edge/http/webhook_certificate.ts";
import { backoffMs } from "../edge/kube/backoff.ts";
import type { JsonPatchOperation, KubeClient } from "../edge/kube/client.ts";
import { Reflector } from "../edge/kube/reflector.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface WebhookCertificatesOptions {
  readonly namespace: string;
  readonly secretName: string;
  readonly serviceName: string;
  /** Default `metallb-webhook-configuration`. */
  readonly configurationName?: string;
}

export interface WebhookCertificatesDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** What to serve with from now on; told when it changes. */
  readonly onCertificate: (certificate: TlsCertificate) => void;
  readonly schedule?: Schedule;
}

const CONFIGURATION_NAME = "metallb-webhook-configuration";
const CRD_NAME = "bgppeers.metallb.io";
const CHECK_MS = 12 * 3_600_000;
const BACKOFF = { baseMs: 500, capMs: 60_000 };

export class WebhookCertificates {
  readonly #options: WebhookCertificatesOptions;
  readonly #deps: WebhookCertificatesDeps;
  readonly #schedule: Schedule;
  readonly #secrets: Reflector;
  readonly #configurations: Reflector;
  readonly #definitions: Reflector;
  /** What was written on top of which version, until the watch brings it. */
  #written: { readonly onVersion: string | undefined; readonly certificate: WebhookCertificate } | undefined;
  #served: WebhookCertificate | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #failures = 0;
  #stopTimer: () => void = () => {};
  readonly #said = new Map<string, string>();

  constructor(options: WebhookCertificatesOptions, deps: WebhookCertificatesDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    const { namespace, secretName, configurationName = CONFIGURATION_NAME } = options;
    this.#secrets = this.#follow(RESOURCES.secrets, { name: secretName, namespace });
    this.#configurations = this.#follow(RESOURCES.validatingWebhookConfigurations, { name: configurationName });
    this.#definitions = this.#follow(RESOURCES.customResourceDefinitions, { name: CRD_NAME });
  }

  start(): void {
    for (const reflector of this.#reflectors()) reflector.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTimer();
    await Promise.all(this.#reflectors().map((reflector) => reflector.stop()));
    await this.#looking;
  }

  #reflectors(): readonly Reflector[] {
    return [this.#secrets, this.#configurations, this.#definitions];
  }

  #follow(resource: Resource, { name, namespace }: { name: string; namespace?: string }): Reflector {
    const { client, clock, rng, log } = this.#deps;
    const options = {
      resource,
      fieldSelector: `metadata.name=${name}`,
      ...(namespace === undefined ? {} : { namespace }),
    };
    return new Reflector(options, { client, clock, rng, log, schedule: this.#schedule, onChange: () => this.#wake() });
  }

  /** One look at a time; what changes during one is looked at in the next. */
  #wake(): void {
    if (this.#stopped) return;
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    this.#stopTimer();
    this.#looking = this.#look()
      .catch((error) => {
        this.#say("look", String(error));
        return false;
      })
      .then((good) => {
        this.#looking = undefined;
        this.#failures = good ? 0 : this.#failures + 1;
        if (this.#stopped) return;
        const delayMs = good ? CHECK_MS : backoffMs(this.#failures, { backoff: BACKOFF, rng: this.#deps.rng });
        if (this.#again) {
          this.#again = false;
          this.#wake();
        } else this.#stopTimer = this.#schedule(() => this.#wake(), delayMs);
      });
  }

  /** True when nothing is left to be tried again. */
  async #look(): Promise<boolean> {
    if (!this.#secrets.synced) return true;
    const { namespace, secretName } = this.#options;
    const secret = this.#secrets.store.get(`${namespace}/${secretName}`);
    if (secret === undefined) {
      this.#say(
        "secret",
        `there is no Secret ${namespace}/${secretName}; create an empty one, as the install file does`,
      );
      return true;
    }
    const certificate = await this.#certificateOf(secret);
    if (certificate === undefined) return false;
    const trusted = [await this.#trustWebhooks(certificate.caPem), await this.#trustConversion(certificate.caPem)];
    const good = trusted.every((each) => each);
    // With a new authority that could not be announced, the old certificate is the one that still works.
    if (good || this.#served === undefined || this.#served.caPem === certificate.caPem) this.#serve(certificate);
    return good;
  }

  /** What is stored, or what was made and has been stored; undefined when that failed. */
  async #certificateOf(secret: KubeObject): Promise<WebhookCertificate | undefined> {
    const onVersion = secret.metadata.resourceVersion;
    if (this.#written !== undefined && this.#written.onVersion === onVersion) return this.#written.certificate;
    this.#written = undefined;
    const { namespace, secretName: name, serviceName } = this.#options;
    const host = `${serviceName}.${namespace}.svc`;
    const certificate = await renewWebhookCertificate(dataOf(secret), {
      // The last two are for a look through `kubectl port-forward`, and for controllers outside of the cluster.
      hosts: [host, `${host}.cluster.local`, "localhost", "127.0.0.1"],
      clock: this.#deps.clock,
    });
    if (certificate.renewed === "nothing") {
      this.#said.delete("secret");
      return certificate;
    }
    const entries = Object.entries(certificate.data).map(([key, value]) => [key, toBase64(value)]);
    const body = { metadata: { resourceVersion: onVersion }, data: Object.fromEntries(entries) };
    const result = await this.#deps.client.patch(RESOURCES.secrets, { namespace, name }, { type: "merge", body });
    if (!result.ok) {
      // Another replica was faster: the watch brings what it wrote.
      if (result.error.reason !== "conflict") this.#say("secret", `it cannot be written: ${result.error.message}`);
      return undefined;
    }
    this.#said.delete("secret");
    this.#written = { onVersion, certificate };
    this.#deps.log({
      level: "info",
      event: "webhookCertificateRenewed",
      what: certificate.renewed,
      notAfter: new Date(certificate.notAfterMs).toISOString(),
    });
    return certificate;
  }

  #serve(certificate: WebhookCertificate): void {
    const known = this.#served?.tls.certPem === certificate.tls.certPem;
    this.#served = certificate;
    if (!known && !this.#stopped) this.#deps.onCertificate(certificate.tls);
  }

  async #trustWebhooks(caPem: string): Promise<boolean> {
    const name = this.#options.configurationName ?? CONFIGURATION_NAME;
    const configuration = this.#configurations.store.get(name);
    // Not listed yet, or not installed: the watch wakes us when it comes.
    if (configuration === undefined) return true;
    const caBundle = toBase64(caPem);
    const operations: JsonPatchOperation[] = [];
    for (const [index, webhook] of listOf(configuration["webhooks"]).entries()) {
      const { name, clientConfig } = webhook;
      if (!isRecord(clientConfig) || clientConfig["caBundle"] === caBundle) continue;
      // The index may have moved since; then the patch fails and the watch brings the new order.
      operations.push({ op: "test", path: `/webhooks/${index}/name`, value: name });
      operations.push({ op: "add", path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle });
    }
    if (operations.length === 0) return true;
    const resource = RESOURCES.validatingWebhookConfigurations;
    return await this.#patch("webhooks", { resource, name, patch: { type: "json", body: operations } });
  }

  async #trustConversion(caPem: string): Promise<boolean> {
    const definition = this.#definitions.store.get(CRD_NAME);
    const conversion = isRecord(definition?.["spec"]) ? definition["spec"]["conversion"] : undefined;
    // A CRD without the webhook serves v1beta2 only; what was not asked for is not added.
    if (!isRecord(conversion) || conversion["strategy"] !== "Webhook") return true;
    const webhook = isRecord(conversion["webhook"]) ? conversion["webhook"] : {};
    const caBundle = toBase64(caPem);
    if (isRecord(webhook["clientConfig"]) && webhook["clientConfig"]["caBundle"] === caBundle) return true;
    const body = { spec: { conversion: { webhook: { clientConfig: { caBundle } } } } };
    const resource = RESOURCES.customResourceDefinitions;
    return await this.#patch("conversion", { resource, name: CRD_NAME, patch: { type: "merge", body } });
  }

  async #patch(
    what: string,
    options: { resource: Resource; name: string; patch: Parameters<KubeClient["patch"]>[2] },
  ): Promise<boolean> {
    const { resource, name, patch } = options;
    const result = await this.#deps.client.patch(resource, { name }, patch);
    if (result.ok) {
      this.#said.delete(what);
      this.#deps.log({ level: "info", event: "webhookAuthorityInjected", kind: resource.kind, name });
      return true;
    }
    this.#say(what, `the authority cannot be written into ${resource.kind} ${name}: ${result.error.message}`);
    return false;
  }

  /** Once, until it is over or something else is wrong. */
  #say(what: string, error: string): void {
    if (this.#said.get(what) === error) return;
    this.#said.set(what, error);
    this.#deps.log({ level: "warn", event: "webhookCertificateFailed", what, error });
  }
}

function dataOf(secret: KubeObject): WebhookSecretData {
  const data = isRecord(secret["data"]) ? secret["data"] : {};
  return Object.fromEntries(
    WEBHOOK_SECRET_KEYS.map((key) => [key, fromBase64(data[key])]),
  ) as unknown as WebhookSecretData;
}

function toBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** What is no base64 is as good as missing. */
function fromBase64(value: unknown): string {
  try {
    return typeof value === "string" ? new TextDecoder().decode(Uint8Array.fromBase64(value)) : "";
  } catch {
    return "";
  }
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
