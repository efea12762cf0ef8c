// needs: arping
/** A neighbour that must answer is asked by a real packet thread and answered by a real kernel. */
import { assertEquals } from "@std/assert/equals";
import { DEFAULT_ADDRESS_POLICY } from "../../../lib/base/wanted.ts";
import { ADDRESS, CLIENT, CLIENT6, PacketStage } from "./packet_stage.ts";
import { until } from "./witness.ts";

Deno.test("Link probe: a switch port without a cable at its far end is noticed although our carrier stays, and so is its return", () =>
  PacketStage.run(async (stage) => {
    const linkProbes = [CLIENT, CLIENT6];
    stage.want({ address: ADDRESS, policy: { ...DEFAULT_ADDRESS_POLICY, linkProbes } });
    const targets = async () => {
      const state = await stage.inspect() as { linkProbe: { targets: { on: { verdict: string }[] }[] } };
      return state.linkProbe.targets.flatMap(({ on }) => on.map(({ verdict }) => verdict));
    };
    await until("both kernels' answers are heard", async () => (await targets()).join() === "answers,answers");
    assertEquals(stage.logs("linkProbeFailed", "address"), []);
    await stage.client.cutCable();
    await until("both have failed", () => stage.logs("linkProbeFailed", "address").length === 2);
    assertEquals(stage.logs("linkProbeFailed", "address").toSorted(), linkProbes.toSorted());
    assertEquals(stage.report.usable, ["eth0"]);
    await stage.client.plugCable();
    await until("both are back", () => stage.logs("linkProbeAnswers", "address").length === 2);
    assertEquals(await targets(), ["answers", "answers"]);
  }));
