/**
 * How long a new interface of a node stays without answers: from `ip link set up` until the first answer over it, beside
 * the kernel's own answer for an address that the interface has.
 *
 *     client ── a new cable each round ── herald: a packet thread answers for one address, its kernel for another
 *
 * MetalLB looks for interfaces every 10 s.
 */
import { invariant } from "../../lib/base/assert.ts";
import { type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import { Lab } from "../../lib/edge/lab/lab.ts";
import { WorkerCaller } from "../../lib/edge/lab/worker_caller.ts";
import type { NewInterfaceCalls } from "./new_interface_calls.ts";
import { startPacketNode } from "./packet_node.ts";
import { atMost, type Measurement } from "./report.ts";
import { percentile } from "./stats.ts";

const KERNEL = "10.77.0.1";
const HERALD = "192.168.77.103";
const LIMIT_MS = 100;

export async function benchNewInterface({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const lab = await Lab.create({
    hosts: [{ name: "client", address: "192.168.77.1/24" }, { name: "herald", address: "192.168.77.3/24" }],
  });
  const url = new URL("./new_interface_worker.ts", import.meta.url);
  const caller = new WorkerCaller<NewInterfaceCalls>({ url, label: "cables", network: false });
  try {
    const node = lab.host("herald");
    const packets = await startPacketNode({ namespacePath: node.namespacePath, addresses: [HERALD] });
    const clientPath = lab.host("client").namespacePath;
    await caller.call("open", { nodePath: node.namespacePath, nodeTid: node.tid, clientPath });
    const addresses = { kernel: ip(KERNEL), herald: ip(HERALD) };
    await caller.call("plug", { count: 3, ...addresses });
    const { kernelMs, heraldMs } = await caller.call("plug", { count: quick ? 15 : 40, ...addresses });
    await packets.cut();
    const line = (name: string, percent: number) => ({
      what: `first answer on a new interface, ${name}`,
      unit: "ms" as const,
      value: percentile(heraldMs, percent),
      control: { what: "kernel", value: percentile(kernelMs, percent) },
    });
    const worst = line("worst", 100);
    return [line("p50", 50), { ...worst, bound: atMost(worst.value, LIMIT_MS, `<= ${LIMIT_MS} ms`) }];
  } finally {
    caller.terminate();
    await lab.close();
  }
}

function ip(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  invariant(parsed !== undefined, `"${text}" is an IPv4 address`);
  return parsed;
}
