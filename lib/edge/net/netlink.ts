/**
 * rtnetlink: lists of links, addresses and neighbours, notices of their changes, and changes for the laboratory.
 *
 * Requests and notices use two sockets, so that a list is never mixed with notices. To follow the state without a gap:
 * open with notices, list, then apply what `readChanges` gives; on `"lost"` list anew. The kernel answers a request in
 * the same call; but it makes that call wait while somebody changes links (`background_list.ts` is for who cannot).
 */
import { invariant } from "../../base/assert.ts";
import type { Mac } from "../../base/mac.ts";
import { MSG_DONTWAIT, MSG_TRUNC } from "./abi.ts";
import type { Descriptor } from "./descriptor.ts";
import { checked, EAGAIN, EINTR, EINVAL, ENOBUFS, SysError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { decodeChange, type Link, type LinkAddress, type LinkChange, type Neighbour } from "./netlink_codec.ts";
import {
  ADDRESSES,
  DUMP_DATAGRAM_BYTES_MAX,
  DUMP_TRIES_MAX,
  LINKS,
  type Listing,
  NEIGHBOURS,
  NetlinkDump,
} from "./netlink_dump.ts";
import { type MessageWriter, NLMSG_ERROR, readErrorCode, readMessages } from "./netlink_message.ts";
import * as request from "./netlink_request.ts";
import { openNoticeSocket, openRequestSocket } from "./netlink_socket.ts";

/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR. */
const NOTICE_GROUPS = 1 | 16 | 256;
const RECEIVE_BYTES = DUMP_DATAGRAM_BYTES_MAX;
/** Limit of what is thrown away after a loss; more than a socket's receive queue holds. */
const DISCARD_MAX = 100_000;

export class Netlink {
  readonly #requests: Descriptor;
  readonly #notices: Descriptor | undefined;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  private constructor(requests: Descriptor, notices: Descriptor | undefined) {
    this.#requests = requests;
    this.#notices = notices;
  }

  /**
   * Belongs to the network namespace that the thread has now, also after it moves on. With `notices` it tells changes of
   * links and of their addresses. Throws `SysError`.
   */
  static open({ notices = false } = {}): Netlink {
    const requests = openRequestSocket();
    try {
      return new Netlink(requests, notices ? openNoticeSocket(NOTICE_GROUPS) : undefined);
    } catch (error) {
      requests.close();
      throw error;
    }
  }

  /** Readable when notices are queued; of the request socket when opened without notices. */
  get fd(): number {
    return (this.#notices ?? this.#requests).fd;
  }

  listLinks(): Link[] {
    return this.#list(LINKS);
  }

  listAddresses(): LinkAddress[] {
    return this.#list(ADDRESSES);
  }

  listNeighbours(): Neighbour[] {
    return this.#list(NEIGHBOURS);
  }

  /** The link of that name, or `undefined`. */
  findLink(name: string): Link | undefined {
    return this.listLinks().find((link) => link.name === name);
  }

  /**
   * Changes of up to `max` queued datagrams, in order; empty when none is queued. `"lost"` when the kernel had to drop
   * notices: what was queued is gone too, and the state must be listed anew.
   */
  readChanges(max: number): LinkChange[] | "lost" {
    invariant(this.#notices !== undefined, "readChanges needs a Netlink that was opened with notices");
    const changes: LinkChange[] = [];
    for (let count = 0; count < max; count++) {
      const length = libc().recv(this.#notices.fd, this.#buffer, BigInt(RECEIVE_BYTES), MSG_DONTWAIT | MSG_TRUNC);
      if (length < 0) {
        const errno = lastErrno();
        if (errno === EAGAIN || errno === EINTR) break;
        if (errno === ENOBUFS) return this.#discardNotices();
        throw new SysError("receive netlink notices", errno);
      }
      if (length > RECEIVE_BYTES) return this.#discardNotices();
      for (const message of readMessages(this.#buffer.subarray(0, length))) {
        const change = decodeChange(message);
        if (change !== undefined) changes.push(change);
      }
    }
    return changes;
  }

  /** A veth pair, both ends down. The peer may be made in another namespace at once. */
  createVeth(
    options: { name: string; peer: string; peerMac?: Mac; peerNamespace?: request.NamespaceReference },
  ): void {
    this.#change(`create veth ${options.name}`, request.createVethRequest(options));
  }

  createBridge(options: { name: string }): void {
    this.#change(`create bridge ${options.name}`, request.createBridgeRequest(options));
  }

  /** Makes a link a port of a bridge; 0 frees it. */
  setMaster(ifindex: number, master: number): void {
    this.#change(`set master of link ${ifindex}`, request.setMasterRequest(ifindex, master));
  }

  setUp(ifindex: number, up: boolean): void {
    this.#change(`set link ${ifindex} ${up ? "up" : "down"}`, request.setUpRequest(ifindex, up));
  }

  setMac(ifindex: number, mac: Mac): void {
    this.#change(`set MAC of link ${ifindex}`, request.setMacRequest(ifindex, mac));
  }

  /** The link must be down. */
  setName(ifindex: number, name: string): void {
    this.#change(`rename link ${ifindex} to ${name}`, request.setNameRequest(ifindex, name));
  }

  moveToNamespace(ifindex: number, namespace: request.NamespaceReference): void {
    this.#change(`move link ${ifindex} to a namespace`, request.moveToNamespaceRequest(ifindex, namespace));
  }

  deleteLink(ifindex: number): void {
    this.#change(`delete link ${ifindex}`, request.deleteLinkRequest(ifindex));
  }

  /**
   * `cidr` is `192.0.2.1/24` or `2001:db8::1/64`. An IPv6 address is not probed for duplicates and can be bound at once;
   * the kernel makes its local route a moment later.
   */
  addAddress(ifindex: number, cidr: string): void {
    this.#change(`add address ${cidr} to link ${ifindex}`, request.addAddressRequest(ifindex, cidr));
  }

  deleteAddress(ifindex: number, cidr: string): void {
    this.#change(`delete address ${cidr} of link ${ifindex}`, request.deleteAddressRequest(ifindex, cidr));
  }

  /** Makes the kernel forget a neighbour: it asks again before the next packet. Throws ENOENT when it knows none. */
  deleteNeighbour(ifindex: number, ip: string): void {
    this.#change(`delete neighbour ${ip} of link ${ifindex}`, request.deleteNeighbourRequest(ifindex, ip));
  }

  close(): void {
    this.#requests.close();
    this.#notices?.close();
  }

  #discardNotices(): "lost" {
    const fd = this.#notices?.fd ?? -1;
    for (let count = 0; count < DISCARD_MAX; count++) {
      if (libc().recv(fd, this.#buffer, 1n, MSG_DONTWAIT) >= 0) continue;
      if (lastErrno() !== ENOBUFS) break;
    }
    return "lost";
  }

  #list<T>(listing: Listing<T>): T[] {
    for (let tries = 1;; tries++) {
      const dump = this.#listOnce(listing);
      if (!dump.isInterrupted || tries === DUMP_TRIES_MAX) return dump.items;
    }
  }

  #listOnce<T>(listing: Listing<T>): NetlinkDump<T> {
    const { operation, request } = listing;
    const dump = new NetlinkDump(listing, this.#send(operation, request()));
    while (!dump.take(this.#receive(operation)));
    return dump;
  }

  #change(operation: string, writer: MessageWriter | undefined): void {
    if (writer === undefined) throw new SysError(operation, EINVAL);
    const sequence = this.#send(operation, writer);
    while (true) {
      for (const message of readMessages(this.#receive(operation))) {
        if (message.sequence !== sequence || message.type !== NLMSG_ERROR) continue;
        const code = readErrorCode(message);
        if (code < 0) throw new SysError(operation, -code);
        return;
      }
    }
  }

  #send(operation: string, writer: MessageWriter): number {
    const sequence = ++this.#sequence;
    const bytes = writer.finish({ sequence });
    checked(operation, libc().send(this.#requests.fd, bytes, BigInt(bytes.length), 0));
    return sequence;
  }

  /** One datagram of the answer. The receive timeout is the limit of every loop around this: EAGAIN throws. */
  #receive(operation: string): Uint8Array {
    const length = libc().recv(this.#requests.fd, this.#buffer, BigInt(RECEIVE_BYTES), MSG_TRUNC);
    checked(operation, length);
    invariant(length <= RECEIVE_BYTES, `The answer to "${operation}" has ${length} bytes, more than the kernel sends`);
    return this.#buffer.subarray(0, length);
  }
}
