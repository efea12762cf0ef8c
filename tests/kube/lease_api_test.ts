import { assertEquals } from "@std/assert/equals";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { LeaseApi, leaseFailureOf, leaseRecord } from "../../lib/edge/kube/lease_api.ts";
import { FakeTime } from "./fake_time.ts";
import { type Answer, type Asked, json, ScriptedFetch, statusAnswer } from "./scripted_fetch.ts";

const PATH = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases";
const WRITE = { resourceVersion: "7", holder: "a_1", durationMs: 14_600, transitions: 3, isAcquisition: false };

function apiOver(answer: (asked: Asked) => Answer) {
  const scripted = new ScriptedFetch(answer);
  const { clock, schedule } = new FakeTime();
  const client = new KubeClient({ baseUrl: "https://api.test" }, { fetch: scripted.fetch, schedule });
  const api = new LeaseApi({ namespace: "metallb-system", name: "herald" }, { client, clock });
  return { api, asked: scripted.asked };
}

function lease(spec: unknown): Response {
  return json({ metadata: { name: "herald", namespace: "metallb-system", resourceVersion: "8" }, spec });
}

Deno.test("LeaseApi: whatever is on the object is read without a complaint", () => {
  const rows: [unknown, string, number, number][] = [
    [undefined, "", NaN, 0],
    ["text", "", NaN, 0],
    [{ holderIdentity: null, leaseDurationSeconds: "15", leaseTransitions: {} }, "", NaN, 0],
    [{ holderIdentity: "x", leaseDurationSeconds: 15, leaseTransitions: 4 }, "x", 15_000, 4],
  ];
  for (const [spec, holder, durationMs, transitions] of rows) {
    const metadata = { name: "herald", resourceVersion: "8" };
    assertEquals(leaseRecord({ metadata, spec }), { resourceVersion: "8", holder, durationMs, transitions });
  }
});

Deno.test("LeaseApi: a Lease that is not there is an answer, a right that is missing is a failure", async () => {
  assertEquals(await apiOver(() => statusAnswer(404, "NotFound")).api.get(), { ok: true, value: undefined });
  const refused = await apiOver(() => statusAnswer(403, "Forbidden")).api.get();
  assertEquals(refused.ok ? "ok" : refused.error.reason, "forbidden");
});

Deno.test("LeaseApi: a renewal is a merge patch with the version as precondition, which leaves acquireTime alone", async () => {
  const { api, asked } = apiOver(() => lease({ holderIdentity: "a_1" }));
  assertEquals((await api.write(WRITE)).ok, true);
  assertEquals([asked[0]!.method, asked[0]!.path, asked[0]!.contentType], [
    "PATCH",
    `${PATH}/herald`,
    "application/merge-patch+json",
  ]);
  assertEquals(asked[0]!.body, {
    metadata: { resourceVersion: "7" },
    // Whole seconds, and never less than what is promised.
    spec: {
      holderIdentity: "a_1",
      leaseDurationSeconds: 15,
      leaseTransitions: 3,
      renewTime: "2023-11-14T22:13:21.000000Z",
    },
  });
  await api.write({ ...WRITE, isAcquisition: true });
  const { spec } = asked[1]!.body as { spec: { acquireTime: string; renewTime: string } };
  assertEquals(spec.acquireTime, spec.renewTime);
});

Deno.test("LeaseApi: without a version the Lease is created, so that only one of two makes it", async () => {
  const { api, asked } = apiOver(() => statusAnswer(409, "AlreadyExists"));
  const result = await api.write({ ...WRITE, resourceVersion: undefined });
  assertEquals([asked[0]!.method, asked[0]!.path], ["POST", PATH]);
  assertEquals(result.ok ? "ok" : leaseFailureOf(result.error, { isNew: true }), "changed");
});

Deno.test("LeaseApi: what a failure means for the election", () => {
  const rows = [
    ["conflict", false, "changed"],
    ["alreadyExists", true, "changed"],
    ["notFound", false, "changed"],
    ["notFound", true, "refused"],
    ["forbidden", false, "refused"],
    ["unauthorized", true, "refused"],
    ["invalid", false, "refused"],
    ["timeout", false, "unknown"],
    ["unreachable", true, "unknown"],
    ["serverError", false, "unknown"],
    ["tooManyRequests", false, "unknown"],
    ["badResponse", false, "unknown"],
  ] as const;
  for (const [reason, isNew, failure] of rows) {
    assertEquals(leaseFailureOf({ reason, code: 0, message: "" }, { isNew }), failure, `${reason}, new: ${isNew}`);
  }
});
