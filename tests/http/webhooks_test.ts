import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { LogEvent } from "../../lib/base/log.ts";
import type { AdmissionAnswer, AdmissionKind, AdmissionRequest } from "../../lib/decision/config/admission.ts";
import type { BgpPeerConversion } from "../../lib/decision/config/bgp_peer_conversion.ts";
import { WEBHOOK_PATHS, webhooksApp } from "../../lib/edge/http/webhooks.ts";

const POOL_PATH = "/validate-metallb-io-v1beta1-ipaddresspool";

interface Parts {
  admit?: (request: AdmissionRequest, kind: AdmissionKind) => Promise<AdmissionAnswer>;
  convert?: (object: unknown, version: string) => BgpPeerConversion;
  answerLimitMs?: number;
}

function appOf({ admit, convert, answerLimitMs }: Parts) {
  const log: LogEvent[] = [];
  const app = webhooksApp(answerLimitMs === undefined ? {} : { answerLimitMs }, {
    admit: admit ?? (() => Promise.resolve({ allowed: true, warnings: [] })),
    convert: convert ?? ((object) => ({ ok: true, object: object as Record<string, unknown> })),
    log: (event) => void log.push(event),
  });
  return { app, log };
}

async function post(parts: Parts, path: string, body: unknown) {
  const { app, log } = appOf(parts);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.request(path, { method: "POST", body: text });
  return { status: response.status, text: await response.text(), log };
}

function review(
  request: unknown = { uid: "u1", operation: "CREATE", namespace: "ns", name: "a", object: { spec: 1 } },
) {
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
}

const BAD: readonly (readonly [string, string, unknown, number])[] = [
  ["no JSON", POOL_PATH, "{", 400],
  ["JSON that is no object", POOL_PATH, "[]", 400],
  ["another kind", POOL_PATH, { ...review(), kind: "ConversionReview" }, 400],
  ["a review without a request", POOL_PATH, { ...review(), request: null }, 400],
  ["more than three MiB", POOL_PATH, "x".repeat((3 << 20) + 1), 413],
  ["an unknown path", "/validate-metallb-io-v1beta1-secret", review(), 404],
  ["a conversion that is none", "/convert", review(), 400],
];

for (const [title, path, body, status] of BAD) {
  Deno.test(`Webhooks answer ${status} to ${title}`, async () => {
    assertEquals((await post({}, path, body)).status, status);
  });
}

Deno.test("Webhooks: only POST is served", async () => {
  const { app } = appOf({});
  for (const path of [POOL_PATH, "/convert"]) assertEquals((await app.request(path)).status, 405);
});

Deno.test("Webhooks: what cannot be judged is a 500, so that the failure policy decides", async () => {
  const { status, text, log } = await post(
    {
      admit: () => Promise.reject(new Error("the ipaddresspools cannot be read")),
    },
    POOL_PATH,
    review(),
  );
  assertEquals([status, text, log[0]?.event], [500, "the ipaddresspools cannot be read\n", "webhookUnanswered"]);
});

Deno.test("Webhooks: an answer that does not come is a 500 in time", async () => {
  const { status, text } = await post({ answerLimitMs: 1, admit: () => new Promise(() => {}) }, POOL_PATH, review());
  assertEquals([status, text], [500, "no answer within 1 ms\n"]);
});

Deno.test("Webhooks: a judge that throws does no harm", async () => {
  const { status, log } = await post(
    {
      admit: () => {
        throw new TypeError("a bug");
      },
    },
    POOL_PATH,
    review(),
  );
  assertEquals([status, log[0]?.event], [500, "webhookFailed"]);
});

Deno.test("Webhooks: a denial is a 200 with code, reason and words (reference §12.3)", async () => {
  for (const [code, reason] of [[403, "Forbidden"], [400, "BadRequest"]] as const) {
    const { status, text, log } = await post(
      {
        admit: () => Promise.resolve({ allowed: false, code, message: "no", warnings: ["hm"] }),
      },
      POOL_PATH,
      review(),
    );
    assertEquals([status, JSON.parse(text)], [200, {
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: {
        uid: "u1",
        allowed: false,
        status: { status: "Failure", code, reason, message: "no" },
        warnings: ["hm"],
      },
    }]);
    assertEquals(log.map(({ event, name }) => [event, name]), [["admissionDenied", "a"]]);
  }
});

Deno.test("Webhooks: each path judges its kind, and a yes is short", async () => {
  for (const [kind, path] of Object.entries(WEBHOOK_PATHS)) {
    const asked: unknown[] = [];
    const { text } = await post(
      {
        admit: (request, asKind) => {
          asked.push([asKind, request]);
          return Promise.resolve({ allowed: true, warnings: [] });
        },
      },
      path,
      review(),
    );
    assertEquals(JSON.parse(text).response, { uid: "u1", allowed: true });
    const request = { operation: "CREATE", namespace: "ns", name: "a", object: { spec: 1 }, oldObject: undefined };
    assertEquals(asked, [[kind, request]]);
  }
});

function conversion(objects: unknown, apiVersion = "apiextensions.k8s.io/v1") {
  const request = { uid: "u2", desiredAPIVersion: "metallb.io/v1beta1", objects };
  return { apiVersion, kind: "ConversionReview", request };
}

Deno.test("Webhooks: a conversion answers in the version of the review, in order", async () => {
  for (const apiVersion of ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"]) {
    const { text } = await post(
      {
        convert: (object, version) => ({ ok: true, object: { object, version } }),
      },
      "/convert",
      conversion([1, 2], apiVersion),
    );
    const convertedObjects = [1, 2].map((object) => ({ object, version: "metallb.io/v1beta1" }));
    const response = { uid: "u2", convertedObjects, result: { status: "Success" } };
    assertEquals(JSON.parse(text), { apiVersion, kind: "ConversionReview", response });
  }
});

Deno.test("Webhooks: one object that cannot be converted fails the review, with its reason", async () => {
  const { text } = await post(
    {
      convert: (object) => object === 2 ? { ok: false, message: "not two" } : { ok: true, object: {} },
    },
    "/convert",
    conversion([1, 2, 3]),
  );
  const result = { status: "Failure", message: "not two" };
  assertEquals(JSON.parse(text).response, { uid: "u2", convertedObjects: [], result });
});

Deno.test("Webhooks: a list of many peers is converted in one piece", async () => {
  const objects = Array.from({ length: 4_000 }, (_, i) => ({ i, padding: "x".repeat(1_000) }));
  const { status, text } = await post({}, "/convert", conversion(objects));
  assertEquals([status, JSON.parse(text).response.convertedObjects.length], [200, 4_000]);
  assertStringIncludes(text, '"status":"Success"');
});
