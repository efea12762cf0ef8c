/** Sends ARP replies as fast as it can until `isOver`, and counts them in `sent`; both are one word of shared memory. */
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../../lib/edge/net/namespace.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { arpFrame } from "./own_network.ts";

interface Start {
  readonly namespacePath: string;
  readonly ifindex: number;
  readonly sent: Int32Array;
  readonly isOver: Int32Array;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Start>) => void;
  postMessage(message: "ended"): void;
};

scope.onmessage = ({ data: { namespacePath, ifindex, sent, isOver } }) => {
  enterNetwork(namespacePath);
  const socket = PacketSocket.open({ ifindex, filter: ARP_FILTER });
  const reply = arpFrame(2);
  while (Atomics.load(isOver, 0) === 0) {
    if (socket.send(reply) > 0) Atomics.add(sent, 0, 1);
  }
  socket.close();
  scope.postMessage("ended");
};
