/**
 * All links and addresses of a network namespace, listed by threads of the runtime that nothing else waits for.
 *
 * The kernel has one lock for all changes of links (RTNL), and whoever lists waits for it: for a third of a second while
 * the cables of 500 pods are taken away at once. A thread that answers the network must not stand there.
 */
import { invariant } from "../../base/assert.ts";
import { MSG_TRUNC } from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { libc } from "./libc.ts";
import type { Link, LinkAddress } from "./netlink_codec.ts";
import {
  ADDRESSES,
  DUMP_DATAGRAM_BYTES_MAX,
  DUMP_TRIES_MAX,
  LINKS,
  type Listing,
  NetlinkDump,
} from "./netlink_dump.ts";

export interface LinkList {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
}

/**
 * Takes over the descriptor of a request socket, whose namespace counts, and closes it. Rejects when the kernel refuses or
 * does not answer for two seconds.
 */
export async function listInBackground(fd: number): Promise<LinkList> {
  const socket = new Descriptor(fd);
  try {
    const lister = new BackgroundLister(socket);
    return { links: await lister.list(LINKS), addresses: await lister.list(ADDRESSES) };
  } finally {
    socket.close();
  }
}

class BackgroundLister {
  readonly #socket: Descriptor;
  readonly #buffer = new Uint8Array(DUMP_DATAGRAM_BYTES_MAX);
  #sequence = 0;

  constructor(socket: Descriptor) {
    this.#socket = socket;
  }

  async list<T>(listing: Listing<T>): Promise<readonly T[]> {
    for (let tries = 1;; tries++) {
      const dump = await this.#listOnce(listing);
      if (!dump.isInterrupted || tries === DUMP_TRIES_MAX) return dump.items;
    }
  }

  async #listOnce<T>(listing: Listing<T>): Promise<NetlinkDump<T>> {
    const { operation, request } = listing;
    const sequence = ++this.#sequence;
    const bytes = request().finish({ sequence });
    const { sendWaiting, recvWaiting } = libc();
    answered(operation, await sendWaiting(this.#socket.fd, bytes, BigInt(bytes.length), 0));
    const dump = new NetlinkDump(listing, sequence);
    while (true) {
      const size = BigInt(this.#buffer.length);
      const length = answered(operation, await recvWaiting(this.#socket.fd, this.#buffer, size, MSG_TRUNC));
      invariant(length <= this.#buffer.length, `The answer to "${operation}" has ${length} bytes, more than is sent`);
      if (dump.take(this.#buffer.subarray(0, length))) return dump;
    }
  }
}

/** The error's number stays with the thread that made the call. */
function answered(operation: string, result: number): number {
  if (result < 0) throw new Error(`${operation}: the kernel did not answer`);
  return result;
}
