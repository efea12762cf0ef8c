/**
 * What the API server calls before it writes an object (`/validate-metallb-io-…`, AdmissionReview) and when somebody
 * reads a BGPPeer in the other version (`/convert`, ConversionReview): reference §3.1, §1.5.
 *
 * Decoding and answering only; the decisions are injected. An answer that cannot be given is a 500, so that the
 * `failurePolicy` of the configuration decides, as it does when nobody listens.
 */
import { isRecord } from "../../base/json.ts";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Log } from "../../base/log.ts";
import type { AdmissionAnswer, AdmissionKind, AdmissionRequest } from "../../decision/config/admission.ts";
import type { BgpPeerConversion } from "../../decision/config/bgp_peer_conversion.ts";

export interface WebhooksDeps {
  /** May read from the API; a rejected promise becomes a 500. */
  admit(request: AdmissionRequest, kind: AdmissionKind): Promise<AdmissionAnswer>;
  convert(object: unknown, desiredApiVersion: string): BgpPeerConversion;
  readonly log: Log;
}

export interface WebhooksOptions {
  /** Default 8 s: the API server waits for 10. */
  readonly answerLimitMs?: number;
}

export const WEBHOOK_PATHS: Readonly<Record<AdmissionKind, string>> = {
  IPAddressPool: "/validate-metallb-io-v1beta1-ipaddresspool",
  L2Advertisement: "/validate-metallb-io-v1beta1-l2advertisement",
  BGPAdvertisement: "/validate-metallb-io-v1beta1-bgpadvertisement",
  BGPPeer: "/validate-metallb-io-v1beta2-bgppeer",
  BFDProfile: "/validate-metallb-io-v1beta1-bfdprofile",
  Community: "/validate-metallb-io-v1beta1-community",
};

/** etcd holds objects of at most 1.5 MiB, and an update carries two of them. */
const ADMISSION_BYTES_MAX = 3 << 20;
/** A list of BGPPeers is converted in one piece. */
export const WEBHOOK_CONVERSION_BYTES_MAX = 16 << 20;
const ANSWER_LIMIT_MS = 8_000;

type Json = Record<string, unknown>;

export function webhooksApp(options: WebhooksOptions, deps: WebhooksDeps): Hono {
  const app = new Hono();
  const limitMs = options.answerLimitMs ?? ANSWER_LIMIT_MS;
  for (const [kind, path] of Object.entries(WEBHOOK_PATHS) as [AdmissionKind, string][]) {
    app.post(path, limitOf(ADMISSION_BYTES_MAX), (context) => answerAdmission(context, { kind, limitMs, deps }));
  }
  app.post("/convert", limitOf(WEBHOOK_CONVERSION_BYTES_MAX), (context) => answerConversion(context, deps));
  for (const path of [...Object.values(WEBHOOK_PATHS), "/convert"]) {
    app.all(path, (context) => context.text("only POST is served here\n", 405, { allow: "POST" }));
  }
  app.notFound((context) => context.text("not found\n", 404));
  app.onError((error, context) => {
    deps.log({ level: "error", event: "webhookFailed", path: context.req.path, error: String(error) });
    return context.text("internal error\n", 500);
  });
  return app;
}

function limitOf(maxSize: number) {
  return bodyLimit({ maxSize, onError: (context) => context.text("the body is too large\n", 413) });
}

async function answerAdmission(
  context: Context,
  { kind, limitMs, deps }: { kind: AdmissionKind; limitMs: number; deps: WebhooksDeps },
): Promise<Response> {
  const review = await reviewOf(context);
  const request = review?.["request"];
  if (review === undefined || review["kind"] !== "AdmissionReview" || !isRecord(request)) {
    return context.text("the body must be an AdmissionReview with a request\n", 400);
  }
  const { uid, operation, namespace, name, object, oldObject } = request;
  const asked = { operation: text(operation), namespace: text(namespace), name: text(name), object, oldObject };
  const answer = await within(limitMs, deps.admit(asked, kind));
  if (!answer.ok) {
    deps.log({ level: "warn", event: "webhookUnanswered", kind, name: asked.name, error: answer.message });
    return context.text(`${answer.message}\n`, 500);
  }
  const { value } = answer;
  if (!value.allowed) {
    deps.log({
      level: "info",
      event: "admissionDenied",
      kind,
      namespace: asked.namespace,
      name: asked.name,
      operation: asked.operation,
      error: value.message,
    });
  }
  return context.json({
    apiVersion: review["apiVersion"] ?? "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid: text(uid), ...responseOf(value) },
  });
}

function responseOf(answer: AdmissionAnswer): Json {
  const warnings = answer.warnings.length === 0 ? {} : { warnings: answer.warnings };
  if (answer.allowed) return { allowed: true, ...warnings };
  const reason = answer.code === 400 ? "BadRequest" : "Forbidden";
  const status = { status: "Failure", code: answer.code, reason, message: answer.message };
  return { allowed: false, status, ...warnings };
}

/** All or nothing, as the API server wants it: one object that fails makes the review fail. */
async function answerConversion(context: Context, deps: WebhooksDeps): Promise<Response> {
  const review = await reviewOf(context);
  const request = review?.["request"];
  if (review === undefined || review["kind"] !== "ConversionReview" || !isRecord(request)) {
    return context.text("the body must be a ConversionReview with a request\n", 400);
  }
  const objects = Array.isArray(request["objects"]) ? request["objects"] as unknown[] : [];
  const convertedObjects: unknown[] = [];
  let result: Json = { status: "Success" };
  for (const object of objects) {
    const converted = deps.convert(object, text(request["desiredAPIVersion"]));
    if (converted.ok) {
      convertedObjects.push(converted.object);
      continue;
    }
    deps.log({ level: "warn", event: "conversionFailed", error: converted.message });
    result = { status: "Failure", message: converted.message };
    break;
  }
  const response = result["status"] === "Success" ? { convertedObjects, result } : { convertedObjects: [], result };
  return context.json({
    apiVersion: review["apiVersion"] ?? "apiextensions.k8s.io/v1",
    kind: "ConversionReview",
    response: { uid: text(request["uid"]), ...response },
  });
}

async function reviewOf(context: Context): Promise<Json | undefined> {
  try {
    const body: unknown = await context.req.json();
    return isRecord(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

async function within<T>(limitMs: number, work: Promise<T>): Promise<Settled<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<Settled<T>>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, message: `no answer within ${limitMs} ms` }), limitMs);
  });
  try {
    const settled = work.then(
      (value): Settled<T> => ({ ok: true, value }),
      (error): Settled<T> => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
    );
    return await Promise.race([settled, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
