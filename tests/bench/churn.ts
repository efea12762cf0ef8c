/**
 * Keeps a packet thread's wanted state in motion, as a cluster whose Services are created and deleted all the time does:
 * addresses come, are announced, and go.
 */
import type { PacketPort } from "../../lib/app/packet_port.ts";
import type { WantedAddress } from "../../lib/base/wanted.ts";

const STEP_MS = 20;

export interface ChurnOptions {
  /** Each with an address of its own. */
  readonly services: number;
  /** So many of them change. */
  readonly perSecond: number;
}

/** Goes on until `work` settles, and returns what it gives. The first delta of `packets` was sent already. */
export async function whileChurning<T>(
  options: ChurnOptions,
  { packets, work }: { readonly packets: PacketPort; readonly work: () => Promise<T> },
): Promise<T> {
  const perStep = options.perSecond * STEP_MS / 1000;
  const present = new Set<number>();
  let generation = 1;
  let next = 0;
  let over = false;
  const result = work().finally(() => over = true);
  while (!over || present.size > 0) {
    const upsertAddresses: WantedAddress[] = [];
    const removeAddresses: string[] = [];
    for (let step = 0; step < perStep; step++) {
      const index = next++ % options.services;
      if (present.delete(index)) removeAddresses.push(addressOf(index));
      else if (!over) {
        present.add(index);
        const services = [`churn/${index}`];
        upsertAddresses.push({ address: addressOf(index), candidates: ["herald"], interfaces: "all", services });
      }
    }
    const delta = { upsertAddresses, removeAddresses, upsertPeers: [], removePeers: [], complete: true };
    packets.send({ generation: ++generation, ...delta });
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  return await result;
}

function addressOf(index: number): string {
  return `10.78.${index >> 8}.${index & 255}`;
}
