/** What a ConfigurationState costs where somebody or something else has another opinion about it. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { ConfigurationReporter } from "../../lib/app/configuration_reporter.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";
import { FakeTime } from "../kube/fake_time.ts";
import { type Asked, json, ScriptedFetch, statusAnswer } from "../kube/scripted_fetch.ts";

type Members = Record<string, unknown>;

/** A reporter, and a server that keeps of each write what `keep` makes of it and tells of it at once. */
function stage(keep: (object: Members) => Members) {
  const time = new FakeTime();
  const logged: LogEvent[] = [];
  let object: Members | undefined;
  let version = 1;
  let tell: (line: string) => void = () => {};
  const put = (next: Members): Members => {
    const type = object === undefined ? "ADDED" : "MODIFIED";
    const metadata = { ...next["metadata"] as Members, resourceVersion: String(++version) };
    object = { ...next, metadata };
    tell(JSON.stringify({ type, object }) + "\n");
    return object;
  };
  const { fetch, asked } = new ScriptedFetch((each: Asked) => {
    if (each.method === "PATCH") {
      const body = each.body as Members;
      const metadata = { ...object?.["metadata"] as Members | undefined, ...body["metadata"] as Members };
      return json(put(keep({ ...object, ...body, metadata })));
    }
    if (!each.path.includes("watch=true")) {
      return json({ metadata: { resourceVersion: String(version) }, items: object === undefined ? [] : [object] });
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (tell = (line) => controller.enqueue(new TextEncoder().encode(line))),
    });
    return new Response(body);
  });
  const reporter = new ConfigurationReporter({ namespace: "ns", component: "controller", podName: "" }, {
    client: new KubeClient({ baseUrl: "https://api.test" }, { fetch, schedule: time.schedule }),
    clock: time.clock,
    rng: new SeededRng(1),
    log: (event) => void logged.push(event),
    schedule: time.schedule,
  });
  const writes = () => asked.filter(({ method }) => method === "PATCH").length;
  return { time, reporter, writes, logged, put, object: () => object };
}

const PROBLEM: Problem = {
  severity: "error",
  kind: "IPAddressPool",
  namespace: "ns",
  name: "p",
  path: "spec.addresses[0]",
  reason: "invalidAddress",
  message: "it is no address",
};

Deno.test("ConfigurationReporter: a server that drops what is written is not written to for ever, and it is said", async () => {
  const { time, reporter, writes, logged } = stage(({ status: _status, ...kept }) => kept);
  reporter.start();
  reporter.report([PROBLEM]);
  await time.advance(600_000);
  assert(writes() < 30, `${writes()} writes in ten minutes`);
  assertEquals(logged.filter(({ level }) => level === "warn").map(({ event }) => event), [
    "configurationStateNotKept",
  ]);
  await reporter.stop();
});

Deno.test("ConfigurationReporter: two that write one object do not write it in a circle", async () => {
  const { time, reporter, writes, put, object } = stage((kept) => kept);
  reporter.start();
  reporter.report([PROBLEM]);
  await time.advance(1_000);
  const own = writes();
  for (let second = 0; second < 600; second++) {
    put({ ...object(), status: { result: "Unknown" } });
    await time.advance(1_000);
  }
  assert(writes() - own < 30, `${writes() - own} writes in ten minutes`);
  // What is new is told all the same.
  reporter.report([]);
  await time.advance(61_000);
  assertEquals((object()!["status"] as Members)["result"], "Valid");
  await reporter.stop();
});

Deno.test("ConfigurationReporter: what is written once is not written again, and a change is written at once", async () => {
  const { time, reporter, writes, logged, put, object } = stage((kept) => kept);
  reporter.start();
  reporter.report([PROBLEM]);
  await time.advance(600_000);
  const first = writes();
  assertEquals([first, logged.filter(({ level }) => level === "warn")], [2, []]);
  for (const problems of [[], [PROBLEM], [], [PROBLEM]]) {
    reporter.report(problems);
    await time.advance(150);
  }
  assertEquals(writes(), first + 4);
  // Somebody's slip of the hand is put right at once.
  put({ ...object(), status: {} });
  await time.advance(700);
  assertEquals(writes(), first + 5);
  await reporter.stop();
});

Deno.test("ConfigurationReporter: where the kind is not installed it asks once a minute, and says so once", async () => {
  const time = new FakeTime();
  const warned: LogEvent[] = [];
  const { fetch, asked } = new ScriptedFetch(() => statusAnswer(404, "NotFound"));
  const reporter = new ConfigurationReporter({ namespace: "ns", component: "speaker", node: "n", podName: "" }, {
    client: new KubeClient({ baseUrl: "https://api.test" }, { fetch, schedule: time.schedule }),
    clock: time.clock,
    rng: new SeededRng(1),
    log: (event) => event.level === "warn" && warned.push(event),
    schedule: time.schedule,
  });
  reporter.start();
  reporter.report([PROBLEM]);
  await time.advance(3_600_000);
  assert(asked.length < 150, `${asked.length} requests in an hour`);
  assertEquals(warned.map(({ event }) => event), ["listFailed"]);
  await reporter.stop();
});
