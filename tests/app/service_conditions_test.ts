import { assertEquals } from "@std/assert/equals";
import { LOAD_BALANCER_READY, ServiceConditions } from "../../lib/app/service_conditions.ts";
import type { KubeObject } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import type { ServiceCause } from "../../lib/decision/control/service_cause.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { FakeTime } from "../kube/fake_time.ts";
import { json, ScriptedFetch, statusAnswer } from "../kube/scripted_fetch.ts";

const WAITS: ServiceCause = { status: "False", reason: "unknownPool", message: 'unknown pool "frist"' };
const UNHEARD: ServiceCause = { status: "False", reason: "notAnnounced", message: "nobody can reach 192.0.2.1" };
/** The clock of the tests starts there. */
const THEN = "2023-11-14T22:13:21Z";

/** Services as the cache has them; a write is answered by `answer` and, when it succeeds, put into the cache. */
function stage(answer: () => Response = () => json({ metadata: { name: "a", resourceVersion: "2" } })) {
  const time = new FakeTime();
  const services = new Map<string, KubeObject>();
  const writes: { path: string; contentType: string | null; condition: Record<string, unknown> }[] = [];
  const { fetch } = new ScriptedFetch(({ path, contentType, body }) => {
    const { status } = body as { status: { conditions: Record<string, unknown>[] } };
    const condition = status.conditions[0]!;
    writes.push({ path, contentType, condition });
    const response = answer();
    const name = path.split("/").at(-2)!;
    if (response.ok) services.set(`shop/${name}`, service(name, condition["$patch"] === "delete" ? [] : [condition]));
    return response;
  });
  const conditions = new ServiceConditions({
    writer: new KubeClient({ baseUrl: "https://api.test" }, { fetch, schedule: time.schedule }),
    services,
    clock: time.clock,
    log: silentLog,
    schedule: time.schedule,
  });
  return { time, services, conditions, writes };
}

function service(name: string, conditions: readonly Record<string, unknown>[] = []): KubeObject {
  return { metadata: { namespace: "shop", name, resourceVersion: "1" }, status: { loadBalancer: {}, conditions } };
}

function condition(cause: ServiceCause, lastTransitionTime: string): Record<string, unknown> {
  return { type: LOAD_BALANCER_READY, ...cause, lastTransitionTime };
}

Deno.test("Service conditions: a Service that waits says why, until it waits no more", async () => {
  const { time, services, conditions, writes } = stage();
  services.set("shop/a", service("a"));
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  await time.advance(1_000);
  assertEquals(writes.splice(0), [{
    path: "/api/v1/namespaces/shop/services/a/status",
    contentType: "application/strategic-merge-patch+json",
    condition: condition(WAITS, THEN),
  }]);
  conditions.setAllocation("shop/a", { ...WAITS, message: "another" });
  await time.advance(60_000);
  assertEquals(writes.splice(0).map((write) => write.condition), [condition({ ...WAITS, message: "another" }, THEN)]);
  conditions.setAllocation("shop/a", undefined);
  await time.advance(60_000);
  assertEquals(writes.map((write) => write.condition), [{ type: LOAD_BALANCER_READY, $patch: "delete" }]);
});

Deno.test("Service conditions: what is over within an instant is not written", async () => {
  const { time, services, conditions, writes } = stage();
  services.set("shop/a", service("a"));
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  await time.advance(100);
  conditions.setAllocation("shop/a", undefined);
  await time.advance(60_000);
  assertEquals(writes, []);
});

Deno.test("Service conditions: a missing address goes before a missing advertisement", async () => {
  const { time, services, conditions, writes } = stage();
  for (const name of ["a", "b"]) services.set(`shop/${name}`, service(name));
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  conditions.setAnnouncement(new Map([["shop/a", UNHEARD], ["shop/b", UNHEARD]]));
  await time.advance(1_000);
  assertEquals(writes.splice(0).map((write) => write.condition["reason"]), ["unknownPool", "notAnnounced"]);
  conditions.setAnnouncement(new Map());
  await time.advance(1_000);
  assertEquals(writes.map(({ path }) => path), ["/api/v1/namespaces/shop/services/b/status"]);
});

Deno.test("Service conditions: a restart writes nothing again, and removes what an earlier life left behind", async () => {
  const { time, services, conditions, writes } = stage();
  services.set("shop/a", service("a", [condition(WAITS, "2020-01-01T00:00:00Z")]));
  services.set("shop/b", service("b", [condition(WAITS, "2020-01-01T00:00:00Z")]));
  services.set("shop/c", service("c", [{ type: "somebody.else/Ready", status: "False" }]));
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  await time.advance(60_000);
  assertEquals(writes.map(({ path }) => path), ["/api/v1/namespaces/shop/services/b/status"]);
});

Deno.test("Service conditions: a write that fails is tried again, more slowly than the API can be asked", async () => {
  let refusals = 3;
  const { time, services, conditions, writes } = stage(() =>
    refusals-- > 0 ? statusAnswer(500, "InternalError") : json({ metadata: { name: "a", resourceVersion: "2" } })
  );
  services.set("shop/a", service("a"));
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  await time.advance(14_000);
  assertEquals(writes.length, 3);
  await time.advance(60_000);
  assertEquals(writes.length, 4);
});

Deno.test("Service conditions: many Services that wait are told at a steady pace", async () => {
  const { time, services, conditions, writes } = stage();
  conditions.setActive(true);
  for (let index = 0; index < 200; index++) {
    services.set(`shop/s${index}`, service(`s${index}`));
    conditions.setAllocation(`shop/s${index}`, WAITS);
  }
  for (let step = 0; step < 20; step++) await time.advance(100);
  assertEquals(writes.length >= 50 && writes.length <= 50 + 20 * 2, true, `${writes.length} writes in 2 s`);
  for (let step = 0; step < 100; step++) await time.advance(100);
  assertEquals(writes.length, 200);
});

Deno.test("Service conditions: who does not lead writes nothing", async () => {
  const { time, services, conditions, writes } = stage();
  services.set("shop/a", service("a"));
  conditions.setAllocation("shop/a", WAITS);
  await time.advance(60_000);
  conditions.setActive(true);
  conditions.setAllocation("shop/a", WAITS);
  conditions.setActive(false);
  await time.advance(60_000);
  assertEquals([writes, time.pendingTimers], [[], 0]);
});
