/**
 * How long an address is dark when something breaks, and whether it is dark at all when it moves by plan. Controller,
 * API and three speakers are processes of their own on one segment; a witness on the client's host notes the
 * successor's first gratuitous ARP.
 *
 * The control of the faults is keepalived with advertisements every 100 ms (VRRP version 3) on the same segment in the
 * same run, whose master's cable is cut. MetalLB needs 5.0-6.9 s for each of them (reference §14).
 */
import { IPV6_UNSPECIFIED, parseIpv4 } from "../../lib/base/ip.ts";
import { type Mac, parseMac } from "../../lib/base/mac.ts";
import { WorkerCaller } from "../../lib/edge/lab/worker_caller.ts";
import { macOf, type Program, type ProgramStage, withPrograms } from "../edge/app/program_stage.ts";
import { settledOwner, startSpeakers } from "../edge/app/speakers.ts";
import { ArpWitness } from "./arp_witness.ts";
import { startKeepalived } from "./keepalived.ts";
import { moveOf, type SeenMove } from "./move_of.ts";
import type { NeighbourRequesterCalls } from "./neighbour_requester_calls.ts";
import { cpuMsOf } from "./process_costs.ts";
import { atMost, type Measurement } from "./report.ts";
import { median, sum, worst } from "./stats.ts";

const NODES = ["n1", "n2", "n3"] as const;
const KEEPALIVED_VIP = "192.168.77.250";
/** Linux refuses to change a neighbour entry for a second after it changed; a fault meets a calm network. */
const CALM_MS = 1_200;
const ANNOUNCED_LIMIT_MS = 5_000;
const MEDIAN_MS_MAX = 300;
const WORST_MS_MAX = 600;
/** The node lives and its kernel says that the process does not. */
const PROCESS_MS_MAX = 50;
/** The two that do not own the address look after it, and the last of them after the other too, beside the gossip. */
const IDLE_PER_MILLE_MAX = 60;
/** The bursts of the last announcement are over, and the runtime has compiled what an idle speaker runs. */
const WARM_MS = 60_000;
const SILENT_MS_MAX = 10;
const DOUBLE_MS_MAX = 20;
const ASK_EVERY_MS = 1;
const FOLLOW_MS = 1_500;
const MOVE_AFTER_MS = 300;

/** What happens to the owner's node, and how it is undone; both resolve when it is done. */
interface Fault {
  readonly what: string;
  readonly medianMsMax: number;
  readonly happen: (stage: ProgramStage, owner: string, speaker: Program) => Promise<void>;
  readonly undo: (stage: ProgramStage, owner: string, speaker: Program) => Promise<Program>;
}

const FAULTS: readonly Fault[] = [
  {
    what: "kill -9 of the owner's speaker",
    medianMsMax: PROCESS_MS_MAX,
    happen: (_stage, _owner, speaker) => speaker.signal("SIGKILL"),
    undo: restart,
  },
  {
    what: "power loss of the owner's node",
    medianMsMax: MEDIAN_MS_MAX,
    // The cable first: a node without power has no kernel that says good-bye.
    happen: async (stage, owner, speaker) => {
      await stage.lab.host(owner).cutCable();
      await speaker.signal("SIGKILL");
    },
    undo: async (stage, owner, speaker) => {
      await stage.lab.host(owner).plugCable();
      return await restart(stage, owner, speaker);
    },
  },
  {
    what: "cut cable of the owner's node",
    medianMsMax: MEDIAN_MS_MAX,
    happen: (stage, owner) => stage.lab.host(owner).cutCable(),
    undo: async (stage, owner, speaker) => {
      await stage.lab.host(owner).plugCable();
      return speaker;
    },
  },
  {
    what: "SIGSTOP of the owner's speaker",
    medianMsMax: MEDIAN_MS_MAX,
    happen: (_stage, _owner, speaker) => speaker.signal("SIGSTOP"),
    undo: async (_stage, _owner, speaker) => {
      await speaker.signal("SIGCONT");
      return speaker;
    },
  },
];

async function restart(stage: ProgramStage, owner: string, speaker: Program): Promise<Program> {
  await speaker.ended;
  return (await startSpeakers(stage, [owner])).get(owner)!;
}

export async function benchFailover({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const found: Measurement[] = [];
  await withPrograms({ nodes: NODES.length }, async (stage) => {
    await stage.startController();
    const speakers = await startSpeakers(stage, NODES);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const witness = await ArpWitness.start(stage.client);
    try {
      const runs = quick ? 3 : 20;
      const warmAtMs = performance.now() + WARM_MS;
      const control = await keepalivedMs(stage, { witness, runs: quick ? 3 : 10 });
      await pause(warmAtMs - performance.now());
      found.push(await idleCpu(speakers, { durationMs: quick ? 5_000 : 20_000 }));
      for (const fault of FAULTS) {
        const took: number[] = [];
        for (let run = 0; run < runs; run++) {
          took.push(await oneFault(stage, { fault, witness, address, speakers }));
        }
        found.push(...judgeFault(fault, { took, control }));
      }
      found.push(...await plannedMoves(stage, { address, speakers, runs }));
    } finally {
      await witness.stop();
    }
  });
  return found;
}

/** Of all three together. */
async function idleCpu(
  speakers: ReadonlyMap<string, Program>,
  { durationMs }: { durationMs: number },
): Promise<Measurement> {
  const cpuMs = () => sum([...speakers.values()].map(({ pid }) => cpuMsOf(pid)));
  const before = cpuMs();
  await pause(durationMs);
  const perMille = (cpuMs() - before) / durationMs * 1000;
  return {
    what: "three idle speakers: CPU, in thousandths of a core",
    unit: "",
    value: perMille,
    bound: atMost(perMille, IDLE_PER_MILLE_MAX, `<= ${IDLE_PER_MILLE_MAX}`),
  };
}

function judgeFault(
  { what, medianMsMax }: Fault,
  { took, control }: { took: readonly number[]; control: number | undefined },
): Measurement[] {
  const worstMs = took.some(Number.isNaN) ? NaN : worst(took);
  const beside = control === undefined ? {} : { control: { what: "keepalived, 100 ms", value: control } };
  return [
    {
      what: `${what}: successor announces, median of ${took.length}`,
      unit: "ms",
      value: median(took),
      ...beside,
      bound: atMost(median(took), medianMsMax, `<= ${medianMsMax} ms`),
    },
    {
      what: `${what}: worst`,
      unit: "ms",
      value: worstMs,
      bound: atMost(worstMs, WORST_MS_MAX, `<= ${WORST_MS_MAX} ms`),
    },
  ];
}

interface Moving {
  readonly address: string;
  readonly speakers: Map<string, Program>;
}

async function oneFault(
  stage: ProgramStage,
  options: Moving & { readonly fault: Fault; readonly witness: ArpWitness },
): Promise<number> {
  const { fault, witness, address, speakers } = options;
  const owner = await settledOwner(stage, address);
  await pause(CALM_MS);
  const happenedAtMs = performance.timeOrigin + performance.now();
  const announced = announcement(witness, { address, notBy: parseMac(macOf(owner))!, sinceMs: happenedAtMs });
  await fault.happen(stage, owner, speakers.get(owner)!);
  const announcedMs = await announced - happenedAtMs;
  await pause(CALM_MS);
  speakers.set(owner, await fault.undo(stage, owner, speakers.get(owner)!));
  return announcedMs;
}

/** Wall time of the first gratuitous frame of another station; NaN when none came. */
async function announcement(
  witness: ArpWitness,
  { address, notBy, sinceMs }: { address: string; notBy: Mac; sinceMs: number },
): Promise<number> {
  const ip = parseIpv4(address);
  const frame = await witness.first(
    ({ ip: announced, mac, seenAtMs }) => announced === ip && mac !== notBy && seenAtMs >= sinceMs,
    { limitMs: ANNOUNCED_LIMIT_MS },
  );
  return frame?.seenAtMs ?? NaN;
}

/** The median; `undefined` where keepalived is not installed. */
async function keepalivedMs(
  stage: ProgramStage,
  { witness, runs }: { witness: ArpWitness; runs: number },
): Promise<number | undefined> {
  const [master, backup] = NODES;
  const keepalived = await startKeepalived(stage, { master, backup, address: KEEPALIVED_VIP });
  if (keepalived === undefined) return undefined;
  const took: number[] = [];
  for (let run = 0; run < runs; run++) {
    await keepalived.masterAnswers();
    await pause(CALM_MS);
    const happenedAtMs = performance.timeOrigin + performance.now();
    const notBy = parseMac(macOf(master))!;
    const announced = announcement(witness, { address: KEEPALIVED_VIP, notBy, sinceMs: happenedAtMs });
    await stage.lab.host(master).cutCable();
    took.push(await announced - happenedAtMs);
    await pause(CALM_MS);
    await stage.lab.host(master).plugCable();
  }
  await keepalived.stop();
  return median(took);
}

/** The owner's speaker is told to stop while a client asks for the address every millisecond. */
async function plannedMoves(stage: ProgramStage, options: Moving & { readonly runs: number }): Promise<Measurement[]> {
  const { address, speakers, runs } = options;
  const requester = new WorkerCaller<NeighbourRequesterCalls>({
    url: new URL("./neighbour_requester_worker.ts", import.meta.url),
    label: "requester",
    network: false,
  });
  const { namespacePath, interface: name } = stage.client;
  await requester.call("open", {
    namespacePath,
    interface: name,
    ipv4: parseIpv4("192.168.77.100")!,
    ipv6: IPV6_UNSPECIFIED,
  });
  const calm: SeenMove[] = [];
  const moves: SeenMove[] = [];
  for (let run = 0; run < runs; run++) {
    const owner = await settledOwner(stage, address);
    await pause(CALM_MS);
    const before = parseMac(macOf(owner))!;
    const question = { ip: parseIpv4(address)!, durationMs: FOLLOW_MS, intervalMs: ASK_EVERY_MS };
    calm.push(moveOf({ ...await requester.call("follow", question), before }));
    const following = requester.call("follow", question);
    await pause(MOVE_AFTER_MS);
    await speakers.get(owner)!.signal("SIGTERM");
    moves.push(moveOf({ ...await following, before }));
    speakers.set(owner, await restart(stage, owner, speakers.get(owner)!));
  }
  requester.terminate();
  const silent = moves.map(({ silentMs }) => silentMs);
  const double = moves.map(({ doubleMs }) => doubleMs);
  const unanswered = sum(moves.map((move) => move.unanswered));
  return [
    {
      what: `planned move: ARP silent, median of ${runs}`,
      unit: "ms",
      value: median(silent),
      control: { what: "calm", value: median(calm.map(({ silentMs }) => silentMs)) },
      bound: atMost(median(silent), SILENT_MS_MAX, `<= ${SILENT_MS_MAX} ms`),
    },
    {
      what: "planned move: two nodes answer, median",
      unit: "ms",
      value: median(double),
      control: { what: "MetalLB", value: 190 },
      bound: atMost(median(double), DOUBLE_MS_MAX, `<= ${DOUBLE_MS_MAX} ms`),
    },
    { what: "planned move: two nodes answer, worst", unit: "ms", value: worst(double) },
    {
      what: `planned move: requests that nobody answered, of ${sum(moves.map(({ asked }) => asked))}`,
      unit: "",
      value: unanswered,
      bound: atMost(unanswered, 0, "none"),
    },
    {
      what: `planned move: the leaver answered last, of ${runs}`,
      unit: "",
      value: moves.filter(({ moved }) => !moved).length,
      bound: atMost(moves.filter(({ moved }) => !moved).length, 0, "never"),
    },
  ];
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
