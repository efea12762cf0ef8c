/**
 * What the programs cost as processes of their own: from spawn to ready, and memory, idle and with many Services. Beside
 * them `deno` running a script that does nothing.
 */
import { readProcFile } from "../../lib/edge/net/namespace.ts";
import { ArpWitness } from "./arp_witness.ts";
import { createService, worldRequests } from "./cluster_objects.ts";
import { atMost, type Measurement } from "./report.ts";
import { type ProgramName, Stage, type StartedProgram } from "./stage.ts";
import { median } from "./stats.ts";

const PROGRAMS = ["controller", "speaker"] as const;

/** Memory is read when the start, or the flood of objects, is over and the collector had a moment. */
const SETTLE_MS = 2_500;
const ANNOUNCED_LIMIT_MS = 30_000;
const POLL_MS = 20;

export async function benchStart({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const stage = await Stage.create();
  try {
    for (const request of worldRequests()) await stage.requests([request]);
    const empty: number[] = [];
    const ready: Record<ProgramName, number[]> = { controller: [], speaker: [] };
    // The first start of all fills Deno's caches, as the making of an image does.
    for (let round = -1; round < (quick ? 3 : 5); round++) {
      const { readyMs } = await stage.runEmpty();
      if (round >= 0) empty.push(readyMs);
      for (const name of PROGRAMS) {
        const program = await stage.startProgram(name);
        await program.stop();
        if (round >= 0) ready[name].push(program.readyMs);
      }
    }
    return PROGRAMS.map((name) => ({
      what: `${name}: spawn to /readyz, median of ${ready[name].length}`,
      unit: "ms",
      value: median(ready[name]),
      control: { what: "empty script", value: median(empty) },
      bound: atMost(median(ready[name]), START_MS_MAX, `<= ${START_MS_MAX} ms`),
    }));
  } finally {
    await stage.close();
  }
}

const START_MS_MAX = 3_000;

/** Bounds in MB: MetalLB's own on the same kind of machine, idle and per 1,000 Services (reference §14). */
const IDLE_MB_MAX: Record<ProgramName, number> = { controller: 150, speaker: 150 };

export async function benchMemory({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const services = quick ? 300 : 1_000;
  const stage = await Stage.create();
  const witness = await ArpWitness.start(stage.lab.host("client"));
  try {
    for (const request of worldRequests()) await stage.requests([request]);
    const bare = await stage.startBare();
    const running: Record<ProgramName, StartedProgram> = {
      controller: await stage.startProgram("controller"),
      speaker: await stage.startProgram("speaker"),
    };
    await pause(SETTLE_MS);
    const bareMb = residentMb(bare.pid);
    const idle = { controller: residentMb(running.controller.pid), speaker: residentMb(running.speaker.pid) };
    const startedAt = performance.now();
    const { durationMs } = await stage.requests(
      Array.from({ length: services }, (_, index) => createService(`service-${index}`)),
    );
    await announced(witness, services);
    const announcedMs = performance.now() - startedAt;
    await pause(SETTLE_MS);
    const full = { controller: residentMb(running.controller.pid), speaker: residentMb(running.speaker.pid) };
    const control = { what: "bare deno", value: bareMb };
    return [
      ...PROGRAMS.flatMap((name): Measurement[] => [
        {
          what: `${name}: resident, idle`,
          unit: "MB",
          value: idle[name],
          control,
          bound: atMost(idle[name], IDLE_MB_MAX[name], `<= ${IDLE_MB_MAX[name]} MB`),
        },
        { what: `${name}: resident, ${services} Services`, unit: "MB", value: full[name], control },
        {
          what: `${name}: per 1,000 Services`,
          unit: "MB",
          value: (full[name] - idle[name]) * 1_000 / services,
        },
      ]),
      {
        what: `${services} Services created until all are announced`,
        unit: "ms",
        value: announcedMs,
        control: { what: "creation", value: durationMs },
      },
    ];
  } finally {
    await witness.stop();
    await stage.close();
  }
}

async function announced(witness: ArpWitness, count: number): Promise<void> {
  const until = performance.now() + ANNOUNCED_LIMIT_MS;
  while (witness.addresses < count) {
    if (performance.now() > until) throw new Error(`only ${witness.addresses} of ${count} addresses were announced`);
    await pause(POLL_MS);
  }
}

function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes) / 1024;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
