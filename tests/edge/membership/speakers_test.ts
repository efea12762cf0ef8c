// needs: curl
/** The speaker as a program, three times, with an API: the gossip comes about by what the API says of the Pods. */
import { assertEquals } from "@std/assert/equals";
import { addressOf, type Program, type ProgramStage, TOKEN, withPrograms } from "../app/program_stage.ts";
import { startSpeakers } from "../app/speakers.ts";
import { curlStatus, until } from "../app/witness.ts";

const NODES = ["n1", "n2", "n3"];

/** The last thing that a speaker logged of a member. */
function view(program: Program, node: string): string | undefined {
  return program.log().findLast((line) => /^member[A-Z]/.test(line.event) && line["member"] === node)?.event;
}

async function sees(program: Program, node: string, { event }: { event: string }) {
  await until(
    `${event} of ${node} is the last that is said of it`,
    () => view(program, node) === event,
  );
}

/** Prometheus' view of the gossip, as the speaker of `node` tells it: how many are in each state. */
async function counted(stage: ProgramStage, node: string, expected: Readonly<Record<string, number>>): Promise<void> {
  const url = `https://${addressOf(node)}:9120/metrics`;
  const lines = Object.entries(expected).map(([state, count]) => `herald_members{state="${state}"} ${count}`);
  let text = "";
  await until(() => `${lines.join(", ")} in ${text}`, async () => {
    text = (await curlStatus(stage.client, url, ["-H", `Authorization: Bearer ${TOKEN}`])).body;
    return lines.every((line) => text.split("\n").includes(line));
  });
}

async function meet(stage: ProgramStage): Promise<ReadonlyMap<string, Program>> {
  const speakers = await startSpeakers(stage, NODES);
  for (const [node, program] of speakers) {
    for (const other of NODES) if (other !== node) await sees(program, other, { event: "memberJoined" });
  }
  return speakers;
}

Deno.test("Three speakers meet and change their key; one leaves, comes back with the new key alone, and one is killed", () =>
  withPrograms({ nodes: 3, addresses: "192.168.77.130-192.168.77.139" }, async (stage) => {
    await stage.startController();
    // With an address there is something to watch each other for.
    await stage.createService("web");
    const speakers = await meet(stage);
    await counted(stage, "n1", { alive: 2, suspect: 0, dead: 0, left: 0 });
    const [n1, n2, n3] = NODES.map((node) => speakers.get(node)!) as [Program, Program, Program];
    await Deno.writeTextFile(`${stage.folder}/secretkey`, "another secret, which kubectl mounts now");
    for (const program of speakers.values()) await program.logged("memberlistKeyInstalled");
    await n3.kill("SIGTERM");
    for (const program of [n1, n2]) await sees(program, "n3", { event: "memberLeft" });
    await counted(stage, "n1", { alive: 1, left: 1 });
    const again = await stage.startSpeaker("n3");
    for (const node of ["n1", "n2"]) await sees(again, node, { event: "memberJoined" });
    for (const program of [n1, n2]) await sees(program, "n3", { event: "memberJoined" });
    // Some rounds of probing: whoever cannot be understood would be suspected by then.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    for (const program of [n1, n2, again]) {
      assertEquals(program.log().filter(({ event }) => event === "memberSuspected"), []);
      const peers = program.log().filter(({ event }) => event === "peerChanged");
      for (const node of NODES) {
        const last = peers.findLast(({ peer }) => peer === node);
        assertEquals([node, last?.["state"] ?? "alive"], [node, "alive"]);
      }
    }
    await n2.kill();
    for (const program of [n1, again]) await sees(program, "n2", { event: "memberFailed" });
    await counted(stage, "n1", { alive: 1, dead: 1 });
    assertEquals(n1.log().filter(({ level }) => level === "error"), []);
  }));
