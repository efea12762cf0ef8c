// needs: arping tcpdump curl
/**
 * What may happen to the node that answers, on real speakers: the process is killed, stopped, cut off, or loses its
 * cable. Another one takes over within moments, and in the end exactly one answers. Bounds in milliseconds are the
 * benchmarks' business; these tests look at order and counts.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { macOf, type Program, type ProgramStage, withPrograms } from "./program_stage.ts";
import { settledOwner, startSpeakers } from "./speakers.ts";
import { answeredBy, canCapture, Capture, pause, unanswered, until } from "./witness.ts";

const NODES = ["n1", "n2", "n3"];
const ROUNDS = 2;
/** Far above what it takes, and far below what a membership alone would need. */
const TAKEN_OVER_MS_MAX = 4000;

interface Fault {
  readonly what: string;
  begin(stage: ProgramStage, node: string, speaker: Program): Promise<void>;
  /** Returns the speaker that runs afterwards. */
  end(stage: ProgramStage, node: string, speaker: Program): Promise<Program>;
}

/** One cluster for all faults: each leaves it as it was. */
interface Stage {
  readonly stage: ProgramStage;
  readonly speakers: Map<string, Program>;
  readonly address: string;
  /** Who answers while nothing is wrong. */
  readonly owner: string;
}

const FAULTS: readonly Fault[] = [
  {
    what: "kill -9 of its speaker",
    begin: async (_stage, _node, speaker) => {
      await speaker.kill("SIGKILL");
    },
    end: (stage, node) => stage.startSpeaker(node),
  },
  {
    what: "SIGSTOP of its speaker",
    begin: (_stage, _node, speaker) => speaker.signal("SIGSTOP"),
    end: async (_stage, _node, speaker) => {
      await speaker.signal("SIGCONT");
      return speaker;
    },
  },
  {
    what: "a cable that is pulled out",
    begin: (stage, node) => stage.lab.host(node).cutCable(),
    end: async (stage, node, speaker) => {
      await stage.lab.host(node).plugCable();
      return speaker;
    },
  },
  {
    what: "the loss of its power",
    begin: async (stage, node, speaker) => {
      await stage.lab.host(node).cutCable();
      await speaker.kill("SIGKILL");
    },
    end: async (stage, node) => {
      await stage.lab.host(node).plugCable();
      return stage.startSpeaker(node);
    },
  },
];

/** Resolves when another node than `owner` has announced the address after `since`. */
async function takenOver(capture: Capture, address: string, { owner, since }: { owner: string; since: number }) {
  await until(`another node than ${owner} announces ${address}`, async () => {
    for (const node of NODES) {
      if (node === owner) continue;
      const frames = await capture.sentFor(address, macOf(node));
      const frame = frames.find(({ at, hex }) => at * 1000 >= since && hex.startsWith("ffffffffffff"));
      if (frame !== undefined) return frame;
    }
    return undefined;
  }, TAKEN_OVER_MS_MAX);
}

/** The fault, `ROUNDS` times: another node announces, in the end one answers, and who comes first has it back. */
async function endure({ begin, end }: Fault, { stage, speakers, address, owner }: Stage): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const capture = await Capture.start(stage.client);
    // Probes and faults meet at another phase each time.
    await pause(37 * round);
    const since = Date.now();
    await begin(stage, owner, speakers.get(owner)!);
    await takenOver(capture, address, { owner, since });
    await capture.stop();
    const successor = await settledOwner(stage, address);
    assert(successor !== owner, `${successor} answers`);
    speakers.set(owner, await end(stage, owner, speakers.get(owner)!));
    // It comes first in the order of candidates, so it takes the address back; and it is alone then.
    await until(`${owner} answers again`, async () => await settledOwner(stage, address) === owner);
    assertEquals(await settledOwner(stage, address), owner);
  }
  for (const speaker of speakers.values()) {
    assertEquals(speaker.log().filter(({ level }) => level === "error"), []);
  }
}

Deno.test(
  "Fail-over: another node announces the address, and in the end one answers",
  { ignore: !canCapture },
  (test) =>
    withPrograms({ nodes: NODES.length }, async (stage) => {
      await stage.startController();
      const speakers = await startSpeakers(stage, NODES);
      await stage.createService("web");
      const address = await stage.addressOfService("web");
      const owner = await settledOwner(stage, address);
      for (const fault of FAULTS) {
        await test.step(`after ${fault.what}`, () => endure(fault, { stage, speakers, address, owner }));
      }
    }),
);

Deno.test("--safe: a speaker that sees neither the API server nor most of the others answers nothing, until it does", () =>
  withPrograms({ nodes: NODES.length }, async (stage, api) => {
    await stage.startController();
    const speakers = await startSpeakers(stage, NODES, ["--safe"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const owner = await settledOwner(stage, address);
    await api.kill("SIGKILL");
    // Longer than it takes to notice that the API server is gone: the others are still there.
    await pause(6000);
    assertEquals(await settledOwner(stage, address), owner);
    for (const [node, speaker] of speakers) if (node !== owner) await speaker.kill("SIGKILL");
    await unanswered(stage.client, address, 20_000);
    await stage.startApi();
    await answeredBy(stage.client, address, macOf(owner), 20_000);
  }));
