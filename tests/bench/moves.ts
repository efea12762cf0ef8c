/**
 * What a client sees when an address moves from one node to another: planned (its speaker is told to stop) and unplanned
 * (its node loses power). The client opens a connection every 5 ms; a witness on its host notes when the new owner
 * announces itself. The control is the same client in the same run while nothing moves.
 */
import { parseIpv4 } from "../../lib/base/ip.ts";
import type { JsonObject } from "../../lib/base/json.ts";
import { silentLog } from "../../lib/base/log.ts";
import { CLIENT, DemoCluster, NODES } from "../../lib/app/demo/demo_cluster.ts";
import type { ProbeReport } from "../../lib/edge/lab/calls.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { systemRng } from "../../lib/edge/run/random.ts";
import { ArpWitness } from "./arp_witness.ts";
import { cutRequests } from "./cut_requests.ts";
import { readManifests } from "./manifests.ts";
import { atMost, type Measurement } from "./report.ts";
import { median, sum, worst } from "./stats.ts";

const SERVICE = { namespace: "default", name: "web" } as const;
const PROBE = { port: 80, intervalMs: 5, timeoutMs: 1_000 } as const;
/** Requests go on this long before and after each event. */
const BEFORE_MS = 300;
const AFTER_MS = 400;
/** Linux refuses to change a neighbour entry for a second after it changed (locktime); a move meets a calm network. */
const CALM_MS = 1_200;
const ANNOUNCED_LIMIT_MS = 5_000;

/**
 * Three probes of 100 ms without an answer and up to one interval until the first of them is due: 300 to 400 ms. The
 * rest is for a machine with two busy cores. MetalLB needs 5-7 s here (reference §14).
 */
const UNPLANNED_MS_MAX = 450;

interface Move {
  readonly report: ProbeReport;
  /** Failed requests that the move itself cut (`cut_requests.ts`). */
  readonly cut: number;
  /** From the event to the new owner's first gratuitous frame; NaN when none came. */
  readonly announcedMs: number;
}

type Event = (cluster: DemoCluster, owner: string) => Promise<void>;

export async function benchMoves({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const crds = readManifests("crds") as unknown as JsonObject[];
  const deps = { clock: systemClock, rng: systemRng(), log: silentLog };
  const cluster = await DemoCluster.create({ crds, token: crypto.randomUUID() }, deps);
  const witness = await ArpWitness.start(cluster.lab.host(CLIENT.name));
  try {
    const address = await bringUp(cluster);
    const stage = { cluster, witness, address };
    const repetitions = quick ? 3 : 7;
    const calm = await quiet(stage, { durationMs: quick ? 1_500 : 4_000 });
    const planned = await moves(stage, { repetitions, event: (cluster, owner) => cluster.stopSpeaker(owner) });
    const unplanned = await moves(stage, { repetitions, event: (cluster, owner) => cluster.killNode(owner) });
    return [...judgePlanned(planned, calm), ...judgeUnplanned(unplanned, calm)];
  } finally {
    await witness.stop();
    await cluster.close();
  }
}

function judgePlanned(planned: readonly Move[], calm: ProbeReport): Measurement[] {
  const gaps = planned.map(({ report }) => report.longestGapMs);
  const cut = sum(planned.map((move) => move.cut));
  const lost = sum(planned.map(({ report }) => lostOf(report))) - cut;
  const control = { what: "calm", value: calm.longestGapMs };
  return [
    { what: `planned move: longest gap, median of ${gaps.length}`, unit: "ms", value: median(gaps), control },
    { what: "planned move: longest gap, worst", unit: "ms", value: worst(gaps), control },
    {
      what: `planned move: requests lost, of ${sum(planned.map(({ report }) => report.sent))}`,
      unit: "",
      value: lost,
      control: { what: "calm", value: lostOf(calm) },
      bound: atMost(lost, 0, "none but those cut"),
    },
    { what: "planned move: connections cut while the address moved", unit: "", value: cut },
    {
      what: "planned move: new owner announces, median",
      unit: "ms",
      value: median(planned.map(({ announcedMs }) => announcedMs)),
    },
  ];
}

function judgeUnplanned(unplanned: readonly Move[], calm: ProbeReport): Measurement[] {
  const gaps = unplanned.map(({ report }) => report.longestGapMs);
  const announced = unplanned.map(({ announcedMs }) => announcedMs);
  // One that never came must not vanish among those that did.
  const worstMs = announced.some(Number.isNaN) ? NaN : worst(announced);
  const control = { what: "calm", value: calm.longestGapMs };
  return [
    { what: "unplanned move: new owner announces, median", unit: "ms", value: median(announced) },
    {
      what: "unplanned move: new owner announces, worst",
      unit: "ms",
      value: worstMs,
      bound: atMost(worstMs, UNPLANNED_MS_MAX, `<= ${UNPLANNED_MS_MAX} ms`),
    },
    { what: "unplanned move: longest gap, median", unit: "ms", value: median(gaps), control },
    { what: "unplanned move: longest gap, worst", unit: "ms", value: worst(gaps), control },
    {
      what: `unplanned move: requests lost, median of ${median(unplanned.map(({ report }) => report.sent))}`,
      unit: "",
      value: median(unplanned.map(({ report }) => lostOf(report))),
    },
  ];
}

function lostOf({ failed, skipped }: ProbeReport): number {
  return failed + skipped;
}

interface Stage {
  readonly cluster: DemoCluster;
  readonly witness: ArpWitness;
  readonly address: string;
}

async function bringUp(cluster: DemoCluster): Promise<string> {
  await cluster.apply(readManifests("examples"));
  let address: string | undefined;
  await cluster.waitUntil(async () => {
    [address] = await cluster.addressesOf(SERVICE.namespace, SERVICE.name);
    return address !== undefined && cluster.announcerOf(address) !== undefined;
  }, "the Service is announced");
  await cluster.proxySettled();
  await cluster.lab.host(CLIENT.name).httpGet(`http://${address}/`);
  return address!;
}

async function quiet({ cluster, address }: Stage, { durationMs }: { durationMs: number }): Promise<ProbeReport> {
  const probe = await cluster.lab.host(CLIENT.name).startProbe({ address, ...PROBE });
  await pause(durationMs);
  return await probe.stop();
}

async function moves(stage: Stage, options: { repetitions: number; event: Event }): Promise<Move[]> {
  const done: Move[] = [];
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    await pause(CALM_MS);
    done.push(await move(stage, options.event));
  }
  return done;
}

async function move({ cluster, witness, address }: Stage, event: Event): Promise<Move> {
  const owner = cluster.announcerOf(address);
  const ownerMac = NODES.find(({ name }) => name === owner)?.mac;
  if (owner === undefined || ownerMac === undefined) throw new Error(`nobody announces ${address}`);
  const ip = parseIpv4(address);
  const probe = await cluster.lab.host(CLIENT.name).startProbe({ address, ...PROBE });
  await pause(BEFORE_MS);
  const happenedAtMs = performance.timeOrigin + performance.now();
  const [frame] = await Promise.all([
    witness.first((frame) => frame.ip === ip && frame.mac !== ownerMac && frame.seenAtMs >= happenedAtMs, {
      limitMs: ANNOUNCED_LIMIT_MS,
    }),
    event(cluster, owner),
  ]);
  await pause(AFTER_MS);
  const report = await probe.stop();
  await bringBack(cluster, { owner, address });
  const announcedMs = frame === undefined ? NaN : frame.seenAtMs - happenedAtMs;
  return { report, cut: cutRequests(report.samples), announcedMs };
}

/** The node that went is the first candidate, so it takes the address back. */
async function bringBack(cluster: DemoCluster, { owner, address }: { owner: string; address: string }): Promise<void> {
  await cluster.lab.host(owner).plugCable();
  await cluster.startSpeaker(owner);
  await cluster.waitUntil(
    () =>
      [...cluster.speakers].filter(([, speaker]) => announces(speaker, address)).map(([name]) => name).join() === owner,
    `${owner} has ${address} again`,
  );
}

function announces(speaker: { announced(): { address: string }[] }, address: string): boolean {
  return speaker.announced().some((announced) => announced.address === address);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
