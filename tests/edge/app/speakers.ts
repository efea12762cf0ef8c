/** Several speakers as processes, and who of them answers. */
import { addressOf, macOf, type Program, type ProgramStage } from "./program_stage.ts";
import { arping, until } from "./witness.ts";

/** Started at the same time; resolves when all are ready. */
export async function startSpeakers(
  stage: ProgramStage,
  nodes: readonly string[],
  flags: readonly string[] = [],
): Promise<Map<string, Program>> {
  const speakers = new Map<string, Program>();
  for (const node of nodes) speakers.set(node, await stage.startSpeaker(node, flags));
  for (const [node, program] of speakers) {
    await until(`the speaker of ${node} (${addressOf(node)}) is ready`, async () => {
      const { code } = await stage.lab.host(node).run("curl", ["-sf", "-m", "2", "http://127.0.0.1:17472/readyz"]);
      return code === 0;
    });
    await program.logged("listening");
  }
  return speakers;
}

/** Who answers, when the same node does so five times in a row. */
export async function settledOwner(stage: ProgramStage, address: string): Promise<string> {
  return await until(`one node answers for ${address}`, async () => {
    const { macs, extra } = await arping(stage.client, address, { count: 5 });
    return macs.length === 5 && new Set(macs).size === 1 && extra <= 0 && nodeOf(macs[0]);
  });
}

export async function ownerOf(stage: ProgramStage, address: string): Promise<string | undefined> {
  return nodeOf((await arping(stage.client, address)).macs[0]);
}

function nodeOf(mac: string | undefined): string | undefined {
  return ["n1", "n2", "n3"].find((node) => macOf(node) === mac);
}
