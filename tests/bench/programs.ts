/**
 * What the programs cost as processes of their own: from spawn to ready, and memory, idle and with many Services. Beside
 * them `deno` running a script that does nothing.
 */
import { ArpWitness } from "./arp_witness.ts";
import { createService, worldRequests } from "./cluster_objects.ts";
import { anonymousMb, cpuMsOf, residentMb } from "./process_costs.ts";
import { atMost, type Measurement } from "./report.ts";
import { type ProgramName, Stage, type StartedProgram } from "./stage.ts";
import { median } from "./stats.ts";

const PROGRAMS = ["controller", "speaker"] as const;

/**
 * Measured 9-22 times an empty script. The library that reads kubeconfigs takes a program to 35-55 times, so this says
 * that nothing of its size got into the way of a Pod.
 */
const START_FACTOR_MAX = 30;

/**
 * By the number of Services. Of it bare deno is 33 MB; MetalLB's controller has 56, 77 and 129, its speaker 60, 90 and 171
 * (reference §14). A quarter more than measured, so that growth is seen when it comes in.
 */
const SERVICES = [0, 1_000, 5_000] as const;
const RESIDENT_MB_MAX: Readonly<Record<ProgramName, readonly number[]>> = {
  controller: [105, 135, 165],
  speaker: [130, 170, 205],
};

/** Memory is read when the start, or the flood of objects, is over and the collector had a moment. */
const SETTLE_MS = 2_500;
const ANNOUNCED_LIMIT_MS = 60_000;
const POLL_MS = 20;

export async function benchStart({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const stage = await Stage.create();
  try {
    for (const request of worldRequests()) await stage.requests([request]);
    const starts: Record<string, Start[]> = { empty: [], bare: [], controller: [], speaker: [] };
    // The first start of all fills Deno's caches, as the making of an image does.
    for (let round = -1; round < (quick ? 3 : 5); round++) {
      const took: Record<string, Start> = {
        empty: { ...await stage.runEmpty(), cpuMs: NaN },
        bare: await startOf(() => stage.startBare()),
        controller: await startOf(() => stage.startProgram("controller")),
        speaker: await startOf(() => stage.startProgram("speaker")),
      };
      if (round >= 0) { for (const [name, start] of Object.entries(took)) starts[name]!.push(start); }
    }
    const kubeconfig = await startOf(() => stage.startProgram("speaker", "kubeconfig"));
    return [...PROGRAMS.flatMap((name) => judgeStart(name, starts)), {
      what: "speaker with a kubeconfig: spawn to /readyz, once",
      unit: "ms",
      value: kubeconfig.readyMs,
      control: { what: "empty script", value: median(starts["empty"]!.map(({ readyMs }) => readyMs)) },
    }];
  } finally {
    await stage.close();
  }
}

interface Start {
  readonly readyMs: number;
  /** Of all threads until ready: says more than the time on a machine with other work. */
  readonly cpuMs: number;
}

async function startOf(start: () => Promise<StartedProgram>): Promise<Start> {
  const program = await start();
  const cpuMs = cpuMsOf(program.pid);
  await program.stop();
  return { readyMs: program.readyMs, cpuMs };
}

function judgeStart(name: ProgramName, starts: Readonly<Record<string, readonly Start[]>>): Measurement[] {
  const typical = (of: string, what: keyof Start) => median(starts[of]!.map((start) => start[what]));
  const readyMs = typical(name, "readyMs");
  const emptyMs = typical("empty", "readyMs");
  return [
    {
      what: `${name}: spawn to /readyz, median of ${starts[name]!.length}`,
      unit: "ms",
      value: readyMs,
      control: { what: "empty script", value: emptyMs },
      bound: atMost(readyMs / emptyMs, START_FACTOR_MAX, `<= ${START_FACTOR_MAX}x an empty script`),
    },
    {
      what: `${name}: CPU until then`,
      unit: "ms",
      value: typical(name, "cpuMs"),
      control: { what: "bare deno", value: typical("bare", "cpuMs") },
    },
  ];
}

export async function benchMemory(): Promise<Measurement[]> {
  const stage = await Stage.create();
  const witness = await ArpWitness.start(stage.lab.host("client"));
  try {
    for (const request of worldRequests()) await stage.requests([request]);
    const bare = await stage.startBare();
    const running: Record<ProgramName, StartedProgram> = {
      controller: await stage.startProgram("controller"),
      speaker: await stage.startProgram("speaker"),
    };
    const found: Measurement[] = [];
    for (const [step, services] of SERVICES.entries()) {
      const before = SERVICES[step - 1] ?? 0;
      if (services > before) found.push(await addServices(stage, { witness, from: before, to: services }));
      await pause(SETTLE_MS);
      for (const name of PROGRAMS) {
        const value = residentMb(running[name].pid);
        const maxMb = RESIDENT_MB_MAX[name][step]!;
        found.push({
          what: `${name}: resident, ${services} Services`,
          unit: "MB",
          value,
          control: { what: "bare deno", value: residentMb(bare.pid) },
          bound: atMost(value, maxMb, `<= ${maxMb} MB`),
        }, {
          what: `${name}: of it anonymous`,
          unit: "MB",
          value: anonymousMb(running[name].pid),
          control: { what: "bare deno", value: anonymousMb(bare.pid) },
        });
      }
    }
    return found;
  } finally {
    await witness.stop();
    await stage.close();
  }
}

async function addServices(
  stage: Stage,
  { witness, from, to }: { witness: ArpWitness; from: number; to: number },
): Promise<Measurement> {
  const startedAt = performance.now();
  const { durationMs } = await stage.requests(
    Array.from({ length: to - from }, (_, index) => createService(`service-${from + index}`)),
  );
  await announced(witness, to);
  return {
    what: `${to - from} Services created until all are announced`,
    unit: "ms",
    value: performance.now() - startedAt,
    control: { what: "creation", value: durationMs },
  };
}

async function announced(witness: ArpWitness, count: number): Promise<void> {
  const until = performance.now() + ANNOUNCED_LIMIT_MS;
  while (witness.addresses < count) {
    if (performance.now() > until) throw new Error(`only ${witness.addresses} of ${count} addresses were announced`);
    await pause(POLL_MS);
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
