// needs: arping curl ip
/**
 * The kernel of a node answers beside the speaker that announces, as for want of strictARP, until somebody mends it: what
 * people are told from begin to end, with the programs running.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { herald } from "../../app/cli/cli_world.ts";
import { addressOf, macOf, NAMESPACE, type ProgramStage, TOKEN, withPrograms } from "./program_stage.ts";
import { settledOwner, startSpeakers } from "./speakers.ts";
import { arping, curlStatus, until } from "./witness.ts";

/** What is told of it on the way that people look: the condition, the metric's line and the CLI's. */
async function told(stage: ProgramStage, owner: string) {
  const kube = await stage.kube();
  const state = await kube.get(RESOURCES.configurationStates, { namespace: NAMESPACE, name: `speaker-${owner}` });
  const status = state.ok ? state.value["status"] as { conditions?: { type: string; message: string }[] } : undefined;
  const condition = status?.conditions?.find(({ type }) => type === "herald.dev/DoubleAnswer")?.message;
  const url = `https://${addressOf(owner)}:9120/metrics`;
  const metrics = await curlStatus(stage.client, url, ["-H", `Authorization: Bearer ${TOKEN}`]);
  assertEquals(metrics.status, 200);
  const metric = metrics.body.split("\n").find((line) => line.startsWith("herald_layer2_double_answer{"));
  const { out } = await herald(["status", `--kubeconfig=${stage.kubeconfig}`]);
  const line = out.split("\n").find((text) => text.includes("strictARP"));
  return { condition, metric, line };
}

Deno.test("Double answer: a node that answers beside the announcer is told on every way, and no more once it stops", () =>
  withPrograms({ nodes: 2 }, async (stage) => {
    await stage.startController();
    // A process that stands still for 2.25 intervals proves its right anew, and a double answer would be found twice.
    const speakers = await startSpeakers(stage, ["n1", "n2"], ["--watch-interval-ms=1000"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const owner = await settledOwner(stage, address);
    const other = owner === "n1" ? "n2" : "n1";
    const log = speakers.get(owner)!;
    assertEquals(await told(stage, owner), { condition: undefined, metric: undefined, line: undefined });

    // What an administrator who knows nothing of load balancers may do to make the Service answer.
    const answerer = stage.lab.host(other);
    const ip = async (words: string) => assertEquals((await answerer.run("ip", words.split(" "))).code, 0, words);
    await ip(`addr add ${address}/32 dev ${answerer.interface}`);
    const macs = new Set((await arping(stage.client, address, { count: 3 })).macs);
    assertEquals(macs, new Set([macOf(owner), macOf(other)]));

    // The speaker asks by itself within a minute. Here somebody on its node asks, and it hears the answer.
    await until("the announcer tells", async () => {
      await arping(stage.lab.host(owner), address);
      return log.log().some(({ event }) => event === "doubleAnswer");
    });
    const found = await log.logged("doubleAnswer");
    assertEquals([found.level, found["address"], found["other"], found["mac"]], ["warn", address, other, macOf(other)]);
    const all = await until("it is told everywhere", async () => {
      const { condition, metric, line } = await told(stage, owner);
      return condition !== undefined && metric !== undefined && line !== undefined && { condition, metric, line };
    });
    assertStringIncludes(all.condition, `node "${other}" answers for ${address} too`);
    assertStringIncludes(all.line, `node "${other}" answers for ${address} too`);
    assertEquals(all.metric, `herald_layer2_double_answer{ip="${address}",other="${other}",mac="${macOf(other)}"} 1`);
    const events = await (await stage.kube()).list(RESOURCES.events, { namespace: "default" });
    assert(events.ok && events.value.items.some(({ reason }) => reason === "doubleAnswer"), "an event on the Service");

    await ip(`addr del ${address}/32 dev ${answerer.interface}`);
    // It is asked every ten seconds, and one answer may be lost.
    const over = await log.logged("doubleAnswerOver");
    assertEquals([over.level, over["address"], over["other"]], ["info", address, other]);
    await until("nobody is told any more", async () => {
      const { condition, metric, line } = await told(stage, owner);
      return condition === undefined && metric === undefined && line === undefined;
    });
    assertEquals(await settledOwner(stage, address), owner);
    assertEquals(log.log().filter(({ event }) => event === "doubleAnswer").length, 1);
  }));
