/**
 * Lays cables from a client to a node, and asks over each from the instant at which the node's end is set up.
 *
 * Both addresses are asked for in turn and at the same pace, so that they find the same machine.
 */
import { invariant } from "../../lib/base/assert.ts";
import { formatIpv4, type Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import { serveCalls } from "../../lib/edge/lab/call_server.ts";
import { ARP_FILTER } from "../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../lib/edge/net/namespace.ts";
import { Netlink } from "../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../lib/edge/net/poller.ts";
import { decodeArp, encodeArpInto } from "../../lib/wire/arp.ts";
import { arpRequest } from "../../lib/wire/arp_frames.ts";
import { ARP_OPERATION_REPLY } from "../../lib/wire/iana.ts";
import type { NewInterfaceCalls } from "./new_interface_calls.ts";

const ASK_EVERY_MS = 0.5;
const LIMIT_MS = 2000;
const NAME = "lan1";

interface Hosts {
  /** Each stays in the network that it was opened in. */
  readonly node: Netlink;
  readonly client: Netlink;
  readonly nodeTid: number;
}

const own: { hosts?: Hosts } = {};

serveCalls<NewInterfaceCalls>({
  open({ nodePath, nodeTid, clientPath }) {
    enterNetwork(nodePath);
    const node = Netlink.open();
    enterNetwork(clientPath);
    own.hosts = { node, client: Netlink.open(), nodeTid };
    return null;
  },

  plug({ count, kernel, herald }) {
    const kernelMs = new Float64Array(count).fill(NaN);
    const heraldMs = new Float64Array(count).fill(NaN);
    for (let round = 0; round < count; round++) {
      const firstMs = plugOne([kernel, herald]);
      kernelMs[round] = firstMs.get(kernel) ?? NaN;
      heraldMs[round] = firstMs.get(herald) ?? NaN;
    }
    return { kernelMs, heraldMs };
  },
});

/** A cable, and when each of the addresses was answered over it first. The first address is the node's kernel's. */
function plugOne(addresses: readonly [kernel: Ipv4, herald: Ipv4]): Map<Ipv4, number> {
  invariant(own.hosts !== undefined, "The hosts are open");
  const { node, client, nodeTid } = own.hosts;
  client.createVeth({ name: NAME, peer: NAME, peerNamespace: { tid: nodeTid } });
  const near = client.findLink(NAME)!;
  const far = node.findLink(NAME)!;
  node.addAddress(far.ifindex, `${formatIpv4(addresses[0])}/24`);
  client.setUp(near.ifindex, true);
  const socket = PacketSocket.open({ ifindex: near.ifindex, filter: ARP_FILTER });
  const requests = addresses.map((targetIp) => request({ from: near.mac!, to: far.mac!, targetIp }));
  const beganAt = performance.now();
  node.setUp(far.ifindex, true);
  const firstMs = askUntilAnswered(socket, { requests, beganAt, wanted: addresses.length });
  socket.close();
  client.deleteLink(near.ifindex);
  return firstMs;
}

function askUntilAnswered(
  socket: PacketSocket,
  { requests, beganAt, wanted }: { requests: readonly Uint8Array[]; beganAt: number; wanted: number },
): Map<Ipv4, number> {
  const poller = new Poller();
  poller.add(socket.fd);
  const frame = new Uint8Array(128);
  const firstMs = new Map<Ipv4, number>();
  while (firstMs.size < wanted && performance.now() - beganAt < LIMIT_MS) {
    for (const bytes of requests) socket.send(bytes);
    poller.wait(ASK_EVERY_MS);
    for (let length; (length = socket.receiveInto(frame)) > 0;) {
      const decoded = decodeArp(frame.subarray(0, length));
      if (!decoded.ok || decoded.value.operation !== ARP_OPERATION_REPLY) continue;
      const { senderIp, targetIp } = decoded.value;
      // Gratuitous announcements are no answers.
      if (senderIp !== targetIp && !firstMs.has(senderIp)) firstMs.set(senderIp, performance.now() - beganAt);
    }
  }
  return firstMs;
}

function request({ from, to, targetIp }: { from: Mac; to: Mac; targetIp: Ipv4 }): Uint8Array {
  const bytes = new Uint8Array(60);
  // Somebody else in the same network.
  const senderIp = (targetIp ^ 0x7f) >>> 0 as Ipv4;
  encodeArpInto(arpRequest({ mac: from, senderIp, targetIp, to }), bytes);
  return bytes;
}
