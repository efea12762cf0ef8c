/**
 * What the kernel sends when all of something is asked for (NLM_F_DUMP): datagrams of items, until it says that was all.
 */
import { SysError } from "./errno.ts";
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  type Link,
  type LinkAddress,
  type Neighbour,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
} from "./netlink_codec.ts";
import {
  type MessageWriter,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  readErrorCode,
  readMessages,
} from "./netlink_message.ts";
import { listAddressesRequest, listLinksRequest, listNeighboursRequest } from "./netlink_request.ts";

/** The kernel fills up to 32 KiB per datagram of a list. */
export const DUMP_DATAGRAM_BYTES_MAX = 65_536;

/**
 * A list that is changed while it is sent (NLM_F_DUMP_INTR) is asked for again, this often at most. Under changes without
 * end the last list is taken as it is: who follows notices is told of the change that broke it.
 */
export const DUMP_TRIES_MAX = 16;

export interface Listing<T> {
  readonly operation: string;
  readonly request: () => MessageWriter;
  /** Type of the messages that carry items. */
  readonly type: number;
  readonly decode: (body: Uint8Array) => T | undefined;
}

export const LINKS: Listing<Link> = {
  operation: "list links",
  request: listLinksRequest,
  type: RTM_NEWLINK,
  decode: decodeLink,
};
export const ADDRESSES: Listing<LinkAddress> = {
  operation: "list addresses",
  request: listAddressesRequest,
  type: RTM_NEWADDR,
  decode: decodeAddress,
};
export const NEIGHBOURS: Listing<Neighbour> = {
  operation: "list neighbours",
  request: listNeighboursRequest,
  type: RTM_NEWNEIGH,
  decode: decodeNeighbour,
};

export class NetlinkDump<T> {
  readonly items: T[] = [];
  readonly #listing: Listing<T>;
  readonly #sequence: number;
  #isInterrupted = false;

  /** `sequence` is the request's. */
  constructor(listing: Listing<T>, sequence: number) {
    this.#listing = listing;
    this.#sequence = sequence;
  }

  /** The state changed while it was listed: an item may be missing, or be there twice. */
  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  /** Takes one datagram; true when it was the last. Throws `SysError` with what the kernel refused for. */
  take(datagram: Uint8Array): boolean {
    const { operation, type, decode } = this.#listing;
    for (const message of readMessages(datagram)) {
      if (message.sequence !== this.#sequence) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) this.#isInterrupted = true;
      if (message.type === type) {
        const item = decode(message.body);
        if (item !== undefined) this.items.push(item);
      } else if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        const code = readErrorCode(message);
        if (code < 0) throw new SysError(operation, -code);
        return true;
      }
    }
    return false;
  }
}
