/**
 * A packet thread in small for the tests: enters a namespace, opens a packet socket, sleeps in poll, and posts every
 * frame that it receives until it is woken.
 */
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { WakeUp } from "../../../lib/edge/net/wake_up.ts";

export type SnifferMessage =
  | { kind: "ready"; wakeFd: number }
  | { kind: "ended"; frames: Uint8Array[]; wakeUps: number };

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ namespacePath: string; interface: string }>) => void;
  postMessage(message: SnifferMessage): void;
  close(): void;
};

scope.onmessage = (event) => {
  enterNetwork(event.data.namespacePath);
  const netlink = Netlink.open();
  const link = netlink.findLink(event.data.interface)!;
  netlink.close();
  const socket = PacketSocket.open({ ifindex: link.ifindex, filter: ARP_FILTER });
  const wakeUp = WakeUp.create();
  const poller = new Poller();
  poller.add(wakeUp.fd);
  poller.add(socket.fd);
  scope.postMessage({ kind: "ready", wakeFd: wakeUp.fd });
  const frames: Uint8Array[] = [];
  const buffer = new Uint8Array(2048);
  let wakeUps = 0;
  for (let ended = false; !ended;) {
    const ready = poller.wait(10_000);
    if (ready.length === 0) break;
    wakeUps++;
    for (let length = socket.receiveInto(buffer); length > 0; length = socket.receiveInto(buffer)) {
      frames.push(buffer.slice(0, length));
    }
    if (ready.includes(wakeUp.fd)) ended = true;
  }
  socket.close();
  wakeUp.close();
  scope.postMessage({ kind: "ended", frames, wakeUps });
  scope.close();
};
