import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { LogEvent } from "../../lib/base/log.ts";
import { OldConfigMap } from "../../lib/app/old_config_map.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import type { EventToRecord } from "../../lib/edge/kube/events.ts";
import { type Answer, json, ScriptedFetch, statusAnswer } from "../kube/scripted_fetch.ts";

const OLD = "address-pools:\n- name: default\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n";
const PATH = "/api/v1/namespaces/metallb-system/configmaps/config";
const METADATA = { name: "config", namespace: "metallb-system", uid: "u1", resourceVersion: "5" };
const COMMAND = "kubectl get configmap -n metallb-system config -o yaml | herald migrate -f - | kubectl apply -f -";

function oldConfigMap(answers: (path: string) => Answer | Promise<Answer>) {
  const scripted = new ScriptedFetch(({ path }) => answers(path));
  const events: EventToRecord[] = [];
  const logged: LogEvent[] = [];
  const reported: string[] = [];
  const old = new OldConfigMap({ namespace: "metallb-system" }, {
    client: new KubeClient({ baseUrl: "https://api.test" }, { fetch: scripted.fetch, schedule: () => () => {} }),
    log: (event) => logged.push(event),
    record: (event) => events.push(event),
    report: (problems) => reported.push(problems.map(({ severity, reason }) => `${severity} ${reason}`).join()),
  });
  return { old, events, logged, reported, asked: scripted.asked };
}

function list(...names: string[]): Response {
  const items = names.map((name) => ({ metadata: { name, namespace: "metallb-system", resourceVersion: "7" } }));
  return json({ metadata: { resourceVersion: "9" }, items });
}

function configMap(data: Record<string, unknown> | undefined): Response {
  return json({ metadata: METADATA, ...data === undefined ? {} : { data } });
}

Deno.test("Nothing is said where the old ConfigMap is not the only configuration, or cannot be seen to be", async () => {
  const rows: [string, (path: string) => Answer][] = [
    ["no ConfigMap", (path) => path === PATH ? statusAnswer(404, "NotFound") : list()],
    ["a ConfigMap that may not be read", (path) => path === PATH ? statusAnswer(403, "Forbidden") : list()],
    ["a ConfigMap of something else", (path) => path === PATH ? configMap({ other: OLD }) : list()],
    ["a ConfigMap without data", (path) => path === PATH ? configMap(undefined) : list()],
    ["an empty text", (path) => path === PATH ? configMap({ config: " \n" }) : list()],
    ["a text that is none", (path) => path === PATH ? configMap({ config: 7 }) : list()],
    ["a peer", (path) => path === PATH ? configMap({ config: OLD }) : path.includes("bgppeers") ? list("p") : list()],
    ["a pool", (path) => path === PATH ? configMap({ config: OLD }) : path.includes("pools") ? list("p") : list()],
    [
      "peers that may not be listed",
      (path) =>
        path === PATH
          ? configMap({ config: OLD })
          : path.includes("bgppeers")
          ? statusAnswer(403, "Forbidden")
          : list(),
    ],
    ["an API that is away", () => new Error("unreachable")],
  ];
  for (const [what, answers] of rows) {
    const { old, events, logged } = oldConfigMap(answers);
    await old.observe(0);
    assertEquals([old.message, events.length, logged.length], [undefined, 0, 0], what);
  }
});

Deno.test("Only the old ConfigMap: the log, the event on it and the message say what to run", async () => {
  const { old, events, logged, reported } = oldConfigMap((path) =>
    path === PATH ? configMap({ config: OLD }) : path.includes("bfdprofiles") ? statusAnswer(404, "NotFound") : list()
  );
  await old.observe(0);
  assertStringIncludes(old.message ?? "", COMMAND);
  assertEquals(logged.map(({ level, event, run }) => [level, event, run]), [["warn", "oldConfigMap", COMMAND]]);
  assertEquals(events.map(({ type, reason, object }) => [type, reason, object.kind, object.metadata]), [
    ["Warning", "OldConfiguration", "ConfigMap", METADATA],
  ]);
  assertStringIncludes(events[0]!.message, COMMAND);
  await old.observe(1);
  assertEquals(reported, ["error oldConfigMap", ""]);
});

Deno.test("It is asked for once per term and when the last pool goes, not with every change", async () => {
  const { old, logged, asked } = oldConfigMap((path) => path === PATH ? configMap({ config: OLD }) : list());
  const looks = () => asked.filter(({ path }) => path === PATH).length;
  for (const pools of [3, 2, 2]) await old.observe(pools);
  assertEquals(looks(), 0);
  for (const pools of [0, 0, 0]) await old.observe(pools);
  assertEquals([looks(), logged.length], [1, 1]);
  await old.observe(1);
  assertEquals(old.message, undefined);
  await old.observe(0);
  assertEquals(looks(), 2);
  old.forget();
  assertEquals(old.message, undefined);
  await old.observe(0);
  assertEquals(looks(), 3);
});

Deno.test("A pool that comes while the answers are under way makes the message void", async () => {
  const gate = Promise.withResolvers<void>();
  const { old, logged } = oldConfigMap(async (path) => {
    await gate.promise;
    return path === PATH ? configMap({ config: OLD }) : list();
  });
  const looking = old.observe(0);
  await old.observe(1);
  gate.resolve();
  await looking;
  assertEquals([old.message, logged.length], [undefined, 0]);
});

Deno.test("A ConfigMap that comes later is found when a Service has to wait, with one look at a time", async () => {
  let isThere = false;
  const { old, logged, asked } = oldConfigMap((path) =>
    path !== PATH ? list() : isThere ? configMap({ config: OLD }) : statusAnswer(404, "NotFound")
  );
  const looks = () => asked.filter(({ path }) => path === PATH).length;
  await old.serviceWaits();
  assertEquals(looks(), 0, "no term yet");
  await old.observe(0);
  assertEquals([looks(), logged.length], [1, 0]);
  const waiting = Array.from({ length: 50 }, () => old.serviceWaits());
  isThere = true;
  await Promise.all(waiting);
  assertEquals([looks(), logged.length], [2, 1]);
  await old.serviceWaits();
  assertEquals(looks(), 2, "it is told already");
  await old.observe(1);
  await old.serviceWaits();
  assertEquals(looks(), 2, "there is a pool");
});

Deno.test("Services that wait while a look is under way get one look more, not one each", async () => {
  const gate = Promise.withResolvers<void>();
  const { old, asked } = oldConfigMap(async (path) => {
    await gate.promise;
    return path === PATH ? statusAnswer(404, "NotFound") : list();
  });
  const looking = old.observe(0);
  for (let count = 0; count < 50; count++) void old.serviceWaits();
  gate.resolve();
  await looking;
  assertEquals(asked.filter(({ path }) => path === PATH).length, 2);
});
