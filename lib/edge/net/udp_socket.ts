/**
 * A UDP port of one local address, IPv4 or IPv6, nonblocking: what the speakers' watch speaks through.
 *
 * Errors of single datagrams are values, because a peer that is away is normal here; a broken descriptor throws.
 */
import { invariant } from "../../base/assert.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN6_BYTES,
} from "./abi.ts";
import { Descriptor, discardQueued, foreignBuffer, setOption } from "./descriptor.ts";
import { checked, EBADF, EINVAL, SysError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { decodeSockaddrInet, encodeSockaddrInet, type InetAddress } from "./sockaddr.ts";

export interface ReceivedDatagram extends InetAddress {
  /** Bytes in the buffer; what did not fit is cut off. May be 0. */
  readonly length: number;
}

export class UdpSocket {
  readonly #descriptor: Descriptor;
  readonly #port: number;
  readonly #from = new Uint8Array(SOCKADDR_IN6_BYTES);
  readonly #fromLength = new Uint32Array(1);
  /** Encoded destinations by `address port`: a speaker talks to the same few peers for its whole life. */
  readonly #destinations = new Map<string, Uint8Array<ArrayBuffer>>();

  private constructor(descriptor: Descriptor, port: number) {
    this.#descriptor = descriptor;
    this.#port = port;
  }

  /**
   * Binds to one address; port 0 takes a free one. An IPv6 socket carries IPv6 alone. Throws `SysError`: EADDRINUSE,
   * EADDRNOTAVAIL when the address is not this host's, EINVAL when the text is no address.
   */
  static bind(options: { address: string; port: number }): UdpSocket {
    const operation = `bind UDP ${options.address} port ${options.port}`;
    const address = encodeSockaddrInet(options);
    if (address === undefined) throw new SysError(operation, EINVAL);
    const family = address.length === SOCKADDR_IN6_BYTES ? AF_INET6 : AF_INET;
    const fd = checked("socket UDP", libc().socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const descriptor = new Descriptor(fd);
    try {
      if (family === AF_INET6) {
        setOption(fd, { name: "IPV6_V6ONLY", level: IPPROTO_IPV6, option: IPV6_V6ONLY, value: 1 });
      }
      checked(operation, libc().bind(fd, address, address.length));
      return new UdpSocket(descriptor, boundPort(fd));
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  /** The port in use, also when port 0 was asked for. */
  get port(): number {
    return this.#port;
  }

  /** The next datagram and its sender, or `undefined` when none is queued. Throws `SysError` on a broken descriptor. */
  receiveInto(buffer: Uint8Array): ReceivedDatagram | undefined {
    this.#fromLength[0] = this.#from.length;
    const fd = this.#descriptor.fd;
    const size = BigInt(buffer.length);
    const length = libc().recvfrom(fd, foreignBuffer(buffer), size, MSG_DONTWAIT, this.#from, this.#fromLength);
    if (length < 0) {
      const errno = lastErrno();
      if (errno === EBADF) throw new SysError("recvfrom UDP", errno);
      // EAGAIN, or an earlier datagram's ICMP answer, which says nothing that the watch does not find out by itself.
      return undefined;
    }
    const sender = decodeSockaddrInet(this.#from.subarray(0, this.#fromLength[0]));
    invariant(sender !== undefined, "The kernel named a UDP sender that is neither IPv4 nor IPv6");
    return { length, ...sender };
  }

  /** Bytes sent, or -errno; -EINVAL when `address` is not an address text of this socket's family. */
  sendTo(bytes: Uint8Array, address: string, port: number): number {
    const destination = this.#destination(address, port);
    if (destination === undefined) return -EINVAL;
    const size = BigInt(bytes.length);
    const fd = this.#descriptor.fd;
    const length = libc().sendto(fd, foreignBuffer(bytes), size, MSG_DONTWAIT, destination, destination.length);
    return length >= 0 ? length : -lastErrno();
  }

  /** Throws away up to `max` queued datagrams; returns how many. */
  discardQueued(max: number): number {
    return discardQueued(this.#descriptor.fd, max);
  }

  close(): void {
    this.#descriptor.close();
  }

  #destination(address: string, port: number): Uint8Array<ArrayBuffer> | undefined {
    const key = `${address} ${port}`;
    const known = this.#destinations.get(key);
    if (known !== undefined) return known;
    const encoded = encodeSockaddrInet({ address, port });
    if (encoded === undefined) return undefined;
    if (this.#destinations.size >= DESTINATIONS_MAX) this.#destinations.clear();
    this.#destinations.set(key, encoded);
    return encoded;
  }
}

const DESTINATIONS_MAX = 1024;

function boundPort(fd: number): number {
  const bytes = new Uint8Array(SOCKADDR_IN6_BYTES);
  const length = new Uint32Array([bytes.length]);
  checked("getsockname UDP", libc().getsockname(fd, bytes, length));
  const address = decodeSockaddrInet(bytes.subarray(0, length[0]));
  invariant(address !== undefined, "The kernel named a UDP socket that is neither IPv4 nor IPv6");
  return address.port;
}
