/**
 * Ethernet frames of one interface (AF_PACKET), filtered by the kernel.
 *
 * The order of opening matters: the socket starts with protocol 0 and receives nothing, gets its filter, and begins to
 * receive with `bind`. So no frame that the filter would drop is ever queued (deno-facts §1.4). Our own frames do not
 * come back (PACKET_IGNORE_OUTGOING), but a bridge may still reflect them.
 */
import {
  AF_PACKET,
  MSG_DONTWAIT,
  PACKET_ADD_MEMBERSHIP,
  PACKET_IGNORE_OUTGOING,
  PACKET_MR_PROMISC,
  PACKET_MREQ_BYTES,
  SO_ATTACH_FILTER,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_FPROG_BYTES,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_LL_BYTES,
  SOL_PACKET,
  SOL_SOCKET,
} from "./abi.ts";
import { type BpfProgram, encodeBpf, receivedBy } from "./bpf.ts";
import { Descriptor, discardQueued, foreignBuffer, setOption } from "./descriptor.ts";
import { checked, EAGAIN, EINTR } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { encodeSockaddrLl } from "./sockaddr.ts";

/** More than a receive queue holds. */
const QUEUED_MAX = 1 << 20;

const RECEIVE_BUFFER_BYTES = 1 << 20;

export class PacketSocket {
  readonly #descriptor: Descriptor;
  readonly #filter: BpfProgram;
  #ifindex: number;
  readonly #sizes = { received: new SizeArgument(), sent: new SizeArgument() };

  private constructor(descriptor: Descriptor, options: { ifindex: number; filter: BpfProgram }) {
    this.#descriptor = descriptor;
    this.#ifindex = options.ifindex;
    this.#filter = options.filter;
  }

  /** Throws `SysError`: EPERM without CAP_NET_RAW, ENODEV when there is no such interface, ENETDOWN when it is down. */
  static open(options: { ifindex: number; filter: BpfProgram }): PacketSocket {
    const fd = checked("socket AF_PACKET", libc().socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const descriptor = new Descriptor(fd);
    try {
      attachFilter(fd, receivedBy(options.ifindex, options.filter));
      // A flood of 100,000 frames a second fills what is usual in 3 ms; the kernel gives what net.core.rmem_max allows.
      setOption(fd, { name: "SO_RCVBUF", level: SOL_SOCKET, option: SO_RCVBUF, value: RECEIVE_BUFFER_BYTES });
      setOption(fd, { name: "PACKET_IGNORE_OUTGOING", level: SOL_PACKET, option: PACKET_IGNORE_OUTGOING, value: 1 });
      const socket = new PacketSocket(descriptor, options);
      socket.#bind();
      return socket;
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  /**
   * The next frame: its length (cut to the buffer's), 0 when nothing is queued, -errno when the socket is in error.
   * -ENETDOWN comes once when the interface goes down or away; a socket whose interface is away must be opened anew.
   */
  receiveInto(buffer: Uint8Array): number {
    const size = this.#sizes.received.of(buffer.length);
    const length = libc().recv(this.#descriptor.fd, foreignBuffer(buffer), size, MSG_DONTWAIT);
    return length >= 0 ? length : queueEmptyOrError(lastErrno());
  }

  /**
   * Sends a whole frame, Ethernet header included, from the start of `buffer`: its length, or -errno. A full queue is
   * -ENOBUFS or -EAGAIN.
   */
  send(buffer: Uint8Array, length = buffer.length): number {
    const size = this.#sizes.sent.of(length);
    const sent = libc().send(this.#descriptor.fd, foreignBuffer(buffer), size, MSG_DONTWAIT);
    return sent >= 0 ? sent : -lastErrno();
  }

  /** Receives on another interface from now on, or again on the same. What was queued is gone. Throws as `open` does. */
  rebind(ifindex: number): void {
    if (ifindex !== this.#ifindex) attachFilter(this.fd, receivedBy(ifindex, this.#filter));
    this.#ifindex = ifindex;
    this.#bind();
    this.discardQueued(QUEUED_MAX);
  }

  /**
   * Asks the interface that this socket is bound to for every frame that its hardware sees, for as long as the socket
   * lives. The kernel counts such wishes. What is for other stations still does not pass the filter. 0, or -errno.
   */
  setPromiscuous(ifindex: number): number {
    const request = new Uint8Array(PACKET_MREQ_BYTES);
    const view = new DataView(request.buffer);
    view.setInt32(0, ifindex, true);
    view.setUint16(4, PACKET_MR_PROMISC, true);
    const result = libc().setsockopt(this.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, PACKET_MREQ_BYTES);
    return result < 0 ? -lastErrno() : 0;
  }

  /** Throws away up to `max` queued frames without looking at them; returns how many. */
  discardQueued(max: number): number {
    return discardQueued(this.#descriptor.fd, max);
  }

  close(): void {
    this.#descriptor.close();
  }

  #bind(): void {
    const address = encodeSockaddrLl({ etherType: this.#filter.etherType, ifindex: this.#ifindex });
    checked(`bind AF_PACKET to interface ${this.#ifindex}`, libc().bind(this.fd, address, SOCKADDR_LL_BYTES));
  }
}

/** A length as FFI wants it; the bigint is made only when the length is another one than the last time. */
class SizeArgument {
  #length = -1;
  #size = 0n;

  of(length: number): bigint {
    if (length !== this.#length) {
      this.#length = length;
      this.#size = BigInt(length);
    }
    return this.#size;
  }
}

function queueEmptyOrError(errno: number): number {
  return errno === EAGAIN || errno === EINTR ? 0 : -errno;
}

function attachFilter(fd: number, program: BpfProgram): void {
  const instructions = encodeBpf(program);
  const header = new Uint8Array(SOCK_FPROG_BYTES);
  const view = new DataView(header.buffer);
  view.setUint16(0, program.instructions.length, true);
  view.setBigUint64(8, libc().addressOf(instructions, instructions, 0n), true);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, header, SOCK_FPROG_BYTES);
  checked("setsockopt SO_ATTACH_FILTER", result);
  // The kernel has copied the program; this use keeps the buffer alive until here.
  if (instructions.length === 0) throw new RangeError("A BPF program has at least one instruction");
}
