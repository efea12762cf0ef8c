/**
 * TCP by system calls, nonblocking: connections of the gossip, which live for one question and one answer.
 *
 * A connection that is being made is told by `poll` to take bytes; then `connectError` says how it went. What a peer or
 * the network does is a value (-errno, 0 for the end); a broken descriptor throws.
 */
import { invariant } from "../../base/assert.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOCKADDR_IN6_BYTES,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
} from "./abi.ts";
import { Descriptor, foreignBuffer, setOption } from "./descriptor.ts";
import { checked, EINPROGRESS, EINVAL, failureOf, SysError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { decodeSockaddrInet, encodeSockaddrInet, type InetAddress } from "./sockaddr.ts";

const BACKLOG = 64;
/** Questions without an answer after which the kernel ends an idle connection. */
const KEEP_ALIVE_PROBES = 3;

export class TcpSocket {
  readonly #descriptor: Descriptor;
  /** The other end. */
  readonly peer: InetAddress;

  constructor(fd: number, peer: InetAddress) {
    this.#descriptor = new Descriptor(fd);
    this.peer = peer;
  }

  /** Begins to connect, from `source` if it is given. A value when that cannot even begin. */
  static connect(peer: InetAddress, options: { readonly source?: string } = {}): TcpSocket | number {
    const destination = encodeSockaddrInet(peer);
    if (destination === undefined) return -EINVAL;
    const fd = openStream(destination);
    const socket = new TcpSocket(fd, peer);
    const source = options.source === undefined ? undefined : encodeSockaddrInet({ address: options.source, port: 0 });
    let result = source === undefined ? 0 : libc().bind(fd, source, source.length);
    if (result === 0) result = libc().connect(fd, destination, destination.length);
    const errno = result === 0 ? 0 : lastErrno();
    if (errno === 0 || errno === EINPROGRESS) return socket;
    socket.close();
    return -errno;
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  /** 0 when the connection stands, else -errno. To be asked once `poll` says that the descriptor is ready. */
  connectError(): number {
    const value = new Int32Array(1);
    const length = new Uint32Array([4]);
    checked("getsockopt SO_ERROR", libc().getsockopt(this.#descriptor.fd, SOL_SOCKET, SO_ERROR, value, length));
    return -value[0]!;
  }

  /** Bytes read, 0 when the other side ended, -errno otherwise; -EAGAIN when there is nothing yet. */
  receiveInto(buffer: Uint8Array): number {
    const size = BigInt(buffer.length);
    const length = libc().recv(this.#descriptor.fd, foreignBuffer(buffer), size, MSG_DONTWAIT);
    return length >= 0 ? length : failureOf("recv TCP");
  }

  /** Bytes taken, or -errno; -EAGAIN when the send buffer is full. */
  send(bytes: Uint8Array): number {
    const size = BigInt(bytes.length);
    const length = libc().send(this.#descriptor.fd, foreignBuffer(bytes), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return length >= 0 ? length : failureOf("send TCP");
  }

  close(): void {
    this.#descriptor.close();
  }
}

export class TcpListener {
  readonly #descriptor: Descriptor;
  readonly #from = new Uint8Array(SOCKADDR_IN6_BYTES);
  readonly #fromLength = new Uint32Array(1);

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /**
   * Throws `SysError` as `UdpSocket.bind` does. With `keepAliveS` the kernel asks the other end of an idle connection as
   * often whether it is there, and ends one whose other end is not: it may have lost its power.
   */
  static listen(options: InetAddress & { readonly keepAliveS?: number }): TcpListener {
    const operation = `listen TCP ${options.address} port ${options.port}`;
    const address = encodeSockaddrInet(options);
    if (address === undefined) throw new SysError(operation, EINVAL);
    const fd = openStream(address);
    const descriptor = new Descriptor(fd);
    try {
      // A restart must not wait for old connections to be forgotten.
      setOption(fd, { name: "SO_REUSEADDR", level: SOL_SOCKET, option: SO_REUSEADDR, value: 1 });
      if (address.length === SOCKADDR_IN6_BYTES) {
        setOption(fd, { name: "IPV6_V6ONLY", level: IPPROTO_IPV6, option: IPV6_V6ONLY, value: 1 });
      }
      if (options.keepAliveS !== undefined) keepAlive(fd, options.keepAliveS);
      checked(operation, libc().bind(fd, address, address.length));
      checked(operation, libc().listen(fd, BACKLOG));
      return new TcpListener(descriptor);
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  /** The next connection, or `undefined` when none waits (or it is gone already). */
  accept(): TcpSocket | undefined {
    this.#fromLength[0] = this.#from.length;
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = libc().accept4(this.#descriptor.fd, this.#from, this.#fromLength, flags);
    if (fd < 0) {
      failureOf("accept TCP");
      return undefined;
    }
    const peer = decodeSockaddrInet(this.#from.subarray(0, this.#fromLength[0]));
    invariant(peer !== undefined, "The kernel named a TCP peer that is neither IPv4 nor IPv6");
    return new TcpSocket(fd, peer);
  }

  close(): void {
    this.#descriptor.close();
  }
}

function openStream(address: Uint8Array): number {
  const family = address.length === SOCKADDR_IN6_BYTES ? AF_INET6 : AF_INET;
  return checked("socket TCP", libc().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/** Connections that a socket accepts inherit it (tcp(7)). */
function keepAlive(fd: number, seconds: number): void {
  setOption(fd, { name: "SO_KEEPALIVE", level: SOL_SOCKET, option: SO_KEEPALIVE, value: 1 });
  setOption(fd, { name: "TCP_KEEPIDLE", level: IPPROTO_TCP, option: TCP_KEEPIDLE, value: seconds });
  setOption(fd, { name: "TCP_KEEPINTVL", level: IPPROTO_TCP, option: TCP_KEEPINTVL, value: seconds });
  setOption(fd, { name: "TCP_KEEPCNT", level: IPPROTO_TCP, option: TCP_KEEPCNT, value: KEEP_ALIVE_PROBES });
}
