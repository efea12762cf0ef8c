/**
 * How fast Herald answers ARP, beside the kernel's own answers on the same segment in the same minute, while the control
 * thread is idle and while it is kept busy.
 *
 *     client (requester) ── switch ──┬── kernel: holds the address
 *                                    └── herald: a packet thread answers for the address
 *
 * The kernel answers within the sender's own system call; Herald needs a thread to be woken, so the ratio says what that
 * costs. Rounds of both alternate, because the machine's speed changes from one second to the next.
 */
import { invariant } from "../../lib/base/assert.ts";
import { type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import { Lab } from "../../lib/edge/lab/lab.ts";
import { WorkerCaller } from "../../lib/edge/lab/worker_caller.ts";
import type { ArpRequesterCalls, Target } from "./arp_requester_calls.ts";
import { whileBusy } from "./busy.ts";
import { startPacketNode } from "./packet_node.ts";
import { atMost, type Measurement } from "./report.ts";
import { median, percentile, sum } from "./stats.ts";

const CLIENT = "192.168.77.1";
const KERNEL: Target = { ip: ip("192.168.77.102"), mac: 0x02_00_00_00_00_02 as Mac };
const HERALD: Target = { ip: ip("192.168.77.103"), mac: 0x02_00_00_00_00_03 as Mac };
const PACE_MS = 1;
const WARM_UP = 300;

/**
 * Measured on two shared cores: p50 2-3 times the kernel's (a C program with poll is at 2.5, deno-facts §2). Above 6 the
 * thread does more per packet than wake, look up and send.
 */
const RATIO_MAX = 6;
/**
 * An answer that had to wait for the control thread would take up to the whole burst of 90 ms. The allowance on top is
 * for the scheduler: with one core of two taken, a woken thread may wait for a tick (4 ms) behind somebody else's.
 */
const BUSY = { busyMs: 90, pauseMs: 10 };
const BUSY_FACTOR_MAX = 5;
const BUSY_ALLOWANCE_US = 4_000;

/** One array of round trips per round. */
interface Samples {
  readonly kernel: Float64Array[];
  readonly herald: Float64Array[];
  lost: number;
}

export async function benchArpAnswers({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const lab = await Lab.create({
    hosts: [
      { name: "client", address: `${CLIENT}/24` },
      { name: "kernel", address: "192.168.77.2/24", moreAddresses: ["192.168.77.102/24"], mac: KERNEL.mac },
      { name: "herald", address: "192.168.77.3/24", mac: HERALD.mac },
    ],
  });
  const requester = new WorkerCaller<ArpRequesterCalls>({
    url: new URL("./arp_requester_worker.ts", import.meta.url),
    label: "requester",
    network: false,
  });
  try {
    const packets = await startPacketNode({
      namespacePath: lab.host("herald").namespacePath,
      address: "192.168.77.103",
    });
    const client = lab.host("client");
    await requester.call("open", { namespacePath: client.namespacePath, interface: client.interface, ip: ip(CLIENT) });
    const rounds = quick ? 5 : 9;
    const perRound = quick ? 100 : 250;
    const measure = () => interleaved(requester, { rounds, perRound });
    await interleaved(requester, { rounds: 1, perRound: WARM_UP });
    const idle = await measure();
    const busy = await whileBusy(BUSY, measure);
    await packets.cut();
    return judge(idle, busy);
  } finally {
    requester.terminate();
    await lab.close();
  }
}

function judge(idle: Samples, busy: Samples): Measurement[] {
  const control = (samples: Samples, percent: number) => ({ what: "kernel", value: typical(samples.kernel, percent) });
  const idleP50 = typical(idle.herald, 50);
  const idleP99 = typical(idle.herald, 99);
  const busyP99 = typical(busy.herald, 99);
  const lost = idle.lost + busy.lost;
  const busyMaxUs = BUSY_FACTOR_MAX * idleP99 + BUSY_ALLOWANCE_US;
  return [
    {
      what: "answer p50, idle",
      unit: "us",
      value: idleP50,
      control: control(idle, 50),
      bound: atMost(idleP50 / typical(idle.kernel, 50), RATIO_MAX, `<= ${RATIO_MAX}x the kernel's`),
    },
    { what: "answer p99, idle", unit: "us", value: idleP99, control: control(idle, 99) },
    {
      what: "answer p50, control thread busy 90 of 100 ms",
      unit: "us",
      value: typical(busy.herald, 50),
      control: control(busy, 50),
    },
    {
      what: "answer p99, control thread busy",
      unit: "us",
      value: busyP99,
      control: control(busy, 99),
      bound: atMost(busyP99, busyMaxUs, `<= ${BUSY_FACTOR_MAX}x idle + ${BUSY_ALLOWANCE_US / 1000} ms`),
    },
    {
      what: `requests without an answer, of ${lost + count(idle) + count(busy)}`,
      unit: "",
      value: lost,
      bound: atMost(lost, 0, "none"),
    },
  ];
}

async function interleaved(
  requester: WorkerCaller<ArpRequesterCalls>,
  options: { rounds: number; perRound: number },
): Promise<Samples> {
  const samples: Samples = { kernel: [], herald: [], lost: 0 };
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, target] of [["kernel", KERNEL], ["herald", HERALD]] as const) {
      const asked = await requester.call("ask", { target, count: options.perRound, paceMs: PACE_MS });
      samples[name].push(asked.roundTripsUs);
      samples.lost += asked.lost;
    }
  }
  return samples;
}

/** The median of the rounds' percentiles: what another program does to one round does not speak for all. */
function typical(rounds: readonly Float64Array[], percent: number): number {
  return median(rounds.map((samples) => percentile(samples, percent)));
}

function count({ kernel, herald }: Samples): number {
  return sum([...kernel, ...herald].map(({ length }) => length));
}

function ip(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  invariant(parsed !== undefined, `"${text}" is an IPv4 address`);
  return parsed;
}
