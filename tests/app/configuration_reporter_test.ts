/** Against an embedded API in this process; time is the test's. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { ConfigurationReporter } from "../../lib/app/configuration_reporter.ts";
import { type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { nodeNetworksOf } from "../../lib/decision/config/node_networks.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { CRDS } from "../embedded/embedded_stage.ts";
import { FakeTime } from "../kube/fake_time.ts";

const BAD: Problem = {
  severity: "error",
  kind: "IPAddressPool",
  namespace: "default",
  name: "p",
  path: "spec.addresses[0]",
  reason: "invalidAddress",
  message: "it is no range",
};

function stage() {
  const time = new FakeTime();
  const api = new EmbeddedApi({ crds: CRDS, token: "t" }, {
    clock: time.clock,
    rng: new SeededRng(1),
    log: () => {},
    schedule: (delayMs, callback) => time.schedule(callback, delayMs),
  });
  const line = { up: true };
  const writes: string[] = [];
  const client = new KubeClient({ baseUrl: "http://api" }, {
    fetch: (request) => {
      if (!line.up) return Promise.reject(new Error("no route to host"));
      if (request.method !== "GET") writes.push(`${request.method} ${new URL(request.url).pathname.split("/").at(-1)}`);
      return api.fetch(request);
    },
    schedule: time.schedule,
  });
  const logged: LogEvent[] = [];
  const start = (options: { node?: string; podName?: string } = {}) => {
    const { node, podName = "" } = options;
    const component = node === undefined ? "controller" as const : "speaker" as const;
    const who = node === undefined ? { component } : { component, node };
    const reporter = new ConfigurationReporter({ namespace: "default", podName, ...who }, {
      client,
      clock: time.clock,
      rng: new SeededRng(2),
      log: (event) => logged.push(event),
      schedule: time.schedule,
    });
    reporter.start();
    return reporter;
  };
  const shown = async (name: string): Promise<KubeObject | undefined> => {
    const result = await client.get(RESOURCES.configurationStates, { namespace: "default", name });
    return result.ok ? result.value : undefined;
  };
  const settle = (ms = 2_000) => time.advance(ms);
  return { time, client, line, writes, logged, start, shown, settle };
}

function statusOf(object: KubeObject | undefined) {
  const status = object?.["status"] as {
    result: string;
    errorSummary?: string;
    conditions: { type: string; status: string; lastTransitionTime: string }[];
  };
  return {
    result: status.result,
    summary: status.errorSummary ?? "",
    conditions: status.conditions.map(({ type, status: value }) => `${type}=${value}`),
    times: status.conditions.map(({ lastTransitionTime }) => lastTransitionTime),
  };
}

Deno.test("ConfigurationState: made with its labels and verdict, written again only when something changes", async () => {
  const { start, shown, settle, writes } = stage();
  const reporter = start();
  await settle();
  assertEquals(writes, [], "nothing is written before the first look at the configuration");
  reporter.report([BAD]);
  await settle();
  const first = await shown("controller");
  assertEquals(first?.metadata.labels, { "metallb.io/component-type": "controller" });
  const bad = statusOf(first);
  assertEquals(bad.result, "Invalid");
  assertStringIncludes(bad.summary, "configuration error: ");
  assertEquals(bad.conditions, ["poolReconcilerValid=False", "herald.dev/InvalidAddress=True"]);
  writes.length = 0;
  reporter.report([BAD]);
  await settle();
  assertEquals(writes, []);
  reporter.report([]);
  await settle();
  assertEquals(writes, ["PATCH status"]);
  const good = statusOf(await shown("controller"));
  assertEquals([good.result, good.summary, good.conditions], ["Valid", "", ["poolReconcilerValid=True"]]);
  await reporter.stop();
});

Deno.test("ConfigurationState: a restart with the same verdict writes nothing", async () => {
  const { start, settle, writes } = stage();
  for (const [round, expected] of [2, 0].entries()) {
    writes.length = 0;
    const reporter = start({ node: "n1" });
    reporter.annotate({ "herald.dev/networks": "eth0=192.0.2.0/24" });
    reporter.report([BAD]);
    await settle();
    assertEquals(writes.length, expected, `round ${round}`);
    await reporter.stop();
  }
});

Deno.test("ConfigurationState: removed by somebody, it is made anew; changed by somebody, it is put right", async () => {
  const { client, start, shown, settle } = stage();
  const reporter = start({ node: "n1" });
  reporter.report([]);
  await settle();
  const target = { namespace: "default", name: "speaker-n1" };
  await client.remove(RESOURCES.configurationStates, target);
  await settle();
  assertEquals((await shown("speaker-n1"))?.metadata.labels?.["metallb.io/node-name"], "n1");
  const body = { status: { result: "Invalid" } };
  await client.patch(RESOURCES.configurationStates, { ...target, subresource: "status" }, { type: "merge", body });
  await settle();
  assertEquals(statusOf(await shown("speaker-n1")).result, "Valid");
  await reporter.stop();
});

Deno.test("ConfigurationState: the node's name may be longer than a label's value", async () => {
  const { start, shown, settle } = stage();
  const node = `ip-10-0-0-1.${"very-long-name.".repeat(6)}example.com`;
  const reporter = start({ node });
  reporter.annotate({ "herald.dev/networks": "eth0=192.0.2.0/24" });
  reporter.report([]);
  await settle();
  const object = await shown(`speaker-${node}`);
  assertEquals([...nodeNetworksOf([object]).keys()], [node]);
  assertEquals(object?.metadata.labels?.["metallb.io/node-name"]?.length, 63);
  await reporter.stop();
});

Deno.test("ConfigurationState: owned by its pod where there is one", async () => {
  const { client, start, shown, settle } = stage();
  const pod = await client.create(RESOURCES.pods, {
    namespace: "default",
    body: { metadata: { name: "speaker-x" }, spec: { containers: [{ name: "a", image: "b" }] } },
  });
  const reporter = start({ node: "n1", podName: "speaker-x" });
  reporter.report([]);
  await settle();
  const uid = pod.ok ? pod.value.metadata.uid : "";
  assertEquals((await shown("speaker-n1"))?.metadata.ownerReferences?.map((owner) => [owner.kind, owner.uid]), [
    ["Pod", uid],
  ]);
  await reporter.stop();
});

Deno.test("ConfigurationState: an API that is away is asked again, and the failure is logged once", async () => {
  const { line, start, shown, settle, logged } = stage();
  const reporter = start();
  await settle();
  line.up = false;
  reporter.report([]);
  await settle(20_000);
  assertEquals(logged.filter(({ event }) => event === "configurationStateNotWritten").length, 1);
  line.up = true;
  await settle(120_000);
  assertEquals(statusOf(await shown("controller")).result, "Valid");
  await reporter.stop();
});

Deno.test("ConfigurationState: a controller that does not lead writes nothing until it does", async () => {
  const { start, shown, settle, writes } = stage();
  const reporter = start();
  reporter.setActive(false);
  reporter.report([BAD]);
  await settle();
  assertEquals(writes, []);
  reporter.setActive(true);
  await settle();
  assertEquals(statusOf(await shown("controller")).result, "Invalid");
  await reporter.stop();
});
