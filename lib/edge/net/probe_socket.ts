/**
 * A UDP socket that is connected to one peer, IPv4 or IPv6, nonblocking: for whoever has to know when nobody holds the
 * peer's port any more. The kernel tells that ("port unreachable", RFC 1122 §4.1.3.1) of a connected socket alone: to an
 * unconnected one it would not say which of its datagrams was refused.
 */
import { AF_INET, AF_INET6, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCKADDR_IN6_BYTES } from "./abi.ts";
import { Descriptor, discardQueued, foreignBuffer } from "./descriptor.ts";
import { checked, EINVAL, failureOf } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { encodeSockaddrInet, type InetAddress } from "./sockaddr.ts";

export class ProbeSocket {
  readonly #descriptor: Descriptor;
  readonly peer: InetAddress;

  private constructor(descriptor: Descriptor, peer: InetAddress) {
    this.#descriptor = descriptor;
    this.peer = peer;
  }

  /** From a free port of `source`. -errno when the kernel knows no way to the peer now. */
  static connect(peer: InetAddress, { source }: { readonly source: string }): ProbeSocket | number {
    const destination = encodeSockaddrInet(peer);
    const own = encodeSockaddrInet({ address: source, port: 0 });
    if (destination === undefined || own === undefined || own.length !== destination.length) return -EINVAL;
    const family = own.length === SOCKADDR_IN6_BYTES ? AF_INET6 : AF_INET;
    const fd = checked("socket UDP", libc().socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const descriptor = new Descriptor(fd);
    let result = libc().bind(fd, own, own.length);
    if (result === 0) result = libc().connect(fd, destination, destination.length);
    if (result === 0) return new ProbeSocket(descriptor, peer);
    const errno = lastErrno();
    descriptor.close();
    return -errno;
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  /** Bytes of the next datagram, or -errno: -EAGAIN when none is queued, -ECONNREFUSED when an earlier one was refused. */
  receiveInto(buffer: Uint8Array): number {
    const length = libc().recv(this.#descriptor.fd, foreignBuffer(buffer), BigInt(buffer.length), MSG_DONTWAIT);
    return length >= 0 ? length : failureOf("recv UDP");
  }

  /** Bytes sent, or -errno; with -ECONNREFUSED an earlier datagram was refused, and this one was not sent. */
  send(bytes: Uint8Array): number {
    const length = libc().send(this.#descriptor.fd, foreignBuffer(bytes), BigInt(bytes.length), MSG_DONTWAIT);
    return length >= 0 ? length : failureOf("send UDP");
  }

  /** Throws away up to `max` queued datagrams; returns how many. */
  discardQueued(max: number): number {
    return discardQueued(this.#descriptor.fd, max);
  }

  close(): void {
    this.#descriptor.close();
  }
}
