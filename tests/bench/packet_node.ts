/** A speaker's packet thread as the control thread starts it, told to own one address; resolves when it does. */
import type { FromPacketThread } from "../../lib/base/wanted.ts";
import { PacketPort } from "../../lib/app/packet_port.ts";

export async function startPacketNode(options: { namespacePath: string; address: string }): Promise<PacketPort> {
  const { namespacePath, address } = options;
  const owns = Promise.withResolvers<void>();
  const onEvent = (event: FromPacketThread) => {
    if (event.kind === "ownership" && event.owned) owns.resolve();
    if (event.kind === "failed") owns.reject(new Error(event.message));
  };
  const thread = { node: "herald", generation: 1, watch: undefined, exclusions: ["^lo$"], namespacePath };
  const packets = new PacketPort(thread, { onEvent });
  packets.send({
    generation: 1,
    upsertAddresses: [{ address, candidates: ["herald"], interfaces: "all", services: ["bench/web"] }],
    removeAddresses: [],
    upsertPeers: [],
    removePeers: [],
    complete: true,
  });
  await owns.promise;
  return packets;
}
