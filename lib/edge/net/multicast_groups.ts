/**
 * Membership in IPv6 multicast groups: the kernel sends the MLD reports that snooping switches want to see, answers
 * their queries, and opens the filter of the network interface.
 *
 * A group belongs to the socket that joined it, and the kernel allows a socket only so much memory for its groups
 * (net.core.optmem_max, about 400 groups at 20 KiB); so there are as many sockets as are needed. Nothing is received
 * through them.
 */
import {
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MREQ_BYTES,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { checked, ENOBUFS, ENOMEM } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { encodeSockaddrInet } from "./sockaddr.ts";

/** For 16 interfaces with 5,000 groups each at the smallest limit that kernels have. */
const SOCKETS_MAX = 256;
/** Of `struct sockaddr_in6`. */
const ADDRESS_OFFSET = 8;
const ADDRESS_BYTES = 16;

export interface GroupOnInterface {
  /** Text of an IPv6 multicast address. */
  readonly group: string;
  readonly ifindex: number;
}

export class MulticastGroups {
  readonly #sockets: Descriptor[] = [];
  /** Sockets that may take one more group, as far as the kernel has not said otherwise. */
  readonly #withRoom = new Set<Descriptor>();
  readonly #joined = new Map<string, Descriptor>();

  /** 0, or -errno: -ENODEV when the interface went away meanwhile, -ENOBUFS when there is no room for more groups. */
  join(options: GroupOnInterface): number {
    const key = keyOf(options);
    if (this.#joined.has(key)) return 0;
    const request = encodeRequest(options);
    for (const socket of this.#withRoom) {
      const errno = joinOn(socket, request);
      if (errno === 0) this.#joined.set(key, socket);
      if (errno !== ENOMEM && errno !== ENOBUFS) return -errno;
      this.#withRoom.delete(socket);
    }
    if (this.#sockets.length === SOCKETS_MAX) return -ENOBUFS;
    const socket = openSocket();
    const errno = joinOn(socket, request);
    if (errno !== 0) {
      socket.close();
      return -errno;
    }
    this.#sockets.push(socket);
    this.#withRoom.add(socket);
    this.#joined.set(key, socket);
    return 0;
  }

  /** What was not joined, or went with its interface, is left already. */
  leave(options: GroupOnInterface): void {
    const key = keyOf(options);
    const socket = this.#joined.get(key);
    if (socket === undefined) return;
    this.#joined.delete(key);
    libc().setsockopt(socket.fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, encodeRequest(options), IPV6_MREQ_BYTES);
    this.#withRoom.add(socket);
  }

  /** Leaves all. */
  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.close();
    this.#withRoom.clear();
    this.#joined.clear();
  }
}

function openSocket(): Descriptor {
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return new Descriptor(checked("socket for multicast groups", libc().socket(AF_INET6, type, 0)));
}

/** 0 or an errno. */
function joinOn(socket: Descriptor, request: Uint8Array<ArrayBuffer>): number {
  const isJoined = libc().setsockopt(socket.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request, IPV6_MREQ_BYTES) === 0;
  return isJoined ? 0 : lastErrno();
}

/** `struct ipv6_mreq`: the group, then the interface. */
function encodeRequest({ group, ifindex }: GroupOnInterface): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IPV6_MREQ_BYTES);
  const address = encodeSockaddrInet({ address: group, port: 0 });
  bytes.set(address!.subarray(ADDRESS_OFFSET, ADDRESS_OFFSET + ADDRESS_BYTES));
  new DataView(bytes.buffer).setUint32(ADDRESS_BYTES, ifindex, true);
  return bytes;
}

function keyOf({ group, ifindex }: GroupOnInterface): string {
  return `${ifindex} ${group}`;
}
