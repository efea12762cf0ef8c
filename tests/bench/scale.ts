/**
 * How the controller keeps up on a real kube-apiserver: bursts of Services by 16 parallel clients, one Service on an
 * idle cluster, a restart among ten thousand, and memory. The control is the same clients doing the same creations and
 * status writes themselves, without a controller, on the same server.
 *
 * MetalLB's figures are in reference §14.
 */
import { findTool } from "../support/kube_tools.ts";
import { cpuMsOf, residentMb } from "./process_costs.ts";
import { atMost, type Measurement } from "./report.ts";
import { type Requests, ScaleCluster, type ScaleController } from "./scale_cluster.ts";
import { median, percentile, worst } from "./stats.ts";

const PARALLEL = 16;
const PATCH_NETWORK = "10.20.250";

const SEEN_MEDIAN_MS_MAX = 100;
const LAST_SEEN_MS_MAX = 1_000;
const BARE_RATIO_MAX = 1.3;
const REQUESTS_PER_SERVICE_MAX = 2.1;
const IDLE_RATIO_MAX = 3;
const RESTART_MS_MAX = 2_000;
/** MetalLB's controller: 56 MB idle, 129 MB with 5,000 Services. */
const MB_PER_THOUSAND_MAX = 14.6;

const BURST_LIMIT_MS = 120_000;
const EVENTS_LIMIT_MS = 60_000;
/** Memory is read when the collector had a moment. */
const SETTLE_MS = 3_000;

export async function benchScale({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const missing = (["kube-apiserver", "etcd"] as const).filter((tool) => findTool(tool) === undefined);
  if (missing.length > 0) return [skipped(missing)];
  const small = await benchBurst(quick ? 300 : 1_000, { rounds: quick ? 15 : 50, restart: false });
  const large = await benchBurst(quick ? 1_000 : 5_000, { rounds: 0, restart: true });
  return [...small, ...large];
}

/**
 * The bare loop runs on a server of its own, because Kubernetes gets slower with each Service, half of it before and half
 * after, so that what else this machine does meanwhile is in both. `restart`: among twice as many Services.
 */
async function benchBurst(count: number, options: { rounds: number; restart: boolean }): Promise<Measurement[]> {
  return await withCluster((bare) =>
    withCluster(async (cluster) => {
      const controller = cluster.startController();
      await controller.ready();
      await pause(SETTLE_MS);
      const idleMb = residentMb(controller.pid);
      const found: Measurement[] = options.rounds === 0 ? [] : await idleService(cluster, options.rounds);
      const beforeMs = await bareLoop(bare, { prefix: "before", count: count / 2, network: "10.20.0" });
      const { measurements, durationMs } = await burst(cluster, { controller, count });
      const fullMb = residentMb(controller.pid);
      const bareMs = beforeMs + await bareLoop(bare, { prefix: "after", count: count / 2, network: "10.20.128" });
      found.push(...measurements, {
        what: `${count} Services: first request to last address`,
        unit: "ms",
        value: durationMs,
        control: { what: "bare loop", value: bareMs },
        bound: atMost(durationMs / bareMs, BARE_RATIO_MAX, `<= ${BARE_RATIO_MAX}x the bare loop`),
      });
      found.push(...memory(count, { idleMb, fullMb }));
      await controller.stop();
      if (options.restart) {
        await cluster.seed(count);
        // The server tells in events of its own what it finds odd in them.
        await pause(SETTLE_MS);
        found.push(...await restart(cluster, { services: 2 * count, idleMb }));
      }
      return found;
    })
  );
}

async function withCluster<T>(use: (cluster: ScaleCluster) => Promise<T>): Promise<T> {
  const cluster = await ScaleCluster.create();
  try {
    return await use(cluster);
  } finally {
    await cluster.close();
  }
}

/** The same creations and status writes without a controller, watched by the same witness: how long they take. */
async function bareLoop(
  cluster: ScaleCluster,
  { prefix, count, network }: { prefix: string; count: number; network: string },
): Promise<number> {
  const load = { prefix, count, parallel: PARALLEL, give: { network } };
  const { startedAtMs, endedAtMs } = await cluster.clients.call("create", load);
  return endedAtMs - startedAtMs;
}

async function burst(
  cluster: ScaleCluster,
  { controller, count }: { controller: ScaleController; count: number },
): Promise<{ measurements: Measurement[]; durationMs: number }> {
  const prefix = "burst";
  const before = await cluster.requests();
  const cpuBeforeMs = cpuMsOf(controller.pid);
  const [{ creations, startedAtMs, endedAtMs }, sights] = await Promise.all([
    cluster.clients.call("create", { prefix, count, parallel: PARALLEL }),
    cluster.witness.call("seen", { prefix, count, limitMs: BURST_LIMIT_MS }),
  ]);
  const seenAt = new Map(sights.map(({ name, seenAtMs }) => [name, seenAtMs]));
  // The watch may be quicker than the answer to the creation.
  const waits = creations.map(({ name, answeredAtMs }) => Math.max(0, (seenAt.get(name) ?? NaN) - answeredAtMs));
  const lastSeenAtMs = sights.length < count ? NaN : worst(sights.map(({ seenAtMs }) => seenAtMs));
  const lateMs = Math.max(0, lastSeenAtMs - endedAtMs);
  const drainedMs = await eventsWritten(cluster, { before, count });
  const made = difference(await cluster.requests(), before, { own: new Map([["POST services", count]]) });
  const total = [...made.values()].reduce((sum, number) => sum + number, 0) / count;
  const what = `${count} Services by ${PARALLEL} clients`;
  return {
    durationMs: lastSeenAtMs - startedAtMs,
    measurements: [
      {
        what: `${what}: creation to address, p50`,
        unit: "ms",
        value: percentile(waits, 50),
        control: { what: "creation itself", value: median(creations.map((c) => c.answeredAtMs - c.sentAtMs)) },
        bound: atMost(percentile(waits, 50), SEEN_MEDIAN_MS_MAX, `<= ${SEEN_MEDIAN_MS_MAX} ms`),
      },
      { what: `${what}: the same, p99`, unit: "ms", value: percentile(waits, 99) },
      {
        what: `${what}: last address after the last creation`,
        unit: "ms",
        value: lateMs,
        control: { what: "all creations", value: endedAtMs - startedAtMs },
        bound: atMost(lateMs, LAST_SEEN_MS_MAX, `<= ${LAST_SEEN_MS_MAX} ms`),
      },
      {
        what: "requests of the controller per Service",
        unit: "",
        value: total,
        bound: atMost(total, REQUESTS_PER_SERVICE_MAX, `<= ${REQUESTS_PER_SERVICE_MAX}`),
      },
      ...[...made].map(([key, number]): Measurement => ({ what: `  ${key}, in all`, unit: "", value: number })),
      {
        what: "an event for each Service, after the last address",
        unit: "ms",
        value: drainedMs,
        bound: atMost(drainedMs, EVENTS_LIMIT_MS, "for each one"),
      },
      { what: "CPU of the controller per Service", unit: "ms", value: (cpuMsOf(controller.pid) - cpuBeforeMs) / count },
    ],
  };
}

/** Resolves when there is an event for each Service: how long that took; NaN when it took too long. */
async function eventsWritten(
  cluster: ScaleCluster,
  { before, count }: { before: Requests; count: number },
): Promise<number> {
  const startedAt = performance.now();
  const key = "POST events";
  while (performance.now() - startedAt < EVENTS_LIMIT_MS) {
    const events = ((await cluster.requests()).get(key) ?? 0) - (before.get(key) ?? 0);
    await pause(events >= count ? SETTLE_MS : 500);
    if (events >= count) return performance.now() - startedAt - SETTLE_MS;
  }
  return NaN;
}

async function idleService(cluster: ScaleCluster, rounds: number): Promise<Measurement[]> {
  const fromAnswer: number[] = [];
  const fromRequest: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const prefix = `idle${round}`;
    const { creations: [creation] } = await cluster.clients.call("create", { prefix, count: 1, parallel: 1 });
    const [sight] = await cluster.witness.call("seen", { prefix, count: 1, limitMs: BURST_LIMIT_MS });
    fromAnswer.push(Math.max(0, sight!.seenAtMs - creation!.answeredAtMs));
    fromRequest.push(sight!.seenAtMs - creation!.sentAtMs);
    await pause(150);
    bare.push(...await cluster.clients.call("patch", { name: `${prefix}-0`, rounds: 1, network: PATCH_NETWORK }));
    await pause(150);
  }
  const control = { what: "bare PATCH", value: median(bare) };
  const value = median(fromAnswer);
  return [
    {
      what: `one Service on an idle cluster: creation to address, median of ${rounds}`,
      unit: "ms",
      value,
      control,
      bound: atMost(value / control.value, IDLE_RATIO_MAX, `<= ${IDLE_RATIO_MAX}x a bare status PATCH`),
    },
    { what: "the same, with the creation itself", unit: "ms", value: median(fromRequest), control },
  ];
}

function memory(count: number, { idleMb, fullMb }: { idleMb: number; fullMb: number }): Measurement[] {
  const perThousand = (fullMb - idleMb) * 1_000 / count;
  return [
    { what: "controller: resident, idle", unit: "MB", value: idleMb },
    { what: `controller: resident, ${count} Services`, unit: "MB", value: fullMb },
    {
      what: `controller: per 1,000 Services, with ${count}`,
      unit: "MB",
      value: perThousand,
      // What a heap grows by at first says little of what a Service costs.
      ...(count < 5_000
        ? {}
        : { bound: atMost(perThousand, MB_PER_THOUSAND_MAX, `<= ${MB_PER_THOUSAND_MAX} MB, MetalLB's`) }),
    },
  ];
}

/** All Services have their addresses; a new one is created as the process starts. */
async function restart(
  cluster: ScaleCluster,
  { services, idleMb }: { services: number; idleMb: number },
): Promise<Measurement[]> {
  // The server has taken in what was put behind its back.
  const listMs = await cluster.clients.call("list", null);
  const before = await cluster.requests();
  const controller = cluster.startController();
  const prefix = "new";
  const [sights] = await Promise.all([
    cluster.witness.call("seen", { prefix, count: 1, limitMs: BURST_LIMIT_MS }),
    cluster.clients.call("create", { prefix, count: 1, parallel: 1 }),
  ]);
  const servedMs = (sights[0]?.seenAtMs ?? NaN) - controller.spawnedAtMs;
  await controller.ready();
  await pause(SETTLE_MS);
  const own = new Map([["POST services", 1], ["PATCH services/status", 1]]);
  const made = difference(await cluster.requests(), before, { own });
  const needless = made.get("PATCH services/status") ?? 0;
  const fullMb = residentMb(controller.pid);
  return [
    {
      what: `restart with ${services} Services: spawn until a new one has its address`,
      unit: "ms",
      value: servedMs,
      control: { what: "a bare list of them", value: listMs },
      bound: atMost(servedMs, RESTART_MS_MAX, `<= ${RESTART_MS_MAX} ms`),
    },
    {
      what: "the same: status writes of Services that had theirs",
      unit: "",
      value: needless,
      bound: atMost(needless, 0, "none"),
    },
    ...[...made].map(([key, number]): Measurement => ({ what: `  ${key}`, unit: "", value: number })),
    { what: `controller: resident after the restart, ${services} Services`, unit: "MB", value: fullMb },
    {
      what: "the same per 1,000 Services",
      unit: "MB",
      value: (fullMb - idleMb) * 1_000 / services,
      ...(services < 5_000 ? {} : {
        bound: atMost(
          (fullMb - idleMb) * 1_000 / services,
          MB_PER_THOUSAND_MAX,
          `<= ${MB_PER_THOUSAND_MAX} MB, MetalLB's`,
        ),
      }),
    },
  ];
}

/** What was asked between two looks, without what we asked ourselves. */
function difference(after: Requests, before: Requests, { own }: { own: Requests }): Map<string, number> {
  const made = new Map<string, number>();
  for (const [key, total] of after) {
    const count = total - (before.get(key) ?? 0) - (own.get(key) ?? 0);
    if (count !== 0) made.set(key, count);
  }
  return made;
}

function skipped(missing: readonly string[]): Measurement {
  const line = "deno run -A tests/support/kube_tools.ts kube-apiserver; apt-get install etcd-server";
  return { what: `skipped, ${missing.join(" and ")} not found; run: ${line}`, unit: "", value: NaN };
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
