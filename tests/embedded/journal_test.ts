import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import {
  CONFIG_MAPS,
  configMap,
  EmbeddedStage,
  MemoryFile,
  pod,
  PODS,
  service,
  SERVICES,
  SLICES,
} from "./embedded_stage.ts";

Deno.test("Journal: a file that is not one, or is damaged inside, is refused with the line", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  await stage.post(CONFIG_MAPS, configMap("a"));
  const lines = file.text!.split("\n");
  for (const [line, text] of [[1, "hello"], [1, "{}"], [2, "{"], [3, "[]"], [2, '{"storage":"x"}']] as const) {
    const damaged = lines.with(line - 1, text).join("\n");
    const error = assertThrows(() => new EmbeddedStage({ journalFile: new MemoryFile(damaged) }));
    assertEquals(String(error).includes(`line ${line}:`), true, String(error));
  }
});

Deno.test("Journal: a server that was killed comes back with what it had answered", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  await stage.post(SERVICES, service("web", { type: "LoadBalancer" }));
  await stage.patch(`${SERVICES}/web/status`, { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
  await stage.post(CONFIG_MAPS, configMap("gone"));
  await stage.delete(`${CONFIG_MAPS}/gone`);
  const before = (await stage.get("/api/v1/services")).body;
  const again = new EmbeddedStage({ journalFile: new MemoryFile(file.text), seed: 7 });
  const after = (await again.get("/api/v1/services")).body;
  assertEquals(after, before, "the same objects under the same version");
  assertEquals((await again.get(`${CONFIG_MAPS}/gone`)).code, 404);
  const taken = before.items[0].spec;
  const other = service("other", { type: "LoadBalancer", clusterIP: taken.clusterIP });
  assertEquals((await again.post(SERVICES, other)).code, 422, "the cluster IP is still held");
  const next = await again.post(CONFIG_MAPS, configMap("next"));
  assertEquals(Number(next.body.metadata.resourceVersion), stage.api.resourceVersion + 1);
});

Deno.test("Journal: a watch of the time before must list again", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  await stage.post(CONFIG_MAPS, configMap("a"));
  const again = new EmbeddedStage({ journalFile: file });
  const current = again.api.resourceVersion;
  assertEquals(await (await again.watch(CONFIG_MAPS, `&resourceVersion=${current - 1}`)).take(2), ["ERROR 410", "END"]);
  const watch = await again.watch(CONFIG_MAPS, `&resourceVersion=${current}`);
  await again.post(CONFIG_MAPS, configMap("b"));
  assertEquals(await watch.take(1), ["ADDED b"]);
});

Deno.test("Journal: cut off anywhere, it gives back every line that was whole", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  const start = file.text!.length;
  const ends: number[] = [];
  for (let i = 0; i < 5; i++) {
    await stage.post(
      CONFIG_MAPS,
      configMap(`ünï-${i}`.normalize("NFD").replace(/[^a-z0-9-]/g, ""), { data: { text: "ü\n\u2028" } }),
    );
    ends.push(file.text!.length);
  }
  for (let cut = start; cut <= file.text!.length; cut++) {
    const again = new EmbeddedStage({ journalFile: new MemoryFile(file.text!.slice(0, cut)) });
    const { items } = (await again.get(CONFIG_MAPS)).body;
    assertEquals(items.length, ends.filter((end) => end <= cut).length, `cut at ${cut}`);
  }
});

Deno.test("Journal: starting compacts it and goes on from there", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  await stage.post(CONFIG_MAPS, configMap("a"));
  for (let i = 0; i < 50; i++) await stage.patch(`${CONFIG_MAPS}/a`, { data: { i: String(i) } });
  const lines = () => file.text!.split("\n").length;
  const long = lines();
  const again = new EmbeddedStage({ journalFile: file });
  assertEquals(lines(), long - 50);
  await again.patch(`${CONFIG_MAPS}/a`, { data: { i: "last" } });
  const third = new EmbeddedStage({ journalFile: file });
  assertEquals((await third.get(`${CONFIG_MAPS}/a`)).body.data, { i: "last" });
});

Deno.test("Journal: a slice whose writing was cut off is made when the server comes back", async () => {
  const file = new MemoryFile();
  const stage = new EmbeddedStage({ journalFile: file });
  await stage.post(SERVICES, service("web"));
  await stage.post(PODS, pod("a", { labels: { app: "web" } }));
  await stage.patch(`${PODS}/a/status`, { status: { phase: "Running", podIP: "10.1.0.1" } });
  const lines = file.text!.trimEnd().split("\n");
  assertEquals(lines.at(-1)!.includes("endpointslices"), true);
  const again = new EmbeddedStage({ journalFile: new MemoryFile(`${lines.slice(0, -1).join("\n")}\n`) });
  assertEquals((await again.get(SLICES)).body.items[0].endpoints.length, 1);
});
