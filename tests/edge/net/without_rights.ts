/** Run without any capability: prints what each operation says. */
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { SysError } from "../../../lib/edge/net/errno.ts";
import { enterNetwork, unshareNetwork } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";

const netlink = Netlink.open();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({
  unshareNetwork: refusal(unshareNetwork),
  enterNetwork: refusal(() => enterNetwork("/proc/self/ns/net")),
  packetSocket: refusal(() => PacketSocket.open({ ifindex: 1, filter: ARP_FILTER })),
  netlinkChange: refusal(() => netlink.createBridge({ name: "herald-test0" })),
  netlinkList: netlink.findLink("lo")?.name,
})));

function refusal(operation: () => unknown): string {
  try {
    operation();
    return "it was allowed";
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return `${error.code}: ${error.operation}`;
  }
}
