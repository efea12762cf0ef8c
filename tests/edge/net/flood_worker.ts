/** Sends ARP replies as fast as it can for a while, and says how many. */
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../../lib/edge/net/namespace.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { arpFrame } from "./own_network.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ namespacePath: string; ifindex: number; forMs: number }>) => void;
  postMessage(message: number | "started"): void;
};

scope.onmessage = ({ data: { namespacePath, ifindex, forMs } }) => {
  enterNetwork(namespacePath);
  const socket = PacketSocket.open({ ifindex, filter: ARP_FILTER });
  const reply = arpFrame(2);
  scope.postMessage("started");
  let sent = 0;
  for (const end = performance.now() + forMs; performance.now() < end;) {
    if (socket.send(reply) > 0) sent++;
  }
  socket.close();
  scope.postMessage(sent);
};
