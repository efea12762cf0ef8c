/** A speaker's packet thread as the control thread starts it, told to own addresses; resolves when it does. */
import type { FromPacketThread } from "../../lib/base/wanted.ts";
import { PacketPort } from "../../lib/app/packet_port.ts";

export async function startPacketNode(
  options: { namespacePath: string; addresses: readonly string[] },
): Promise<PacketPort> {
  const { namespacePath, addresses } = options;
  const owns = Promise.withResolvers<void>();
  const missing = new Set(addresses);
  const onEvent = (event: FromPacketThread) => {
    if (event.kind === "ownership" && event.owned && missing.delete(event.address) && missing.size === 0) {
      owns.resolve();
    }
    if (event.kind === "failed") owns.reject(new Error(event.message));
  };
  const thread = { node: "herald", generation: 1, watch: undefined, exclusions: ["^lo$"], namespacePath };
  const packets = new PacketPort(thread, { onEvent });
  packets.send({
    generation: 1,
    upsertAddresses: addresses.map((address) => ({
      address,
      candidates: ["herald"],
      interfaces: "all",
      services: ["bench/web"],
    })),
    removeAddresses: [],
    upsertPeers: [],
    removePeers: [],
    complete: true,
  });
  await owns.promise;
  return packets;
}
