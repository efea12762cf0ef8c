/** Against an embedded API in this process; time is the test's. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { L2StatusWriter, type L2StatusWriterOptions } from "../../lib/app/l2_status_writer.ts";
import { type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import type { StatusClaim } from "../../lib/decision/plan/status_plan.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { CRDS } from "../embedded/embedded_stage.ts";
import { FakeTime } from "../kube/fake_time.ts";

const NAMESPACE = "metallb-system";
const SERVICE = "shop/web";

type Claims = Map<string, Partial<StatusClaim>>;

class Stage {
  readonly time = new FakeTime();
  readonly line = { up: true, delayMs: 0 };
  readonly writes: string[] = [];
  readonly logged: LogEvent[] = [];
  readonly client: KubeClient;

  constructor() {
    const api = new EmbeddedApi({ crds: CRDS, token: "t" }, {
      clock: this.time.clock,
      rng: new SeededRng(1),
      log: () => {},
      schedule: (delayMs, callback) => this.time.schedule(callback, delayMs),
    });
    this.client = new KubeClient({ baseUrl: "http://api" }, {
      fetch: async (request) => {
        if (!this.line.up) throw new Error("no route to host");
        if (request.method !== "GET") this.writes.push(request.method);
        const { delayMs } = this.line;
        if (delayMs > 0) await new Promise<void>((done) => this.time.schedule(done, delayMs));
        return await api.fetch(request);
      },
      schedule: this.time.schedule,
    });
  }

  async namespace(): Promise<void> {
    await this.client.create(RESOURCES.namespaces, { body: { metadata: { name: NAMESPACE } } });
    this.writes.length = 0;
  }

  /** A speaker's writer, and what it claims: a Service that is not named is silent. */
  speaker(node: string, options: Partial<L2StatusWriterOptions> = {}) {
    const claims: Claims = new Map();
    const writer = new L2StatusWriter({ namespace: NAMESPACE, node, podName: "", ...options }, {
      client: this.client,
      clock: this.time.clock,
      rng: new SeededRng(2),
      log: (event) => this.logged.push(event),
      schedule: this.time.schedule,
      claimOf: (key) => ({
        state: "silent",
        interfaces: "all",
        others: new Set(),
        isOver: false,
        ...claims.get(key),
      }),
    });
    writer.start();
    const claim = (key: string, one: Partial<StatusClaim>) => {
      claims.set(key, one);
      writer.touch(key);
    };
    return { writer, claim };
  }

  async shown(): Promise<KubeObject[]> {
    const result = await this.client.list(RESOURCES.serviceL2Statuses, { namespace: NAMESPACE });
    if (!result.ok) throw new Error(result.error.message);
    return result.value.items;
  }

  /** `service node interfaces` of each. */
  async told(): Promise<string[]> {
    return (await this.shown()).map(({ status }) => {
      const { node, serviceName, serviceNamespace, interfaces = [] } = (status ?? {}) as {
        node: string;
        serviceName: string;
        serviceNamespace: string;
        interfaces?: { name: string }[];
      };
      return [`${serviceNamespace}/${serviceName}`, node, ...interfaces.map(({ name }) => name)].join(" ");
    }).sort();
  }
}

async function stage(): Promise<Stage> {
  const made = new Stage();
  await made.namespace();
  return made;
}

Deno.test("ServiceL2Status: made by who announces, as MetalLB's looks, and not touched while nothing changes", async () => {
  const { time, writes, speaker, told, shown } = bound(await stage());
  const { claim } = speaker("n1");
  await time.advance(1000);
  assertEquals(writes, [], "silence needs no object");
  claim(SERVICE, { state: "announced", interfaces: ["eth1"] });
  await time.advance(1000);
  assertEquals(await told(), ["shop/web n1 eth1"]);
  assertEquals(writes, ["POST", "PATCH"]);
  const [object] = await shown();
  assert(object!.metadata.name.startsWith("l2-"));
  assertEquals(object!.metadata.labels, {
    "metallb.io/node": "n1",
    "metallb.io/service-name": "web",
    "metallb.io/service-namespace": "shop",
  });
  claim(SERVICE, { state: "announced", interfaces: ["eth1"] });
  await time.advance(60_000);
  assertEquals(writes.length, 2);
  claim(SERVICE, { state: "announced", interfaces: "all" });
  await time.advance(1000);
  assertEquals([await told(), writes.length], [["shop/web n1"], 3]);
  claim(SERVICE, { state: "silent" });
  await time.advance(1000);
  assertEquals([await told(), writes.slice(3)], [[], ["DELETE"]]);
});

Deno.test("ServiceL2Status: a restart adopts what is there, and leaves it alone while nothing is decided yet", async () => {
  const { time, writes, speaker, shown, client } = bound(await stage());
  const first = speaker("n1");
  first.claim(SERVICE, { state: "announced" });
  await time.advance(1000);
  const [before] = await shown();
  await first.writer.stop();
  const pod = await client.create(RESOURCES.pods, {
    namespace: NAMESPACE,
    body: { metadata: { name: "speaker-2", namespace: NAMESPACE }, spec: { containers: [{ name: "s", image: "i" }] } },
  });
  if (!pod.ok) throw new Error(pod.error.message);
  writes.length = 0;
  const second = speaker("n1", { podName: "speaker-2" });
  second.claim(SERVICE, { state: "undecided" });
  await time.advance(60_000);
  assertEquals(writes, []);
  assertEquals(second.writer.holderOf(SERVICE), "n1");
  second.claim(SERVICE, { state: "announced" });
  await time.advance(1000);
  const [after, ...more] = await shown();
  assertEquals([more, after!.metadata.uid], [[], before!.metadata.uid]);
  assertEquals(writes, ["PATCH"], "only its owner is another Pod");
  assertEquals(after!.metadata.ownerReferences, [
    { apiVersion: "v1", kind: "Pod", name: "speaker-2", uid: pod.value.metadata.uid! },
  ]);
});

Deno.test("ServiceL2Status: the successor removes what a dead owner left; a living one removes its own", async () => {
  const { time, writes, speaker, told } = bound(await stage());
  const dead = speaker("n1");
  dead.claim(SERVICE, { state: "announced" });
  await time.advance(1000);
  await dead.writer.stop();
  const successor = speaker("n2");
  successor.claim(SERVICE, { state: "announced", others: new Set() });
  await time.advance(1000);
  assertEquals(await told(), ["shop/web n1", "shop/web n2"], "it may still be about to remove it itself");
  await time.advance(2000);
  assertEquals(await told(), ["shop/web n2"]);
  // A planned move: both remove what is over, and it is removed once.
  const third = speaker("n3");
  await time.advance(1000);
  writes.length = 0;
  third.claim(SERVICE, { state: "announced" });
  successor.claim(SERVICE, { state: "silent", others: new Set(["n3"]) });
  await time.advance(10_000);
  assertEquals(await told(), ["shop/web n3"]);
  assertEquals(writes.sort(), ["DELETE", "PATCH", "POST"]);
});

Deno.test("ServiceL2Status: a node that announces another address of the same Service keeps its own", async () => {
  const { time, speaker, told } = bound(await stage());
  speaker("n1").claim(SERVICE, { state: "announced", others: new Set(["n2"]) });
  speaker("n2").claim(SERVICE, { state: "announced", others: new Set(["n1"]) });
  await time.advance(60_000);
  assertEquals(await told(), ["shop/web n1", "shop/web n2"]);
});

Deno.test("ServiceL2Status: two that both believe to be the owner do not fight at full speed", async () => {
  const { time, writes, speaker } = bound(await stage());
  speaker("n1").claim(SERVICE, { state: "announced" });
  speaker("n2").claim(SERVICE, { state: "announced" });
  await time.advance(600_000);
  assert(writes.length < 200, `${writes.length} writes in ten minutes`);
});

Deno.test("ServiceL2Status: an outage of the API leaves nothing behind; the same trouble is told once", async () => {
  const { time, line, speaker, told, logged } = bound(await stage());
  const { claim } = speaker("n1");
  await time.advance(1000);
  line.up = false;
  claim(SERVICE, { state: "announced" });
  claim("shop/api", { state: "announced" });
  await time.advance(300_000);
  assertEquals(logged.filter(({ event }) => event === "l2StatusNotWritten").length, 1);
  claim("shop/api", { state: "silent" });
  line.up = true;
  await time.advance(60_000);
  assertEquals(await told(), ["shop/web n1"]);
});

Deno.test("ServiceL2Status: what changes while a write is under way makes no second one of it", async () => {
  const { time, line, writes, speaker, told } = bound(await stage());
  const { claim } = speaker("n1");
  await time.advance(1000);
  line.delayMs = 500;
  for (let change = 0; change < 40; change++) {
    claim(SERVICE, { state: "announced", interfaces: [`eth${Math.trunc(change / 30)}`] });
    await time.advance(60);
  }
  await time.advance(2000);
  line.delayMs = 0;
  assertEquals(writes, ["POST", "PATCH", "PATCH"]);
  assertEquals(await told(), ["shop/web n1 eth1"]);
});

Deno.test("ServiceL2Status: many that move at once are written at a pace, and all in the end", async () => {
  const { time, writes, speaker, told } = bound(await stage());
  const { claim, writer } = speaker("n1", { burst: 20, perSecond: 10 });
  for (let index = 0; index < 50; index++) claim(`shop/s${index}`, { state: "announced" });
  await time.advance(1000);
  assert(writes.length >= 20 && writes.length <= 31, `${writes.length} writes in the first second`);
  await time.advance(10_000);
  assertEquals([writes.length, (await told()).length], [100, 50]);
  assertEquals(writer.inspect(), {
    synced: true,
    objects: 50,
    written: 100,
    waiting: 0,
    inFlight: 0,
    lastError: "",
  });
});

Deno.test("ServiceL2Status: who leaves removes its own as far as the time goes, and waits no longer", async () => {
  const { time, line, speaker, told } = bound(await stage());
  const first = speaker("n1");
  const second = speaker("n2");
  first.claim(SERVICE, { state: "announced" });
  second.claim("shop/api", { state: "announced" });
  await time.advance(1000);
  const stopped = first.writer.stop(1000);
  await time.advance(100);
  await stopped;
  assertEquals(await told(), ["shop/api n2"]);
  line.up = false;
  const late = second.writer.stop(1000);
  await time.advance(1000);
  await late;
  line.up = true;
  assertEquals(await told(), ["shop/api n2"]);
});

Deno.test("ServiceL2Status: what is left of a Service that nobody is to announce goes, after its node had the time", async () => {
  const { time, speaker, told } = bound(await stage());
  const dead = speaker("n1");
  dead.claim(SERVICE, { state: "announced" });
  await time.advance(1000);
  await dead.writer.stop();
  speaker("n2").claim(SERVICE, { state: "silent", isOver: true });
  speaker("n3").claim(SERVICE, { state: "silent", isOver: true });
  await time.advance(9000);
  assertEquals(await told(), ["shop/web n1"]);
  await time.advance(30_000);
  assertEquals(await told(), []);
});

/** Its members, to be taken apart. */
function bound(one: Stage) {
  return {
    time: one.time,
    line: one.line,
    writes: one.writes,
    logged: one.logged,
    client: one.client,
    speaker: one.speaker.bind(one),
    told: one.told.bind(one),
    shown: one.shown.bind(one),
  };
}

/** Longer than a label's value may be. */
const LONG = `ip-10-0-0-1.${"very-long-name.".repeat(6)}example.com`;

Deno.test("ServiceL2Status: a node whose name has no room in a label has its object, with the whole name, once", async () => {
  const { time, speaker, told, shown, logged, writes } = bound(await stage());
  const { claim, writer } = speaker(LONG);
  claim(SERVICE, { state: "announced" });
  await time.advance(1000);
  assertEquals(await told(), [`shop/web ${LONG}`]);
  assertEquals([writes, logged.filter(({ level }) => level !== "debug")], [["POST", "PATCH"], []]);
  const label = (await shown())[0]!.metadata.labels!["metallb.io/node"]!;
  assertEquals([label.length, label.slice(0, 12)], [63, "ip-10-0-0-1."]);
  assertEquals(writer.holderOf(SERVICE), LONG);
  // A restart finds it; a successor knows whose it is.
  await writer.stop();
  const again = speaker(LONG);
  again.claim(SERVICE, { state: "announced", others: new Set(["n2"]) });
  const other = speaker("n2");
  other.claim(SERVICE, { state: "announced", others: new Set([LONG]) });
  await time.advance(60_000);
  assertEquals(await told(), [`shop/web ${LONG}`, "shop/web n2"]);
  assertEquals(writes, ["POST", "PATCH", "POST", "PATCH"]);
  other.claim(SERVICE, { state: "silent" });
  again.claim(SERVICE, { state: "silent" });
  await time.advance(5000);
  assertEquals(await told(), []);
});
