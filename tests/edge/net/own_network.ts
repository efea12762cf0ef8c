/**
 * Runs a test in a network namespace of its own and brings the thread back afterwards, because `deno test` uses a thread
 * for the next file too.
 */
import { CLONE_NEWNET } from "../../../lib/edge/net/abi.ts";
import { Descriptor } from "../../../lib/edge/net/descriptor.ts";
import { checked } from "../../../lib/edge/net/errno.ts";
import { libc } from "../../../lib/edge/net/libc.ts";
import { ownNamespacePath, unshareNetwork } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";

export async function inOwnNetwork(test: (netlink: Netlink) => void | Promise<void>): Promise<void> {
  const path = new TextEncoder().encode(`${ownNamespacePath()}\0`);
  const before = new Descriptor(checked("open the namespace before", libc().open(path, 0)));
  unshareNetwork();
  const netlink = Netlink.open();
  try {
    await test(netlink);
  } finally {
    netlink.close();
    checked("setns back", libc().setns(before.fd, CLONE_NEWNET));
    before.close();
  }
}

/** A cable with both ends `a` and `b` here, both up and ready to carry frames. */
export function layCable(netlink: Netlink): { a: number; b: number } {
  netlink.createVeth({ name: "a", peer: "b" });
  const a = netlink.findLink("a")!.ifindex;
  const b = netlink.findLink("b")!.ifindex;
  netlink.setUp(a, true);
  netlink.setUp(b, true);
  waitForCarrier(netlink, [a, b]);
  return { a, b };
}

/** Returns when frames pass on all these links; throws after half a minute. */
export function waitForCarrier(netlink: Netlink, ifindexes: readonly number[]): void {
  const poller = new Poller();
  for (let tries = 0; tries < 6000; tries++) {
    const ready = netlink.listLinks().filter(({ ifindex, operationalState }) =>
      operationalState === "up" && ifindexes.includes(ifindex)
    );
    if (ready.length === ifindexes.length) return;
    poller.wait(5);
  }
  throw new Error(`Links ${ifindexes.join(", ")} have no carrier after half a minute`);
}

/** An ARP frame of 60 bytes: operation, and a number to know it by in the sender's address. */
export function arpFrame(operation: number, mark = 0): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(60);
  frame.fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, operation >>> 8, operation & 0xff], 6);
  frame.set([2, 0, 0, 0, 0, 1, 10, 0, mark >>> 8, mark & 0xff], 22);
  return frame;
}
