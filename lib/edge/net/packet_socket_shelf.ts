/**
 * Packet sockets of one filter that are kept when their interface is out of service, and used again.
 *
 * Closing one waits until no processor of the host can still hold it: 8 ms at the median, in which the thread that
 * answers the network stands still. Opening takes 0.1 ms. Interfaces that come and go by the hundred (pods whose names
 * nobody excluded) would silence a node. So nothing is closed while the thread works: a socket waits for its interface
 * to come back, and when there are many, the one that waits longest is bound to another. Its interface is gone by then,
 * as a rule, which makes that cheap too.
 */
import type { BpfProgram } from "./bpf.ts";
import { PacketSocket } from "./packet_socket.ts";

export interface PacketSocketShelfOptions {
  readonly filter: BpfProgram;
  /** How many may wait. */
  readonly sizeMax?: number;
}

export class PacketSocketShelf {
  readonly #filter: BpfProgram;
  readonly #sizeMax: number;
  /** By the ifindex they are bound to, the one that waits longest first. */
  readonly #waiting = new Map<number, PacketSocket>();

  constructor(options: PacketSocketShelfOptions) {
    this.#filter = options.filter;
    this.#sizeMax = options.sizeMax ?? 128;
  }

  /** A socket that receives what comes from now on. Throws as `PacketSocket.open` does. */
  take(ifindex: number): PacketSocket {
    const socket = this.#takeWaiting(ifindex);
    if (socket === undefined) return PacketSocket.open({ ifindex, filter: this.#filter });
    try {
      socket.rebind(ifindex);
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  put(ifindex: number, socket: PacketSocket): void {
    this.#waiting.get(ifindex)?.close();
    this.#waiting.delete(ifindex);
    this.#waiting.set(ifindex, socket);
  }

  /** Takes its time. */
  close(): void {
    for (const socket of this.#waiting.values()) socket.close();
    this.#waiting.clear();
  }

  #takeWaiting(ifindex: number): PacketSocket | undefined {
    const key = this.#waiting.has(ifindex) || this.#waiting.size < this.#sizeMax
      ? ifindex
      : this.#waiting.keys().next().value!;
    const socket = this.#waiting.get(key);
    this.#waiting.delete(key);
    return socket;
  }
}
